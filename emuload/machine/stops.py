"""Why the CPU stopped: the reasons, and a fault as Linux would report it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
