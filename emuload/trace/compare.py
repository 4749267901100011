"""Compares two traces: the events that correspond, thread by thread, and their differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from emuload.trace.align import Pair, align, longest_ascending
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace
from emuload.trace.kinds.catalogue import KINDS

_NAMES = ("object", "needed", "name", "function", "package", "index", "array", "signal", "text", "error", "message", "code")
"""Fields that mean the same on every architecture, but for `Kind.machine_fields`."""

PLACE = "place"
"""The difference of an event that happened before others on one side and after them on the other."""


@dataclass
class Part:
    """Consecutive events of one thread that are the same on both sides, or that differ."""

    same: bool
    left: list[Event] = field(default_factory=list)
    right: list[Event] = field(default_factory=list)


@dataclass
class ThreadDifference:
    """One thread in the two traces. `pairs` are the events that correspond, by their indices on either side; `changed` has the
    names of the differences within a pair, by its index on the left.
    """

    tid: int
    left: Sequence[Event]
    right: Sequence[Event]
    pairs: Sequence[Pair]
    changed: dict[int, list[str]] = field(default_factory=dict)

    @property
    def same(self) -> int:
        """Number of events that are the same."""
        return len(self.pairs) - len(self.changed)

    @property
    def lost(self) -> int:
        """Number of events that only the left trace has."""
        return len(self.left) - len(self.pairs)

    @property
    def added(self) -> int:
        """Number of events that only the right trace has."""
        return len(self.right) - len(self.pairs)

    @property
    def parted(self) -> bool:
        """True if there is a difference."""
        return bool(self.lost or self.added or self.changed)

    @property
    def seq(self) -> int:
        """The number, in its trace, of the first event that differs from the other trace; -1 if all are equal."""
        part = next((part for part in self.parts() if not part.same), Part(False))
        return min((event.seq for event in [*part.left[:1], *part.right[:1]]), default=-1)

    def parts(self) -> Iterator[Part]:
        """The thread's events from the first to the last, as parts that are alternately the same and not."""
        part = Part(True)
        for piece in self._pieces():
            if piece.same != part.same and (part.left or part.right):
                yield part
                part = Part(piece.same)
            part.same = piece.same
            part.left += piece.left
            part.right += piece.right
        if part.left or part.right:
            yield part

    def _pieces(self) -> Iterator[Part]:
        """Each pair, and the events before it on either side."""
        i = j = 0
        for a, b in self.pairs:
            if i < a or j < b:
                yield Part(False, [*self.left[i:a]], [*self.right[j:b]])
            yield Part(a not in self.changed, [self.left[a]], [self.right[b]])
            i, j = a + 1, b + 1
        if i < len(self.left) or j < len(self.right):
            yield Part(False, [*self.left[i:]], [*self.right[j:]])

    def unpaired(self) -> dict[str, tuple[int, int]]:
        """Kinds of events without a partner: their numbers on the left and on the right."""
        paired = {a for a, _ in self.pairs}, {b for _, b in self.pairs}
        left, right = (
            Counter(event.kind for n, event in enumerate(side) if n not in known)
            for side, known in zip((self.left, self.right), paired, strict=True)
        )
        return {kind: (left[kind], right[kind]) for kind in sorted(left | right)}


def order(event: Event) -> Hashable:
    """A key: the operation and its objects by name; see `relevant`. Names that the kind declares to be the architecture's do
    not count.
    """
    kind = KINDS.get(event.kind)
    skipped = kind.machine_fields if kind is not None else ()
    names = [name for name in _NAMES if name in event.fields and name not in skipped]
    return event.kind, tuple((name, _base(name, event.fields[name])) for name in names)


def _base(name: str, value: object) -> Hashable:
    """A value without the host's part: an object's file name without its folder; "" for a function known by address only."""
    if isinstance(value, list):
        return tuple(_base("object", each) for each in value)
    if name == "function":
        return value if isinstance(value, str) and not value.startswith("0x") else ""
    if not isinstance(value, str):
        return str(value)
    return value.rpartition("/")[2] if name in ("object", "name") else value


def relevant(event: Event) -> bool:
    """True if an event counts when only the order does: not system calls, locks, TLS places, signals and waits, which differ
    between architectures or follow from timing (`Kind.varies`); not the machine's name.
    """
    kind = KINDS.get(event.kind)
    return kind is None or not kind.varies


def compare_order(left: Trace, right: Trace) -> list[ThreadDifference]:
    """Compare what was done, thread by thread, whatever the machine and the times; see `order` and `relevant`."""
    one, other = ([event for event in trace.events if relevant(event)] for trace in (left, right))
    return _aligned(one, other, order)


def compare_exactly(left: Trace, right: Trace) -> list[ThreadDifference]:
    """Compare everything. Events that are the same in all correspond, and between them those that are the same by `order`,
    whose times, fields, and places among other threads' events may have changed.
    """
    threads = _aligned(left.events, right.events, _all, order)
    for each in threads:
        for a, b in each.pairs:
            names = _differing(each.left[a], each.right[b])
            if names:
                each.changed[a] = names
    pairs = sorted((each.left[a].seq, each.right[b].seq, each, a) for each in threads for a, b in each.pairs)
    kept = set(longest_ascending([pair[1] for pair in pairs]))
    for number, (_, _, each, a) in enumerate(pairs):
        if number not in kept:
            each.changed.setdefault(a, []).append(PLACE)
    return threads


def first(differences: Sequence[ThreadDifference]) -> ThreadDifference | None:
    """The thread that differs first, None if none does."""
    return min((each for each in differences if each.parted), key=lambda each: (each.seq, each.tid), default=None)


def _all(event: Event) -> Hashable:
    return event.time, event.pc, event.kind, str(event.fields)


def _differing(one: Event, other: Event) -> list[str]:
    """The differences of two events of one kind: "time", "pc", names of fields."""
    if (one.time, one.pc, one.fields) == (other.time, other.pc, other.fields):
        return []
    names = [name for name in ("time", "pc") if getattr(one, name) != getattr(other, name)]
    nothing = object()
    return names + [n for n in one.fields | other.fields if one.fields.get(n, nothing) != other.fields.get(n, nothing)]


def _aligned(left: Sequence[Event], right: Sequence[Event], *keys: Callable[[Event], Hashable]) -> list[ThreadDifference]:
    """The threads of both traces, by number. Events correspond by the first key, and between those by the next."""
    sides = _by_thread(left), _by_thread(right)
    made = []
    for tid in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(tid, []) for side in sides)
        made.append(ThreadDifference(tid, one, other, _pairs(one, other, keys)))
    return made


def _pairs(left: Sequence[Event], right: Sequence[Event], keys: Sequence[Callable[[Event], Hashable]]) -> list[Pair]:
    key, *rest = keys
    pairs = align([key(event) for event in left], [key(event) for event in right])
    if not rest:
        return pairs
    made: list[Pair] = []
    i = j = 0
    for a, b in [*pairs, (len(left), len(right))]:
        if i < a and j < b:
            made += [(i + m, j + n) for m, n in _pairs(left[i:a], right[j:b], rest)]
        made.append((a, b))
        i, j = a + 1, b + 1
    return made[:-1]


def _by_thread(events: Sequence[Event]) -> dict[int, list[Event]]:
    ordered = sorted(events, key=lambda event: event.tid)
    return {tid: list(group) for tid, group in groupby(ordered, key=lambda event: event.tid)}
