"""Happens-before over a trace: the order of events by synchronisation, not by luck in this run.

An event happens before another if a chain leads from it to the other, of steps within a thread and of steps from a release of
a channel to a later acquire of it (`emuload.order.synchronisation`). In every run with the same waits such a pair comes in the
same order. Computed with vector clocks: each event has, for every other thread, the last of its events that came before for sure
(L. Lamport, "Time, clocks, and the ordering of events in a distributed system", 1978; C. Fidge and F. Mattern, 1988).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from emuload.order.synchronisation import Synchronisation
from emuload.trace.events import Event


class _Moment(NamedTuple):
    """An event: the number of its thread, its number among the thread's events (from 1), and its vector clock.

    `known` has for each thread the number of the last event that happens before this one; threads beyond its end have none.
    """

    thread: int
    number: int
    known: list[int]


@dataclass(eq=False)
class _Clock:
    """A thread's clock. `known` is shared with moments, so it is never changed but replaced."""

    thread: int
    number: int = 0
    known: list[int] = field(default_factory=list)

    def knows(self, moment: _Moment) -> bool:
        """True if a moment happens before this thread's next event. A clock that knows a moment knows all that is known there."""
        thread = moment.thread
        return thread == self.thread or (thread < len(self.known) and self.known[thread] >= moment.number)

    def learn(self, moment: _Moment) -> None:
        """Let the moment, and all that is known there, happen before this thread's next event."""
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
        """True if `first` happens before `then`; both are events of this trace."""
        earlier, later = self._moments[first.seq], self._moments[then.seq]
        if earlier.thread == later.thread:
            return earlier.number < later.number
        return earlier.thread < len(later.known) and later.known[earlier.thread] >= earlier.number
