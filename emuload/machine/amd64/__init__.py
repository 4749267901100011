"""amd64: 64-bit x86.

Arguments go in rdi, rsi, rdx, rcx, r8, r9 and xmm0 to xmm7, results come in rax, rdx, xmm0 and xmm1; a call pushes its return
address, and 128 bytes below the stack pointer, the red zone, belong to the function. A system call is SYSCALL with its number in
rax; it destroys rcx and r11. The thread pointer is the base of FS, and TLS lies below it (variant II). Go keeps its g in r14.

Documents: System V ABI, AMD64 Architecture Processor Supplement (calling convention 3.2, process start 3.4, Linux's system calls
A.2); Intel SDM; Linux's arch/x86.
"""

from __future__ import annotations

from emuload.machine.abi import Abi
from emuload.machine.architecture import Architecture, InstructionSet

ARCHITECTURE = Architecture(
    name="amd64",
    triple="x86_64-linux-gnu",
    linkers=("ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
    instruction_sets=(InstructionSet("CS_ARCH_X86", "CS_MODE_64", 1),),
    libc_build="amd64",
    other_names=("x86_64", "x86-64", "x64", "intel64"),
)

ABI = Abi(
    name="amd64",
    word=8,
    uname_machine="x86_64",
    platform="x86_64",
    hwcap=0x078BFBFD,
    hwcap2=0,
    mmap_unit=1,
    clone_tls_before_child_tid=False,
    syscall_instruction_size=2,
    epoll_packed=True,
    minsigstksz=2048,
    sigreturn_trampoline=0x7FFF_F7FF_E000,
    map_low=0x10000,
    map_high=0x7FFF_FFFF_F000,
    map_top=0x7FFF_F7FF_0000,
    stack_top=0x7FFF_FFFF_E000,
)
