"""A trace file has the run's events; a file that emuload cannot have written is refused with the line."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from emuload import samples
from emuload.trace.jsonl import TraceError, read
from tests.support.command_line import emuload, source_file, start
from tests.support.toolchain import c_library

KEYS = "seq, time, tid, pc, kind, fields"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.path("armv7", tmp_path_factory.mktemp("samples"))


@pytest.fixture
def trace(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    file = tmp_path / "run.jsonl"
    arguments = ("-c", "add(1, 2)", "-a", "x", "-e", "K=v", "--seed", "7", "-o", file)
    assert emuload(capsys, "trace", library, *arguments).status == 0
    return file


def test_the_header_says_what_ran(trace: Path, library: Path) -> None:
    header = json.loads(trace.read_text().splitlines()[0])
    assert (header["format"], header["schema"]) == ("emuload-trace", 2)
    assert header["files"] == {str(library): hashlib.sha256(library.read_bytes()).hexdigest()}
    assert (header["architecture"], header["profile"], header["seed"]) == ("arm", "glibc", 7)
    assert (header["arguments"], header["environment"]) == (["prog", "x"], {"K": "v"})
    assert header["schedule"] == {"strategy": "round-robin", "quantum": 400009, "jitter": 4096}
    assert header["calls"] == ["add(1, 2)"]
    assert header["emuload"]
    assert header["unicorn"]


def test_the_events_are_those_that_run_shows_and_the_packages_imports(
    trace: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("-c", "add(1, 2)", "-a", "x", "-e", "K=v", "--seed", "7")
    shown = json.loads(emuload(capsys, "run", library, "--json", "--events", *arguments).out)["events"]
    kept = [
        {"time_ns": e.time, "thread": e.tid, "pc": e.pc, "kind": e.kind, **e.fields}
        for e in read(str(trace)).events
        if e.kind != "go-package-imports"
    ]
    assert [event.pop("seq") for event in shown] == list(range(len(kept)))
    assert kept == shown


def test_the_last_line_says_how_the_run_ended(trace: Path, library: Path) -> None:
    end = read(str(trace)).end
    assert end is not None
    assert (end.outcome, end.exit_status, end.message) == ("exited", 0, "")
    assert end.files[str(library)] == hashlib.sha256(library.read_bytes()).hexdigest()
    assert "libc.so.6" in end.files


def test_the_same_run_writes_the_same_bytes(
    trace: Path, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.jsonl"
    arguments = ("-c", "add(1, 2)", "-a", "x", "-e", "K=v", "--seed", "7", "-o", again)
    emuload(capsys, "trace", library, *arguments)
    assert again.read_bytes() == trace.read_bytes()


def test_a_run_killed_half_way_leaves_whole_lines(library: Path, tmp_path: Path) -> None:
    code = "long spin(void) { for (volatile long i = 0;; i++) ; }"
    endless = c_library(source_file("trace_spin", code), "amd64-gnu")
    file = tmp_path / "killed.jsonl"
    command = start("trace", endless, "-c", "spin()", "-o", file)
    until = time.monotonic() + 30
    while not (file.exists() and b'"function":"spin"' in file.read_bytes()):
        assert time.monotonic() < until
        assert command.poll() is None
        time.sleep(0.02)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    killed = read(str(file))
    assert killed.end is None
    assert (killed.events[-1].kind, killed.events[-1].fields) == ("call-enter", {"function": "spin"})


def test_a_deadlock_is_in_the_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "#include <pthread.h>\nlong stuck(void) { pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;" + (
        " pthread_mutex_lock(&m); return pthread_mutex_lock(&m); }"
    )
    library = c_library(source_file("trace_stuck", code), "arm64-gnu")
    file = tmp_path / "stuck.jsonl"
    assert emuload(capsys, "trace", library, "-c", "stuck()", "-o", file).status == 3
    stuck = read(str(file))
    assert stuck.end is not None
    assert stuck.end.outcome == "deadlock"
    assert stuck.end.message.startswith("deadlock")
    assert [event.kind for event in stuck.events[-3:]] == ["mutex-wait", "futex-wait", "syscall-enter"]


def test_what_the_linker_refuses_is_in_the_trace(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "refused.jsonl"
    ended = emuload(capsys, "trace", library, "-c", "nosuch(1)", "-o", file)
    refused = read(str(file)).end
    assert ended.status == 2
    assert refused is not None
    assert refused.outcome == "refused"
    assert refused.message in ended.err



@pytest.mark.parametrize(
    ("line", "old", "new", "complaint"),
    [
        (1, "emuload-trace", "other", "1: this is no trace of emuload: the first line is no header"),
        (1, '"schema":2', '"schema":1', "1: schema 1 is unknown: this emuload reads schema 2"),
        (1, '"schema":2', '"schema":3', "1: schema 3 is unknown: this emuload reads schema 2"),
        (1, '"schema":2', '"schema":"2"', '1: schema "2" is unknown: this emuload reads schema 2'),
        (1, '"seed":7,', "", "1: the header has no 'seed'"),
        (1, '"seed":7,', '"seed":7,"more":0,', "1: the header has an unknown entry 'more'"),
        (1, '"seed":7', '"seed":"7"', "1: the header's 'seed' is no int"),
        (1, '"schedule":{', '"schedule":7,"more":{', "1: the header's 'schedule' is no dict[str, Any]"),
        (5, '"seq":3', '"seq":4', "5: event 4 where event 3 belongs"),
        (5, '"seq":3', '"seq":-3', "5: seq is no number from 0 on"),
        (5, '"seq":3', '"seq":3.0', "5: seq is no number from 0 on"),
        (5, '"pc":0', '"pc":null', "5: pc is no number from 0 on"),
        (5, '"kind":', '"sort":', f"5: an event has {KEYS}; this line has seq, time, tid, pc, sort, fields"),
        (5, '"pc":0,', "", f"5: an event has {KEYS}; this line has seq, time, tid, kind, fields"),
        (6, r'"size":\d+', '"size":8192.5', "6: field 'size' is neither a whole number, a text, true, false, null nor a list"),
        (6, r'"size":\d+', '"size":{}', "6: field 'size' is neither a whole number, a text, true, false, null nor a list"),
        (6, r'"size":\d+', '"size":NaN', "6: field 'size' is neither a whole number, a text, true, false, null nor a list"),
        (6, r'"size":\d+', '"size":' + "[" * 100_000, "6: this is no JSON: nested too deeply or a number too long"),
        (6, r'"size":\d+', '"size":' + "9" * 10_000, "6: this is no JSON: nested too deeply or a number too long"),
        (6, '"size"', "size", "6: this is no JSON from column 111 on"),
        (5, r"\{", "[", "5: this is no JSON from column 7 on"),
    ],
)
def test_an_edited_trace_is_refused_with_its_line(trace: Path, line: int, old: str, new: str, complaint: str) -> None:
    lines = trace.read_text().splitlines()
    assert re.search(old, lines[line - 1])
    lines[line - 1] = re.sub(old, lambda found: new, lines[line - 1], count=1)
    trace.write_text("\n".join(lines) + "\n")
    with pytest.raises(TraceError) as refused:
        read(str(trace))
    assert str(refused.value) == f"{trace}:{complaint}"


def test_time_cannot_go_back(trace: Path) -> None:
    lines = trace.read_text().splitlines()
    before, after = (json.loads(line)["time"] for line in lines[-3:-1])
    lines[-2] = lines[-2].replace(f'"time":{after}', f'"time":{before - 1}')
    trace.write_text("\n".join(lines) + "\n")
    with pytest.raises(TraceError, match=f"{trace}:{len(lines) - 1}: time goes back from {before} to {before - 1}$"):
        read(str(trace))


def test_a_truncated_line_is_refused(trace: Path) -> None:
    data = trace.read_bytes()
    trace.write_bytes(data[:-10])
    with pytest.raises(TraceError, match=rf"{trace}:{data.count(10)}: the line is truncated"):
        read(str(trace))


def test_a_line_that_was_taken_away_is_missed(trace: Path) -> None:
    lines = trace.read_text().splitlines(keepends=True)
    trace.write_text("".join(lines[:7] + lines[8:]))
    with pytest.raises(TraceError, match=f"{trace}:8: event 7 where event 6 belongs"):
        read(str(trace))


def test_nothing_may_follow_the_end(trace: Path) -> None:
    lines = trace.read_text().splitlines(keepends=True)
    trace.write_text("".join([*lines, lines[-1]]))
    with pytest.raises(TraceError, match=f"{trace}:{len(lines) + 1}: a line behind the end of the trace"):
        read(str(trace))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n", b"[1]\n", b"\x7fELF\x01\n", b"null\n"])
def test_what_is_no_trace_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(TraceError, match=f"{file}:1: "):
        read(str(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=f"^{tmp_path}/none: No such file or directory$"):
        read(f"{tmp_path}/none")
