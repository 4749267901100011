"""Section headers, for function tables, build information, local symbols and debug sections, which nothing else names.

A loader does not look at section headers, so they may be missing or wrong; then the file counts as one without sections.
Source: System V gABI, chapter 4, "Sections".
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from loader.elf import ElfFile

SHT_SYMTAB, SHT_NOBITS = 2, 8
_LAYOUT = {4: struct.Struct("<10I"), 8: struct.Struct("<IIQQQQIIQQ")}
_LONGEST_NAME = 256
"""Bytes of a section's name; a longer one is not read."""


class Section(NamedTuple):
    """A section header; `offset` and `size` are its bytes in the file (none for SHT_NOBITS)."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


def read_sections(elf: ElfFile) -> list[Section]:
    """All section headers in file order; none when the table or one of its entries lies outside the file."""
    layout, data = _LAYOUT[elf.machine.word], elf.data
    start, count, names = elf.shoff, elf.shnum, elf.shstrndx
    if not start or elf.shentsize != layout.size or start + count * layout.size > len(data) or names >= count:
        return []
    rows = list(layout.iter_unpack(data[start : start + count * layout.size]))
    strings = data[rows[names][4] : rows[names][4] + rows[names][5]]
    sections = []
    for name, kind, flags, address, offset, size, link, *_ in rows:
        held = 0 if kind == SHT_NOBITS else size
        if offset + held > len(data):
            return []
        end = strings.find(b"\0", name, name + _LONGEST_NAME)
        text = strings[name : max(name, end)].decode("utf-8", "replace")
        sections.append(Section(text, kind, flags, address, offset, held, link))
    return sections
