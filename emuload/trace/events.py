"""Events: one small record per thing that happened, in the order it happened.

A run is a stream of events; whatever checks, draws or compares a run works on that stream.
Every field is an int, a str, a bool or a list of those, so that an event is JSON as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Value = int | str | bool | None | list[int] | list[str]

EVENT_LIMIT = 10_000_000


class Clock(Protocol):
    """What the recorder needs of a clock."""

    def now(self) -> int:
        """Virtual time in nanoseconds."""
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


@dataclass
class Recorder:
    """Collects events of one run. `enabled` off makes emit a no-op; `listener` sees each event as it happens.

    `pc` is where the guest stands: whoever enters the host from guest code sets it, and every event carries it.
    """

    clock: Clock
    enabled: bool = True
    limit: int = EVENT_LIMIT
    pc: int = 0
    events: list[Event] = field(default_factory=list)
    listener: Callable[[Event], None] | None = None
    observer: Callable[[Event], None] | None = None
    """Sees each event before the listener: the instruction log, where events say what is logged."""

    def emit(self, kind: str, tid: int, **fields: Value) -> None:
        """Append one event, stamped with the virtual time. Raises RecorderFull at the bound."""
        if self.enabled:
            self.record(kind, tid, fields)

    def record(self, kind: str, tid: int, fields: dict[str, Value]) -> None:
        """`emit` with the fields as a dict, which the event keeps."""
        if not self.enabled:
            return
        events = self.events
        seq = len(events)
        if seq >= self.limit:
            raise RecorderFull(f"{self.limit} events were recorded")
        event = Event(seq, self.clock.now(), tid, self.pc, kind, fields)
        events.append(event)
        if self.observer is not None:
            self.observer(event)
        if self.listener is not None:
            self.listener(event)
