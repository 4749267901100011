"""Edits a recorded trace: events are moved, dropped, copied, given to other threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from emuload.trace.events import Event, Value

_PAIRS = {
    "constructor-enter": "constructor-exit",
    "destructor-enter": "destructor-exit",
    "go-package-init-enter": "go-package-init-exit",
    "dlopen-enter": "dlopen-exit",
}


class Edit:
    """The events of a trace while they are edited, distinguished by identity: they are renumbered at the end."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)

    def all(self, kind: str, **fields: Value) -> list[Event]:
        """The events of a kind with these fields, in order; an object is named by its file."""
        return [
            event
            for event in self.events
            if event.kind == kind and all(_base(name, event.fields.get(name)) == value for name, value in fields.items())
        ]

    def one(self, kind: str, number: int = 0, **fields: Value) -> Event:
        """The first of these, or the one with that number (-1: the last)."""
        return self.all(kind, **fields)[number]

    def span(self, first: Event, last: Event | None = None) -> list[Event]:
        """All events from one to another; without `last`, to the event that ends the slice begun by `first`, on its thread."""
        at = self._place(first)
        if last is None:
            end = next(e for e in self.events[at:] if e.kind == _PAIRS[first.kind] and e.tid == first.tid)
        else:
            end = last
        return self.events[at : self._place(end) + 1]

    def move(self, moved: Event | Sequence[Event], *, before: Event | None = None, behind: Event | None = None) -> None:
        """Take events out and put them in somewhere else."""
        block = [moved] if isinstance(moved, Event) else list(moved)
        self.drop(block)
        self.put(block, before=before, behind=behind)

    def put(self, new: Event | Sequence[Event], *, before: Event | None = None, behind: Event | None = None) -> None:
        """Put events in."""
        block = [new] if isinstance(new, Event) else list(new)
        beside = before or behind
        assert beside is not None
        at = self._place(beside) + (behind is not None)
        self.events[at:at] = block

    def drop(self, dropped: Event | Sequence[Event]) -> None:
        """Take events out."""
        gone = [id(event) for event in ([dropped] if isinstance(dropped, Event) else dropped)]
        self.events = [event for event in self.events if id(event) not in gone]

    def change(self, event: Event, *, tid: int | None = None, **fields: Value) -> Event:
        """Another event in an event's place: on another thread, or with other fields."""
        made = replace(event, tid=event.tid if tid is None else tid, fields={**event.fields, **fields})
        self.events[self._place(event)] = made
        return made

    def _place(self, event: Event) -> int:
        return next(at for at, each in enumerate(self.events) if each is event)


def copies(events: Sequence[Event]) -> list[Event]:
    """The same events once more."""
    return [replace(event) for event in events]


def made(like: Event, kind: str, **fields: Value) -> Event:
    """A new event on the thread of another."""
    return replace(like, kind=kind, fields=fields)


def renumbered(events: Iterable[Event]) -> list[Event]:
    """The events with numbers in order, and times that never go back."""
    numbered: list[Event] = []
    for seq, event in enumerate(events):
        time = max(event.time, numbered[-1].time) if numbered else event.time
        numbered.append(replace(event, seq=seq, time=time))
    return numbered


def _base(name: str, value: Value) -> Value:
    return value.rpartition("/")[2] if name == "object" and isinstance(value, str) else value
