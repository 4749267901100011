"""The kernel of one guest process: its state, and how a system call, a wake-up and a time-out go through it.

The scheduler's side of it:

1. A system-call trap calls `syscall`. An int goes into the result register and the task runs on. BLOCKED and
   SWITCH stop the CPU; the handler has then not touched PC or SP, so this is safe inside a CPU hook.
2. Between slices `timeouts(now)` ends the waits whose time has come; `next_deadline()` says when that will be.
   When no task is runnable the clock may jump there.
3. Before a task's slice, with its registers live, `prepare(cpu, task)` finishes what is owed to it: the result of
   the call it waited in, a second look of such a call, sigreturn, clone, signal frames. False: it blocked again or
   is gone.
4. `exit_status` or `exit_signal` is set when the process has ended.

A copy (copy.deepcopy with memory, clock, events and cpu in the memo) is a snapshot: no handler, closure or generator is
among the state.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from emuload.kernel import dispatch, errno
from emuload.kernel.clock import VirtualClock
from emuload.kernel.dispatch import BLOCKED, SWITCH, Result, SyscallTable
from emuload.kernel.identity import Credentials, Limits, System
from emuload.kernel.task import SigInfo, Task, Wait
from emuload.machine.abi import Abi
from emuload.machine.cpu import Context, Cpu
from emuload.machine.memory import AddressSpace, MemoryFault, OutOfMemory
from emuload.machine.stops import Fault
from emuload.trace.events import Recorder

if TYPE_CHECKING:
    from emuload.kernel.fs.table import FileTable
    from emuload.kernel.fs.tree import FileSystem

FIRST_PID = 1000
PARENT_PID = 1
_CALL, _ENTER, _EXIT = ("name", "args", "result"), ("name", "args", "wait"), ("name", "result")
"""Fields of a system call's events."""

_MASK64 = (1 << 64) - 1
_TASK, _TIMER, _HOST, TIMERFD = 0, 1, 2, 3
"""Whose deadline an entry (instant, order, whose, id) of the heap is."""


class WaiterChoice(Protocol):
    """Says which of several waiters of one futex wakes. A schedule may bring its own; it must be deep-copyable."""

    def choose_waiter(self, address: int, waiters: Sequence[int]) -> int:
        """Index into `waiters` (thread ids, longest waiting first)."""
        ...


@dataclass(eq=False, repr=False)
class FirstWaiter:
    """First come, first served."""

    def choose_waiter(self, address: int, waiters: Sequence[int]) -> int:
        """Always the longest waiting one."""
        return 0


class Entropy:
    """Seeded random bytes for getrandom, AT_RANDOM and /dev/urandom (SplitMix64)."""

    def __init__(self, state: int) -> None:
        self.state = state

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        words = bytearray()
        while len(words) < count:
            self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK64
            z = self.state
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK64
            z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK64
            words += (z ^ z >> 31).to_bytes(8, "little")
        return bytes(words[:count])


@dataclass(eq=False, repr=False)
class Death:
    """How a fatal signal ended the process, for the report."""

    tid: int
    info: SigInfo
    pc: int
    registers: dict[str, int]
    core: bool


class FutexState:
    """Waiting thread ids per futex address, longest waiting first."""

    def __init__(self) -> None:
        self.waiters: dict[int, list[int]] = {}


@dataclass(eq=False, repr=False)
class Action:
    """One row of the signal table (sigaction(2)); handler 0 is SIG_DFL, 1 SIG_IGN."""

    handler: int = 0
    flags: int = 0
    restorer: int = 0
    mask: int = 0


class SignalState:
    """Actions by signal number (only those ever set) and the process-wide queue."""

    def __init__(self) -> None:
        self.actions: dict[int, Action] = {}
        self.pending: list[SigInfo] = []


@dataclass(eq=False, repr=False)
class Timer:
    """A POSIX timer or an interval timer. `clock` is "real", "process" or a thread id; times in its clock's ns."""

    ident: int
    clock: str | int
    signo: int
    tid: int = 0
    value: int = 0
    notify: int = 0
    posix: bool = True
    realtime: bool = False
    due: int | None = None
    interval: int = 0
    armed: int = 0
    overrun: int = 0


class TimerState:
    """Timers by id; ids below 0 are the three interval timers of setitimer(2)."""

    def __init__(self) -> None:
        self.timers: dict[int, Timer] = {}
        self.next_id = 0


class MemoryState:
    """The program break."""

    def __init__(self) -> None:
        self.brk_start = 0
        self.brk = 0
        self.brk_limit = 0


