"""32-bit ARM, as in "ELF for the Arm Architecture" (AAELF32), sections 5.6.1 and 5.6.7, and the addenda for TLS.

REL: the addend is in the place itself. A Thumb function's symbol value carries bit 0. TLS is variant I: the thread
pointer (TPIDRURO, or the kernel helper at 0xffff0fe0) addresses a TCB of two words, the first module's block starts at
tp + 8. A TLS descriptor has its argument first and its resolver second (glibc sysdeps/arm/dl-tlsdesc.h; musl calls it
TLSDESC_BACKWARDS). Its addend is in the first word, but GNU ld writes a symbol's number there for lazy binding, so
that glibc takes an addend only where there is no symbol.
Which of these a linker applies in a loaded file, its profile says; glibc, of the instructions, only PC24
(sysdeps/arm/dl-machine.h, elf_machine_rel).
"""

from .arm_forms import FORMS
from .base import (
    COPY,
    DTPMOD,
    DTPOFF,
    GLOB_DAT,
    INSTRUCTION,
    IRELATIVE,
    JUMP_SLOT,
    NONE,
    PC_RELATIVE,
    RELATIVE,
    SYMBOLIC,
    TLSDESC,
    TPOFF,
    Machine,
    table,
)

RELOCATIONS = table(
    "R_ARM_",
    [
        (0, "NONE", NONE, 0),
        (1, "PC24", INSTRUCTION, 4),
        (2, "ABS32", SYMBOLIC, 4),
        (3, "REL32", PC_RELATIVE, 4),
        (10, "THM_CALL", INSTRUCTION, 4),
        (13, "TLS_DESC", TLSDESC, 8),
        (17, "TLS_DTPMOD32", DTPMOD, 4),
        (18, "TLS_DTPOFF32", DTPOFF, 4),
        (19, "TLS_TPOFF32", TPOFF, 4),
        (20, "COPY", COPY, 0),
        (21, "GLOB_DAT", GLOB_DAT, 4),
        (22, "JUMP_SLOT", JUMP_SLOT, 4),
        (23, "RELATIVE", RELATIVE, 4),
        (28, "CALL", INSTRUCTION, 4),
        (29, "JUMP24", INSTRUCTION, 4),
        (30, "THM_JUMP24", INSTRUCTION, 4),
        (43, "MOVW_ABS_NC", INSTRUCTION, 4),
        (44, "MOVT_ABS", INSTRUCTION, 4),
        (45, "MOVW_PREL_NC", INSTRUCTION, 4),
        (46, "MOVT_PREL", INSTRUCTION, 4),
        (47, "THM_MOVW_ABS_NC", INSTRUCTION, 4),
        (48, "THM_MOVT_ABS", INSTRUCTION, 4),
        (49, "THM_MOVW_PREL_NC", INSTRUCTION, 4),
        (50, "THM_MOVT_PREL", INSTRUCTION, 4),
        (160, "IRELATIVE", IRELATIVE, 4),
    ],
    """
    4 LDR_PC_G0 5 ABS16 6 ABS12 7 THM_ABS5 8 ABS8 9 SBREL32 11 THM_PC8 12 BREL_ADJ 14 THM_SWI8 15 XPC25 16 THM_XPC22
    24 GOTOFF32 25 BASE_PREL 26 GOT_BREL 27 PLT32 31 BASE_ABS 32 ALU_PCREL_7_0 33 ALU_PCREL_15_8 34 ALU_PCREL_23_15
    35 LDR_SBREL_11_0_NC 36 ALU_SBREL_19_12_NC 37 ALU_SBREL_27_20_CK 38 TARGET1 39 SBREL31 40 V4BX 41 TARGET2
    42 PREL31 51 THM_JUMP19 52 THM_JUMP6 53 THM_ALU_PREL_11_0 54 THM_PC12 55 ABS32_NOI 56 REL32_NOI 57 ALU_PC_G0_NC
    58 ALU_PC_G0 59 ALU_PC_G1_NC 60 ALU_PC_G1 61 ALU_PC_G2 62 LDR_PC_G1 63 LDR_PC_G2 64 LDRS_PC_G0 65 LDRS_PC_G1
    66 LDRS_PC_G2 67 LDC_PC_G0 68 LDC_PC_G1 69 LDC_PC_G2 70 ALU_SB_G0_NC 71 ALU_SB_G0 72 ALU_SB_G1_NC 73 ALU_SB_G1
    74 ALU_SB_G2 75 LDR_SB_G0 76 LDR_SB_G1 77 LDR_SB_G2 78 LDRS_SB_G0 79 LDRS_SB_G1 80 LDRS_SB_G2 81 LDC_SB_G0
    82 LDC_SB_G1 83 LDC_SB_G2 84 MOVW_BREL_NC 85 MOVT_BREL 86 MOVW_BREL 87 THM_MOVW_BREL_NC 88 THM_MOVT_BREL
    89 THM_MOVW_BREL 90 TLS_GOTDESC 91 TLS_CALL 92 TLS_DESCSEQ 93 THM_TLS_CALL 94 PLT32_ABS 95 GOT_ABS 96 GOT_PREL
    97 GOT_BREL12 98 GOTOFF12 99 GOTRELAX 100 GNU_VTENTRY 101 GNU_VTINHERIT 102 THM_JUMP11 103 THM_JUMP8 104 TLS_GD32
    105 TLS_LDM32 106 TLS_LDO32 107 TLS_IE32 108 TLS_LE32 109 TLS_LDO12 110 TLS_LE12 111 TLS_IE12GP 112 PRIVATE_0
    113 PRIVATE_1 114 PRIVATE_2 115 PRIVATE_3 116 PRIVATE_4 117 PRIVATE_5 118 PRIVATE_6 119 PRIVATE_7 120 PRIVATE_8
    121 PRIVATE_9 122 PRIVATE_10 123 PRIVATE_11 124 PRIVATE_12 125 PRIVATE_13 126 PRIVATE_14 127 PRIVATE_15 128 ME_TOO
    129 THM_TLS_DESCSEQ16 130 THM_TLS_DESCSEQ32 131 THM_GOT_BREL12 132 THM_ALU_ABS_G0_NC 133 THM_ALU_ABS_G1_NC
    134 THM_ALU_ABS_G2_NC 135 THM_ALU_ABS_G3 136 THM_BF16 137 THM_BF12 138 THM_BF18 161 GOTFUNCDESC 162 GOTOFFFUNCDESC
    163 FUNCDESC 164 FUNCDESC_VALUE 165 TLS_GD32_FDPIC 166 TLS_LDM32_FDPIC 167 TLS_IE32_FDPIC 249 RXPC25 250 RSBREL32
    251 THM_RPC22 252 RREL32 253 RABS22 254 RPC24 255 RBASE
    """,
)

MACHINE = Machine(
    name="arm",
    title="ARM",
    e_machine=40,
    elf_class=32,
    relocations=RELOCATIONS,
    tls_above=True,
    gap_above_tp=8,
    tcb_alignment=16,
    executable_stack=True,
    tlsdesc_entry_first=False,
    os_abis=(0, 3, 64),
    lazy_verbs=frozenset({TLSDESC}),
    platform="v7l",
    library_folder="lib/arm-linux-gnueabihf",
    soft_library_folder="lib/arm-linux-gnueabi",
    soft_float=0x200,  # EF_ARM_ABI_FLOAT_SOFT
    hard_float=0x400,  # EF_ARM_ABI_FLOAT_HARD
    forms=FORMS,
)
