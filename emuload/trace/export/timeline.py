"""A run as lines of time: for each thread the slices it was in, nested, and who woke or made whom.

What draws a trace works on this, whatever its format. Slices are given as steps (`begin`, `end`, `mark`) in the order of the
events, so that every track is well nested: what ends while something inside it is still open takes that with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from emuload.trace.events import Event, Value
from emuload.trace.roles import Roles


class Step(NamedTuple):
    """One change of a thread's track, at the guest address `pc`. `starts` and `ends` number the flows that begin or end at it."""

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
    """`threads` are the names of all tracks by tid, tid 0 being the host's; `flows` counts arrows, numbered from 1."""

    threads: dict[int, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    flows: int = 0


class _Family(NamedTuple):
    """Events that begin and end the slices of one category; `label` is the field that names a slice."""

    category: str
    label: str


_BEGINS = {
    "constructor-enter": _Family("constructor", "object"),
    "destructor-enter": _Family("destructor", "object"),
    "dlopen-enter": _Family("dlopen", "name"),
    "dlclose-enter": _Family("dlclose", "object"),
    "dlsym-enter": _Family("dlsym", "name"),
    "call-enter": _Family("call", "function"),
    "go-package-init-enter": _Family("init", "package"),
    "go-export-body": _Family("export", "function"),
    "syscall-enter": _Family("syscall", "name"),
    "once-enter": _Family("once", ""),
    "mutex-wait": _Family("wait", ""),
    "cond-wait": _Family("wait", ""),
    "sem-wait": _Family("wait", ""),
    "once-wait": _Family("wait", ""),
    "rwlock-wait": _Family("wait", ""),
    "barrier-wait": _Family("wait", ""),
    "join-wait": _Family("wait", ""),
    "loader-lock-wait": _Family("wait", ""),
    "constructors-wait": _Family("wait", ""),
}

_ENDS = {
    "constructor-exit": "constructor-enter",
    "destructor-exit": "destructor-enter",
    "dlopen-exit": "dlopen-enter",
    "dlclose-exit": "dlclose-enter",
    "dlsym-exit": "dlsym-enter",
    "call-exit": "call-enter",
    "go-package-init-exit": "go-package-init-enter",
    "go-export-return": "go-export-body",
    "syscall-exit": "syscall-enter",
    "once-exit": "once-enter",
    "mutex-acquire": "mutex-wait",
    "cond-return": "cond-wait",
    "sem-acquire": "sem-wait",
    "rwlock-acquire": "rwlock-wait",
    "barrier-leave": "barrier-wait",
    "join-done": "join-wait",
    "loader-lock-acquire": "loader-lock-wait",
}
"""What each event ends."""

_ENDS_ANY_WAIT = "wait-over"
_MOVES = "go-package-init-enter"
"""What may end on another thread: inits run on a goroutine."""

_QUIET = frozenset((
    "syscall", "mutex-acquire", "mutex-release", "loader-lock-acquire", "loader-lock-release", "wait-over", "futex-wait",
    "call-result",
))  # fmt: skip
"""Events that get no mark: too many, or shown by a slice."""


def timeline(events: Iterable[Event]) -> Timeline:
    """The timeline of a run, complete or not; slices that never end are ended with the last event."""
    made = _Maker()
    for event in events:
        made.see(event)
    return made.finish()


@dataclass
class _Maker:
    result: Timeline = field(default_factory=Timeline)
    roles: Roles = field(default_factory=Roles)
    open: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    """Per thread the slices it is in, outermost first: the kind of event that began each, and its name."""
    woken: dict[int, list[int]] = field(default_factory=dict)
    """Per thread the flows whose arrows end where its system call does."""
    created: dict[int, int] = field(default_factory=dict)
    """Per thread that has not run yet, the flow from its creator."""
    time: int = 0

    def see(self, event: Event) -> None:
        self.roles.see(event)
        self.time = event.time
        self.open.setdefault(event.tid, [])
        if event.tid in self.created:
            self._step("mark", event, "thread", "started", ends=[self.created.pop(event.tid)])
        if event.kind == "syscall-exit" and event.tid in self.woken:
            self._step("mark", event, "wake", "woken", ends=self.woken.pop(event.tid))
        ended = _ENDS.get(event.kind)
        if ended is not None or event.kind == _ENDS_ANY_WAIT:
            self._end(event, ended)
        begins = _BEGINS.get(event.kind)
        starts = tuple(self._flows(event))
        if begins is not None:
            name = _name(event, begins)
            self._step("begin", event, begins.category, name)
            self.open[event.tid].append((event.kind, name))
        elif ended is None and (starts or event.kind not in _QUIET):
            self._step("mark", event, event.kind.partition("-")[0], event.kind, starts=starts)

    def _flows(self, event: Event) -> Iterator[int]:
        """New flows, to the threads that this event wakes or creates."""
        woken, child = event.fields.get("woken"), event.fields.get("child")
        if event.kind == "futex-wake" and isinstance(woken, list):
            for tid in woken:
                self.result.flows += 1
                self.woken.setdefault(int(tid), []).append(self.result.flows)
                yield self.result.flows
        elif event.kind == "task-create" and isinstance(child, int):
            self.result.flows += 1
            self.created[child] = self.result.flows
            yield self.result.flows

    def _end(self, event: Event, began: str | None) -> None:
        """End the innermost slice that such an event began (None: any wait), on the event's thread or where it may have moved."""
        others = [tid for tid in self.open if tid != event.tid] if began == _MOVES else []
        for tid in (event.tid, *others):
            stack = self.open[tid]
            found = [n for n, (kind, _) in enumerate(stack) if (kind == began if began else kind.endswith("-wait"))]
            if found:
                while len(stack) > found[-1]:
                    kind, name = stack.pop()
                    self.result.steps.append(Step("end", event.time, tid, _BEGINS[kind].category, name, event.fields, event.pc))
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
            for kind, name in reversed(stack):
                self.result.steps.append(Step("end", self.time, tid, _BEGINS[kind].category, name, {"unfinished": True}))
            self.result.threads[tid] = f"{self.roles.name(tid)} {tid}".strip() if tid else self.roles.name(tid)
        return self.result


def _name(event: Event, family: _Family) -> str:
    """A slice's name: `init errors`, `constructor libhello.so`, `futex`, `cond-wait`."""
    if not family.label:
        return event.kind if family.category == "wait" else family.category
    label = str(event.fields.get(family.label, ""))
    if family.label == "object" or family.category == "dlopen":
        label = label.rpartition("/")[2]
    return label if family.category == "syscall" else f"{family.category} {label}".rstrip()
