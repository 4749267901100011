"""The main thread's stack as Linux leaves it to a new process: argc, argv, envp, auxiliary vector, strings.

Source: fs/binfmt_elf.c, create_elf_tables; System V ABI AMD64 supplement 3.4.1 for the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emuload.kernel.clock import SECOND, TICK
from emuload.machine.abi import Abi
from emuload.machine.memory import AddressSpace
from loader.memory import PROT_READ, PROT_WRITE

STACK_SIZE = 8 << 20

AT_NULL, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = 0, 3, 4, 5, 6, 7, 8, 9
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK = 11, 12, 13, 14, 15, 16, 17
AT_SECURE, AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_MINSIGSTKSZ = 23, 25, 26, 31, 51


@dataclass(eq=False, repr=False)
class InitialStack:
    """Addresses of the parts of the stack; `sp` points at argc."""

    sp: int
    low: int
    high: int
    argc: int
    argv: int
    envp: int
    auxv: int
    auxv_bytes: bytes


@dataclass(eq=False, repr=False)
class ProgramHeaders:
    """The main program's headers in memory and its entry point; all 0 without a program."""

    address: int = 0
    entry_size: int = 0
    count: int = 0
    entry: int = 0


def map_stack(memory: AddressSpace, abi: Abi) -> None:
    """Map the main thread's stack; done before a program that could claim its place is mapped."""
    memory.mmap(abi.stack_top - STACK_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE, fixed=True, name="[stack]")


def build_stack(
    memory: AddressSpace,
    abi: Abi,
    args: Sequence[bytes],
    env: Sequence[bytes],
    random: bytes,
    program: ProgramHeaders,
    name: bytes,
    uid: int,
    page_size: int,
) -> InitialStack:
    """Fill the stack, which is mapped already.

    `args` and `env` are byte strings without NUL, `random` is 16 bytes for AT_RANDOM, `page_size` the value of AT_PAGESZ.
    """
    high = abi.stack_top
    low = high - STACK_SIZE
    at = high - abi.word

    def push(data: bytes) -> int:
        nonlocal at
        at -= len(data)
        memory.write(at, data)
        return at

    executable = push(name + b"\0")
    env_at = [push(entry + b"\0") for entry in reversed(env)][::-1]
    args_at = [push(entry + b"\0") for entry in reversed(args)][::-1]
    platform = push(abi.platform.encode() + b"\0")
    random_at = push(random)
    auxiliary = [
        (AT_MINSIGSTKSZ, abi.minsigstksz),
        (AT_HWCAP, abi.hwcap),
        (AT_PAGESZ, page_size),
        (AT_CLKTCK, SECOND // TICK),
        (AT_PHDR, program.address),
        (AT_PHENT, program.entry_size),
        (AT_PHNUM, program.count),
        (AT_BASE, 0),
        (AT_FLAGS, 0),
        (AT_ENTRY, program.entry),
        (AT_UID, uid),
        (AT_EUID, uid),
        (AT_GID, uid),
        (AT_EGID, uid),
        (AT_SECURE, 0),
        (AT_RANDOM, random_at),
        (AT_HWCAP2, abi.hwcap2),
        (AT_EXECFN, executable),
        (AT_PLATFORM, platform),
        (AT_NULL, 0),
    ]
    words = [len(args), *args_at, 0, *env_at, 0]
    for key, value in auxiliary:
        words += [key, value]
    sp = (at - len(words) * abi.word) & -16
    packed = b"".join(word.to_bytes(abi.word, "little") for word in words)
    memory.write(sp, packed)
    argv = sp + abi.word
    envp = argv + (len(args) + 1) * abi.word
    auxv = envp + (len(env) + 1) * abi.word
    return InitialStack(sp, low, high, len(args), argv, envp, auxv, packed[auxv - sp :])
