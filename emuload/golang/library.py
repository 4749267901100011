"""A file's Go side: function table, build information, call sites, each read when first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from emuload.golang.pclntab import GoTable
from emuload.golang.tables import find_table, go_func
from emuload.machine.unwind import UnwindRow, row_for
from loader.elf import ElfFile
from loader.image import Image

if TYPE_CHECKING:
    from emuload.golang.buildinfo import BuildInfo

Lookup = Callable[[str], "int | None"]
"""A C function's address by its dynamic symbol's name (no load bias), or None."""

_MOST_CODE = 1 << 16
"""Bound on the bytes of a function's code; the functions of the runtime that matter here have a few thousand."""


class GoLibrary:
    """A file with a Go function table. Never changes once built, so a copy is the same object."""

    def __init__(self, image: Image, table: GoTable, row: UnwindRow) -> None:
        self.image = image
        self.table = table
        self.row = row

    def __deepcopy__(self, memo: dict[int, object]) -> GoLibrary:
        return self

    @cached_property
    def build(self) -> BuildInfo | None:
        """The Go version, modules and settings the file was built with."""
        from emuload.golang.buildinfo import read_build_info

        return read_build_info(self.image)

    @cached_property
    def go_func(self) -> int | None:
        """Offset in the file of the inline trees, or None."""
        address = self.image.address(self.table.offset)
        minor = self.build.minor if self.build else 0
        return None if address is None else go_func(self.image, address, minor)

    def code(self, entry: int) -> bytes:
        """The machine code of the function at `entry`, at most `_MOST_CODE` bytes of it."""
        index = self.table.index(entry)
        return b"" if index is None else self.image.read(entry, min(self.table.size(index), _MOST_CODE))

    def calls(self, caller: int, callee: int) -> list[int]:
        """Addresses of the instructions in the function at `caller` that call `callee` directly."""
        return list(self.row.call.sites(self.code(caller), caller, callee))

    def inline_stack(self, pc: int) -> Iterator[tuple[str, str, int]]:
        """(function, file, line) at `pc`, calls that were inlined first, the function itself last."""
        function = self.table.find(pc)
        if function is None:
            return
        place = pc
        for name, parent in self.table.inlined(pc, self.go_func) if self.go_func is not None else ():
            yield name, *self.table.line(place)
            place = parent
        yield function.name, *self.table.line(place)


def open_library(elf: ElfFile) -> GoLibrary | None:
    """The Go side of a file, or None if it has no Go code or is for an unknown machine."""
    image = Image(elf)
    row = row_for(elf.machine.e_machine)
    table = find_table(image) if row is not None else None
    return GoLibrary(image, table, row) if table is not None and row is not None else None


def is_go(elf: ElfFile) -> bool:
    """True if a file was built by the Go toolchain: it has a Go function table."""
    return find_table(Image(elf)) is not None
