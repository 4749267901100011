"""The numbers and records of ELF files: constants by their names in the gABI, and entries of the tables as plain tuples.

Sources: System V gABI, chapters 4 and 5; the names with GNU in them: glibc elf/elf.h.
"""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import Any, NamedTuple

ET_EXEC, ET_DYN = 2, 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 1, 2, 3, 4, 6, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO, PT_ARM_EXIDX = 0x6474E550, 0x6474E551, 0x6474E552, 0x70000001
PF_X, PF_W, PF_R = 1, 2, 4

DT_NULL, DT_NEEDED, DT_PLTRELSZ, DT_PLTGOT, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA = range(8)
DT_RELASZ, DT_RELAENT, DT_STRSZ, DT_SYMENT, DT_INIT, DT_FINI, DT_SONAME, DT_RPATH = range(8, 16)
DT_SYMBOLIC, DT_REL, DT_RELSZ, DT_RELENT, DT_PLTREL, DT_DEBUG, DT_TEXTREL, DT_JMPREL = range(16, 24)
DT_BIND_NOW, DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ, DT_RUNPATH, DT_FLAGS = range(24, 31)
DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ = 32, 33
DT_RELRSZ, DT_RELR, DT_RELRENT = 35, 36, 37
DT_GNU_HASH, DT_VERSYM, DT_FLAGS_1 = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFB
DT_RELACOUNT, DT_RELCOUNT, DT_AUXILIARY, DT_FILTER = 0x6FFFFFF9, 0x6FFFFFFA, 0x7FFFFFFD, 0x7FFFFFFF
DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
DF_ORIGIN, DF_SYMBOLIC, DF_TEXTREL, DF_BIND_NOW, DF_STATIC_TLS = 1, 2, 4, 8, 16
DF_1_NOW, DF_1_GLOBAL, DF_1_NODELETE, DF_1_INITFIRST, DF_1_NOOPEN, DF_1_PIE = 1, 2, 8, 0x20, 0x40, 0x08000000

STB_LOCAL, STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE = 0, 1, 2, 10
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON, STT_TLS, STT_GNU_IFUNC = 0, 1, 2, 3, 4, 5, 6, 10
STV_DEFAULT, STV_INTERNAL, STV_HIDDEN, STV_PROTECTED = range(4)
SHN_UNDEF, SHN_ABS = 0, 0xFFF1


class Segment(NamedTuple):
    """One program header; sizes and addresses in bytes, ``flags`` PF_*."""

    index: int  # type: ignore[assignment]
    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int
    align: int


class Symbol(NamedTuple):
    """One entry of the dynamic symbol table; ``value`` is not yet biased."""

    index: int  # type: ignore[assignment]
    name: bytes
    value: int
    size: int
    info: int
    other: int
    shndx: int

    @property
    def bind(self) -> int:
        """STB_*"""
        return self.info >> 4

    @property
    def type(self) -> int:
        """STT_*"""
        return self.info & 15

    @property
    def visibility(self) -> int:
        """STV_*"""
        return self.other & 3

    @property
    def text(self) -> str:
        """The name as text; undecodable bytes are shown as backslash escapes."""
        return self.name.decode("utf-8", "backslashreplace")


class Table(NamedTuple):
    """A relocation table: its kind ("REL", "RELA", "RELR"), place in the file, entry count, and the dynamic tag's
    name."""

    kind: str
    offset: int
    count: int  # type: ignore[assignment]
    tag: str

    @property
    def words(self) -> int:
        """Machine words in an entry."""
        return {"RELR": 1, "REL": 2, "RELA": 3}[self.kind]

    def entry(self, index: int, word: int) -> int:
        """The place of an entry in the file; ``word``: bytes in an address."""
        return self.offset + index * self.words * word

    def end(self, word: int) -> int:
        """The end of the table in the file."""
        return self.entry(self.count, word)


class TlsTemplate(NamedTuple):
    """PT_TLS: the initial image is ``filesz`` bytes at ``vaddr``, a block has ``memsz`` bytes."""

    vaddr: int
    filesz: int
    memsz: int
    align: int


class Layout(NamedTuple):
    """Sizes and field orders of one ELF class."""

    ehdr: Struct
    phdr: Struct
    sym: Struct
    word: str  # struct letter of an address
    rel_size: int
    rela_size: int
    dyn_size: int


ELF32 = Layout(Struct("<16sHHIIIIIHHHHHH"), Struct("<8I"), Struct("<IIIBBH"), "I", 8, 12, 8)
ELF64 = Layout(Struct("<16sHHIQQQIHHHHHH"), Struct("<IIQQQQQQ"), Struct("<IBBHQQ"), "Q", 16, 24, 16)


def unpack_words(data: bytes, offset: int, count: int, letter: str) -> tuple[Any, ...]:
    """``count`` little-endian words of struct ``letter`` at ``offset``."""
    return unpack_from(f"<{count}{letter}", data, offset)
