"""Each scenario shows what it is there for: read from its stored traces, event by event."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emuload.samples import SAMPLES
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace, read
from tests.trace.references import SCENARIOS

Check = Callable[[Trace], None]
CHECKS: dict[str, Check] = {}


def shows(name: str) -> Callable[[Check], Check]:
    """What the scenario of that name must show."""

    def register(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return register


def events(trace: Trace, kind: str, **fields: object) -> list[Event]:
    """All events of a kind that have these fields."""
    return [e for e in trace.events if e.kind == kind and all(e.fields.get(name) == value for name, value in fields.items())]


def one(trace: Trace, kind: str, **fields: object) -> Event:
    """The one event of a kind that has these fields."""
    (found,) = events(trace, kind, **fields)
    return found


def in_order(*ordered: Event) -> None:
    """The events happened in this order."""
    assert [event.seq for event in ordered] == sorted(event.seq for event in ordered)


def initialised(trace: Trace, library: str) -> tuple[Event, Event]:
    """When Go said that the runtime is ready, and that every package is initialised."""
    return one(trace, "go-runtime-init-done", object=library), one(trace, "go-main-init-done", object=library)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_shows_its_order(name: str, sample: str) -> None:
    trace = read(str(SCENARIOS[name].trace(sample)))
    assert trace.end is not None
    assert trace.end.outcome == SCENARIOS[name].end
    CHECKS[name](trace)


@shows("dlopen")
def _(trace: Trace) -> None:
    _, done = initialised(trace, "libhello.so")
    in_order(one(trace, "dlopen-exit"), done, one(trace, "go-export-enter"), one(trace, "go-export-body"))
    assert not events(trace, "go-export-wait")


@shows("linked")
def _(trace: Trace) -> None:
    assert not events(trace, "dlopen-enter")
    in_order(
        one(trace, "tls-registered", object="libhello.so"),
        one(trace, "object-relocated", object="libhello.so"),
        one(trace, "constructor-exit", object="libhello.so"),
        events(trace, "startup-exit")[0],
        one(trace, "go-export-enter"),
        initialised(trace, "libhello.so")[1],
        one(trace, "go-export-body"),
    )


@shows("call-before-init")
def _(trace: Trace) -> None:
    ready, done = initialised(trace, "libslow.so")
    first, second = events(trace, "go-export-wait")
    assert (first.fields["for"], second.fields["for"]) == ("runtime_init_done", "main_init_done")
    init = one(trace, "go-package-init-enter", package="main"), one(trace, "go-package-init-exit", package="main")
    in_order(one(trace, "go-export-enter"), first, ready, init[0], second, init[1], done, one(trace, "go-export-body"))


@shows("first-call-race")
def _(trace: Trace) -> None:
    ready, done = initialised(trace, "libslow.so")
    entered, bodies = events(trace, "go-export-enter"), events(trace, "go-export-body")
    assert {e.tid for e in entered} == {e.tid for e in bodies}
    assert len(entered) == len(bodies) == 4
    in_order(*entered, ready)
    in_order(done, *bodies)
    assert {e.tid for e in events(trace, "go-export-wait", **{"for": "runtime_init_done"})} == {e.tid for e in entered}


@shows("init-sleeps")
def _(trace: Trace) -> None:
    begin, end = one(trace, "go-package-init-enter", package="main"), one(trace, "go-package-init-exit", package="main")
    wait = one(trace, "go-export-wait", **{"for": "main_init_done"})
    in_order(one(trace, "dlopen-exit"), begin, wait, end, one(trace, "go-export-body"))
    assert end.time - begin.time >= 1_000_000


@shows("init-goroutines")
def _(trace: Trace) -> None:
    end = one(trace, "go-package-init-exit", package="main")
    in_order(one(trace, "go-package-init-enter", package="main"), end, initialised(trace, "libworkers.so")[1])
    assert one(trace, "go-export-body").seq > end.seq


@shows("init-calls-c")
def _(trace: Trace) -> None:
    begin, end = one(trace, "go-package-init-enter", package="main"), one(trace, "go-package-init-exit", package="main")
    said = one(trace, "write", text="C was asked\n")
    in_order(begin, said, end, one(trace, "go-export-body"))
    assert said.tid == begin.tid != 1000


@shows("constructor-calls-export")
def _(trace: Trace) -> None:
    ready, done = initialised(trace, "libhello.so")
    in_order(
        one(trace, "dlopen-enter"),
        one(trace, "constructor-exit", object="libhello.so"),
        one(trace, "constructor-enter", object="libeager.so"),
        one(trace, "go-export-enter"),
        ready,
        done,
        one(trace, "go-export-body"),
        one(trace, "constructor-exit", object="libeager.so"),
        one(trace, "dlopen-exit"),
    )


@shows("constructor-too-early")
def _(trace: Trace) -> None:
    in_order(one(trace, "constructor-enter"), one(trace, "go-export-enter"), one(trace, "go-export-wait"))
    assert not events(trace, "go-rt0-lib")
    assert not events(trace, "go-export-body")
    assert [event.kind for event in trace.events[-2:]] == ["futex-wait", "syscall-enter"]


@shows("thread-local-host")
def _(trace: Trace) -> None:
    before, _, after = (event for event in events(trace, "thread-create") if event.tid == 1000)  # between them, Go's own
    image = one(trace, "tls-image", object="libhello.so")
    assert image.fields["threads"] == 2  # main's and the one of `before`
    in_order(before, image, one(trace, "go-rt0-lib"), one(trace, "dlopen-exit"), after)
    assert {event.tid for event in events(trace, "go-export-body")} == {before.fields["child"], after.fields["child"]}


@shows("two-go-libraries")
def _(trace: Trace) -> None:
    first, second = events(trace, "signal-action", signal="SIGURG")
    assert first.fields["handler"] != second.fields["handler"]
    in_order(first, one(trace, "constructor-exit", object="libhello.so"), second)
    threads = {one(trace, "go-rt0-go", object=library).tid for library in ("libhello.so", "libtwice.so")}
    assert len(threads) == 2
    for library, function in (("libhello.so", "add"), ("libtwice.so", "twice")):
        in_order(*initialised(trace, library), *events(trace, "go-export-body", object=library, function=function))


@shows("dlclose")
def _(trace: Trace) -> None:
    bodies = events(trace, "go-export-body")
    closed = one(trace, "dlclose-exit")
    in_order(bodies[0], one(trace, "dlclose-enter"), closed, bodies[1], events(trace, "dlopen-exit")[1], bodies[2])
    assert one(trace, "constructor-enter").seq < bodies[0].seq
    assert not events(trace, "object-unmapped")
    assert not events(trace, "destructor-enter")


@shows("environment")
def _(trace: Trace) -> None:
    assert trace.header.arguments == ["prog", "one", "two"]
    assert trace.header.environment == {"HOME": "/home/gopher", "LANG": "C"}
    order = ("runtime", "os", "main")
    in_order(*(one(trace, "go-package-init-enter", package=package) for package in order))


@shows("c-dependencies")
def _(trace: Trace) -> None:
    entered = [(event.fields["object"], event.fields["index"]) for event in events(trace, "constructor-enter")]
    first = [("libfirst.so", 0), ("libfirst.so", 1), ("libfirst.so", 2)]
    assert entered[:5] == [*first, ("libsecond.so", 0), ("libsecond.so", 1)]
    assert {name for name, _ in entered[5:]} == {"libtop.so"}
    said = [event.fields["text"] for event in events(trace, "write")]
    assert said == ["first: 101\n", "first: 200\n", "first: no priority\n", "second: 101\n"]


@shows("panic-in-init")
def _(trace: Trace) -> None:
    begin, panic = one(trace, "go-package-init-enter", package="main"), one(trace, "go-fatalpanic")
    in_order(one(trace, "go-export-enter"), begin, panic, one(trace, "go-die"), one(trace, "process-killed"))
    assert panic.tid == begin.tid
    assert not events(trace, "go-main-init-done")
    assert not events(trace, "go-export-body")
