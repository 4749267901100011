"""Answers each stop of the CPU: system calls, the C library's host calls, host stubs.

`answer` is called inside the CPU's hook and answers most traps in place. Host calls that map or change code, and host stubs,
need the CPU stopped: `answer` then returns None, and the scheduler calls `finish` after the slice. System calls that need it
defer themselves (`Kernel.defer`).
"""

from __future__ import annotations

from collections.abc import Sequence

from emuload.kernel.dispatch import Stop
from emuload.kernel.task import Task
from emuload.libc.host import EM_BASE, LibcHost
from emuload.process.host_calls import HostCalls
from emuload.process.host_stubs import HostStubs
from emuload.process.runner import Runner

LIBC_CALLS = range(EM_BASE, EM_BASE + 0x100)
"""Call numbers of the C library's host calls; only its own code may use them."""

_NOTHING: tuple[int, int, tuple[int, ...]] = (0, 0, ())


class Traps:
    """Answers the traps of one guest. `connect` makes it the CPU's and the scheduler's trap handler."""

    def __init__(self, runner: Runner, libc: LibcHost, stubs: HostStubs, host_calls: HostCalls) -> None:
        self._runner = runner
        self._scheduler = runner.scheduler
        self._cpu = runner.scheduler.cpu
        self._kernel = runner.kernel
        self._entry = runner.scheduler.entry
        self._recorder = runner.kernel.events
        self._libc = libc
        self._stubs = stubs
        self._host_calls = host_calls
        self._open = _NOTHING
        """(address, call number, arguments) of the trap that waits for the CPU to stop."""
        self.libc_code = range(0)
        """Addresses of the C library's code, once it is mapped."""

    def connect(self) -> None:
        """Answer the traps of the CPU from now on."""
        self._cpu.handler = self.answer
        self._scheduler.on_trap = self.finish

    def answer(self, pc: int, number: int, arguments: Sequence[int]) -> int | None:
        """The value for the result register, or None to stop the CPU: then `finish` does the rest."""
        task = self._kernel.current
        assert task is not None
        task.pc = self._recorder.pc = pc
        stubs = self._stubs
        if number in LIBC_CALLS and pc in self.libc_code:
            if number not in self._libc.stops_first:
                result = self._libc.call(self._cpu, task, number, arguments)
                return None if isinstance(result, Stop) else result
        elif not stubs.base <= pc < stubs.end:
            result = self._entry.syscall(self._cpu, task, number, arguments)
            return None if isinstance(result, Stop) else result
        self._open = (pc, number, tuple(arguments))
        return None

    def finish(self, task: Task) -> None:
        """The rest of a trap, with the CPU stopped and the task's registers live."""
        pc, number, arguments = self._open
        if pc == 0:
            return
        self._open = _NOTHING
        if self._stubs.base <= pc < self._stubs.end:
            self._at_stub(task, pc)
            return
        answer = self._libc.call(self._cpu, task, number, arguments)
        if not isinstance(answer, Stop):
            self._cpu.syscall_result(answer)

    def _at_stub(self, task: Task, pc: int) -> None:
        kind, name, index = self._stubs.at(pc)
        host_calls, runner = self._host_calls, self._runner
        if kind == "none" or (kind == "return" and not host_calls.under_way.get(task.tid)):
            where = f"the emulator's own code at {pc:#x}, where no call returns to"
            runner.fail(f"thread {task.tid} ran into {where}", "gate", task)
        elif kind == "return":
            host_calls.returned(task)
        elif kind == "callback":
            host_calls.call_back(task, index)
        else:
            caller = self._cpu.return_address()
            self._recorder.emit("missing-function", task.tid, name=name, caller=caller)
            where = runner.diagnosis.describe_address(caller)
            words = f"the C library function {name} is not implemented (called from {where})"
            runner.fail(words, "missing-function", task)
