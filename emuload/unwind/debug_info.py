"""Compilation units of C code: the unit that holds a place, from the first entries of `.debug_info`'s units.

Only the data that is asked for is read, and none of it is trusted: counts and sizes are bounded, and an unknown form or an
offset outside its section ends the unit. Sources: DWARF 5, sections 2.17 (ranges), 7.5 (units, abbreviations, forms), 7.25,
7.27, 7.28; DWARF 4, section 2.17.3, for `.debug_ranges`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from emuload.unwind.expression import leb128
from loader.image import Image

LANGUAGE_GO = 0x16
_STMT_LIST, _LOW_PC, _HIGH_PC, _LANGUAGE, _RANGES, _ADDR_BASE, _RNGLISTS_BASE = 0x10, 0x11, 0x12, 0x13, 0x55, 0x73, 0x74
_ADDR = 0x01
_DATA = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x0C: 1, 0x20: 8}
"""Forms of a fixed size: data, references, flags, signatures."""
_INDEXES = {0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4}
"""strx1 … strx4, addrx1 … addrx4"""
_LEB = {0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23}
"""udata, ref_udata, strx, addrx, loclistx, rnglistx"""
_OFFSETS = {0x0E, 0x17, 0x1F, 0x10, 0x1D}
"""strp, sec_offset, line_strp, ref_addr, strp_sup"""
_BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}
_ADDRESS_INDEXES = {0x1B, 0x29, 0x2A, 0x2B, 0x2C}
_RANGE_INDEX = 0x23

_SHF_COMPRESSED, _ZLIB = 0x800, 1
_MOST_BYTES = 64 << 20
"""Bound on a section's unpacked bytes; a larger section is skipped."""
_MOST_STEPS = 1 << 19
"""Bound on attributes and ranges read in all: some tenths of a second."""


class Unit(NamedTuple):
    """A compilation unit: the addresses it holds, and where its line table is."""

    ranges: list[tuple[int, int]]
    lines: int


def section_data(image: Image, name: str) -> bytes:
    """A debug section's bytes, unpacked; empty if the section is missing or too large."""
    section = image.section(name) or image.section(f".z{name[1:]}")
    if section is None:
        return b""
    raw = image.data[section.offset : section.offset + section.size]
    size = len(raw)
    if section.flags & _SHF_COMPRESSED:
        word = image.word
        kind, size = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[word : 2 * word], "little")
        packed = raw[3 * word :] if kind == _ZLIB else b""
    elif raw.startswith(b"ZLIB"):
        size, packed = int.from_bytes(raw[4:12], "big"), raw[12:]
    else:
        return raw if size <= _MOST_BYTES else b""
    if not 0 < size <= _MOST_BYTES:
        return b""
    try:
        return zlib.decompressobj().decompress(packed, size)
    except zlib.error:
        return b""


class _Head(NamedTuple):
    """A unit's header: `wide` says that offsets have eight bytes."""

    start: int
    end: int
    version: int
    address_size: int
    wide: bool
    abbreviations: int
    entry: int


