"""A CPU whose exceptions have the numbers of QEMU's target/arm, each turned into the signal that Linux gives."""

from __future__ import annotations

from emuload.machine import engine as uc
from emuload.machine.cpu import Cpu
from emuload.machine.signal_numbers import BUS_ADRALN, ILL_ILLOPC, SI_KERNEL, SIGBUS, SIGILL, SIGSEGV, SIGTRAP, TRAP_BRKPT
from emuload.machine.stops import Fault, Reason, Stop

# target/arm/cpu.h: EXCP_UDEF, EXCP_SWI, EXCP_PREFETCH_ABORT, EXCP_DATA_ABORT, EXCP_BKPT
_UNDEFINED, _SUPERVISOR_CALL, _PREFETCH_ABORT, _DATA_ABORT, _BREAKPOINT = 1, 2, 3, 4, 7
_UNDEFINED_TRAP_NUMBER = 6
_INSTRUCTION = 4


class InterruptCpu(Cpu):
    """A CPU whose system calls and faults arrive as Unicorn's interrupt hook.

    `_call_group` holds the processor state, the PC, the system-call number's register and those of the arguments; `_short` is
    the state's bit that makes a system call's instruction two bytes long.
    """

    _call_group: uc.RegisterGroup
    _short = 0

    def _install(self) -> None:
        self.engine.hook(uc.HOOK_INTR, uc.INTERRUPT_CALLBACK(self._on_interrupt))

    def _on_interrupt(self, _: int, number: int, user: int) -> None:
        if number == _SUPERVISOR_CALL:
            state, pc, call, *arguments = self.engine.read_group(self._call_group)
            result = self._trap(pc - (2 if state & self._short else 4), call, arguments)
            if result is not None:
                self.syscall_result(result)
            return
        pc = self.pc
        if number == _BREAKPOINT:
            fault = Fault(SIGTRAP, TRAP_BRKPT, pc, 0, 0, "breakpoint")
        elif number == _UNDEFINED:
            fault = Fault(SIGILL, ILL_ILLOPC, pc, _UNDEFINED_TRAP_NUMBER, 0, "illegal instruction")
        elif number in (_PREFETCH_ABORT, _DATA_ABORT):
            fault = Fault(SIGBUS, BUS_ADRALN, pc, 0, 0, "misaligned access")
        else:
            fault = Fault(SIGSEGV, SI_KERNEL, 0, 0, 0, f"exception {number}")
        self._halt(Stop(Reason.FAULT, fault))

    def instructions_in(self, code: bytes, address: int) -> int:
        """All instructions are of one size."""
        return len(code) // _INSTRUCTION
