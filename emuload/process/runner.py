"""Runs a guest until a condition holds. Each other end of the run becomes an error with a report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from emuload.errors import BoundReached, Deadlock, GuestFailed, Interrupted, Report, ReportedError
from emuload.kernel.fs.output import BoundExceeded
from emuload.kernel.task import Task
from emuload.process.host_calls import HostCall
from emuload.process.host_signals import HOST_SIGNALS
from emuload.process.scheduler import OutOfTime, Scheduler, Stuck
from emuload.trace.events import RecorderFull

if TYPE_CHECKING:
    from emuload.process.diagnosis import Diagnosis
    from loader.objects import LinkedObject


class Runner:
    """Runs the scheduler. For reports, `objects` gives the objects in the link map, and `unloaded` has those that were there."""

    def __init__(
        self, scheduler: Scheduler, objects: Callable[[], Sequence[LinkedObject]], unloaded: Mapping[int, LinkedObject]
    ) -> None:
        self.scheduler = scheduler
        self.kernel = scheduler.kernel
        self.failure: Report | None = None
        """Why the run cannot go on, if a trap had no answer."""
        self.under_way: dict[int, list[HostCall]] = {}
        """The host's calls that have not returned, by tid, the innermost last."""
        self._objects = objects
        self._unloaded = unloaded

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Makes this guest's reports, and keeps what it has read of each file; imported when somebody asks for it."""
        from emuload.process.diagnosis import Diagnosis

        return Diagnosis(self.scheduler, self._objects, self._unloaded, self.under_way)

    @property
    def ended(self) -> bool:
        """True if the guest process has exited or was killed."""
        return self.kernel.exit_status is not None or self.kernel.exit_signal is not None

    def run(self, until: Callable[[], bool]) -> None:
        """Run until `until()` holds.

        Raises Deadlock if nothing can run any more, BoundReached at a bound, GuestFailed if the guest ended first or did
        something that has no answer, and Interrupted between two slices if a signal of the host asked for it: the guest is as it
        was, and may run on.
        """
        with HOST_SIGNALS:
            self._run(until)
            if HOST_SIGNALS.asked:
                self.answer_signals()

    def _run(self, until: Callable[[], bool]) -> None:
        kernel = self.kernel

        def over() -> bool:
            if HOST_SIGNALS.asked:
                self.answer_signals()
            return (
                until() or self.failure is not None or kernel.exit_status is not None or kernel.exit_signal is not None
            )

        try:
            self.scheduler.run(over)
        except (Stuck, OutOfTime, RecorderFull, BoundExceeded) as error:
            raise self._cut_short(error) from None
        if self.failure is not None or kernel.bound_reached or (self.ended and not until()):
            raise self._cut_short(None)

    def run_for(self, nanoseconds: int) -> None:
        """Run for a time of the virtual clock. Raises as `run` does."""
        clock = self.scheduler.clock
        target = clock.now() + nanoseconds
        self.kernel.alarm_host(target)
        self.run(lambda: clock.now() >= target)

    def answer_signals(self) -> None:
        """Answer the host's signals that wait. Raises Interrupted, or what a handler of the host's raises."""
        HOST_SIGNALS.answer(self._look, lambda number: Interrupted(self.diagnosis.interrupted(), number))

    def _look(self) -> None:
        """Print where every thread is."""
        start = "\n" if sys.stderr.isatty() else ""  # after the key's echo, or a line of progress
        print(f"{start}{self.diagnosis.interrupted('running')}", file=sys.stderr, flush=True)

    def fail(self, headline: str, reason: str, task: Task) -> None:
        """End the run after this slice with a report about a thread; see `Report` for the texts."""
        self.failure = self.diagnosis.failure(headline, reason, task)

    def _cut_short(self, error: Exception | None) -> ReportedError:
        """Why the run ended before its condition held; `error` is the scheduler's reason, if it had one."""
        diagnosis, kernel = self.diagnosis, self.kernel
        if isinstance(error, Stuck):
            return Deadlock(diagnosis.deadlock())
        if error is not None:
            return BoundReached(diagnosis.bound(str(error)))
        if self.failure is not None:
            return GuestFailed(self.failure)
        if kernel.bound_reached:
            return BoundReached(diagnosis.bound(kernel.bound_reached))
        return GuestFailed(diagnosis.ended(), kernel.exit_status)
