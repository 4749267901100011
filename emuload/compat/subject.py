"""The library in question, read once: what of it the linkers' rules look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from emuload.golang.buildinfo import BuildInfo, read_build_info
from emuload.golang.library import is_go
from emuload.libc.builtins import hard_float
from loader.elf import ElfFile
from loader.gabi import STB_WEAK, unpack_words
from loader.image import Image
from loader.profiles import Profile, everywhere
from loader.relocate import entry_place
from loader.search import read_file


class Entry(NamedTuple):
    """A relocation that is no plain base-relative one: its table and place in it, its name, its symbol ("" for none)."""

    where: str
    name: str
    symbol: str


class Subject:
    """A library. Raises LoadError when it is no sound ELF file."""

    def __init__(self, path: str, library_path: Sequence[str]) -> None:
        self.path = path
        self.library_path = list(library_path)
        self.data = read_file(path)
        self.elf = ElfFile(self.data, path)
        self.arch = self.elf.machine.name
        self.hard_float = hard_float(self.arch, self.data)

    @cached_property
    def entries(self) -> list[Entry]:
        """Its relocations in the order of the tables, without base-relative ones."""
        found: list[Entry] = []
        elf, machine = self.elf, self.elf.machine
        for table in elf.relocations:
            if table.kind == "RELR":
                continue
            infos = unpack_words(elf.data, table.offset, table.words * table.count, elf.layout.word)[1 :: table.words]
            for index, info in enumerate(infos):
                number, symbol = info & machine.type_mask, info >> machine.symbol_shift
                if number != machine.relative:
                    where = entry_place(machine, table, index, number)
                    found.append(Entry(where, machine.relocation_name(number), elf.symbol(symbol).text if symbol else ""))
        return found

    @cached_property
    def relocations(self) -> frozenset[str]:
        """The names of all of these."""
        return frozenset(entry.name for entry in self.entries)

    @cached_property
    def is_go(self) -> bool:
        """True if there is a Go runtime in it."""
        return is_go(self.elf)

    @cached_property
    def build(self) -> BuildInfo | None:
        """The build information of its Go part."""
        return read_build_info(Image(self.elf)) if self.is_go else None

    @property
    def go_system(self) -> str:
        """Its GOOS; "" without Go."""
        return dict(self.build.settings).get("GOOS", "") if self.build is not None else ""

    def is_for(self, profile: Profile) -> bool:
        """True if its Go part, if there is one, was built for the profile's systems."""
        return self.go_system in ("", *profile.go_systems)

    def foreign(self, profile: Profile) -> str:
        """The DT_NEEDED name of a C library that the profile's systems do not have, or ""."""
        for name in self.elf.needed:
            if not profile.is_libc(name) and any(other.is_libc(name) for other in _FAMILIES):
                return name
        return ""

    @cached_property
    def from_libc(self) -> frozenset[str]:
        """Functions and data that its own C library must define, as far as DT_VERNEED tells whose they are."""
        elf, versions = self.elf, self.elf.versions
        if versions is None:
            return frozenset()
        names = {need.name for need in versions.needs if any(each.is_libc(need.file) for each in _FAMILIES)}
        found = set()
        for symbol in elf.symbols():
            version = versions.of_symbol(symbol.index) if not symbol.shndx and symbol.bind != STB_WEAK else None
            if version is not None and version.name in names:
                found.add(symbol.text)
        return frozenset(found)


_FAMILIES = list({profile.family: profile for profile in everywhere()}.values())
