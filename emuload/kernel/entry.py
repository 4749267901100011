"""The ways into the kernel: system calls and faults from a CPU, and the scheduler's questions before and between slices.

1. A system-call trap calls `syscall`. An int goes into the result register and the task runs on. BLOCKED and SWITCH stop the
   CPU; the handler has then not touched PC or SP, so this is safe inside a CPU hook.
2. Between slices `timeouts(now)` ends the waits whose time has come; `next_deadline()` gives the next such instant. If no task
   is runnable, the clock may jump there.
3. Before a task's slice, with its registers live, `prepare(cpu, task)` completes the pending work for it: the result of the
   call it waited in, a call that looks again or needs the CPU stopped (sigreturn, clone), signal frames. False: it blocked
   again or is gone.
4. `Kernel.exit_status` or `Kernel.exit_signal` is set once the process has ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from emuload.kernel import errno, timers
from emuload.kernel.deadlines import HOST, TIMER, TIMERFD
from emuload.kernel.dispatch import BLOCKED, SWITCH, Result
from emuload.kernel.fs.attached import Kernel
from emuload.kernel.signals import Delivery, deliver, force_fault
from emuload.kernel.task import Task
from emuload.machine.cpu import Cpu
from emuload.machine.memory import MemoryFault, OutOfMemory
from emuload.machine.stops import Fault

_CALL, _ENTER, _EXIT = ("name", "args", "result"), ("name", "args", "wait"), ("name", "result")
"""Fields of a system call's events."""


class Entry:
    """Enters one process's kernel. Holds no state of its own."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    # -- from the CPU --------------------------------------------------------------------------------------------

    def syscall(self, cpu: Cpu, task: Task, number: int, args: Sequence[int]) -> Result:
        """Carry out one system call of the task whose registers are live. See the module's text for the answer."""
        k = self.kernel
        k.cpu = cpu
        entry = k.table.entries.get(number)
        if entry is None:
            entry = k.table.find(number)
        if entry is None:
            k.report_unsupported(task, k.table.names.get(number, f"#{number}"))
            return -errno.ENOSYS
        name, handler, count = entry
        given = tuple(args)
        task.call = (number, given)
        given = given[:count]
        try:
            result = handler(k, task, *given)
        except MemoryFault:
            result = -errno.EFAULT
        except OutOfMemory:
            result = -errno.ENOMEM
        events = k.events
        if result is BLOCKED:
            task.blocked_call = True
            if events.enabled:
                what = "" if task.wait is None else task.wait.what
                events.repeat("syscall-enter", task.tid, _ENTER, (name, given, what))
            if task.attention and task.wait is not None and task.wait.interruptible:
                k.interrupt(task)
                return SWITCH
            return BLOCKED
        if result is SWITCH:
            return SWITCH
        if events.enabled:
            events.repeat("syscall", task.tid, _CALL, (name, given, result))
        if task.attention or task.saved_mask is not None or task.yielded:
            task.result = result
            return SWITCH
        return result

    def fault(self, cpu: Cpu, task: Task, fault: Fault) -> None:
        """Queue the signal of a synchronous exception; the next `prepare` delivers it or ends the process."""
        self.kernel.cpu = cpu
        force_fault(self.kernel, cpu, task, fault)

    # -- between slices ------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """Monotonic ns of the next time-out or timer, or None."""
        k = self.kernel
        first = k.deadlines.first(k.is_current)
        if k.timers.timers:
            due = timers.next_cpu_deadline(k)
            if due is not None and (first is None or due < first):
                return due
        return first

    def timeouts(self, now: int) -> None:
        """End every wait and fire every timer due by `now` (monotonic ns). Events emitted here have tid 0 and pc 0."""
        k = self.kernel
        k.current, k.events.pc = None, 0
        self._end_due_waits(now)
        timers.fire_cpu_timers(k)

    def _end_due_waits(self, now: int) -> None:
        k = self.kernel
        while (entry := k.deadlines.pop_due(now)) is not None:
            _, sequence, kind, ident = entry
            if kind == TIMER:
                timers.fire(k, ident, sequence, now)
            elif kind == TIMERFD:
                assert k.timer_files is not None
                k.timer_files.timer_due(ident, sequence)
            elif kind != HOST:
                self._end_wait(ident, sequence)

    def _end_wait(self, tid: int, sequence: int) -> None:
        """Time out the wait that task `tid` began with this sequence number, if it is still in it."""
        k = self.kernel
        task = k.tasks.get(tid)
        if task is None or task.wait is None or task.wait.since != sequence:
            return
        result = task.wait.timeout_result
        if result is None:
            k.wake_again(task, timed_out=True)
        else:
            k.forget_waiter(task)
            k.wake(task, result)

    # -- before a slice ------------------------------------------------------------------------------------------

    def prepare(self, cpu: Cpu, task: Task) -> bool:
        """Bring the task, whose registers are live, to where it may run. False: it may not (blocked or ended)."""
        k = self.kernel
        k.cpu = cpu
        k.current = task
        k.events.pc = task.pc
        if k.on_cpu is not task:
            k.account(task)
        if task.exited:
            return False
        if (task.deferred or task.again) and not self._retry(cpu, task):
            return False
        if task.result is not None:
            self._finish_call(cpu, task, task.result)
        if task.attention or task.interrupted is not None or task.saved_mask is not None:
            delivery = deliver(k, cpu, task)
            if delivery is Delivery.AGAIN:
                return self._retry(cpu, task) and self.prepare(cpu, task)
            return delivery is Delivery.RUN
        return not task.exited

    def _retry(self, cpu: Cpu, task: Task) -> bool:
        """Run a deferred call or one whose wait ended with "look again". False: it blocked again or ended the task."""
        k = self.kernel
        assert task.call is not None
        number, args = task.call
        _, handler, count = k.table.entries[number]
        deferred, task.deferred, task.again = task.deferred, False, False
        k.stopped = True
        try:
            result = handler(k, task, *args[:count])
        except MemoryFault:
            result = -errno.EFAULT
        except OutOfMemory:
            result = -errno.ENOMEM
        finally:
            k.stopped = False
            task.resumed, task.timed_out = None, False
        if result is BLOCKED:
            if task.attention and task.wait is not None and task.wait.interruptible:
                k.interrupt(task)
                return True
            return False
        if isinstance(result, int):
            if deferred and k.events.enabled:
                name = k.call_name(task)
                k.events.emit("syscall", task.tid, name=name, args=tuple(args[:count]), result=result)
                cpu.syscall_result(result)
            else:
                task.result = result
        return not task.exited

    def _finish_call(self, cpu: Cpu, task: Task, result: int) -> None:
        k = self.kernel
        cpu.syscall_result(result)
        task.result = None
        if task.blocked_call and k.events.enabled:
            k.events.repeat("syscall-exit", task.tid, _EXIT, (k.call_name(task), result))
        task.blocked_call = False
