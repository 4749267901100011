"""Source lines of C code, from DWARF's line tables. They are read at the first question; no damage in them raises.

Source: DWARF 5, section 6.2, and for versions 2 to 4 the same section of those standards.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from contextlib import suppress
from typing import NamedTuple

from emuload.golang.pclntab import Position
from emuload.unwind.debug_info import DebugInfo, Unit, number, section_data
from emuload.unwind.expression import leb128
from loader.image import Image

_STRING, _LINE_STRP, _STRP, _UDATA, _DATA16 = 0x08, 0x1F, 0x0E, 0x0F, 0x1E
_FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, _DATA16: 16}
_PATH, _DIRECTORY = 1, 2
_LONGEST_PATH, _MOST_FILES, _MOST_STEPS = 4096, 1 << 14, 1 << 19
_LAST = "\U0010ffff"

Row = tuple[int, str, int]
"""(address, file, line); line 0 ends a sequence."""


class _Header(NamedTuple):
    """The header of a line table: the place of its program, and the meaning of its numbers."""

    version: int
    program: int
    end: int
    unit: int
    line_base: int
    line_range: int
    lengths: bytes
    files: list[str]


class Lines:
    """Source lines of one file's C code."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._units: list[tuple[int, int, Unit]] | None = None
        self._tables: dict[int, list[Row]] = {}
        self._left = _MOST_STEPS
        self._data = self._strings = self._line_strings = b""

    def find(self, pc: int) -> Position:
        """The source place of `pc`, ("", 0) when unknown."""
        if self._units is None:
            self._units = []
            if self._image.section(".debug_line") or self._image.section(".zdebug_line"):
                self._open()
        for low, high, unit in self._units:
            if low <= pc < high:
                rows = self._table(unit.lines)
                at = bisect_right(rows, (pc, _LAST, 0)) - 1
                if at >= 0 and rows[at][2]:
                    return Position(rows[at][1], rows[at][2])
        return Position("", 0)

    def _open(self) -> None:
        self._data = section_data(self._image, ".debug_line")
        self._strings = section_data(self._image, ".debug_str")
        self._line_strings = section_data(self._image, ".debug_line_str")
        self._units = [(low, high, unit) for unit in DebugInfo(self._image).units() for low, high in unit.ranges]

    def _table(self, at: int) -> list[Row]:
        """The rows of the line table at a place, in address order."""
        if at not in self._tables:
            rows: list[Row] = []
            with suppress(IndexError, ValueError):  # where it is broken, what came before counts
                self._run(self._header(at), rows)
            self._tables[at] = sorted(rows, key=lambda row: (row[0], row[2] != 0))
        return self._tables[at]

    # -- the header ----------------------------------------------------------------------------------------------

    def _header(self, at: int) -> _Header:
        data = self._data
        wide = data[at : at + 4] == b"\xff\xff\xff\xff"
        size = number(data, at + 4, 8) if wide else number(data, at, 4)
        at += 12 if wide else 4
        end, offset = min(at + size, len(data)), 8 if wide else 4
        version = number(data, at, 2)
        if not 2 <= version <= 5:
            raise ValueError(f"line table version {version}")
        at += 4 if version == 5 else 2  # its sizes of an address and of a segment selector
        program = at + offset + number(data, at, offset)
        at += offset
        unit = data[at]
        at += 3 if version >= 4 else 2  # maximum operations, default of is_stmt
        line_base, line_range, opcodes = number(data, at, 1), data[at + 1], data[at + 2]
        if not line_range:
            raise ValueError("a line range of 0")
        lengths = data[at + 3 : at + 2 + opcodes]
        at += 3 + len(lengths)
        folders, files = self._names_5(at, wide) if version == 5 else self._names(at, program)
        line_base -= 0x100 if line_base & 0x80 else 0
        paths = [posixpath.join(folders[folder] if 0 <= folder < len(folders) else "", name) for name, folder in files]
        return _Header(version, program, end, unit, line_base, line_range, lengths, paths)

    def _names(self, at: int, end: int) -> tuple[list[str], list[tuple[str, int]]]:
        """Folders and files as versions 2 to 4 list them, counted from 1: folder 0 is the compiler's working folder."""
        folders, files = [""], [("", 0)]
        while len(folders) < _MOST_FILES:
            text, at = self._text(self._data, at, end)
            if not text:
                break
            folders.append(text)
        while len(files) < _MOST_FILES:
            text, at = self._text(self._data, at, end)
            if not text:
                break
            folder, at = leb128(self._data, at)
            _, at = leb128(self._data, at)
            _, at = leb128(self._data, at)
            files.append((text, folder))
        return folders, files

    def _names_5(self, at: int, wide: bool) -> tuple[list[str], list[tuple[str, int]]]:
        folders, at = self._entries(at, wide)
        files, _ = self._entries(at, wide)
        return [path for path, _ in folders], files

    def _entries(self, at: int, wide: bool) -> tuple[list[tuple[str, int]], int]:
        """(path, folder's number) of each entry in version 5, which describes the entries' fields first."""
        data = self._data
        kinds, at = data[at], at + 1
        formats = []
        for _ in range(kinds):
            content, at = leb128(data, at)
            form, at = leb128(data, at)
            formats.append((content, form))
        count, at = leb128(data, at)
        found = []
        for _ in range(min(count, _MOST_FILES)):
            path, folder = "", 0
            for content, form in formats:
                text, value, at = self._field(form, at, 8 if wide else 4)
                if content == _PATH:
                    path = text
                elif content == _DIRECTORY:
                    folder = value
            found.append((path, folder))
        return found, at

    def _field(self, form: int, at: int, offset: int) -> tuple[str, int, int]:
        """(text, number, offset after it) of an entry's field."""
        data = self._data
        if form == _STRING:
            text, at = self._text(data, at, len(data))
            return text, 0, at
        if form in (_LINE_STRP, _STRP):
            strings, place = self._line_strings if form == _LINE_STRP else self._strings, number(data, at, offset)
            return self._text(strings, place, len(strings))[0], 0, at + offset
        if form == _UDATA:
            value, at = leb128(data, at)
            return "", value, at
        if form not in _FIXED:
            raise ValueError(f"form {form:#x}")
        return "", number(data, at, _FIXED[form]), at + _FIXED[form]

    @staticmethod
    def _text(data: bytes, at: int, end: int) -> tuple[str, int]:
        stop = data.index(b"\0", at, min(end, at + _LONGEST_PATH))
        return data[at:stop].decode("utf-8", "replace"), stop + 1

    # -- the program ---------------------------------------------------------------------------------------------

    def _run(self, header: _Header, rows: list[Row]) -> None:
        """Run a line program, appending its rows. Raises IndexError or ValueError at the first broken instruction."""
        data, at, lengths, files = self._data, header.program, header.lengths, dict(enumerate(header.files))
        first = len(lengths) + 1
        address, file, line = 0, 1, 1
        while at < header.end and self._left > 0:
            self._left -= 1
            opcode = data[at]
            at += 1
            if opcode >= first:
                advance, change = divmod(opcode - first, header.line_range)
                address += advance * header.unit
                line += header.line_base + change
                rows.append((address, files.get(file, ""), line))
            elif opcode == 0:  # extended: its length, then its own opcode
                size, at = leb128(data, at)
                extended = data[at] if size else 0
                if extended == 1:  # DW_LNE_end_sequence
                    rows.append((address, "", 0))
                    address, file, line = 0, 1, 1
                elif extended == 2:  # DW_LNE_set_address
                    address = number(data, at + 1, min(size - 1, 8))
                at += size
            elif opcode == 1:  # DW_LNS_copy
                rows.append((address, files.get(file, ""), line))
            elif opcode == 2:  # DW_LNS_advance_pc
                advance, at = leb128(data, at)
                address += advance * header.unit
            elif opcode == 3:  # DW_LNS_advance_line
                change, at = leb128(data, at, signed=True)
                line += change
            elif opcode == 4:  # DW_LNS_set_file
                file, at = leb128(data, at)
            elif opcode == 8:  # DW_LNS_const_add_pc
                address += (255 - first) // header.line_range * header.unit
            elif opcode == 9:  # DW_LNS_fixed_advance_pc
                address, at = address + number(data, at, 2), at + 2
            else:
                for _ in range(lengths[opcode - 1]):
                    _, at = leb128(data, at)
