"""Makes a Go library wrong by changing a few of its bytes: a call that is left out, an order that is another."""

from __future__ import annotations

import struct
from functools import cached_property
from pathlib import Path

from emuload.golang.library import GoLibrary, open_library
from emuload.golang.tracker import package_of
from loader.elf import ElfFile
from loader.gabi import PF_W

NOTHING = {"amd64": bytes.fromhex("0f1f440000"), "arm": bytes.fromhex("0000a0e1"), "arm64": bytes.fromhex("1f2003d5")}
"""An instruction as long as a call that does nothing: nop dword [rax+rax]; mov r0, r0; nop."""

_TASK_HEADER = 8
"""Of runtime.initTask: state and number of functions, 32 bits each, then the functions (runtime/proc.go, doInit1)."""


class Patch:
    """A Go library's file, to be changed and saved elsewhere."""

    def __init__(self, path: Path) -> None:
        self.elf = ElfFile(path.read_bytes(), str(path))
        self.data = bytearray(self.elf.data)
        library = open_library(self.elf)
        assert library is not None
        self.go: GoLibrary = library

    def leave_out(self, caller: str, callee: str) -> None:
        """Take the calls of a Go function out of another; there must be some."""
        entries = [self.go.table.by_name(name) for name in (caller, callee)]
        assert None not in entries
        sites = self.go.calls(*entries)  # type: ignore[arg-type]
        assert sites
        nothing = NOTHING[self.go.row.name]
        for site in sites:
            self._write(site, nothing)

    def swap_inits(self, one: str, other: str) -> None:
        """Let two packages change places in the order in which runtime.main initialises them."""
        places = {self.packages[place]: place for place in self._order if self.packages[place] in (one, other)}
        tasks = {package: self._words[place] for package, place in places.items()}
        self._set_word(places[one], tasks[other])
        self._set_word(places[other], tasks[one])

    def repeat_init(self, package: str, instead_of: str) -> None:
        """Replace a package in the order by another one, which is then there twice."""
        places = {self.packages[place]: place for place in self._order}
        self._set_word(places[instead_of], self._words[places[package]])

    @cached_property
    def packages(self) -> dict[int, str]:
        """The packages by the places of their tasks in the order."""
        table = self.go.table
        return {place: package_of(table.find(self._words[self._words[place] + _TASK_HEADER]).name) for place in self._order}  # type: ignore[union-attr]

    def save(self, folder: Path) -> Path:
        """Write the library, under its own name, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / Path(self.elf.path).name
        made.write_bytes(self.data)
        return made

    @cached_property
    def _words(self) -> dict[int, int]:
        """The pointers that relocations write into writable data, by their place, as if loaded at 0."""
        word = self.elf.machine.word
        code = "<QQq" if word == 8 else "<II"
        found = {}
        for table in self.elf.relocations:
            if table.tag not in ("DT_RELA", "DT_REL"):
                continue
            rows = struct.iter_unpack(code, self.data[table.offset : table.offset + table.count * struct.calcsize(code)])
            for place, _, *addend in rows:
                found[place] = addend[0] if addend else self.go.image.word_at(place)
        return found

    @cached_property
    def _order(self) -> list[int]:
        """Places of the pointers to the packages' tasks (moduledata.inittasks): the longest row of such pointers."""
        table, word = self.go.table, self.elf.machine.word
        inits = {f.entry for f in table.with_prefix("") if f.name.endswith(".init") or ".init." in f.name}
        tasks = {place - _TASK_HEADER for place, value in self._words.items() if value in inits}
        rows: list[list[int]] = [[]]
        for segment in self.go.image.loaded(PF_W):
            for place in range(-(-segment.vaddr // word) * word, segment.vaddr + segment.filesz, word):
                if self._words.get(place) in tasks:
                    rows[-1].append(place)
                elif rows[-1]:
                    rows.append([])
        return max(rows, key=len)

    def _set_word(self, place: int, value: int) -> None:
        word = self.elf.machine.word
        for table in self.elf.relocations:
            if table.tag == "DT_RELA":
                for at in range(table.offset, table.offset + table.count * 3 * word, 3 * word):
                    if int.from_bytes(self.data[at : at + word], "little") == place:
                        self.data[at + 2 * word : at + 3 * word] = value.to_bytes(word, "little")
                        return
        self._write(place, value.to_bytes(word, "little"))

    def _write(self, address: int, data: bytes) -> None:
        at = self.go.image.offset(address)
        assert at is not None
        self.data[at : at + len(data)] = data
