"""x86-64, as in the System V psABI, AMD64 supplement 1.0, tables 4.9 and 4.10 (relocations) and section 4.4.

RELA only. TLS is variant II: the thread pointer is fs:0, which holds its own address; the modules' blocks lie below it,
so a TPOFF64 is negative. The TCB's words are the thread pointer, the DTV's address, the thread pointer again, and at
fs:0x28 the stack guard, where compilers expect it (glibc sysdeps/x86_64/nptl/tls.h, tcbhead_t). A Go library has one
TPOFF64 without a symbol: its own block's place. The rows that glibc refuses in a loaded file (PC64, 32S, ...) are marked
so; see glibc sysdeps/x86_64/dl-machine.h, elf_machine_rela.
"""

from .base import (
    COPY,
    DTPMOD,
    DTPOFF,
    GLOB_DAT,
    IRELATIVE,
    JUMP_SLOT,
    NONE,
    PC_RELATIVE,
    RELATIVE,
    SIZE,
    SYMBOLIC,
    TLSDESC,
    TPOFF,
    Machine,
    table,
)

RELOCATIONS = table(
    "R_X86_64_",
    [
        (0, "NONE", NONE, 0),
        (1, "64", SYMBOLIC, 8),
        (2, "PC32", PC_RELATIVE, 4),
        (5, "COPY", COPY, 0),
        (6, "GLOB_DAT", GLOB_DAT, 8),
        (7, "JUMP_SLOT", JUMP_SLOT, 8),
        (8, "RELATIVE", RELATIVE, 8),
        (10, "32", SYMBOLIC, 4),
        (16, "DTPMOD64", DTPMOD, 8),
        (17, "DTPOFF64", DTPOFF, 8),
        (18, "TPOFF64", TPOFF, 8),
        (32, "SIZE32", SIZE, 4),
        (33, "SIZE64", SIZE, 8),
        (36, "TLSDESC", TLSDESC, 16),
        (37, "IRELATIVE", IRELATIVE, 8),
        (38, "RELATIVE64", RELATIVE, 8),
    ],
    """
    3 GOT32 4 PLT32 9 GOTPCREL 11 32S 12 16 13 PC16 14 8 15 PC8 19 TLSGD 20 TLSLD 21 DTPOFF32 22 GOTTPOFF 23 TPOFF32
    24 PC64 25 GOTOFF64 26 GOTPC32 27 GOT64 28 GOTPCREL64 29 GOTPC64 30 GOTPLT64 31 PLTOFF64 34 GOTPC32_TLSDESC
    35 TLSDESC_CALL 39 PC32_BND 40 PLT32_BND 41 GOTPCRELX 42 REX_GOTPCRELX 43 CODE_4_GOTPCRELX 44 CODE_4_GOTTPOFF
    45 CODE_4_GOTPC32_TLSDESC 46 CODE_5_GOTPCRELX 47 CODE_5_GOTTPOFF 48 CODE_5_GOTPC32_TLSDESC 49 CODE_6_GOTPCRELX
    50 CODE_6_GOTTPOFF 51 CODE_6_GOTPC32_TLSDESC 250 GNU_VTINHERIT 251 GNU_VTENTRY
    """,
)

MACHINE = Machine(
    name="amd64",
    title="Advanced Micro Devices X86-64",
    e_machine=62,
    elf_class=64,
    relocations=RELOCATIONS,
    tls_above=False,
    dtv_word=1,
    self_words=(0, 2),
    guard_word=5,
    tcb_alignment=64,
    executable_stack=True,
    tlsdesc_entry_first=True,
    orders_ifunc=True,
    irelative_last=True,
    platform="x86_64",
    library_folder="lib/x86_64-linux-gnu",
)
