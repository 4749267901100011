"""A file as the Go tables need it: bytes by address, sections when there are any, values that relocations
write.

Addresses are the file's own (no load bias).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from loader.elf import ElfFile
from loader.gabi import PF_X, Segment
from loader.sections import Section, read_sections
from loader.symbols import Query, find_in

_FEW = 8
"""Words for which the relocation table is searched one by one; for more it is gone through once."""


class Image:
    """One file's bytes by address. Never changes once built, so a copy is the same object."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self.data = elf.data
        self.word = elf.machine.word

    def __deepcopy__(self, memo: dict[int, object]) -> Image:
        return self

    @cached_property
    def sections(self) -> dict[str, Section]:
        """The sections by name, the first of each name; empty if the file has no sound section headers."""
        found: dict[str, Section] = {}
        for section in self.section_list:
            found.setdefault(section.name, section)
        return found

    @cached_property
    def section_list(self) -> list[Section]:
        """The sections in file order."""
        return read_sections(self.elf)

    def section(self, name: str) -> Section | None:
        """The section called `name`, or None."""
        return self.sections.get(name)

    def loaded(self, flags: int = 0, without: int = 0) -> Iterator[Segment]:
        """Loadable segments that have all of `flags` (PF_*) and none of `without`."""
        for segment in self.elf.loads:
            if segment.flags & flags == flags and not segment.flags & without:
                yield segment

    def executable(self, address: int) -> bool:
        """True if a loaded address lies in a segment whose code may run."""
        segment = self.elf.load_at(address)
        return segment is not None and bool(segment.flags & PF_X)

    def offset(self, address: int) -> int | None:
        """Place in the file of a loaded address, or None when the file has no bytes for it."""
        segment = self.elf.load_at(address)
        if segment is None or address - segment.vaddr >= segment.filesz:
            return None
        return segment.offset + address - segment.vaddr

    def address(self, offset: int) -> int | None:
        """Address at which a place in the file is loaded, or None."""
        for segment in self.elf.loads:
            if 0 <= offset - segment.offset < segment.filesz:
                return segment.vaddr + offset - segment.offset
        return None

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the file at a loaded address; shorter than `size` where its segment's bytes end."""
        at = self.offset(address)
        return b"" if at is None else self.data[at : max(at, min(at + size, self.elf.file_end(address)))]

    def symbol(self, name: str) -> int | None:
        """Value of the dynamic symbol `name` defined here, or None."""
        found = find_in(self.elf, Query(name.encode(), newest=True))
        return found.value if found is not None and found.shndx else None

    def word_at(self, address: int) -> int:
        """The pointer at `address` as a loader with load bias 0 would leave it; 0 when there is none.

        REL files (and RELR) keep a relative relocation's addend in place, RELA files in the relocation,
        whatever bytes the linker has left in place.
        """
        for place, addend in self._relocations(address, field=0):
            if place == address:
                return addend
        raw = self.read(address, self.word)
        return int.from_bytes(raw, "little") if len(raw) == self.word else 0

    def words_at(self, address: int, count: int) -> list[int]:
        """`count` pointers from `address` on, each as `word_at` gives it."""
        if count <= _FEW:
            return [self.word_at(address + index * self.word) for index in range(count)]
        letter = "I" if self.word == 4 else "Q"
        raw = self.read(address, count * self.word).ljust(count * self.word, b"\0")
        words = list(struct.unpack(f"<{count}{letter}", raw))
        for place, _, addend in struct.iter_unpack(f"<3{letter}", self._rela):
            if address <= place < address + len(raw) and (place - address) % self.word == 0:
                words[(place - address) // self.word] = addend
        return words

    def addresses_with_addend(self, addend: int) -> Iterator[int]:
        """Addresses that a RELA relocation sets to `addend` plus the load bias, or a symbol's value."""
        for place, _ in self._relocations(addend, field=2):
            yield place

    def _relocations(self, value: int, field: int) -> Iterator[tuple[int, int]]:
        """(place, addend) of the RELA entries whose `field` (0 place, 2 addend) is `value`.

        A search for the value's bytes in the packed table: microseconds, where decoding would take
        milliseconds.
        """
        table, word = self._rela, self.word
        target, at = value.to_bytes(word, "little"), -1
        while (at := table.find(target, at + 1)) >= 0:
            if at % (3 * word) == field * word:
                entry = at - field * word
                yield (
                    int.from_bytes(table[entry : entry + word], "little"),
                    int.from_bytes(table[entry + 2 * word : entry + 3 * word], "little"),
                )

    @cached_property
    def _rela(self) -> bytes:
        """The packed RELA table, without the PLT's."""
        for table in self.elf.relocations:
            if table.kind == "RELA" and table.tag == "DT_RELA":
                return self.data[table.offset : table.offset + table.count * 3 * self.word]
        return b""
