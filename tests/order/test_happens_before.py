"""The order that a trace's vector clocks tell, against reachability in a graph of the steps that order."""

from __future__ import annotations

import time
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emuload.order.happens_before import HappensBefore
from emuload.trace.events import Event
from tests.trace.made_traces import Run

WAIT, WAKE = 128, 129
A, B, C, D = 1, 2, 3, 4


def futex(run: Run, tid: int, command: int, address: int, result: int, at: int = 0) -> Event:
    return run(tid, "syscall", name="futex", args=[address, command, 1, 0, 0, 0], result=result, at=at)


# -- against a graph -------------------------------------------------------------------------------------------------

TIDS = st.integers(1, 4)
NAMES = st.integers(1, 2)
STEPS = st.one_of(
    st.tuples(st.just("plain"), TIDS, NAMES),
    st.tuples(st.just("mutex-release"), TIDS, NAMES),
    st.tuples(st.just("mutex-acquire"), TIDS, NAMES),
    st.tuples(st.just("loader-lock-release"), TIDS, NAMES),
    st.tuples(st.just("loader-lock-acquire"), TIDS, NAMES),
    st.tuples(st.just("sem-post"), TIDS, NAMES),
    st.tuples(st.just("sem-acquire"), TIDS, NAMES),
    st.tuples(st.just("once-exit"), TIDS, NAMES),
    st.tuples(st.just("once-pass"), TIDS, NAMES),
    st.tuples(st.just("task-create"), TIDS, TIDS),
    st.tuples(st.just("task-exit"), TIDS, NAMES),
    st.tuples(st.just("join-done"), TIDS, TIDS),
    st.tuples(st.just("futex-wake"), TIDS, TIDS),
    st.tuples(st.just("wake"), TIDS, NAMES),
    st.tuples(st.just("eagain"), TIDS, NAMES),
    st.tuples(st.just("barrier-wait"), TIDS, NAMES),
    st.tuples(st.just("barrier-leave"), TIDS, NAMES),
    st.tuples(st.just("call-result"), TIDS, NAMES),
    st.tuples(st.just("call-enter"), TIDS, NAMES),
)
PAIRS = {
    "mutex-release": "mutex-acquire", "loader-lock-release": "loader-lock-acquire", "sem-post": "sem-acquire",
    "once-exit": "once-pass", "wake": "eagain", "barrier-wait": "barrier-leave",
}  # fmt: skip
FIELDS = {"loader-lock-release": "lock", "loader-lock-acquire": "lock", "task-create": "child", "join-done": "thread"}

Step = tuple[str, int, int]


def leads_to(one: Step, other: Step) -> bool:
    """True if the earlier of two steps comes directly before the later one."""
    kind, tid, name = one
    then, other_tid, other_name = other
    if tid == other_tid or (PAIRS.get(kind) == then and name == other_name):
        return True
    if kind in ("task-create", "futex-wake"):
        return name == other_tid
    if kind == "task-exit":
        return then == "join-done" and other_name == tid
    return then == "call-enter" and kind in ("call-result", "call-enter")


def reachable(steps: list[Step]) -> set[tuple[int, int]]:
    """All pairs of numbers of steps of which the first is before the second, by any number of steps in between."""
    before: list[set[int]] = []
    for number, step in enumerate(steps):
        direct = [earlier for earlier in range(number) if leads_to(steps[earlier], step)]
        before.append(set(direct).union(*(before[earlier] for earlier in direct)))
    return {(first, then) for then, found in enumerate(before) for first in found}


def written(steps: list[Step]) -> Run:
    """The steps as events of a trace."""
    run = Run()
    for kind, tid, name in steps:
        if kind in ("wake", "eagain"):
            futex(run, tid, WAKE if kind == "wake" else WAIT, name, 0 if kind == "wake" else -11)
        elif kind == "futex-wake":
            run(tid, kind, address=0, woken=[name])
        elif kind.startswith("barrier"):
            run(tid, kind, barrier=name, generation=0)
        else:
            run(tid, kind, **{FIELDS.get(kind, kind.rpartition("-")[0] or "name"): name})
    return run


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_events_are_ordered_where_a_graph_of_the_steps_has_a_way(steps: list[Step]) -> None:
    events = written(steps).events
    order = HappensBefore(events)
    found = {(a.seq, b.seq) for a, b in combinations(events, 2) if order.ordered(a, b)}
    assert found == reachable(steps)
    assert not any(order.ordered(b, a) for a, b in combinations(events, 2))
    assert not any(order.ordered(event, event) for event in events)


# -- one kind of synchronisation at a time ---------------------------------------------------------------------------


