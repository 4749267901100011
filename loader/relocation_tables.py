"""The places of a file's packed relocation tables, by the dynamic section (gABI chapter 5; DT_RELR: gABI proposal of 2018)."""

from __future__ import annotations

from typing import Protocol

from .errors import LoadError
from .gabi import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELAENT,
    DT_RELASZ,
    DT_RELENT,
    DT_RELR,
    DT_RELRENT,
    DT_RELRSZ,
    DT_RELSZ,
    Layout,
    Table,
)
from .machines import Machine


class DynamicFile(Protocol):
    """A file as the reading of its tables needs it: see `loader.elf.ElfFile`."""

    dynamic: dict[int, int]
    layout: Layout
    machine: Machine

    def error(self, where: str, message: str) -> LoadError: ...

    def tag_place(self, name: str, tag: int) -> str: ...

    def offset_of(self, vaddr: int, size: int, what: str) -> int: ...


def relocation_tables(file: DynamicFile) -> tuple[Table, ...]:
    """A file's tables in the order a dynamic linker applies them: RELR, REL, RELA, then the PLT's. LoadError for a bad one."""
    layout, dynamic, word = file.layout, file.dynamic, file.machine.word
    plt_kind = "RELA" if dynamic.get(DT_PLTREL) == DT_RELA else "REL"
    if DT_JMPREL in dynamic and dynamic.get(DT_PLTREL) not in (DT_RELA, DT_REL):
        where = file.tag_place("DT_PLTREL", DT_PLTREL)
        raise file.error(where, f"neither DT_RELA nor DT_REL: {dynamic.get(DT_PLTREL, 0)}")
    sizes = {"RELR": word, "REL": layout.rel_size, "RELA": layout.rela_size}
    tables: list[Table] = []
    for kind, tag, size_tag, entry_tag, name in (
        ("RELR", DT_RELR, DT_RELRSZ, DT_RELRENT, "DT_RELR"),
        ("REL", DT_REL, DT_RELSZ, DT_RELENT, "DT_REL"),
        ("RELA", DT_RELA, DT_RELASZ, DT_RELAENT, "DT_RELA"),
        (plt_kind, DT_JMPREL, DT_PLTRELSZ, None, "DT_JMPREL"),
    ):
        if tag not in dynamic:
            continue
        entry = sizes[kind]
        if entry_tag is not None and dynamic.get(entry_tag, entry) != entry:
            where = file.tag_place(f"{name}ENT", entry_tag)
            raise file.error(where, f"relocation entries of {dynamic[entry_tag]} bytes, expected {entry}")
        vaddr, size = dynamic[tag], dynamic.get(size_tag, 0)
        if size == 0:
            continue
        if size % entry:
            where = file.tag_place(f"{name} of address {vaddr:#x}", tag)
            raise file.error(where, f"size {size} is not a multiple of {entry}")
        if tag == DT_JMPREL and plt_kind == "RELA" and DT_RELA in dynamic:
            # some linkers count the PLT's table in DT_RELASZ as well: glibc elf/dynamic-link.h,
            # _ELF_DYNAMIC_DO_RELOC
            start, length = dynamic[DT_RELA], dynamic.get(DT_RELASZ, 0)
            if start <= vaddr and vaddr + size <= start + length:
                continue
        tables.append(Table(kind, file.offset_of(vaddr, size, name), size // entry, name))
    return tuple(tables)
