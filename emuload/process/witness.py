"""The stacks of threads at the very moment an event happens, wherever the CPU then is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from emuload.errors import Frame
from emuload.machine import create_cpu
from emuload.machine.cpu import Cpu
from emuload.process.diagnosis import frames

if TYPE_CHECKING:
    from emuload.process.process import Process
    from emuload.trace.events import Event


class Enough(Exception):
    """All that was wanted of a run has been seen; nothing else is wrong with it."""


class Parted(Exception):
    """A run that is made again does not do what it did: `seq` is its first event that differs."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"event {seq} differs")
        self.seq = seq


class Witness:
    """A recorder's listener that follows a run which is made again, and keeps the stacks behind some of its events.

    `expected` are the events of the first time, `wanted` the numbers of those whose threads to look at. The listener raises
    Parted at the first event that is another than before, Enough behind the last one wanted.
    """

    def __init__(self, process: Process, expected: Sequence[Event], wanted: Collection[int]) -> None:
        self._process = process
        self._expected = expected
        self._wanted = set(wanted)
        self._last = max(wanted, default=-1)
        self._spare: Cpu | None = None
        self.stacks: dict[int, list[Frame]] = {}
        """Frames by the event's number, innermost first; none where the event happened on no thread."""

    def event(self, event: Event) -> None:
        """Take note of one event; see the class."""
        if event.seq >= len(self._expected) or event != self._expected[event.seq]:
            raise Parted(event.seq)
        if event.seq in self._wanted:
            self.stacks[event.seq] = frames(self._process, self._registers(event.tid)) if event.tid else []
        if event.seq >= self._last:
            raise Enough

    def _registers(self, tid: int) -> dict[str, int]:
        """A thread's registers; those of one that is not on the CPU are read on another, since this one may be in a hook."""
        process = self._process
        task = process.kernel.tasks[tid]
        if process.scheduler.loaded is task:
            return process.cpu.registers()
        if self._spare is None:
            self._spare = create_cpu(process.arch)
        self._spare.restore(task.context)
        return self._spare.registers()


def stacks_of(
    process: Process, go: Callable[[], None], expected: Sequence[Event], wanted: Collection[int]
) -> dict[int, list[Frame]]:
    """Make a run again up to the last of the `wanted` events: `process` is fresh, `go` runs it as the first time.

    Raises Parted when it goes another way than `expected`, and what the run itself raises.
    """
    witness = Witness(process, expected, wanted)
    process.recorder.add_listener(witness.event)
    try:
        go()
    except Enough:
        return witness.stacks
    raise Parted(len(process.events))