class DebugInfo:
    """The units of one file that are not Go's."""

    def __init__(self, image: Image) -> None:
        self._info = section_data(image, ".debug_info")
        self._abbreviations = section_data(image, ".debug_abbrev")
        self._addresses = section_data(image, ".debug_addr")
        self._lists = section_data(image, ".debug_rnglists")
        self._ranges = section_data(image, ".debug_ranges")
        self._left = _MOST_STEPS

    def units(self) -> Iterator[Unit]:
        """Units that have lines and address ranges; a unit that cannot be read is left out."""
        for head in self._heads():
            if self._left < 0:
                return
            try:
                unit = self._unit(head)
            except (IndexError, ValueError):
                continue
            if unit is not None:
                yield unit

    def _heads(self) -> Iterator[_Head]:
        info, at = self._info, 0
        while True:
            start, wide = at, info[at : at + 4] == b"\xff\xff\xff\xff"
            size = int.from_bytes(info[at + 4 : at + 12] if wide else info[at : at + 4], "little")
            at += 12 if wide else 4
            end, offset = at + size, 8 if wide else 4
            if end > len(info) or size < 24:
                return
            version = number(info, at, 2)
            if version == 5:
                word, table, entry = info[at + 3], number(info, at + 4, offset), at + 4 + offset
            else:
                table, word, entry = number(info, at + 2, offset), info[at + 2 + offset], at + 3 + offset
            kind = info[at + 2] if version == 5 else 1
            if 2 <= version <= 5 and kind == 1 and word in (4, 8):
                yield _Head(start, end, version, word, wide, table, entry)
            at = end

    def _step(self) -> None:
        """Count a value that was read. Raises ValueError once more were read than any honest file has."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("too much to read")

    def _unit(self, head: _Head) -> Unit | None:
        code, at = leb128(self._info, head.entry)
        found: dict[int, tuple[int, int]] = {}
        for name, form, constant in self._attributes(head.abbreviations, code):
            value, at = self._value(head, form, at, constant)
            if at > head.end:
                raise ValueError("an entry that reaches out of its unit")
            found[name] = form, value
        if _STMT_LIST not in found or found.get(_LANGUAGE, (0, 0))[1] == LANGUAGE_GO:
            return None
        return Unit(self._ranges_of(head, found), found[_STMT_LIST][1])

    def _attributes(self, table: int, wanted: int) -> list[tuple[int, int, int]]:
        """(name, form, constant) of each attribute of an abbreviation code."""
        data, at = self._abbreviations, table
        while True:
            code, at = leb128(data, at)
            if not code:
                raise ValueError(f"no abbreviation {wanted}")
            _, at = leb128(data, at)
            at += 1
            found = []
            while True:
                self._step()
                name, at = leb128(data, at)
                form, at = leb128(data, at)
                constant = 0
                if form == 0x21:  # DW_FORM_implicit_const
                    constant, at = leb128(data, at, signed=True)
                if not name and not form:
                    break
                found.append((name, form, constant))
            if code == wanted:
                return found

    def _value(self, head: _Head, form: int, at: int, constant: int) -> tuple[int, int]:
        """An attribute's value if it is a number, and the offset after it."""
        info = self._info
        size = _DATA.get(form) or _INDEXES.get(form)
        if form in _OFFSETS:
            size = head.address_size if form == 0x10 and head.version == 2 else 8 if head.wide else 4
        elif form == _ADDR:
            size = head.address_size
        if size is not None:
            return number(info, at, size), at + size
        if form in _LEB:
            return leb128(info, at)
        if form == 0x0D:
            return leb128(info, at, signed=True)
        if form in (0x19, 0x21):  # flag_present, implicit_const
            return constant or 1, at
        if form == 0x08:
            return 0, info.index(b"\0", at, head.end) + 1
        if form in _BLOCKS:
            return 0, at + _BLOCKS[form] + number(info, at, _BLOCKS[form])
        if form in (0x09, 0x18):  # block, exprloc
            size, at = leb128(info, at)
            return 0, at + size
        raise ValueError(f"form {form:#x}")

    def _address(self, head: _Head, index: int, base: int) -> int:
        return number(self._addresses, base + index * head.address_size, head.address_size)

    def _ranges_of(self, head: _Head, found: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
        base = found.get(_ADDR_BASE, (0, 0))[1]
        form, low = found.get(_LOW_PC, (0, 0))
        if form in _ADDRESS_INDEXES:
            low = self._address(head, low, base)
        if _RANGES not in found:
            form, high = found[_HIGH_PC] if _HIGH_PC in found and _LOW_PC in found else (0, 0)
            if form in _ADDRESS_INDEXES:
                high = self._address(head, high, base)
            elif form != _ADDR:
                high += low
            return [(low, high)]
        form, place = found[_RANGES]
        if head.version < 5:
            return list(self._old_ranges(head, place, low))
        if form == _RANGE_INDEX:
            lists, size = found.get(_RNGLISTS_BASE, (0, 0))[1], 8 if head.wide else 4
            place = lists + number(self._lists, lists + place * size, size)
        return list(self._new_ranges(head, place, low, base))

    def _old_ranges(self, head: _Head, at: int, base: int) -> Iterator[tuple[int, int]]:
        """Pairs in `.debug_ranges`; a pair whose first word is all ones sets the base."""
        word = head.address_size
        while True:
            self._step()
            low, high = number(self._ranges, at, word), number(self._ranges, at + word, word)
            at += 2 * word
            if low == (1 << 8 * word) - 1:
                base = high
            elif not low and not high:
                return
            else:
                yield base + low, base + high

    def _new_ranges(self, head: _Head, at: int, base: int, addresses: int) -> Iterator[tuple[int, int]]:
        """Entries of `.debug_rnglists` (DWARF 5, 7.25)."""
        data, word = self._lists, head.address_size
        while True:
            self._step()
            kind = data[at]
            at += 1
            operands: list[int] = []
            for operand in _OPERANDS.get(kind, "?"):
                if operand == "a":
                    operands.append(number(data, at, word))
                    at += word
                elif operand == "?":
                    raise ValueError(f"range list entry {kind}")
                else:
                    value, at = leb128(data, at)
                    operands.append(self._address(head, value, addresses) if operand == "x" else value)
            if kind == 0:
                return
            if kind in (1, 5):
                base = operands[0]
            elif kind == 4:
                yield base + operands[0], base + operands[1]
            else:
                yield operands[0], operands[1] + (operands[0] if kind in (3, 7) else 0)


_OPERANDS = {0: "", 1: "x", 2: "xx", 3: "xn", 4: "nn", 5: "a", 6: "aa", 7: "an"}
"""Operands of each kind of range list entry: an address, the index of an address, a number."""


def number(data: bytes, at: int, size: int) -> int:
    """A little-endian number. Raises IndexError where `data` ends."""
    if not 0 <= at <= len(data) - size:
        raise IndexError(at)
    return int.from_bytes(data[at : at + size], "little")
