"""Who runs next, and why: one CPU, many threads, every choice asked of a strategy.

A slice ends when its quantum of code bytes is used, when a thread waits, yields, exits or faults, or when the host has to
answer a trap that changes registers. Nothing here depends on the host: the same choices give the same run.
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
"""Code bytes a thread may run before the next one's turn: 0.1 ms of virtual time."""

JITTER = 4096
"""Code bytes: each turn is longer by less than this, 1 us of virtual time, as a timer comes a little late. Without it a
loop could be left at the same few places for ever; Go cannot preempt a goroutine that is always met where it must not be."""

MINIMUM_SLICE = 8192
"""Code bytes: with fewer left of its quantum, a thread has had its turn."""

_HOST_ROLES = ("loader", "foreign")
"""Roles of the threads that make calls for the host."""


class Strategy(Protocol):
    """Decides what a run leaves open. Its state must be plain data, so that snapshots can hold it."""

    def choose(self, runnable: Sequence[Task], current: Task | None) -> Task:
        """Who runs next; `runnable` is in order of creation, `current` ran last (it may not be runnable)."""
        ...

    def quantum(self, task: Task) -> int:
        """How many code bytes `task` may run."""
        ...

    def describe(self) -> dict[str, int | str]:
        """What a trace's header says of it: its name under "strategy", and whatever else decides what it does."""
        ...


class RoundRobin:
    """Everyone in order of creation, each for a quantum of code bytes and a jitter that differs from turn to turn."""

    def __init__(self, size: int = QUANTUM, jitter: int = JITTER) -> None:
        self.size = size
        self.jitter = jitter
        self.state = 0
        """Of the sequence of jitters: a linear congruential generator's (Numerical Recipes, 7.1); its upper bits are used."""

    def choose(self, runnable: Sequence[Task], current: Task | None) -> Task:
        """The next one in order after `current`."""
        if current is not None:
            for task in runnable:
                if task.tid > current.tid:
                    return task
        return runnable[0]

    def quantum(self, task: Task) -> int:
        """The quantum and this turn's jitter."""
        self.state = (self.state * 1_664_525 + 1_013_904_223) % (1 << 32)
        return self.size + (self.state * self.jitter >> 32)

    def describe(self) -> dict[str, int | str]:
        """The quantum and the bound of the jitter, in code bytes."""
        return {"strategy": "round-robin", "quantum": self.size, "jitter": self.jitter}


class SliceLog(Protocol):
    """What is told of each slice before it runs: an instruction log, a cost meter."""

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
        """Bytes of its quantum that a thread could not use, or (below 0) used too many, running on to a jump: for the next."""
        self._quiet = 0
        self.on_request: Callable[[], None] | None = None
        """Called in the middle of a slice that `Cpu.request_stop` stopped. It may raise, to leave `run`: the next `run`
        goes on with the rest of the slice first, so that the schedule is the same as without the request."""
        self._interrupted: int | None = None
        """Code bytes of the budget of such a slice that are left."""

    def load(self, task: Task) -> None:
        """Bring a task's registers onto the CPU, putting away those of the one that was there."""
        if self.loaded is task:
            return
        self.unload()
        self.cpu.restore(task.context)
        self.loaded = task

    def unload(self) -> None:
        """Put away the registers of whoever is on the CPU."""
        if self.loaded is not None:
            self.loaded.context = self.cpu.switch_out()
            self.loaded = None

    def run(self, until: Callable[[], bool]) -> None:
        """Run until `until()` holds, looking after every slice.

        Raises Stuck when nothing can run any more, OutOfTime at a bound.
        """
        entry, kernel, clock, cpu = self.entry, self.kernel, self.clock, self.cpu
        self._resume()
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
            self._slice(task, deadline)

    def _next(self) -> Task | None:
        """The task that goes on with the rest of its quantum, else the strategy's choice; None when all wait."""
        last = self.last
        if self._left >= MINIMUM_SLICE and last is not None and last.wait is None and not last.exited:
            return last
        runnable = [task for task in self.kernel.tasks.values() if task.wait is None and not task.exited]
        if not runnable:
            return None
        chosen = self.strategy.choose(runnable, last)
        self._left = max(self.strategy.quantum(chosen) + self._carried.pop(chosen.tid, 0), MINIMUM_SLICE)
        return chosen

    def _slice(self, task: Task, deadline: int | None) -> None:
        clock, cpu = self.clock, self.cpu
        before = cpu.clock_bytes
        if before >= self.code_limit:
            raise OutOfTime(f"{self.code_limit} bytes of code were executed")
        if clock.now() >= self.time_limit:
            raise OutOfTime(f"{self.time_limit / 1e9:g} s of virtual time went by")
        if task.role in _HOST_ROLES:
            self._quiet = 0
        budget = min(self._left, self.code_limit - before)
        if deadline is not None:
            budget = min(budget, clock.bytes_until(deadline))
        if self.log is not None:
            self.log.slice(task.tid)
        self._execute(task, max(budget, MINIMUM_SLICE))

    def _resume(self) -> None:
        """Go on with a slice that was interrupted and left, unless its thread can no longer run."""
        budget, self._interrupted, task = self._interrupted, None, self.last
        if budget is not None and task is not None and task.wait is None and not task.exited:
            self.load(task)
            self.kernel.current = task
            self._execute(task, budget)

    def _execute(self, task: Task, budget: int) -> None:
        """Run a slice to its end, through any requests to stop, and do what its end asks for."""
        cpu = self.cpu
        while True:
            before = cpu.clock_bytes
            stop = cpu.run(budget)
            self._left -= cpu.clock_bytes - before
            if stop.reason is not Reason.REQUEST:
                break
            budget = cpu.unused
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
