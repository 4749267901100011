"""siginfo_t: the fields that a signal has, and their layout.

Sources: sigaction(2), Linux include/uapi/asm-generic/siginfo.h, kernel/signal.c (siginfo_layout).
"""

from __future__ import annotations

import struct

from emuload.kernel.task import SigInfo
from emuload.machine.signal_numbers import (
    SI_KERNEL,
    SI_TIMER,
    SI_TKILL,
    SI_USER,
    SIGBUS,
    SIGCHLD,
    SIGFPE,
    SIGILL,
    SIGINFO_SIZE,
    SIGRTMIN,
    SIGSEGV,
    SIGTRAP,
)

_NAMES = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
)  # fmt: skip

FAULTS = frozenset({SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP})


def signal_name(signo: int) -> str:
    """SIGSEGV for 11, SIGRT2 for 34 (counted from the kernel's SIGRTMIN, as strace does)."""
    if 0 < signo < SIGRTMIN:
        return "SIG" + _NAMES[signo - 1]
    return f"SIGRT{signo - SIGRTMIN}"


def encode(info: SigInfo, word: int) -> bytes:
    """The 128 bytes of siginfo_t on a machine of `word` bytes."""
    if info.raw:
        return struct.pack("<i", info.signo) + info.raw[4:SIGINFO_SIZE].ljust(SIGINFO_SIZE - 4, b"\0")
    head = struct.pack("<iii", info.signo, info.errno, info.code)
    return (head + bytes(word - 4) + _fields(info, word)).ljust(SIGINFO_SIZE, b"\0")


def _fields(info: SigInfo, word: int) -> bytes:
    mask = (1 << word * 8) - 1
    value = (info.value & mask).to_bytes(word, "little")
    if info.code == SI_TIMER:
        return struct.pack("<ii", info.timer, info.overrun) + value
    if SI_USER < info.code < SI_KERNEL:
        if info.signo in FAULTS:
            return (info.address & mask).to_bytes(word, "little") + struct.pack("<h", info.address_lsb)
        if info.signo == SIGCHLD:
            return struct.pack("<iIi", info.pid, info.uid, info.status)
    if info.code in (SI_USER, SI_TKILL):
        return struct.pack("<iI", info.pid, info.uid)
    if info.code < 0:
        return struct.pack("<iI", info.pid, info.uid) + value
    return b""
