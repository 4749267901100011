"""Events: one small record per thing that happened, in the order it happened.

A run is a stream of events; whatever checks, draws or compares a run works on that stream.
Every field is an int, a str, a bool or a list of those, so that an event is JSON as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Value = int | str | bool | None | list[int] | list[str] | tuple[int, ...]
"""A tuple is a list that is cheaper to record; an `Event` has a list instead."""

EVENT_LIMIT = 10_000_000


class Clock(Protocol):
    """What the recorder needs of a clock: `base + (bytes_at_end - remaining[0]) // bytes_per_ns` nanoseconds, with its source's
    items. It reads them itself, as half of the cost of an event would be the call.
    """

    base: int
    bytes_per_ns: int

    @property
    def source(self) -> CodeCounter:
        """Where executed code is counted."""
        ...


class CodeCounter(Protocol):
    """What a clock counts, see `Clock`."""

    bytes_at_end: int

    @property
    def remaining(self) -> Sequence[int]:
        """One item."""
        ...


class RecorderFull(Exception):
    """The bound on recorded events was reached."""


@dataclass(slots=True)
class Event:
    """One thing that happened: `seq` counts from 0, `time` is virtual nanoseconds, `tid` the guest thread (0: host), `pc` the
    address of the guest instruction at which it happened (0: at none).
    """

    seq: int
    time: int
    tid: int
    pc: int
    kind: str
    fields: dict[str, Value]

    def line(self) -> str:
        """The event as one line of text, stable across hosts and Python versions."""
        body = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.seq} {self.time} {self.tid} {self.pc:#x} {self.kind} {body}".rstrip()


class Said:
    """What an event says besides when; the same object for all events that say the same, where that is often.

    Lists among the fields may stand as tuples. `text` is free for the sink, "" at first. `values` are those of the fields where
    the recorder was given names and values, `next` is what was said after this the last time.
    """

    __slots__ = ("fields", "kind", "next", "pc", "text", "tid", "values")

    def __init__(
        self, tid: int, pc: int, kind: str, fields: dict[str, Value], values: tuple[Value, ...] | None = None
    ) -> None:
        self.tid = tid
        self.pc = pc
        self.kind = kind
        self.fields = fields
        self.text = ""
        self.values = values
        self.next: Said | None = None


Sink = Callable[[int, "Sequence[int]", "Sequence[Said]"], None]
"""Takes events in bulk: the number of the first, the times, and what they say."""

_KNOWN = 1 << 14
"""Fields that are remembered, to be kept once."""

BATCH = 512
"""Events a sink may be behind."""


class Recorder:
    """Collects the events of one run. `enabled` off makes emit a no-op.

    `pc` is where the guest stands: whoever enters the host from guest code sets it, and every event carries it. While the
    guest runs only times and what was said are kept, which costs no object for what is said again; they become `Event` objects
    when somebody asks for `events`, or listens.
    """

    def __init__(self, clock: Clock, enabled: bool = True, limit: int = EVENT_LIMIT) -> None:
        self.enabled = enabled
        self.limit = limit
        self.pc = 0
        self._clock = clock
        self._source = clock.source
        self._events: list[Event] = []
        self._times: list[int] = []
        self._saying: list[Said] = []
        self._said: dict[tuple[object, ...], Said] = {}
        self._last = Said(0, 0, "", {})
        """What was said last. Threads that take turns say the same in the same order, which is cheaper to see than to look up."""
        self._written = 0
        """How many of these the sink has had."""
        self._before = 0
        self._listener: Callable[[Event], None] | None = None
        self._observer: Callable[[Event], None] | None = None
        self._sink: Sink | None = None
        self._mark = limit
        """With more of them than this there is something to do at once."""

    # -- who wants to know -----------------------------------------------------------------------------------------

    @property
    def listener(self) -> Callable[[Event], None] | None:
        """Sees each event as it happens."""
        return self._listener

    @listener.setter
    def listener(self, listener: Callable[[Event], None] | None) -> None:
        self._listener = listener
        self._set_mark()

    @property
    def observer(self) -> Callable[[Event], None] | None:
        """Sees each event before the listener: the instruction log, where events say what is logged."""
        return self._observer

    @observer.setter
    def observer(self, observer: Callable[[Event], None] | None) -> None:
        self._observer = observer
        self._set_mark()

    @property
    def sink(self) -> Sink | None:
        """Takes the events that were recorded, in order: at the latest when `BATCH` wait, and at each `flush`."""
        return self._sink

    @sink.setter
    def sink(self, sink: Sink | None) -> None:
        self._sink = sink
        self._set_mark()

    def _set_mark(self) -> None:
        """At the bound, when the sink is to have a batch, or at every event when somebody sees each."""
        room = self.limit - len(self._events)
        if self._listener is not None or self._observer is not None:
            room = 0
        elif self._sink is not None:
            room = min(room, self._written + BATCH - 1)
        self._mark = room

    # -- recording -------------------------------------------------------------------------------------------------

    def emit(self, kind: str, tid: int, **fields: Value) -> None:
        """Append one event, stamped with the virtual time. Raises RecorderFull at the bound."""
        if self.enabled:
            self.record(kind, tid, fields)

    def record(self, kind: str, tid: int, fields: dict[str, Value]) -> None:
        """`emit` with the fields as a dict, which the event keeps."""
        if self.enabled:
            said = Said(tid, self.pc, kind, fields)
            times, source, clock = self._times, self._source, self._clock
            times.append(clock.base + (source.bytes_at_end - source.remaining[0]) // clock.bytes_per_ns)
            self._saying.append(said)
            if len(times) > self._mark:
                self._reached()

    def repeat(self, kind: str, tid: int, names: tuple[str, ...], values: tuple[Value, ...]) -> None:
        """`record` for what is often said again, and then kept once. A kind has the same names and types each time."""
        if self.enabled:
            said = self._last.next
            if said is None or said.kind != kind or said.pc != self.pc or said.tid != tid or said.values != values:
                key = (values, tid, self.pc, kind)
                known = self._said.get(key) or self._say(key, kind, tid, dict(zip(names, values, strict=True)), values)
                said = self._last.next = known
            self._last = said
            times, source, clock = self._times, self._source, self._clock
            times.append(clock.base + (source.bytes_at_end - source.remaining[0]) // clock.bytes_per_ns)
            self._saying.append(said)
            if len(times) > self._mark:
                self._reached()

    def _say(
        self, key: tuple[object, ...], kind: str, tid: int, fields: dict[str, Value], values: tuple[Value, ...]
    ) -> Said:
        """Remember what will be said again."""
        if len(self._said) >= _KNOWN:
            self._said.clear()
        said = self._said[key] = Said(tid, self.pc, kind, fields, values)
        return said

    def _reached(self) -> None:
        if len(self) > self.limit:
            self._times.pop()
            self._saying.pop()
            raise RecorderFull(f"{self.limit} events were recorded")
        if self._listener is None and self._observer is None:
            self.flush()
            return
        known = len(self._events)
        for event in self.events[known:]:
            if self._observer is not None:
                self._observer(event)
            if self._listener is not None:
                self._listener(event)

    def flush(self) -> None:
        """Give the sink, if there is one, what it has not had."""
        if self._sink is not None and len(self._times) > self._written:
            start, self._written = self._written, len(self._times)
            self._set_mark()
            self._sink(len(self._events) + start, self._times[start:], self._saying[start:])

    def computing(self) -> None:
        """A thread has computed for the rest of its turn, as it may for ever: what was there the last time is to be in the
        trace.
        """
        if len(self._times) == self._before:
            self.flush()
        self._before = len(self._times)

    # -- what was recorded -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._events) + len(self._times)

    @property
    def tids(self) -> set[int]:
        """The threads that events were of; 0 for those of none."""
        return {event.tid for event in self._events} | {said.tid for said in self._saying}

    @property
    def events(self) -> list[Event]:
        """Everything that was recorded so far."""
        if self._times:
            self.flush()
            times, saying = self._times, self._saying
            self._times, self._saying, self._written = [], [], 0
            events, seq = self._events, len(self._events)
            for time, said in zip(times, saying, strict=True):
                fields = said.fields
                for name, value in fields.items():
                    if type(value) is tuple:
                        fields[name] = list(value)
                events.append(Event(seq, time, said.tid, said.pc, said.kind, fields))
                seq += 1
            self._set_mark()
        return self._events
