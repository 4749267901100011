"""Two traces side by side: thread by thread, event by event, up to where they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

from emuload.trace.events import Event
from emuload.trace.jsonl import Trace

Key = Callable[[Event], Hashable]

_MACHINE = frozenset(
    ("syscall", "futex", "mutex", "cond", "sem", "rwlock", "barrier", "unknown", "tls", "static", "relro", "wait")
)
"""Events whose kinds begin with one of these words say how something was done or how long it took."""

_TIMING = frozenset(
    (
        "once-wait", "join-wait", "loader-lock-wait", "constructors-wait", "go-export-wait", "signal-sent", "signal-delivered",
        "signal-returned",
    )
)
"""Events that happen or not by who is faster."""

_NAMES = ("object", "name", "function", "package", "index", "array", "signal", "text", "error", "message", "code")
"""Fields that mean the same on every architecture."""


@dataclass(frozen=True)
class ThreadDifference:
    """What the two traces say of one thread: its events on either side, and how many are the same from the start."""

    tid: int
    left: Sequence[Event]
    right: Sequence[Event]
    same: int

    @property
    def parted(self) -> bool:
        """Whether there is a difference."""
        return not self.same == len(self.left) == len(self.right)

    @property
    def seq(self) -> int:
        """Where in its trace the first event stands that the other has not."""
        found = [events[self.same].seq for events in (self.left, self.right) if self.same < len(events)]
        return min(found, default=-1)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Kinds of which there are more on one side: how many on the left and on the right."""
        left, right = (Counter(event.kind for event in events) for events in (self.left, self.right))
        return {kind: (left[kind], right[kind]) for kind in sorted(left | right) if left[kind] != right[kind]}


def exact(event: Event) -> Hashable:
    """All of an event: its time, its place among the other threads' events and in the code, every field."""
    fields = tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in event.fields.items())
    return event.seq, event.time, event.pc, event.kind, fields


def order(event: Event) -> Hashable:
    """What was done and to what, by name; see `relevant`. A Go entry point's name holds the architecture's and does not count."""
    names = [name for name in _NAMES if name in event.fields and not (name == "function" and event.kind.startswith("go-rt0"))]
    return event.kind, tuple((name, _base(name, event.fields[name])) for name in names)


def _base(name: str, value: object) -> object:
    """An object's file name: its folder is the host's."""
    return value.rpartition("/")[2] if name in ("object", "name") and isinstance(value, str) else value


def relevant(event: Event) -> bool:
    """Whether an event counts when only the order does: not system calls, locks, TLS places, signals and waits, which differ
    between architectures or follow from timing; not the machine's name.
    """
    return event.kind.partition("-")[0] not in _MACHINE and event.kind not in _TIMING


def compare(left: Trace, right: Trace, *, key: Key, wanted: Callable[[Event], bool]) -> list[ThreadDifference]:
    """The threads of both traces, in order of their numbers; `key` says what has to be the same of the `wanted` events."""
    sides = [_by_thread([event for event in trace.events if wanted(event)]) for trace in (left, right)]
    made = []
    for tid in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(tid, []) for side in sides)
        pairs = zip(one, other, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if key(a) != key(b)), min(len(one), len(other)))
        made.append(ThreadDifference(tid, one, other, same))
    return made


def first(differences: Sequence[ThreadDifference]) -> ThreadDifference | None:
    """The thread that parts first, None when none does."""
    return min((each for each in differences if each.parted), key=lambda each: (each.seq, each.tid), default=None)


def _by_thread(events: Sequence[Event]) -> dict[int, list[Event]]:
    ordered = sorted(events, key=lambda event: event.tid)
    return {tid: list(group) for tid, group in groupby(ordered, key=lambda event: event.tid)}