def test_readers_of_a_lock_are_ordered_after_its_writers_and_not_among_themselves() -> None:
    run = Run()
    written = run(A, "write")
    run(A, "rwlock-acquire", rwlock=9, write=1)
    run(A, "rwlock-release", rwlock=9)
    run(B, "rwlock-acquire", rwlock=9, write=0)
    read = run(B, "write")
    run(B, "rwlock-release", rwlock=9)
    run(C, "rwlock-acquire", rwlock=9, write=0)
    also_read = run(C, "write")
    run(C, "rwlock-release", rwlock=9)
    run(A, "rwlock-acquire", rwlock=9, write=1)
    again = run(A, "write")
    order = HappensBefore(run.events)
    assert order.ordered(written, read)
    assert order.ordered(written, also_read)
    assert not order.ordered(read, also_read)
    assert order.ordered(read, again)
    assert order.ordered(also_read, again)


def test_a_barrier_orders_the_threads_of_one_generation() -> None:
    run = Run()
    first = run(A, "barrier-wait", barrier=9, generation=0)
    run(B, "barrier-wait", barrier=9, generation=0)
    run(A, "barrier-leave", barrier=9, generation=0)
    second = run(A, "barrier-wait", barrier=9, generation=1)
    left = run(B, "barrier-leave", barrier=9, generation=0)
    order = HappensBefore(run.events)
    assert order.ordered(first, left)
    assert not order.ordered(second, left)


def test_a_once_orders_who_waited_for_it_but_not_whose_other_wait_ended() -> None:
    run = Run()
    done = run(A, "write")
    run(A, "once-exit", once=9)
    run(B, "once-wait", once=9, owner=A)
    waited = run(B, "wait-over", object=9)
    run(C, "mutex-wait", mutex=9, owner=A)
    gave_up = run(C, "wait-over", object=9)
    order = HappensBefore(run.events)
    assert order.ordered(done, waited)
    assert not order.ordered(done, gave_up)


def test_a_wake_that_comes_before_the_wait_orders_only_who_finds_the_word_changed() -> None:
    run = Run()
    sent = run(A, "write")
    futex(run, A, WAKE, 0x100, 0)
    seen = futex(run, B, WAIT, 0x100, -11)
    timed_out = futex(run, C, WAIT, 0x100, -110)
    elsewhere = futex(run, C, WAIT, 0x200, -11)
    order = HappensBefore(run.events)
    assert order.ordered(sent, seen)
    assert not order.ordered(sent, timed_out)
    assert not order.ordered(sent, elsewhere)


def test_a_futex_wait_that_is_begun_anew_and_finds_the_word_changed_is_ordered() -> None:
    run = Run()
    run(B, "syscall-enter", name="futex_time64", args=[0x100, WAIT, 0, 0, 0, 0], wait="futex")
    sent = run(A, "write")
    futex(run, A, WAKE, 0x100, 0)
    seen = run(B, "syscall-exit", name="futex_time64", result=-11)
    assert HappensBefore(run.events).ordered(sent, seen)


def test_a_signal_orders_what_its_sender_did_before() -> None:
    run = Run()
    sent = run(A, "write")
    run(A, "signal-sent", signal="SIGUSR1", code=-6, to=B)
    after = run(A, "write")
    handled = run(B, "signal-delivered", signal="SIGUSR1", code=-6, address=0, handler=5, pc=0)
    order = HappensBefore(run.events)
    assert order.ordered(sent, handled)
    assert not order.ordered(after, handled)


def test_a_signal_to_the_process_orders_the_thread_that_takes_it() -> None:
    run = Run()
    sent = run(A, "signal-sent", signal="SIGUSR1", code=0, to=0)
    other = run(C, "write")
    handled = run(B, "signal-accepted", signal="SIGUSR1", code=0)
    order = HappensBefore(run.events)
    assert order.ordered(sent, handled)
    assert not order.ordered(sent, other)


def test_standard_signals_merge_and_realtime_signals_queue() -> None:
    for name, merged in (("SIGUSR1", True), ("SIGRT4", False)):
        run = Run()
        run(A, "signal-sent", signal=name, code=-6, to=B)
        second = run(C, "signal-sent", signal=name, code=-6, to=B)
        handled = run(B, "signal-delivered", signal=name, code=-6, address=0, handler=5, pc=0)
        again = run(B, "signal-delivered", signal=name, code=-6, address=0, handler=5, pc=0)
        order = HappensBefore(run.events)
        assert order.ordered(second, handled) == merged
        assert order.ordered(second, again)


@pytest.mark.parametrize(("name", "code"), [("SIGALRM", 0x80), ("SIGUSR1", -2)])
def test_a_timers_signal_orders_nothing_though_a_thread_was_running(name: str, code: int) -> None:
    run = Run()
    running = run(A, "signal-sent", signal=name, code=code, to=0)
    handled = run(B, "signal-delivered", signal=name, code=code, address=0, handler=5, pc=0)
    assert not HappensBefore(run.events).ordered(running, handled)


