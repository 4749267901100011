"""Names and source lines of C code: `.symtab` or the dynamic symbols, and `.debug_line`."""

from __future__ import annotations

import io
import posixpath
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from emuload.golang.image import Image
from emuload.golang.pclntab import Position
from emuload.golang.sections import SHT_SYMTAB
from loader.elf import STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE
from loader.errors import LoadError

_CODE_TYPES = (STT_FUNC, STT_NOTYPE, STT_GNU_IFUNC)
_LANGUAGE_GO = 0x16


class SymbolTable:
    """Functions by address. Addresses are the file's own (no load bias), bit 0 of Thumb code taken off."""

    def __init__(self, image: Image, code_mask: int) -> None:
        rows = _local_symbols(image, code_mask) or _dynamic_symbols(image, code_mask)
        rows.sort(key=lambda row: (row[0], row[2] != STT_NOTYPE, row[1]))
        self._starts = array("Q", [row[0] for row in rows])
        self._sizes = array("Q", [row[1] for row in rows])
        self._names = [row[3] for row in rows]

    def find(self, pc: int) -> tuple[str, int] | None:
        """(name, start) of the function that holds `pc`; the nearest one before it where sizes say
        nothing.
        """
        at = bisect_right(self._starts, pc) - 1
        if at < 0:
            return None
        start, size = self._starts[at], self._sizes[at]
        if size and pc >= start + size:
            return None
        return self._names[at], start

    def ranges(self) -> Iterator[tuple[str, int, int]]:
        """(name, start, end) of every symbol; where sizes say nothing, the end is the next one's start, 0 behind the last."""
        for at, name in enumerate(self._names):
            start, size = self._starts[at], self._sizes[at]
            following = bisect_right(self._starts, start)
            next_start = self._starts[following] if following < len(self._starts) else 0
            yield name, start, start + size if size else next_start

    def names(self, start: int) -> str | None:
        """Name of the function that starts at `start`, or None."""
        at = bisect_right(self._starts, start) - 1
        return self._names[at] if at >= 0 and self._starts[at] == start else None


_Row = tuple[int, int, int, str]
"""(start, size, STT_*, name)"""


def _local_symbols(image: Image, code_mask: int) -> list[_Row]:
    """The functions of `.symtab`; none in a stripped file."""
    table = next((section for section in image.sections.values() if section.type == SHT_SYMTAB), None)
    if table is None or table.link >= len(image.section_list):
        return []
    strings = image.section_list[table.link]
    text = image.data[strings.offset : strings.offset + strings.size]
    layout, wide = image.elf.layout.sym, image.word == 8
    raw = image.data[table.offset : table.offset + table.size // layout.size * layout.size]
    rows = []
    room = (1 << 16) + 4 * len(text)
    for fields in layout.iter_unpack(raw):
        if wide:
            name, info, _, shndx, value, size = fields
        else:
            name, value, size, info, _, shndx = fields
        if info & 15 not in _CODE_TYPES or not shndx or not name:
            continue
        start = value & code_mask
        if text[name : name + 1] == b"$" or not image.executable(start):
            continue  # ARM's mapping symbols: $a, $t, $d, $x
        end = text.find(b"\0", name)
        end = end if end >= 0 else len(text)
        room -= end - name
        if room < 0:
            break  # no honest names are so long together
        rows.append((start, size, info & 15, text[name:end].decode("utf-8", "replace")))
    return rows


def _dynamic_symbols(image: Image, code_mask: int) -> list[_Row]:
    rows = []
    try:
        symbols = image.elf.symbols()
    except LoadError:
        return []
    for symbol in symbols:
        start = symbol.value & code_mask
        if symbol.type in _CODE_TYPES and symbol.shndx and symbol.name and image.executable(start):
            rows.append((start, symbol.size, symbol.type, symbol.text))
    return rows


class Lines:
    """Source lines of C code from DWARF, read when the first is asked for. Nothing wrong in there raises."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._ranges: list[tuple[int, int, Any]] | None = None
        self._dwarf: Any = None
        self._tables: dict[int, list[tuple[int, str, int]]] = {}

    def find(self, pc: int) -> Position:
        """The source place of `pc`, ("", 0) when unknown."""
        try:
            return self._find(pc)
        except Exception:
            return Position("", 0)

    def _find(self, pc: int) -> Position:
        if self._ranges is None:
            self._ranges = self._units()
        for low, high, unit in self._ranges:
            if low <= pc < high:
                rows = self._table(unit)
                at = bisect_right(rows, (pc, "\U0010ffff", 0)) - 1
                if at >= 0 and rows[at][2]:
                    return Position(rows[at][1], rows[at][2])
        return Position("", 0)

    def _units(self) -> list[tuple[int, int, Any]]:
        """(start, end, compilation unit) of the units that are not Go's."""
        if self._image.section(".debug_line") is None and self._image.section(".zdebug_line") is None:
            return []
        from elftools.elf.elffile import ELFFile

        self._dwarf = ELFFile(io.BytesIO(self._image.data)).get_dwarf_info(relocate_dwarf_sections=False)
        found: list[tuple[int, int, Any]] = []
        for unit in self._dwarf.iter_CUs():
            top = unit.get_top_DIE()
            language = top.attributes.get("DW_AT_language")
            if language is not None and language.value == _LANGUAGE_GO:
                continue
            found += [(low, high, unit) for low, high in self._unit_ranges(unit, top)]
        return found

    def _unit_ranges(self, unit: Any, top: Any) -> list[tuple[int, int]]:
        low = top.attributes.get("DW_AT_low_pc")
        base = low.value if low is not None else 0
        ranges = top.attributes.get("DW_AT_ranges")
        if ranges is None:
            high = top.attributes.get("DW_AT_high_pc")
            if low is None or high is None:
                return []
            return [(base, high.value if high.form == "DW_FORM_addr" else base + high.value)]
        found = []
        for entry in self._dwarf.range_lists().get_range_list_at_offset(ranges.value, unit):
            if hasattr(entry, "base_address"):
                base = entry.base_address
            else:
                start = 0 if getattr(entry, "is_absolute", False) else base
                found.append((start + entry.begin_offset, start + entry.end_offset))
        return found

    def _table(self, unit: Any) -> list[tuple[int, str, int]]:
        """(address, file, line) in address order; line 0 ends a sequence."""
        key = unit.cu_offset
        if key not in self._tables:
            program = self._dwarf.line_program_for_CU(unit)
            rows = []
            for entry in program.get_entries() if program is not None else ():
                state = entry.state
                if state is not None:
                    line = 0 if state.end_sequence else state.line
                    rows.append((state.address, self._file(program, state.file), line))
            self._tables[key] = sorted(rows, key=lambda row: (row[0], row[2] != 0))
        return self._tables[key]

    def _file(self, program: Any, number: int) -> str:
        """A file's name with its folder, as the line table gives them (numbered from 0 since DWARF 5)."""
        header = program.header
        first = 0 if header.version >= 5 else 1
        files, folders = header.file_entry, header.include_directory
        if not 0 <= number - first < len(files):
            return ""
        entry = files[number - first]
        at = entry.dir_index - first
        folder = folders[at].decode("utf-8", "replace") if 0 <= at < len(folders) else ""
        return posixpath.join(folder, entry.name.decode("utf-8", "replace"))
