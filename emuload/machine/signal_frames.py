"""What a signal frame is made of, whatever the architecture; `layout` finds the architecture's own module.

Each `<architecture>_signals` module has `build_signal_frame`, `restore_signal_frame` and `TRAMPOLINE`, the code to be
mapped at `Abi.sigreturn_trampoline`.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import NamedTuple, Protocol, cast

from emuload.machine.cpu import Cpu


class SignalFrame(NamedTuple):
    """What the kernel wants on the stack, and where the handler is.

    signo          the signal
    siginfo        the 128 bytes of siginfo_t
    handler        address; on arm bit 0 selects Thumb
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
    """The module of "amd64", "arm" or "arm64"."""
    return cast(FrameLayout, importlib.import_module(f"emuload.machine.{architecture}.signals"))
