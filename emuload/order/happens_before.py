"""Happens-before over a trace: which events are ordered by synchronisation and not just by luck in this run.

An event happens before another when a chain leads from it to the other, of steps within a thread and of steps from a release of
a channel to a later acquire of it (`emuload.order.synchronisation` says what those are). In every run that makes the same waits
such a pair comes in the same order. Told by vector clocks: of each event it is known how far every other thread had come for
sure (L. Lamport, "Time, clocks, and the ordering of events in a distributed system", 1978; C. Fidge and F. Mattern, 1988).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from emuload.order.synchronisation import Synchronisation
from emuload.trace.events import Event


class _Moment(NamedTuple):
    """An event: the number of its thread, its number among the thread's events (from 1), and what was known there.

    `known` holds for each thread the number of the last event that happens before; threads behind its end have none.
    """

    thread: int
    number: int
    known: list[int]


@dataclass(eq=False)
class _Clock:
    """A thread's clock. `known` is shared with the moments it was given to, and replaced when there is something to add."""

    thread: int
    number: int = 0
    known: list[int] = field(default_factory=list)

    def knows(self, moment: _Moment) -> bool:
        """Whether a moment happens before what comes next here. Who knows a moment knows all that was known there."""
        thread = moment.thread
        return thread == self.thread or (thread < len(self.known) and self.known[thread] >= moment.number)

    def learn(self, moment: _Moment) -> None:
        """From here on the moment happens before what comes next, and so does all that was known there."""
        size = max(len(self.known), len(moment.known), moment.thread + 1)
        self.known = list(map(max, _padded(self.known, size), _padded(moment.known, size)))
        self.known[moment.thread] = moment.number


def _padded(known: list[int], size: int) -> list[int]:
    return known + [0] * (size - len(known))


class HappensBefore:
    """The order of a whole trace, built once. `events` are all of its events, whose `seq` count from 0."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._moments: list[_Moment] = []
        clocks: dict[int, _Clock] = {}
        channels: dict[Hashable, list[_Moment]] = {}
        synchronisation = Synchronisation()
        for event in events:
            clock = clocks.get(event.tid)
            if clock is None:
                clock = clocks[event.tid] = _Clock(len(clocks))
            clock.number += 1
            acquired, released = synchronisation.step(event)
            for channel in acquired:
                for moment in channels.get(channel, ()):
                    if not clock.knows(moment):
                        clock.learn(moment)
            now = _Moment(clock.thread, clock.number, clock.known)
            self._moments.append(now)
            for channel in released:
                others = channels.get(channel, ())
                channels[channel] = [*(moment for moment in others if not clock.knows(moment)), now]

    def ordered(self, first: Event, then: Event) -> bool:
        """Whether `first` happens before `then`; both are events of this trace."""
        earlier, later = self._moments[first.seq], self._moments[then.seq]
        if earlier.thread == later.thread:
            return earlier.number < later.number
        return earlier.thread < len(later.known) and later.known[earlier.thread] >= earlier.number
