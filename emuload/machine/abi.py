"""Linux's and the psABI's conventions that differ between architectures, as data.

One `Abi` per architecture, in the head of its folder; the kernel, the libc's host side and the process read it
and never ask which architecture it is.
"""

from __future__ import annotations

from typing import NamedTuple


class Abi(NamedTuple):
    """One architecture's conventions.

    Addresses are guest addresses; sizes are bytes. Sources: the Linux uapi headers of the architecture
    (asm/stat.h, asm/hwcap.h, asm/signal.h) and the ABI documents named in the architecture's folder.
    """

    name: str
    word: int
    uname_machine: str
    platform: str
    hwcap: int
    hwcap2: int
    mmap_unit: int
    clone_tls_before_child_tid: bool
    """clone(flags, stack, parent_tid, tls, child_tid) instead of (…, child_tid, tls): CONFIG_CLONE_BACKWARDS."""
    syscall_instruction_size: int
    epoll_packed: bool
    minsigstksz: int
    sigreturn_trampoline: int
    """Address of the page's code that calls rt_sigreturn, used when a handler brings no restorer."""
    map_low: int
    map_high: int
    map_top: int
    stack_top: int

    @property
    def word_mask(self) -> int:
        """All bits of a word."""
        return (1 << self.word * 8) - 1

    def signed(self, value: int) -> int:
        """A word read as a signed number."""
        bits = self.word * 8
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