def test_a_signal_that_was_ignored_orders_nothing_later() -> None:
    run = Run()
    run(A, "signal-action", signal="SIGUSR1", handler=1, flags=0)
    lost = run(A, "signal-sent", signal="SIGUSR1", code=0, to=0)
    run(C, "signal-action", signal="SIGUSR1", handler=5, flags=0)
    sent = run(C, "signal-sent", signal="SIGUSR1", code=0, to=0)
    handled = run(B, "signal-delivered", signal="SIGUSR1", code=0, address=0, handler=5, pc=0)
    order = HappensBefore(run.events)
    assert order.ordered(sent, handled)
    assert not order.ordered(lost, handled)


def test_the_host_orders_what_it_waited_for_before_what_it_calls_next() -> None:
    run = Run()
    waited_for = run(A, "call-exit", function="f")
    run(A, "call-result", function="f")
    not_waited_for = run(C, "call-exit", function="g")
    called = run(B, "call-enter", function="h")
    next_call = run(D, "call-enter", function="i")
    order = HappensBefore(run.events)
    assert order.ordered(waited_for, called)
    assert order.ordered(called, next_call)
    assert not order.ordered(not_waited_for, called)


# -- Go --------------------------------------------------------------------------------------------------------------

GO = "lib.so"
M_ROUTINE = 0x5000


def go_run() -> Run:
    """A Go library's start, on thread 11 with threads 12 and 13 of its own."""
    run = Run()
    run(0, "object-mapped", object=GO, address=0x1000, size=0x8000, bias=0x1000)
    run(10, "go-rt0-lib", function="_rt0", object=GO)
    run(11, "thread-start", routine=0x4000)
    run(11, "go-rt0-lib-go", function="rt0_lib_go", object=GO)
    run(12, "thread-start", routine=M_ROUTINE)
    run(12, "go-sysmon", function="sysmon", object=GO)
    run(13, "thread-start", routine=M_ROUTINE)
    return run


def test_an_export_called_from_outside_comes_after_both_waits_of_go() -> None:
    run = go_run()
    ready = run(11, "go-runtime-init-done", function="main", object=GO)
    done = run(11, "go-main-init-done", function="main", object=GO)
    later = run(11, "write")
    body = run(20, "go-export-body", function="f", object=GO)
    other = run(20, "go-export-body", function="f", object="other.so")
    order = HappensBefore(run.events)
    assert order.ordered(ready, body)
    assert order.ordered(done, body)
    assert not order.ordered(later, other)


def test_a_callback_on_a_thread_of_the_runtime_waits_for_nothing() -> None:
    run = go_run()
    done = run(11, "go-main-init-done", function="main", object=GO)
    body = run(13, "go-export-body", function="f", object=GO)
    assert not HappensBefore(run.events).ordered(done, body)


def test_the_goroutine_that_initialises_is_one_wherever_it_runs() -> None:
    run = go_run()
    entered = run(11, "go-package-init-enter", package="a", function="a.init", object=GO)
    since = run(11, "write")
    left = run(13, "go-package-init-exit", package="a", function="doInit1", object=GO)
    other = run(13, "go-package-init-enter", package="a", function="a.init", object="other.so")
    order = HappensBefore(run.events)
    assert order.ordered(entered, left)
    assert not order.ordered(since, left)
    assert order.ordered(entered, other)


def test_gos_scheduler_orders_nothing() -> None:
    run = go_run()
    before = run(20, "write")
    run(20, "futex-wake", address=1, woken=[21], at=0x2000)
    futex(run, 20, WAKE, 1, 1, at=0x2000)
    run(20, "signal-sent", signal="SIGURG", code=-6, to=21, at=0x2000)
    run(21, "signal-delivered", signal="SIGURG", code=-6, address=0, handler=0x2000, pc=0)
    found = futex(run, 21, WAIT, 1, -11, at=0x2000)
    from_c = run(20, "futex-wake", address=1, woken=[21], at=0x9000)
    woken = run(21, "write")
    order = HappensBefore(run.events)
    assert not order.ordered(before, found)
    assert order.ordered(from_c, woken)


# -- sizes -----------------------------------------------------------------------------------------------------------


def test_a_long_trace_takes_seconds() -> None:
    run = Run()
    for number in range(100_000):
        tid = number % 16
        run(tid, "mutex-acquire", mutex=number % 7)
        run(tid, "mutex-release", mutex=number % 7)
    start = time.process_time()
    order = HappensBefore(run.events)
    assert all(order.ordered(run.events[0], event) for event in run.events[-1000:])
    assert time.process_time() - start < 10
