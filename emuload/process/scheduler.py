"""The scheduler: one CPU, many threads; a strategy makes every choice that Linux leaves open.

A thread runs until its quantum of code bytes is used, or it waits, yields, exits or faults. A quantum is run in one or more
slices: stretches without a stop of the CPU. Nothing here depends on the host: the same choices give the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from emuload.kernel.clock import VirtualClock
from emuload.kernel.entry import Entry
from emuload.kernel.task import Task
from emuload.machine.cpu import Cpu
from emuload.machine.stops import Reason
from emuload.process.options import Limits

QUANTUM = 400_009
"""Code bytes that a thread may run before the next one does: 0.1 ms of virtual time."""

JITTER = 4096
"""Upper bound of a quantum's random extension in code bytes, 1 us of virtual time, like a late timer. Without it a loop whose
length divides the quantum is always interrupted at the same instructions; if none of them is an async-safe point, Go can never
preempt it."""

MINIMUM_SLICE = 8192
"""Code bytes: with fewer left, a quantum counts as used."""

_HOST_ROLES = ("loader", "foreign")
"""Roles of the threads that make calls for the host."""


class Strategy(Protocol):
    """Decides which thread runs, and for how long. Its state must be plain data, so that snapshots can hold it."""

    def choose(self, runnable: Sequence[Task], current: Task | None) -> Task:
        """The task to run next; `runnable` is in order of creation, `current` ran last and may not be among them."""
        ...

    def quantum(self, task: Task) -> int:
        """Code bytes that `task` may run."""
        ...

    def describe(self) -> dict[str, int | str]:
        """Its entry in a trace's header: its name under "strategy", and its parameters."""
        ...


class RoundRobin:
    """All threads in order of creation, each for `size` code bytes and a jitter below `jitter` that differs each time."""

    def __init__(self, size: int = QUANTUM, jitter: int = JITTER) -> None:
        self.size = size
        self.jitter = jitter
        self.state = 0
        """State of the generator of jitters, a linear congruential one (Numerical Recipes, 7.1); its upper bits are used."""

    def choose(self, runnable: Sequence[Task], current: Task | None) -> Task:
        """The next one in order after `current`."""
        if current is not None:
            for task in runnable:
                if task.tid > current.tid:
                    return task
        return runnable[0]

    def quantum(self, task: Task) -> int:
        """The quantum with its jitter."""
        self.state = (self.state * 1_664_525 + 1_013_904_223) % (1 << 32)
        return self.size + (self.state * self.jitter >> 32)

    def describe(self) -> dict[str, int | str]:
        """The quantum and the upper bound of the jitter, in code bytes."""
        return {"strategy": "round-robin", "quantum": self.size, "jitter": self.jitter}


class SliceLog(Protocol):
    """Notes each slice before it runs: an instruction log, a cost meter."""

    def slice(self, tid: int) -> None:
        """A slice of thread `tid` is about to run."""
        ...


class Watchdog(Protocol):
    """Knows the sleeps of threads that only watch others: while all sleepers are such, nothing new can happen."""

    patience: int
    """Number of such sleeps in a row after which every thread counts as stuck."""

    def only_watches(self, role: str, sleep: int) -> bool:
        """True if a thread in this role that sleeps for `sleep` nanoseconds only watches others."""
        ...


class Stuck(Exception):
    """Every thread waits for something that cannot come."""


class OutOfTime(Exception):
    """The bound on code bytes or on virtual time was reached; the message says which."""


