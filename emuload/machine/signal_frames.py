"""The content of a signal frame, whatever the architecture; `layout` finds the architecture's own module.

Each architecture's `signals` has `build_signal_frame`, `restore_signal_frame` and `TRAMPOLINE`, the code to be
mapped at `Abi.sigreturn_trampoline`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Protocol

from emuload.machine.architecture import part
from emuload.machine.cpu import Cpu


class SignalFrame(NamedTuple):
    """Content for the stack, and the handler's place.

    signo          the signal
    siginfo        the 128 bytes of siginfo_t
    handler        address; bit 0 may select an instruction set
    restorer       sa_restorer
    flags          sa_flags
    mask           the blocked signals that sigreturn brings back
    altstack       (ss_sp, ss_flags, ss_size) for uc_stack
    stack_top      top of the alternate stack if the frame goes there, else None
    trapno, error, fault_address   the thread's last fault, for the machine context
    """

    signo: int
    siginfo: bytes
    handler: int
    restorer: int
    flags: int
    mask: int
    altstack: tuple[int, int, int]
    stack_top: int | None = None
    trapno: int = 0
    error: int = 0
    fault_address: int = 0


class BadFrame(Exception):
    """sigreturn found a frame that Linux would refuse (SIGSEGV)."""


class FrameLayout(Protocol):
    """One architecture's signal frames."""

    TRAMPOLINE: bytes

    def build_signal_frame(self, cpu: Cpu, frame: SignalFrame) -> None:
        """Write the frame and enter the handler. Raises MemoryFault where the stack cannot be written."""

    def restore_signal_frame(self, cpu: Cpu, rt: bool) -> tuple[int, tuple[int, int, int] | None]:
        """Registers from the frame at the stack pointer; gives (mask, uc_stack or None).

        Raises MemoryFault or BadFrame.
        """

    def rewind(self, cpu: Cpu) -> None:
        """Let the system call that just stopped run again."""


@cache
def layout(architecture: str) -> FrameLayout:
    """The `signals` module of an architecture."""
    found: FrameLayout = part(architecture, "signals")
    return found
