"""A run as tracks: for each thread the slices it was in, nested, and who woke or created whom.

Exports in any format are made from this; which event begins or ends a slice is declared (`emuload.trace.kinds`). Slices are given
as steps (`begin`, `end`, `mark`) in the order of the events, and every track is well nested: a slice that ends while others are
open inside it ends those too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from emuload.trace.events import Event, Value
from emuload.trace.kinds import WAIT, Kind
from emuload.trace.kinds.catalogue import KINDS
from emuload.trace.roles import Roles

_UNDECLARED = Kind("", "", "")
"""Stands in for a kind that is not of the present schema: a mark and nothing else."""


class Step(NamedTuple):
    """One change of a thread's track, at the guest address `pc`. `starts` and `ends` are the numbers of the flows that begin or
    end here.
    """

    what: Literal["begin", "end", "mark"]
    time: int
    tid: int
    category: str
    name: str
    fields: Mapping[str, Value]
    pc: int = 0
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


@dataclass
class Timeline:
    """`threads` has the names of all tracks by tid, tid 0 being the host's; `flows` counts arrows, numbered from 1."""

    threads: dict[int, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    flows: int = 0


def timeline(events: Iterable[Event]) -> Timeline:
    """The timeline of a run, complete or not; slices that never end are ended with the last event."""
    made = _Maker()
    for event in events:
        made.see(event)
    return made.finish()


class _Open(NamedTuple):
    """A slice that has begun: the kind of the event that began it, and its name."""

    kind: Kind
    category: str
    name: str


@dataclass
class _Maker:
    result: Timeline = field(default_factory=Timeline)
    roles: Roles = field(default_factory=Roles)
    open: dict[int, list[_Open]] = field(default_factory=dict)
    """The slices each thread is in, outermost first."""
    woken: dict[int, list[int]] = field(default_factory=dict)
    """The flows to each woken thread: their arrows end where its system call does."""
    created: dict[int, int] = field(default_factory=dict)
    """The flow from its creator to each thread that has not run yet."""
    time: int = 0

    def see(self, event: Event) -> None:
        kind = KINDS.get(event.kind, _UNDECLARED)
        self.roles.see(event)
        self.time = event.time
        self.open.setdefault(event.tid, [])
        if event.tid in self.created:
            self._step("mark", event, "thread", "started", ends=[self.created.pop(event.tid)])
        if kind.woken and event.tid in self.woken:
            self._step("mark", event, "wake", "woken", ends=self.woken.pop(event.tid))
        if kind.ends is not None or kind.ends_any:
            self._end(event, kind)
        starts = tuple(self._flows(event, kind))
        if kind.begins is not None:
            category, label = kind.begins
            name = _name(event, category, label)
            self._step("begin", event, category, name)
            self.open[event.tid].append(_Open(kind, category, name))
        elif kind.ends is None and (starts or not kind.quiet):
            self._step("mark", event, event.kind.partition("-")[0], event.kind, starts=starts)

    def _flows(self, event: Event, kind: Kind) -> Iterator[int]:
        """New flows, to the threads that this event wakes or creates."""
        woken = event.fields.get(kind.wakes) if kind.wakes else None
        child = event.fields.get(kind.creates) if kind.creates else None
        if isinstance(woken, list):
            for tid in woken:
                self.result.flows += 1
                self.woken.setdefault(int(tid), []).append(self.result.flows)
                yield self.result.flows
        elif isinstance(child, int):
            self.result.flows += 1
            self.created[child] = self.result.flows
            yield self.result.flows

    def _end(self, event: Event, kind: Kind) -> None:
        """End the innermost slice that the kind ends, on the event's thread or, if that slice moves, on another."""
        others = [tid for tid in self.open if tid != event.tid] if kind.ends is not None and kind.ends.moves else []
        for tid in (event.tid, *others):
            stack = self.open[tid]
            found = [n for n, each in enumerate(stack) if each.kind is kind.ends or each.category == kind.ends_any]
            if found:
                while len(stack) > found[-1]:
                    _, category, name = stack.pop()
                    self.result.steps.append(Step("end", event.time, tid, category, name, event.fields, event.pc))
                return

    def _step(
        self,
        what: Literal["begin", "end", "mark"],
        event: Event,
        category: str,
        name: str,
        *,
        starts: Iterable[int] = (),
        ends: Iterable[int] = (),
    ) -> None:
        step = Step(what, event.time, event.tid, category, name, event.fields, event.pc, tuple(starts), tuple(ends))
        self.result.steps.append(step)

    def finish(self) -> Timeline:
        for tid, stack in self.open.items():
            for _, category, name in reversed(stack):
                self.result.steps.append(Step("end", self.time, tid, category, name, {"unfinished": True}))
            self.result.threads[tid] = f"{self.roles.name(tid)} {tid}".strip() if tid else self.roles.name(tid)
        return self.result


def _name(event: Event, category: str, label: str) -> str:
    """A slice's name: `init errors`, `constructor libhello.so`, `futex`, `cond-wait`."""
    if not label:
        return event.kind if category == WAIT else category
    text = str(event.fields.get(label, ""))
    if label == "object" or category == "dlopen":
        text = text.rpartition("/")[2]
    return text if category == "syscall" else f"{category} {text}".rstrip()
