"""The stacks of threads at the moment of an event, taken while the run is made again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from emuload.errors import Frame
from emuload.machine import create_cpu
from emuload.machine.cpu import Cpu
from emuload.process.diagnosis import Diagnosis
from emuload.process.scheduler import Scheduler
from emuload.trace.events import Event


class Enough(Exception):
    """Everything wanted of a run has been seen: it need not go on."""


class Parted(Exception):
    """A run that is made again does something else than before: `seq` is its first event that differs."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"event {seq} differs")
        self.seq = seq


class Witness:
    """A recorder's listener that follows a run which is made again, and keeps the stacks behind some of its events.

    `expected` are the events of the first time, `wanted` the numbers of those whose threads to look at.
    """

    def __init__(
        self, scheduler: Scheduler, diagnosis: Diagnosis, expected: Sequence[Event], wanted: Collection[int]
    ) -> None:
        self._scheduler = scheduler
        self._diagnosis = diagnosis
        self._expected = expected
        self._wanted = set(wanted)
        self._last = max(wanted, default=-1)
        self._spare: Cpu | None = None
        self.stacks: dict[int, list[Frame]] = {}
        """Frames by the event's number, innermost first; empty for an event that happened on no thread."""

    def event(self, event: Event) -> None:
        """Note an event. Raises Parted at the first one that is another than before, Enough after the last one wanted."""
        if event.seq >= len(self._expected) or event != self._expected[event.seq]:
            raise Parted(event.seq)
        if event.seq in self._wanted:
            self.stacks[event.seq] = self._diagnosis.frames(self._registers(event.tid)) if event.tid else []
        if event.seq >= self._last:
            raise Enough

    def _registers(self, tid: int) -> dict[str, int]:
        """A thread's registers. If it is not on the CPU they are read on another one, since this one may be in a hook."""
        scheduler = self._scheduler
        task = scheduler.kernel.tasks[tid]
        if scheduler.loaded is task:
            return scheduler.cpu.registers()
        if self._spare is None:
            self._spare = create_cpu(scheduler.cpu.abi.name)
        self._spare.restore(task.context)
        return self._spare.registers()


def stacks_of(
    scheduler: Scheduler,
    diagnosis: Diagnosis,
    go: Callable[[], None],
    expected: Sequence[Event],
    wanted: Collection[int],
) -> dict[int, list[Frame]]:
    """Make a run again up to the last of the `wanted` events, in a fresh process: `go` runs it as the first time.

    Raises Parted if it does not do the same as `expected`, and what the run itself raises.
    """
    witness = Witness(scheduler, diagnosis, expected, wanted)
    recorder = scheduler.kernel.events
    recorder.add_listener(witness.event)
    try:
        go()
    except Enough:
        return witness.stacks
    raise Parted(len(recorder.events))
