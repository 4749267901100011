"""All functions of a file with their address ranges: Go's by its function table, C's by the symbols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from emuload.golang.library import open_library
from emuload.machine.unwind import row_for
from emuload.unwind.symbols import SymbolTable
from loader.elf import ElfFile
from loader.gabi import PF_X
from loader.image import Image


class CodeRange(NamedTuple):
    """A function: its name, first address and end, without the load bias."""

    name: str
    start: int
    end: int


def functions(elf: ElfFile) -> Iterator[CodeRange]:
    """All functions that have a name; the same addresses may appear under several names."""
    library = open_library(elf)
    go = range(0)
    if library is not None:
        table = library.table
        go = range(table.start, table.end)
        for index in range(table.count):
            if name := table.name(index):
                yield CodeRange(name, table.entry(index), table.entry(index) + table.size(index))
    row = row_for(elf.machine.e_machine)
    if row is None:
        return
    image = Image(elf)
    for name, start, end in SymbolTable(image, row.code_mask).ranges():
        if start not in go:
            yield CodeRange(name, start, end if end else _end_of_code(image, start))


def _end_of_code(image: Image, address: int) -> int:
    for segment in image.loaded(PF_X):
        if 0 <= address - segment.vaddr < segment.memsz:
            return segment.vaddr + segment.memsz
    return address
