"""Events and traces written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emuload.trace.events import Event
from emuload.trace.jsonl import Header, Trace

HEADER = Header(
    emuload="0", unicorn="2", architecture="amd64", profile="glibc", seed=0, files={}, arguments=[], environment={},
    schedule={}, calls=[], limits={}, options={},
)  # fmt: skip


class Run:
    """Collects events: `run(tid, kind, field=value, …)` adds one and gives it back. Time is the event's number."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, tid: int, kind: str, *, at: int = 0, **fields: Any) -> Event:
        seq = len(self.events)
        self.events.append(Event(seq=seq, time=seq, tid=tid, pc=at, kind=kind, fields=fields))
        return self.events[-1]

    def trace(self) -> Trace:
        """The events so far as a trace."""
        return trace_of(self.events)


def trace_of(events: Iterable[Event], path: str = "made.jsonl") -> Trace:
    """A trace with a header that says nothing. The events are numbered anew."""
    numbered = [
        Event(seq=seq, time=event.time, tid=event.tid, pc=event.pc, kind=event.kind, fields=event.fields)
        for seq, event in enumerate(events)
    ]
    return Trace(path, HEADER, numbered)
