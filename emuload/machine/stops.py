"""Why the CPU stopped: the reasons, and a fault as Linux would report it.

Signal numbers and si_code values: Linux's asm-generic/siginfo.h and signal.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV = 4, 5, 7, 8, 11
SEGV_MAPERR, SEGV_ACCERR, SI_KERNEL = 1, 2, 0x80
ILL_ILLOPC, FPE_INTDIV, TRAP_BRKPT, BUS_ADRALN = 1, 1, 1, 1


class Reason(Enum):
    """Why a slice ended."""

    BUDGET = "budget"
    TRAP = "trap"
    FAULT = "fault"
    REQUEST = "request"


@dataclass(slots=True, eq=False, repr=False)
class Fault:
    """A synchronous exception as Linux would report it: signal, si_code, si_addr, and the machine's own numbers."""

    signo: int
    code: int
    address: int
    trapno: int = 0
    error: int = 0
    what: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Stop:
    """The end of a slice. `fault` is set for Reason.FAULT."""

    reason: Reason
    fault: Fault | None = None
