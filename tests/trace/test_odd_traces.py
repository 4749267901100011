"""Whatever an edited trace holds, checking it ends with a verdict: fields that are missing, or not of the kind they should be."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from emuload.order.checking import check
from emuload.order.rules import load_rules, shipped
from emuload.trace.events import Event
from tests.order.test_rules_are_precise import good_run
from tests.trace.made_traces import Run, trace_of

RULES = [replace(rule, optional=True) for rule in load_rules(list(shipped()))]

KINDS = (
    "mutex-acquire", "mutex-release", "rwlock-acquire", "rwlock-release", "once-wait", "once-pass", "wait-over", "barrier-wait",
    "barrier-leave", "sem-post", "futex-wake", "futex-wait", "syscall", "syscall-enter", "syscall-exit", "signal-action",
    "signal-sent", "signal-delivered", "join-done", "task-create", "task-exit", "thread-start", "go-library", "go-export-body",
    "go-sysmon", "go-package-imports", "object-dependencies", "object-mapped", "object-unmapped", "call-result", "call-enter",
)  # fmt: skip
NAMES = (
    "mutex", "rwlock", "write", "once", "object", "barrier", "generation", "sem", "woken", "address", "name", "args", "result",
    "signal", "code", "to", "handler", "thread", "child", "routine", "waits", "imports", "needed", "size", "function",
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.sampled_from(["", "futex", "SIGUSR1", "/libgo.so", "a b"]),
    st.lists(st.integers(-1, 3), max_size=7), st.lists(st.sampled_from(["", "x", "a b"]), max_size=7),
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KINDS), FIELDS), max_size=60))
@example([(0, "object-unmapped", {}), (0, "object-mapped", {})])
def test_events_with_any_fields_can_be_checked(steps: list[tuple[int, str, dict[str, object]]]) -> None:
    run = Run()
    for tid, kind, fields in steps:
        run(tid, kind, at=0x1000, **fields)
    check(run.trace(), RULES)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_run_with_wrong_fields_can_be_checked(data: st.DataObject) -> None:
    events = list(good_run().values())
    for number in data.draw(st.lists(st.integers(0, len(events) - 1), min_size=1, max_size=8, unique=True)):
        fields = dict(events[number].fields)
        for name in data.draw(st.lists(st.sampled_from(sorted(fields) or ["x"]), max_size=3)):
            fields[name] = data.draw(VALUES)
        dropped = data.draw(st.sampled_from([*sorted(fields), ""]))
        fields.pop(dropped, None)
        old = events[number]
        events[number] = Event(old.seq, old.time, data.draw(st.integers(0, 14)), old.pc, old.kind, fields)
    check(trace_of(events), RULES)
