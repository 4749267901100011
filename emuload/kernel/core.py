"""The kernel of one guest process: its state and the operations on it that every handler uses.

`entry.py` has the ways in. A copy (copy.deepcopy with memory, clock, events and cpu in the memo) is a snapshot: the state
contains no handler, closure or generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from emuload.kernel import dispatch
from emuload.kernel.clock import VirtualClock
from emuload.kernel.deadlines import HOST, TASK, TIMER, TIMERFD, Deadline, Deadlines
from emuload.kernel.dispatch import BLOCKED, SWITCH, Result, SyscallTable
from emuload.kernel.identity import Credentials, Limits, System
from emuload.kernel.state import Death, Entropy, FutexState, MemoryState, SignalState, TimerState
from emuload.kernel.task import Task, Wait
from emuload.machine.abi import Abi
from emuload.machine.contexts import Context
from emuload.machine.cpu import Cpu
from emuload.machine.memory import AddressSpace
from emuload.trace.events import Recorder

FIRST_PID = 1000
PARENT_PID = 1


class WaiterChoice(Protocol):
    """Chooses which of several waiters of one futex wakes. A schedule may bring its own; it must be deep-copyable."""

    def choose_waiter(self, address: int, waiters: Sequence[int]) -> int:
        """Index into `waiters` (thread ids, longest waiting first)."""
        ...


@dataclass(eq=False, repr=False)
class FirstWaiter:
    """First come, first served."""

    def choose_waiter(self, address: int, waiters: Sequence[int]) -> int:
        """Choose the waiter that has waited longest."""
        return 0


class TimerFiles(Protocol):
    """The file table's timers (timerfd_create(2)); `queue` is a timer's wait queue, `sequence` when it was armed."""

    def timer_is_armed(self, queue: int, sequence: int) -> bool:
        """True if the deadline still counts."""
        ...

    def timer_due(self, queue: int, sequence: int) -> None:
        """Called at the deadline."""
        ...


class Kernel:
    """Linux for one process, without files: `emuload.kernel.fs` attaches those."""

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
        """Words for the bound of the kernel that was reached and ends the run; empty before."""
        self.choice: WaiterChoice = FirstWaiter()
        self.futexes = FutexState()
        self.signals = SignalState()
        self.timers = TimerState()
        self.break_ = MemoryState()
        self.credentials = Credentials()
        self.limits = Limits()
        self.system = System()
        self.timer_files: TimerFiles | None = None
        """Set by the file table."""
        self.entropy = Entropy(self.seed)
        self.cpu: Cpu | None = None
        self.stopped = False
        self.next_tid = self.pid
        self.sequence = 0
        self.deadlines = Deadlines()
        self.unknown: set[str] = set()
        self.on_cpu: Task | None = None
        self.on_cpu_since = 0
        self.table: SyscallTable = dispatch.table(self.abi.name)

    # -- system calls ------------------------------------------------------------------------------------------

    def report_unsupported(self, task: Task, name: str) -> None:
        """Emit "unknown-syscall" for a call that is not emulated; once per name."""
        if name not in self.unknown:
            self.unknown.add(name)
            self.events.emit("unknown-syscall", task.tid, name=name)

    def call_name(self, task: Task) -> str:
        """Name of the call the task is in or made last."""
        number = task.call[0] if task.call else -1
        return self.table.names.get(number) or f"#{number}"

    def defer(self, task: Task) -> Result:
        """Have the same call run again from `Entry.prepare`, with `stopped` set: for handlers that need the CPU stopped."""
        task.deferred = True
        return SWITCH

    # -- waiting -----------------------------------------------------------------------------------------------

    def block(self, task: Task, wait: Wait) -> Result:
        """Let the task wait; the handler returns this value. A time-out is late by the task's timer slack."""
        self.sequence += 1
        wait.since = self.sequence
        wait.began = self.clock.now()
        task.wait = wait
        if wait.deadline is not None:
            self.add_deadline(wait.deadline + task.timer_slack[0], TASK, task.tid)
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
        """End the task's wait so that its call is run again, with `resumed` set to the wait that ended."""
        task.resumed = task.wait
        task.timed_out = timed_out
        task.wait = None
        task.again = True

    def wake_queue(self, queue: int) -> int:
        """Wake all tasks that wait on an "io" wait queue, in the order in which they came. The number woken."""
        woken = [
            task
            for task in self.tasks.values()
            if task.wait is not None and task.wait.retry and (task.wait.key == queue or queue in task.wait.queues)
        ]
        woken.sort(key=lambda task: task.wait.since if task.wait else 0)
        for task in woken:
            self.wake_again(task)
        return len(woken)

    def forget_waiter(self, task: Task) -> None:
        """Remove a task whose wait ends without a wake from its futex queue."""
        wait = task.wait
        if wait is None or wait.kind != "futex":
            return
        queue = self.futexes.waiters.get(wait.key)
        if queue is not None and task.tid in queue:
            queue.remove(task.tid)
            if not queue:
                del self.futexes.waiters[wait.key]

    def interrupt(self, task: Task) -> None:
        """End the task's wait because of a signal; `signals.deliver` decides between restart and -EINTR."""
        self.forget_waiter(task)
        task.interrupted = task.wait
        task.wait = None

    def add_deadline(self, instant: int, kind: int, ident: int) -> None:
        """Add a deadline at a monotonic instant; the current `sequence` identifies it."""
        self.deadlines.add((instant, self.sequence, kind, ident), self.is_current)

    def alarm_host(self, instant: int) -> None:
        """Make the scheduler stop at a monotonic instant for the host; nothing happens in the guest."""
        self.sequence += 1
        self.add_deadline(instant, HOST, 0)

    def is_current(self, entry: Deadline) -> bool:
        """True if a deadline still counts: its wait has not ended, its timer was not set again."""
        _, sequence, kind, ident = entry
        if kind == TASK:
            task = self.tasks.get(ident)
            return task is not None and task.wait is not None and task.wait.since == sequence
        if kind == TIMER:
            timer = self.timers.timers.get(ident)
            return timer is not None and timer.armed == sequence
        if kind == TIMERFD:
            return self.timer_files is not None and self.timer_files.timer_is_armed(ident, sequence)
        return True

    # -- time on the CPU -----------------------------------------------------------------------------------------

    def account(self, task: Task) -> None:
        """Charge the task that leaves the CPU for the time it used; `task` is on the CPU from now on."""
        executed = self.clock.executed()
        if self.on_cpu is not None:
            self.on_cpu.cpu_time += executed - self.on_cpu_since
        self.on_cpu, self.on_cpu_since = task, executed

    def cpu_time(self, task: Task) -> int:
        """Nanoseconds of code the task has executed."""
        extra = self.clock.executed() - self.on_cpu_since if task is self.on_cpu else 0
        return task.cpu_time + extra

    # -- tasks -------------------------------------------------------------------------------------------------

    def create_main_task(self, context: Context, name: str = "main", thread_pointer: int = 0) -> Task:
        """The thread the process begins with; its tid is the pid."""
        assert not self.tasks
        return self.spawn(context, name=name, thread_pointer=thread_pointer)

    def spawn(self, context: Context, name: str = "", parent: Task | None = None, thread_pointer: int = 0) -> Task:
        """Add a runnable task with a new tid. It inherits name, signal mask and timer slack from `parent`.

        `thread_pointer` is the one set for it, or 0 if it starts with its parent's.
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
