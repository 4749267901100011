"""Events: one small record per thing that happened, in the order it happened.

A run is a stream of events; whatever checks, draws or compares a run works on that stream.
Every field is an int, a str, a bool, None or a list of ints or strs, so an event is JSON without conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Value = int | str | bool | None | list[int] | list[str] | tuple[int, ...]
"""A field's value. A tuple is a list that is cheaper to record; an `Event` has a list instead."""

EVENT_LIMIT = 10_000_000


class Clock(Protocol):
    """The virtual clock, as the recorder reads it: `base + (bytes_at_end - remaining[0]) // bytes_per_ns` nanoseconds, with
    the items of its source. The recorder computes this itself: a call would be half of the cost of an event.
    """

    base: int
    bytes_per_ns: int

    @property
    def source(self) -> CodeCounter:
        """The counter of executed code."""
        ...


class CodeCounter(Protocol):
    """The count of executed code bytes that a `Clock` is based on."""

    bytes_at_end: int

    @property
    def remaining(self) -> Sequence[int]:
        """One item."""
        ...


class RecorderFull(Exception):
    """The bound on recorded events was reached."""


@dataclass(init=False, repr=False, eq=False)
class Event:
    """One thing that happened: `seq` counts from 0, `time` is virtual nanoseconds, `tid` the guest thread (0: host), `pc` the
    address of the guest instruction at which it happened (0: at none).

    A dataclass whose methods are written out: to generate them costs every run 0.4 ms.
    """

    __slots__ = ("fields", "kind", "pc", "seq", "tid", "time")

    seq: int
    time: int
    tid: int
    pc: int
    kind: str
    fields: dict[str, Value]

    def __init__(self, seq: int, time: int, tid: int, pc: int, kind: str, fields: dict[str, Value]) -> None:
        self.seq = seq
        self.time = time
        self.tid = tid
        self.pc = pc
        self.kind = kind
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return self._all() == other._all()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Event {self.line()}>"

    def _all(self) -> tuple[object, ...]:
        return self.seq, self.time, self.tid, self.pc, self.kind, self.fields

    def line(self) -> str:
        """The event as one line of text, stable across hosts and Python versions."""
        body = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.seq} {self.time} {self.tid} {self.pc:#x} {self.kind} {body}".rstrip()


class Content:
    """An event without its number and time. Equal contents of frequent kinds share one object.

    Lists among the fields may be tuples. `text` belongs to the sink and is "" at first. `values` are the fields' values if the
    recorder was given names and values. `next` is the content that was recorded after this one the last time.
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
        self.next: Content | None = None


Listener = Callable[[Event], None]
"""Called with each event at the moment it happens."""

Sink = Callable[[int, "Sequence[int]", "Sequence[Content]"], None]
"""Takes events in bulk: the number of the first, their times, their contents."""

_KNOWN = 1 << 14
"""Bound on the contents remembered for reuse."""

BATCH = 512
"""Events a sink may be behind."""


class Recorder:
    """Collects the events of one run. With `enabled` off nothing is recorded.

    `pc` is the guest's program counter: whoever enters the host from guest code sets it, and every event carries it. While the
    guest runs, only times and contents are kept, and repeated contents cost no new object; `Event` objects are made when
    `events` is read or a listener is registered.
    """

    def __init__(self, clock: Clock, enabled: bool = True, limit: int = EVENT_LIMIT) -> None:
        self.enabled = enabled
        self.limit = limit
        self.pc = 0
        self._clock = clock
        self._source = clock.source
        self._events: list[Event] = []
        self._times: list[int] = []
        self._contents: list[Content] = []
        self._known: dict[tuple[object, ...], Content] = {}
        self._last = Content(0, 0, "", {})
        """The content recorded last. Threads that alternate record the same sequences again, so trying its `next` is cheaper
        than a look-up."""
        self._written = 0
        """How many of the times and contents the sink has had."""
        self._length_before = 0
        """How many times there were at the last `flush_if_idle`."""
        self._listeners: tuple[Listener, ...] = ()
        self._sink: Sink | None = None
        self._mark = limit
        """With more times than this, something must be done at once."""

    # -- listeners and the sink ------------------------------------------------------------------------------------

    def add_listener(self, listener: Listener) -> None:
        """Call `listener` with each event from now on, after the listeners that were added before. It first gets the events that
        were recorded since `events` was last read, so that a listener added after the start-up misses nothing of it.
        """
        self._listeners = (*self._listeners, listener)
        self._set_mark()

    def remove_listener(self, listener: Listener) -> None:
        """Stop calling `listener`. Raises ValueError if it is not registered."""
        listeners = list(self._listeners)
        listeners.remove(listener)
        self._listeners = tuple(listeners)
        self._set_mark()

    @property
    def sink(self) -> Sink | None:
        """Takes the recorded events, in order: when `BATCH` are waiting, and at each `flush`."""
        return self._sink

    @sink.setter
    def sink(self, sink: Sink | None) -> None:
        self._sink = sink
        self._set_mark()

    def _set_mark(self) -> None:
        """Set the mark to the bound, to the sink's next batch, or, with a listener, to every event."""
        room = self.limit - len(self._events)
        if self._listeners:
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
        """Like `emit`, with the fields as a dict, which the event keeps."""
        if self.enabled:
            content = Content(tid, self.pc, kind, fields)
            times, source, clock = self._times, self._source, self._clock
            times.append(clock.base + (source.bytes_at_end - source.remaining[0]) // clock.bytes_per_ns)
            self._contents.append(content)
            if len(times) > self._mark:
                self._reached()

    def repeat(self, kind: str, tid: int, names: tuple[str, ...], values: tuple[Value, ...]) -> None:
        """Like `record`, for frequent events: equal contents are stored once. A kind has the same names and types each time."""
        if self.enabled:
            content = self._last.next
            if content is None or content.kind != kind or content.pc != self.pc or content.tid != tid or content.values != values:
                key = (values, tid, self.pc, kind)
                known = self._known.get(key) or self._remember(key, kind, tid, dict(zip(names, values, strict=True)), values)
                content = self._last.next = known
            self._last = content
            times, source, clock = self._times, self._source, self._clock
            times.append(clock.base + (source.bytes_at_end - source.remaining[0]) // clock.bytes_per_ns)
            self._contents.append(content)
            if len(times) > self._mark:
                self._reached()

    def _remember(
        self, key: tuple[object, ...], kind: str, tid: int, fields: dict[str, Value], values: tuple[Value, ...]
    ) -> Content:
        """Make a content and keep it for reuse."""
        if len(self._known) >= _KNOWN:
            self._known.clear()
        content = self._known[key] = Content(tid, self.pc, kind, fields, values)
        return content

    def _reached(self) -> None:
        """Act on the mark: refuse an event above the bound, call the listeners, or give the sink its batch."""
        if len(self) > self.limit:
            self._times.pop()
            self._contents.pop()
            raise RecorderFull(f"{self.limit} events were recorded")
        if not self._listeners:
            self.flush()
            return
        known = len(self._events)
        for event in self.events[known:]:
            for listener in self._listeners:
                listener(event)

    def flush(self) -> None:
        """Give the sink, if there is one, the events that it has not had."""
        if self._sink is not None and len(self._times) > self._written:
            start, self._written = self._written, len(self._times)
            self._set_mark()
            self._sink(len(self._events) + start, self._times[start:], self._contents[start:])

    def flush_if_idle(self) -> None:
        """Flush if nothing was recorded since the last call, so that the trace of an endless loop is complete. To be called
        when a slice ended without an event.
        """
        if len(self._times) == self._length_before:
            self.flush()
        self._length_before = len(self._times)

    # -- the record ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._events) + len(self._times)

    @property
    def tids(self) -> set[int]:
        """The threads that have events; 0 if some happened on no thread."""
        return {event.tid for event in self._events} | {content.tid for content in self._contents}

    @property
    def events(self) -> list[Event]:
        """Everything that was recorded so far."""
        if self._times:
            self.flush()
            times, contents = self._times, self._contents
            self._times, self._contents, self._written = [], [], 0
            events, seq = self._events, len(self._events)
            for time, content in zip(times, contents, strict=True):
                fields = content.fields
                for name, value in fields.items():
                    if type(value) is tuple:
                        fields[name] = list(value)
                events.append(Event(seq, time, content.tid, content.pc, content.kind, fields))
                seq += 1
            self._set_mark()
        return self._events
