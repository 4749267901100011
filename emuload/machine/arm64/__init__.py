"""arm64: AArch64, little-endian, LP64.

Arguments go in x0 to x7 and v0 to v7, results come in the same; x8 addresses a result in memory, x30 is the link register, x29
the frame pointer. All instructions have four bytes. A system call is SVC 0 with its number in x8 and the numbers of asm-generic.
The thread pointer is TPIDR_EL0, TLS lies above it (variant I) and is mostly reached by descriptors. Go keeps its g in x28.

Documents: Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64, IHI 0055); ELF for the Arm 64-bit Architecture
(IHI 0056); Linux's arch/arm64.
"""

from __future__ import annotations

from emuload.machine.abi import Abi
from emuload.machine.architecture import Architecture, InstructionSet

ARCHITECTURE = Architecture(
    name="arm64",
    triple="aarch64-linux-gnu",
    linkers=("ld-linux-aarch64.so.1", "libc.musl-aarch64.so.1", "ld-musl-aarch64.so.1"),
    instruction_sets=(InstructionSet("CS_ARCH_ARM64 CS_ARCH_AARCH64", "CS_MODE_LITTLE_ENDIAN", 4),),
    libc_build="arm64",
    other_names=("aarch64", "armv8", "armv8l", "armv8-a", "arm64v8", "arm64-v8a", "arm64e"),
)

_HWCAP_FP, _HWCAP_ASIMD, _HWCAP_CRC32 = 1 << 0, 1 << 1, 1 << 7

ABI = Abi(
    name="arm64",
    word=8,
    uname_machine="aarch64",
    platform="aarch64",
    hwcap=_HWCAP_FP | _HWCAP_ASIMD | _HWCAP_CRC32,
    hwcap2=0,
    mmap_unit=1,
    clone_tls_before_child_tid=True,
    syscall_instruction_size=4,
    epoll_packed=False,
    minsigstksz=5120,
    sigreturn_trampoline=0xFFFF_F7FF_E000,
    map_low=0x10000,
    map_high=0xFFFF_FFFF_F000,
    map_top=0xFFFF_F7FF_0000,
    stack_top=0xFFFF_FFFF_E000,
)
