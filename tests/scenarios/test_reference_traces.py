"""Every scenario runs as in its stored trace, and shows the order that it is there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emuload.report.difference import difference
from emuload.samples import SAMPLES
from emuload.scenarios.judging import complaints
from emuload.scenarios.storing import equal, same_run
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace, read
from tests.scenarios.references import SCENARIOS, run_again
from tests.trace.catalogue import catalogue


def kept(name: str, sample: str) -> Trace:
    return read(str(SCENARIOS[name].trace(sample)))


def some(trace: Trace, kind: str, **fields: object) -> list[Event]:
    """The events of a kind that have these fields."""
    return [e for e in trace.events if e.kind == kind and all(e.fields[name] == value for name, value in fields.items())]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_is_the_one_that_is_kept(name: str, sample: str) -> None:
    made, stored = run_again(SCENARIOS[name], sample), kept(name, sample)
    made.header = same_run(stored.header, made.header)
    if not equal(stored, made):
        update = f"If that is as it should be: emuload scenarios update {name} --arch {sample}"
        pytest.fail(f"{difference(stored, made, order_only=False).text()}\n{update}", pytrace=False)


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_ends_and_is_in_the_order_that_is_described(name: str) -> None:
    for sample in SAMPLES:
        assert complaints(SCENARIOS[name], kept(name, sample)) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_order_is_the_same_on_both_arms(name: str) -> None:
    assert difference(kept(name, "armv7"), kept(name, "armv5"), order_only=True).same


@pytest.mark.parametrize("name", SCENARIOS)
def test_its_events_are_in_the_catalogue(name: str) -> None:
    listed = catalogue()
    for kind, fields in {(event.kind, tuple(event.fields)) for sample in SAMPLES for event in kept(name, sample).events}:
        assert fields in listed.get(kind, set()), kind


def test_all_of_them_are_small() -> None:
    paths = [scenario.trace(sample) for scenario in SCENARIOS.values() for sample in SAMPLES]
    assert sum(path.stat().st_size for path in paths) < 6_000_000


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_init_that_sleeps_takes_that_long(sample: str) -> None:
    trace = kept("init-sleeps", sample)
    (begin,), (end,) = (some(trace, f"go-package-init-{word}", package="main") for word in ("enter", "exit"))
    assert end.time - begin.time >= 1_000_000


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_second_go_library_takes_the_signals(sample: str) -> None:
    trace = kept("two-go-libraries", sample)
    first, second = some(trace, "signal-action", signal="SIGURG")
    mapped = {str(event.fields["object"]): event.fields for event in some(trace, "object-mapped")}
    for event, library in ((first, "libhello.so"), (second, "libtwice.so")):
        start, size, handler = mapped[library]["address"], mapped[library]["size"], event.fields["handler"]
        assert isinstance(start, int)
        assert isinstance(size, int)
        assert isinstance(handler, int)
        assert start <= handler < start + size


def test_another_end_or_order_is_told() -> None:
    scenario, trace = SCENARIOS["dlopen"], kept("dlopen", "armv7")
    assert trace.end is not None
    failed = replace(trace, end=replace(trace.end, outcome="failed", message="it broke"))
    assert complaints(scenario, failed) == ["it must be exited in the end, but is failed: it broke"]
    (done,), (entered,) = some(trace, "go-main-init-done"), some(trace, "go-export-enter")
    events = list(trace.events)
    events[done.seq], events[entered.seq] = replace(entered, seq=done.seq), replace(done, seq=entered.seq)
    words = complaints(scenario, replace(trace, events=events))
    assert any(line.startswith("rule 'initialised-before-the-call' of order: broken: ") for line in words)
    assert complaints(replace(scenario, breaks=("no-wait",)), trace) == ["rule 'no-wait' of order: holds"]