class Kernel:
    """Linux for one process. `files` and `fs` are attached by whoever builds the process."""

    def __init__(
        self,
        memory: AddressSpace,
        abi: Abi,
        events: Recorder,
        seed: int,
        clock: VirtualClock,
        cpus: int = 1,
        max_tasks: int = 10_000,
    ) -> None:
        self.memory = memory
        self.abi = abi
        self.events = events
        self.seed = seed
        self.clock = clock
        self.cpus = cpus
        self.max_tasks = max_tasks
        self.pid = FIRST_PID
        self.ppid = PARENT_PID
        self.tasks: dict[int, Task] = {}
        self.current: Task | None = None
        self.exit_status: int | None = None
        self.exit_signal: int | None = None
        self.death: Death | None = None
        self.bound_reached = ""
        """Why the run must end because a bound of the kernel's was reached, in words; empty while none was."""
        self.choice: WaiterChoice = FirstWaiter()
        self.futexes = FutexState()
        self.signals = SignalState()
        self.timers = TimerState()
        self.break_ = MemoryState()
        self.credentials = Credentials()
        self.limits = Limits()
        self.system = System()
        self.fs: FileSystem = None  # type: ignore[assignment]
        self.files: FileTable = None  # type: ignore[assignment]
        self.entropy = Entropy(self.seed & _MASK64)
        self.cpu: Cpu | None = None
        self.stopped = False
        self.next_tid = self.pid
        self.sequence = 0
        self.deadlines: list[tuple[int, int, int, int]] = []
        self.unknown: set[str] = set()
        self.on_cpu: Task | None = None
        self.on_cpu_since = 0
        self.table: SyscallTable = dispatch.table(self.abi.name)

    # -- system calls ------------------------------------------------------------------------------------------

    def syscall(self, cpu: Cpu, task: Task, number: int, args: Sequence[int]) -> Result:
        """Carry out one system call of the task whose registers are live. See the module's text for the answer."""
        self.cpu = cpu
        entry = self.table.entries.get(number)
        if entry is None:
            entry = self.table.find(number)
        if entry is None:
            return self._unknown_call(task, number)
        name, handler, count = entry
        given = tuple(args)
        task.call = (number, given)
        given = given[:count]
        try:
            result = handler(self, task, *given)
        except MemoryFault:
            result = -errno.EFAULT
        except OutOfMemory:
            result = -errno.ENOMEM
        events = self.events
        if result is BLOCKED:
            task.blocked_call = True
            if events.enabled:
                what = "" if task.wait is None else task.wait.what
                events.repeat("syscall-enter", task.tid, _ENTER, (name, given, what))
            if task.attention and task.wait is not None and task.wait.interruptible:
                self.interrupt(task)
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

    def _unknown_call(self, task: Task, number: int) -> int:
        name = self.table.names.get(number, f"#{number}")
        self.report_unsupported(task, name)
        return -errno.ENOSYS

    def report_unsupported(self, task: Task, name: str) -> None:
        """Emit "unknown-syscall" for a call that answers ENOSYS because it is not here; once per name."""
        if name not in self.unknown:
            self.unknown.add(name)
            self.events.emit("unknown-syscall", task.tid, name=name)

    def call_name(self, task: Task) -> str:
        """Name of the call the task is in or made last."""
        number = task.call[0] if task.call else -1
        return self.table.names.get(number) or f"#{number}"

    def defer(self, task: Task) -> Result:
        """For a handler that needs the CPU stopped: run the same call again from `prepare`, with `stopped` set."""
        task.deferred = True
        return SWITCH

    # -- waiting -----------------------------------------------------------------------------------------------

    def block(self, task: Task, wait: Wait) -> Result:
        """Let the task wait; a handler answers with what this returns. A time-out comes late by the task's timer slack."""
        self.sequence += 1
        wait.since = self.sequence
        wait.began = self.clock.now()
        task.wait = wait
        if wait.deadline is not None:
            heapq.heappush(self.deadlines, (wait.deadline + task.timer_slack[0], self.sequence, _TASK, task.tid))
        return BLOCKED

    def deadline(self, task: Task, relative: int) -> int:
        """Absolute deadline for a wait of `relative` ns. A call run again keeps the one it began with."""
        if task.resumed is not None and task.resumed.deadline is not None:
            return task.resumed.deadline
        return self.clock.now() + relative

    def wake(self, task: Task, result: int) -> None:
        """End the task's wait: its call returns `result`."""
        task.wait = None
        task.result = result

    def wake_again(self, task: Task, timed_out: bool = False) -> None:
        """End the task's wait so that its call looks again, with `resumed` set to the wait that ended."""
        task.resumed = task.wait
        task.timed_out = timed_out
        task.wait = None
        task.again = True

    def wake_queue(self, queue: int) -> int:
        """Wake all that wait on an "io" wait queue, in the order they came. How many there were."""
        woken = [
            task
            for task in self.tasks.values()
            if task.wait is not None and task.wait.retry and (task.wait.key == queue or queue in task.wait.queues)
        ]
        woken.sort(key=lambda task: task.wait.since if task.wait else 0)
        for task in woken:
            self.wake_again(task)
        return len(woken)

    def interrupt(self, task: Task) -> None:
        """A signal ends the task's wait; `deliver_signals` decides between restart and -EINTR."""
        from emuload.kernel.futex import forget_waiter

        forget_waiter(self, task)
        task.interrupted = task.wait
        task.wait = None

    def timeouts(self, now: int) -> None:
        """End every wait and fire every timer due by `now` (monotonic ns). What happens by this happens on no thread."""
        self.current, self.events.pc = None, 0
        self._end_due_waits(now)
        from emuload.kernel import timers

        timers.fire_cpu_timers(self)

    def _end_due_waits(self, now: int) -> None:
        from emuload.kernel import timers
        from emuload.kernel.futex import forget_waiter

        heap = self.deadlines
        while heap and heap[0][0] <= now:
            _, sequence, kind, ident = heapq.heappop(heap)
            if kind == _TIMER:
                timers.fire(self, ident, sequence, now)
                continue
            if kind == TIMERFD:
                self.files.timer_due(ident, sequence)
                continue
            if kind == _HOST:
                continue
            task = self.tasks.get(ident)
            if task is None or task.wait is None or task.wait.since != sequence:
                continue
            result = task.wait.timeout_result
            if result is None:
                self.wake_again(task, timed_out=True)
            else:
                forget_waiter(self, task)
                self.wake(task, result)

    def add_timer_deadline(self, due: int, ident: int) -> None:
        """Have `timeouts` fire timer `ident`, as armed just now, at `due`."""
        heapq.heappush(self.deadlines, (due, self.sequence, _TIMER, ident))

    def alarm_host(self, instant: int) -> None:
        """Make `next_deadline` stop at a monotonic instant that only the host cares about."""
        self.sequence += 1
        heapq.heappush(self.deadlines, (instant, self.sequence, _HOST, 0))

    def next_deadline(self) -> int | None:
        """Monotonic ns of the next time-out or timer, or None."""
        heap = self.deadlines
        while heap and not self._deadline_stands(heap[0]):
            heapq.heappop(heap)
        first = heap[0][0] if heap else None
        if self.timers.timers:
            from emuload.kernel import timers

            due = timers.next_cpu_deadline(self)
            if due is not None and (first is None or due < first):
                return due
        return first

    def _deadline_stands(self, entry: tuple[int, int, int, int]) -> bool:
        _, sequence, kind, ident = entry
        if kind == _HOST:
            return True
        if kind == _TIMER:
            timer = self.timers.timers.get(ident)
            return timer is not None and timer.armed == sequence
        if kind == TIMERFD:
            return self.files.timer_stands(ident, sequence)
        task = self.tasks.get(ident)
        return task is not None and task.wait is not None and task.wait.since == sequence

    # -- before a slice ----------------------------------------------------------------------------------------

    def prepare(self, cpu: Cpu, task: Task) -> bool:
        """Bring the task, whose registers are live, to where it may run. False: it may not (blocked or ended)."""
        self.cpu = cpu
        self.current = task
        self.events.pc = task.pc
        if self.on_cpu is not task:
            self._account(task)
        if task.exited:
            return False
        if (task.deferred or task.again) and not self.retry(cpu, task):
            return False
        if task.result is not None:
            self._finish_call(cpu, task, task.result)
        if task.attention or task.interrupted is not None or task.saved_mask is not None:
            return self.deliver_signals(cpu, task)
        return not task.exited

    def retry(self, cpu: Cpu, task: Task) -> bool:
        """Run a deferred call or one whose wait ended with "look again". False: it blocked again or ended the task."""
        assert task.call is not None
        number, args = task.call
        _, handler, count = self.table.entries[number]
        deferred, task.deferred, task.again = task.deferred, False, False
        self.stopped = True
        self.cpu = cpu
        try:
            result = handler(self, task, *args[:count])
        except MemoryFault:
            result = -errno.EFAULT
        except OutOfMemory:
            result = -errno.ENOMEM
        finally:
            self.stopped = False
            task.resumed, task.timed_out = None, False
        if result is BLOCKED:
            if task.attention and task.wait is not None and task.wait.interruptible:
                self.interrupt(task)
                return True
            return False
        if isinstance(result, int):
            if deferred and self.events.enabled:
                name = self.call_name(task)
                self.events.emit("syscall", task.tid, name=name, args=tuple(args[:count]), result=result)
                cpu.syscall_result(result)
            else:
                task.result = result
        return not task.exited

    def _finish_call(self, cpu: Cpu, task: Task, result: int) -> None:
        cpu.syscall_result(result)
        task.result = None
        if task.blocked_call and self.events.enabled:
            self.events.repeat("syscall-exit", task.tid, _EXIT, (self.call_name(task), result))
        task.blocked_call = False

    def _account(self, task: Task) -> None:
        """Give the task that leaves the CPU the time it used; `task` is on it now."""
        executed = self.clock.executed()
        if self.on_cpu is not None:
            self.on_cpu.cpu_time += executed - self.on_cpu_since
        self.on_cpu, self.on_cpu_since = task, executed

    def cpu_time(self, task: Task) -> int:
        """Nanoseconds of code the task has executed."""
        extra = self.clock.executed() - self.on_cpu_since if task is self.on_cpu else 0
        return task.cpu_time + extra

    # -- signals -----------------------------------------------------------------------------------------------

    def deliver_signals(self, cpu: Cpu, task: Task) -> bool:
        """Build frames for, or carry out, every deliverable signal of the task. False: the task must not run."""
        from emuload.kernel.signals import deliver

        self.cpu = cpu
        return deliver(self, cpu, task)

    def fault(self, cpu: Cpu, task: Task, fault: Fault) -> None:
        """Queue the signal of a synchronous exception; the next `prepare` delivers it or ends the process."""
        from emuload.kernel.signals import force_fault

        self.cpu = cpu
        force_fault(self, task, fault)

    def send(self, signo: int, task: Task | None = None, info: SigInfo | None = None) -> None:
        """Send a signal to the process, or to one of its threads, as the kernel itself does (SI_KERNEL)."""
        from emuload.kernel.signals import SI_KERNEL, send_signal

        send_signal(self, info or SigInfo(signo, SI_KERNEL), task)

    # -- tasks -------------------------------------------------------------------------------------------------

    def create_main_task(self, context: Context, name: str = "main", thread_pointer: int = 0) -> Task:
        """The thread the process begins with; its tid is the pid."""
        assert not self.tasks
        return self.spawn(context, name=name, thread_pointer=thread_pointer)

    def spawn(self, context: Context, name: str = "", parent: Task | None = None, thread_pointer: int = 0) -> Task:
        """Add a runnable task with a new tid. It inherits name, signal mask and timer slack from `parent`.

        `thread_pointer` is what was set for it, 0 when it starts with its parent's.
        """
        task = Task(self.next_tid, name, context)
        self.next_tid += 1
        if parent is not None:
            task.parent = parent.tid
            task.sigmask = parent.sigmask
            task.name = name or parent.name
            task.timer_slack = (parent.timer_slack[0], parent.timer_slack[0])
        task.started = self.clock.now()
        self.tasks[task.tid] = task
        self.events.emit("task-create", parent.tid if parent else 0, child=task.tid, thread_pointer=thread_pointer)
        return task

    @property
    def living(self) -> list[Task]:
        """Tasks that have not exited, oldest first."""
        return [task for task in self.tasks.values() if not task.exited]

    def end(self, status: int | None, signo: int | None = None) -> None:
        """End the whole process."""
        if self.exit_status is not None or self.exit_signal is not None:
            return
        self.exit_status, self.exit_signal = status, signo
        for task in self.tasks.values():
            task.exited = True
            task.wait = None
        self.futexes.waiters.clear()
        self.deadlines.clear()

    # -- guest memory, as the kernel uses it ---------------------------------------------------------------------

    def get_u32(self, address: int) -> int:
        """A 32-bit word of user memory. Raises MemoryFault."""
        return int.from_bytes(self.memory.user_read(address, 4), "little")

    def put_u32(self, address: int, value: int) -> None:
        """Write a 32-bit word of user memory. Raises MemoryFault."""
        self.memory.user_write(address, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def get_word(self, address: int) -> int:
        """A machine word of user memory. Raises MemoryFault."""
        return int.from_bytes(self.memory.user_read(address, self.abi.word), "little")

    def put_word(self, address: int, value: int) -> None:
        """Write a machine word of user memory. Raises MemoryFault."""
        self.memory.user_write(address, (value & self.abi.word_mask).to_bytes(self.abi.word, "little"))