class Scheduler:
    """Runs the kernel's tasks on the CPU until a condition holds, within `limits` of code bytes and virtual time."""

    def __init__(
        self,
        cpu: Cpu,
        entry: Entry,
        clock: VirtualClock,
        strategy: Strategy,
        limits: Limits,
        watchdog: Watchdog,
    ) -> None:
        self.cpu = cpu
        self.entry = entry
        self.kernel = entry.kernel
        self.clock = clock
        self.strategy = strategy
        self.code_limit = limits.code_bytes
        self.time_limit = int(limits.virtual_seconds * 1e9)
        self.watchdog = watchdog
        self.on_trap: Callable[[Task], None] = self._unanswered
        """Finishes a trap that was not answered in place; called with the CPU stopped and the task's registers live."""
        self.log: SliceLog | None = None
        self.loaded: Task | None = None
        self.last: Task | None = None
        self._left = 0
        self._carried: dict[int, int] = {}
        """Bytes of a thread's last quantum left unused, or (below 0) exceeded on the way to a jump: added to its next."""
        self._quiet = 0
        self.on_request: Callable[[], None] | None = None
        """Called in the middle of a slice that `Cpu.request_stop` stopped. It may raise, to leave `run`: the next `run`
        goes on with the rest of the slice first, so that the schedule is the same as without the request."""
        self._interrupted: int | None = None
        """Code bytes of the budget of such a slice that are left."""

    def load(self, task: Task) -> None:
        """Bring a task's registers onto the CPU, and put away those of the task that was there."""
        if self.loaded is task:
            return
        self.unload()
        self.cpu.restore(task.context)
        self.loaded = task

    def unload(self) -> None:
        """Put away the registers of the task that is on the CPU."""
        if self.loaded is not None:
            self.loaded.context = self.cpu.switch_out()
            self.loaded = None

    def run(self, until: Callable[[], bool]) -> None:
        """Run until `until()` holds, which is asked after every slice.

        Raises Stuck if nothing can run any more, OutOfTime at a bound.
        """
        entry, kernel, clock, cpu = self.entry, self.kernel, self.clock, self.cpu
        if self._interrupted is not None:
            self._resume(self._interrupted)
        while not until():
            deadline = entry.next_deadline()
            now = clock.now()
            if deadline is not None and deadline <= now:
                entry.timeouts(now)
                deadline = entry.next_deadline()
            task = self._next()
            if task is None:
                self._idle(deadline)
                continue
            self.load(task)
            self.last = kernel.current = task
            if not entry.prepare(cpu, task):
                continue
            self._slice(task, now, deadline)

    def _next(self) -> Task | None:
        """The task that goes on with the rest of its quantum, else the strategy's choice; None if all wait."""
        last = self.last
        if self._left >= MINIMUM_SLICE and last is not None and last.wait is None and not last.exited:
            return last
        runnable = [task for task in self.kernel.tasks.values() if task.wait is None and not task.exited]
        if not runnable:
            return None
        chosen = self.strategy.choose(runnable, last)
        self._left = max(self.strategy.quantum(chosen) + self._carried.pop(chosen.tid, 0), MINIMUM_SLICE)
        return chosen

    def _slice(self, task: Task, now: int, deadline: int | None) -> None:
        before = self.cpu.clock_bytes
        if before >= self.code_limit:
            raise OutOfTime(f"{self.code_limit} bytes of code were executed")
        if now >= self.time_limit:
            raise OutOfTime(f"{self.time_limit / 1e9:g} s of virtual time went by")
        if task.role in _HOST_ROLES:
            self._quiet = 0
        budget = min(self._left, self.code_limit - before)
        if deadline is not None:
            budget = min(budget, self.clock.bytes_until(deadline))
        if self.log is not None:
            self.log.slice(task.tid)
        self._execute(task, max(budget, MINIMUM_SLICE), before)

    def _resume(self, budget: int) -> None:
        """Go on with a slice that was interrupted and left, unless its thread can no longer run."""
        self._interrupted, task = None, self.last
        if task is not None and task.wait is None and not task.exited:
            self.load(task)
            self.kernel.current = task
            self._execute(task, budget, self.cpu.clock_bytes)

    def _execute(self, task: Task, budget: int, before: int) -> None:
        """Run a slice to its end, through any requests to stop, and do what its end requires; `before` is `clock_bytes` now."""
        cpu = self.cpu
        while True:
            stop = cpu.run(budget)
            after = cpu.clock_bytes
            self._left -= after - before
            if stop.reason is not Reason.REQUEST:
                break
            budget, before = cpu.unused, after
            if self.on_request is not None:
                self._interrupted = budget
                self.on_request()
                self._interrupted = None
        if stop.reason is Reason.TRAP:
            # Not a scheduling point by itself: the thread goes on unless it waits, yielded or used its quantum.
            self.on_trap(task)
            if task.yielded:
                task.yielded = False
                self._left = 0
        elif stop.reason is Reason.FAULT:
            assert stop.fault is not None
            self.entry.fault(cpu, task, stop.fault)
        else:
            self.kernel.events.flush_if_idle()
            if self._left < MINIMUM_SLICE:
                self._carried[task.tid] = self._left

    def _idle(self, deadline: int | None) -> None:
        """Nobody can run: jump to the next deadline, unless only watchdogs have set any for some time."""
        if deadline is None:
            raise Stuck
        if self._only_watchdogs():
            self._quiet += 1
            if self._quiet >= self.watchdog.patience:
                raise Stuck
        if deadline >= self.time_limit:
            raise OutOfTime(f"{self.time_limit / 1e9:g} s of virtual time went by")
        self.clock.advance_to(deadline)

    def _only_watchdogs(self) -> bool:
        """True if every time-out that is set belongs to a thread that only watches others."""
        if any(timer.due is not None for timer in self.kernel.timers.timers.values()):
            return False
        for task in self.kernel.tasks.values():
            wait = task.wait
            if task.exited or wait is None or wait.deadline is None:
                continue
            if not self.watchdog.only_watches(task.role, wait.deadline - wait.began):
                return False
        return True

    @staticmethod
    def _unanswered(task: Task) -> None:
        raise AssertionError("a trap that nobody answers")
