"""Recorder and trace writer give the canonical form of the events, whichever way they were recorded and handed over."""

from __future__ import annotations

import io
import json
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emuload.trace.events import BATCH, Event, Recorder, RecorderFull, Value
from emuload.trace.jsonl import Writer, event_line, read
from tests.support.command_line import source_file, start
from tests.support.toolchain import c_library

TEXTS = st.text(st.characters(codec=None), max_size=6)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(-2, 2), st.integers(), st.booleans(), st.none(), TEXTS,
    st.lists(st.integers(-2, 2), max_size=3), st.lists(TEXTS, max_size=2), st.tuples(st.integers(0, 1), st.integers()),
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 1 << 64), st.sampled_from(["a", "b-c"]), st.dictionaries(TEXTS, VALUES, max_size=3)
    ),
    max_size=20,
)


class Ticks:
    """A clock, its source and the source's item: it moves on whenever it is read."""

    base = 0
    bytes_per_ns = 1
    remaining = (0,)

    def __init__(self) -> None:
        self.time = 0

    @property
    def source(self) -> Ticks:
        return self

    @property
    def bytes_at_end(self) -> int:
        self.time += 3
        return self.time


def recorder_with(rows: list[tuple[int, int, str, dict[str, Value]]], recorder: Recorder) -> Recorder:
    for tid, pc, kind, fields in rows:
        recorder.pc = pc
        recorder.record(kind, tid, dict(fields))
    return recorder


def canonical(event: Event) -> str:
    """An event's line by Python's own encoder, from the whole of it."""
    entry = {"seq": event.seq, "time": event.time, "tid": event.tid, "pc": event.pc, "kind": event.kind, "fields": event.fields}
    return json.dumps(entry, separators=(",", ":"))


@given(ROWS)
def test_a_batch_is_written_as_its_events_are(rows: list[tuple[int, int, str, dict[str, Value]]]) -> None:
    file = io.BytesIO()
    recorder = Recorder(Ticks())
    recorder.sink = Writer(file).batch
    recorder_with(rows, recorder)
    recorder.flush()
    events = recorder_with(rows, Recorder(Ticks())).events
    assert file.getvalue().decode().splitlines() == [canonical(event) for event in events]
    assert [event_line(event) for event in events] == [canonical(event) for event in events]


@given(ROWS, st.integers(0, 20))
def test_events_are_the_same_whoever_asks_in_between(rows: list[tuple[int, int, str, dict[str, Value]]], at: int) -> None:
    plain = recorder_with(rows, Recorder(Ticks()))
    asked, heard = Recorder(Ticks()), list[Event]()
    recorder_with(rows[:at], asked)
    early = len(asked.events)
    asked.add_listener(heard.append)
    recorder_with(rows[at:], asked)
    assert len(plain) == len(asked) == len(rows)
    assert plain.tids == asked.tids
    assert plain.events == asked.events
    assert heard == plain.events[early:]


REPEATED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 1)), max_size=40)


@given(REPEATED)
def test_what_is_said_again_is_what_was_said(rows: list[tuple[int, int, str, int]]) -> None:
    plain, repeating, file = Recorder(Ticks()), Recorder(Ticks()), io.BytesIO()
    repeating.sink = Writer(file).batch
    for tid, pc, kind, value in rows:
        plain.pc = repeating.pc = pc
        plain.emit(kind, tid, name="x", args=(value, 2))
        repeating.repeat(kind, tid, ("name", "args"), ("x", (value, 2)))
    assert repeating.events == plain.events
    assert file.getvalue().decode().splitlines() == [canonical(event) for event in plain.events]


def test_the_sink_is_never_more_than_a_batch_behind() -> None:
    recorder, sizes = Recorder(Ticks()), list[int]()
    recorder.sink = lambda first, times, saying: sizes.append(len(times))
    for number in range(3 * BATCH + 7):
        recorder.emit("a", 1, number=number)
        assert len(recorder) - sum(sizes) < BATCH
    assert sizes == [BATCH] * 3
    recorder.flush()
    recorder.flush()
    assert sizes[3:] == [7]


@pytest.mark.parametrize("with_sink", [False, True])
def test_the_bound_on_events_is_exact(with_sink: bool) -> None:
    recorder = Recorder(Ticks(), limit=3)
    if with_sink:
        recorder.sink = lambda first, times, saying: None
    for _ in range(3):
        recorder.emit("a", 1)
    with pytest.raises(RecorderFull, match="3 events were recorded"):
        recorder.emit("a", 1)
    assert len(recorder.events) == 3
    with pytest.raises(RecorderFull):
        recorder.emit("a", 1)


def test_nothing_is_kept_when_recording_is_off() -> None:
    recorder = Recorder(Ticks(), enabled=False)
    recorder.emit("a", 1)
    assert len(recorder) == 0


ENDLESS = """
#include <unistd.h>
long says(void) { write(1, "here", 4); for (volatile long i = 0;; i++) ; }
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_leaves_what_happened(number: signal.Signals, tmp_path: Path) -> None:
    library = c_library(source_file("trace_endless", ENDLESS), "amd64-gnu")
    file = tmp_path / "ended.jsonl"
    command = start("trace", library, "-c", "says()", "-o", file)
    until = time.monotonic() + 60
    while not (file.exists() and b'"text":"here"' in file.read_bytes()):
        assert time.monotonic() < until
        assert command.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)
    command.send_signal(number)
    _, errors = command.communicate()
    trace = read(str(file))
    if number == signal.SIGKILL:
        assert trace.end is None
    else:
        assert trace.end is not None
        assert trace.end.outcome == "interrupted"
    assert [event.kind for event in trace.events[-2:]] == ["write", "syscall"]
    assert b"Traceback" not in errors
    assert command.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]


def test_listeners_are_called_in_order_until_they_are_removed() -> None:
    recorder, heard = Recorder(Ticks()), list[tuple[str, str]]()

    def first(event: Event) -> None:
        heard.append(("first", event.kind))

    def second(event: Event) -> None:
        heard.append(("second", event.kind))

    recorder.emit("before", 1)
    assert len(recorder.events) == 1
    recorder.add_listener(first)
    recorder.add_listener(second)
    recorder.emit("both", 1)
    recorder.remove_listener(first)
    recorder.repeat("one", 1, (), ())
    recorder.remove_listener(second)
    recorder.emit("after", 1)
    assert heard == [("first", "both"), ("second", "both"), ("second", "one")]
    with pytest.raises(ValueError, match="not in list"):
        recorder.remove_listener(first)


def test_a_listener_may_leave_while_it_is_called() -> None:
    recorder, heard = Recorder(Ticks()), list[str]()

    def once(event: Event) -> None:
        heard.append(event.kind)
        recorder.remove_listener(once)

    recorder.add_listener(once)
    recorder.add_listener(lambda event: heard.append(f"{event.kind} again"))
    recorder.emit("a", 1)
    recorder.emit("b", 1)
    assert heard == ["a", "a again", "b again"]
