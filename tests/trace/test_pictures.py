"""Exported pictures show every thread, slice and arrow of a run: the files are read back and compared with the events."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from emuload import samples
from emuload.trace.events import Event
from emuload.trace.export.timeline import timeline
from emuload.trace.jsonl import read
from tests.support.command_line import emuload

PAIRS = {
    "constructor-enter": "constructor-exit",
    "go-package-init-enter": "go-package-init-exit",
    "call-enter": "call-exit",
    "dlopen-enter": "dlopen-exit",
    "dlsym-enter": "dlsym-exit",
    "go-export-body": "go-export-return",
    "syscall-enter": "syscall-exit",
    "cond-wait": "cond-return",
}


NUMBER = (int, float)
COMMON = {"ph": str, "name": str, "pid": int, "tid": int}
TIMED = {**COMMON, "cat": str, "ts": NUMBER}
CHROME = {
    "M": ({**COMMON, "args": dict}, {}),
    "B": ({**TIMED, "args": dict}, {}),
    "E": (TIMED, {"args": dict}),
    "X": ({**TIMED, "dur": NUMBER, "args": dict}, {}),
    "s": ({**TIMED, "id": int}, {}),
    "f": ({**TIMED, "id": int, "bp": str}, {}),
}
"""Required and optional members of an entry, with their types, by phase (Trace Event Format, Google 2016)."""


class Slice(NamedTuple):
    """A slice as read back: nanoseconds, the end included."""

    tid: int
    begin: int
    end: int


class Picture(NamedTuple):
    """The content of a picture: thread names by tid, slices by name, arrows as ((tid, time), (tid, time))."""

    threads: dict[int, str]
    slices: list[tuple[str, Slice]]
    arrows: set[tuple[tuple[int, int], tuple[int, int]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    for name in samples.SAMPLES:
        samples.path(name, made)
    return made


@pytest.fixture(params=samples.SAMPLES)
def library(request: pytest.FixtureRequest, folder: Path) -> Path:
    return folder / request.param / "libhello.so"


def run(capsys: pytest.CaptureFixture[str], library: Path, file: Path) -> list[Event]:
    """Write the same run as a picture and as events; the events."""
    canonical = file.with_name("same.jsonl")
    for each in (file, canonical):
        ended = emuload(capsys, "trace", library, "-c", "add(1, 2)", "-c", "sum(100)", "--threads", "2", "-o", each)
        assert ended.status == 0, ended.err
    return read(str(canonical)).events


def slices(events: list[Event]) -> Counter[Slice]:
    """The slices that the events tell of, by their pairs alone."""
    found: Counter[Slice] = Counter()
    last = max(event.time for event in events)
    open_: dict[tuple[int, str], list[int]] = {}
    for event in events:
        if event.kind in PAIRS:
            open_.setdefault((event.tid, PAIRS[event.kind]), []).append(event.time)
        elif begun := open_.get((event.tid, event.kind)):
            found[Slice(event.tid, begun.pop(), event.time)] += 1
    for (tid, _), begun in open_.items():
        found.update(Slice(tid, begin, last) for begin in begun)
    return found


def arrows(events: list[Event]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """Waker to woken, where its system call ends, and creator to first step."""
    found = set()
    for number, event in enumerate(events):
        later = events[number + 1 :]
        if event.kind == "futex-wake":
            woken = event.fields["woken"]
            assert isinstance(woken, list)
            for tid in woken:
                back = next((e for e in later if e.tid == tid and e.kind == "syscall-exit"), None)
                if back is not None:
                    found.add(((event.tid, event.time), (int(tid), back.time)))
        elif event.kind == "task-create":
            first = next((e for e in later if e.tid == event.fields["child"]), None)
            if first is not None:
                found.add(((event.tid, event.time), (first.tid, first.time)))
    return found


def read_chrome(file: Path) -> Picture:
    """A Chrome trace, checked against its format."""
    document = json.loads(file.read_text())
    picture = Picture({}, [], set())
    stacks: dict[int, list[tuple[str, int]]] = {}
    marks: set[tuple[int, int]] = set()
    ends: dict[str, dict[int, tuple[int, int]]] = {"s": {}, "f": {}}
    times: dict[int, int] = {}
    assert document["displayTimeUnit"] in ("ms", "ns")
    for entry in document["traceEvents"]:
        needed, allowed = CHROME[entry["ph"]]
        assert needed.keys() <= entry.keys() <= needed.keys() | allowed.keys(), entry
        assert all(isinstance(value, {**needed, **allowed}[name]) for name, value in entry.items()), entry
        tid = entry["tid"]
        assert entry["pid"] == 1
        if entry["ph"] == "M":
            if entry["name"] == "thread_name":
                picture.threads[tid] = entry["args"]["name"]
            continue
        time = round(entry["ts"] * 1000)
        assert time >= times.get(tid, 0)
        times[tid] = time
        if entry["ph"] == "B":
            stacks.setdefault(tid, []).append((entry["name"], time))
        elif entry["ph"] == "E":
            name, begin = stacks[tid].pop()
            assert name == entry["name"]
            picture.slices.append((name, Slice(tid, begin, time)))
        elif entry["ph"] == "X":
            marks.add((tid, time))
        else:
            assert (tid, time) in marks  # A flow's end needs a slice around it.
            assert entry["id"] not in ends[entry["ph"]]
            ends[entry["ph"]][entry["id"]] = (tid, time)
    assert not any(stacks.values())
    assert ends["s"].keys() == ends["f"].keys()
    picture.arrows.update((start, ends["f"][flow]) for flow, start in ends["s"].items())
    return picture


def read_perfetto(file: Path) -> Picture:
    """A Perfetto trace, with interned names looked up and slices matched as its reader does."""
    messages = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    trace = messages.Trace()
    trace.ParseFromString(file.read_bytes())
    picture = Picture({}, [], set())
    tids: dict[int, int] = {}
    names: dict[int, str] = {}
    stacks: dict[int, list[tuple[str, int]]] = {}
    starts: dict[int, tuple[int, int]] = {}
    for packet in trace.packet:
        names.update({entry.iid: entry.name for entry in packet.interned_data.event_names})
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            if track.parent_uuid:
                tids[track.uuid] = track.sibling_order_rank
                picture.threads[track.sibling_order_rank] = track.name
            continue
        event, place = packet.track_event, (tids[packet.track_event.track_uuid], packet.timestamp)
        stack = stacks.setdefault(place[0], [])
        if event.type == event.TYPE_SLICE_BEGIN:
            stack.append((names[event.name_iid], place[1]))
        elif event.type == event.TYPE_SLICE_END:
            name, begin = stack.pop()
            picture.slices.append((name, Slice(place[0], begin, place[1])))
        starts.update(dict.fromkeys(event.flow_ids, place))
        picture.arrows.update((starts.pop(flow), place) for flow in event.terminating_flow_ids)
    assert not starts
    assert not any(stacks.values())
    return picture


def check(picture: Picture, events: list[Event]) -> None:
    assert picture.threads.keys() == {event.tid for event in events}
    assert picture.threads[0] == "host"
    assert picture.threads[1000] == "loader 1000"
    names = [name.split()[0] for name in picture.threads.values()]
    assert (names.count("runtime"), names.count("sysmon"), names.count("foreign")) == (1, 1, 2)
    wanted = slices(events)
    assert wanted - Counter(each for _, each in picture.slices) == Counter()
    assert sum(wanted.values()) == len(picture.slices)
    assert picture.arrows == arrows(events)
    assert len(picture.arrows) > 10
    by_name = {name for name, _ in picture.slices}
    assert {"constructor libhello.so", "init main", "init os", "call add", "export add", "dlopen libhello.so"} <= by_name


def test_a_chrome_trace_shows_every_thread_slice_and_arrow(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.json"
    check_events = run(capsys, library, file)
    check(read_chrome(file), check_events)


def test_a_perfetto_trace_shows_every_thread_slice_and_arrow(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("perfetto")
    file = tmp_path / "run.perfetto-trace"
    check_events = run(capsys, library, file)
    check(read_perfetto(file), check_events)


def test_a_missing_package_is_told_in_one_line(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emuload.commands.common.trace_files.find_spec", lambda name: None)
    ended = emuload(capsys, "trace", folder / "amd64" / "libhello.so", "-o", tmp_path / "a.perfetto-trace")
    wanted = "emuload: a .perfetto-trace needs the perfetto package: pip install 'emuload[trace]'\n"
    assert (ended.status, ended.err) == (2, wanted)
    assert not list(tmp_path.iterdir())


def test_a_slice_that_never_ends_is_ended_with_the_run() -> None:
    events = [Event(0, 0, 1000, 8, "call-enter", {"function": "f"}), Event(1, 5, 1000, 9, "mutex-wait", {"mutex": 1, "owner": 2})]
    steps = timeline(events).steps
    assert [(s.what, s.name, s.time) for s in steps] == [
        ("begin", "call f", 0), ("begin", "mutex-wait", 5), ("end", "mutex-wait", 5), ("end", "call f", 5),
    ]  # fmt: skip
    assert steps[-1].fields == {"unfinished": True}


def test_a_lock_taken_inside_a_wait_does_not_end_it() -> None:
    kinds = ["cond-wait", "mutex-acquire", "cond-return"]
    steps = timeline([Event(n, n, 1000, 0, kind, {}) for n, kind in enumerate(kinds)]).steps
    assert [(s.what, s.time) for s in steps] == [("begin", 0), ("end", 2)]


def test_an_init_that_ends_on_another_thread_ends_where_it_began() -> None:
    events = [
        Event(0, 0, 1001, 8, "go-package-init-enter", {"package": "os"}),
        Event(1, 7, 1002, 9, "go-package-init-exit", {"package": "os"}),
    ]
    assert [(s.what, s.tid, s.time) for s in timeline(events).steps] == [("begin", 1001, 0), ("end", 1001, 7)]
