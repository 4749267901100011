"""`emuload diff` says where two traces part, and nothing when they tell the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from emuload import samples
from tests.support.command_line import emuload
from tests.support.toolchain import go_library


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    for name in samples.SAMPLES:
        samples.path(name, made)
    return made


def traced(capsys: pytest.CaptureFixture[str], folder: Path, arch: str, name: str, *arguments: str) -> Path:
    file = folder / f"{name}.jsonl"
    assert emuload(capsys, "trace", folder / arch / "libhello.so", "-c", "add(1, 2)", "-o", file, *arguments).status == 0
    return file


def edit(file: Path, copy: str, change: Callable[[list[dict[str, object]]], None]) -> Path:
    """A copy of a trace with its events (neither header nor end) changed and numbered anew."""
    head, *lines, end = file.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    change(events)
    for number, event in enumerate(events):
        event["seq"] = number
    made = file.with_name(copy)
    made.write_text("\n".join([head, *map(json.dumps, events), end]) + "\n")
    return made


def place(events: list[dict[str, object]], kind: str) -> int:
    return next(number for number, event in enumerate(events) if event["kind"] == kind)


def test_two_runs_of_the_same_are_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (traced(capsys, folder, "armv7", name) for name in ("one", "other"))
    events = len(one.read_text().splitlines()) - 2
    for flags in ((), ("--order-only",)):
        ended = emuload(capsys, "diff", one, other, *flags)
        assert ended.status == 0
        assert ended.out.startswith("the same: ")
    assert emuload(capsys, "diff", one, other).out == f"the same: {events} events of 5 threads\n"


def test_the_first_difference_is_shown_in_context(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")

    def rename(events: list[dict[str, object]]) -> None:
        events[place(events, "go-schedinit")]["kind"] = "go-other"

    other = edit(one, "renamed.jsonl", rename)
    ended = emuload(capsys, "diff", one, other)
    assert ended.status == 1
    lines = ended.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("thread 1001 parts after "))
    shown = lines[at + 1 : at + 10]
    assert [line[:1] for line in shown] == [" "] * 3 + ["-", "+"] + [" "] * 3 + [""]
    assert "go-schedinit" in shown[3]
    assert "go-other" in shown[4]
    assert "go-other 0/1, go-schedinit 1/0" in ended.out


def test_a_time_counts_unless_only_the_order_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")

    def later(events: list[dict[str, object]]) -> None:
        for event in events[place(events, "go-schedinit") :]:
            event["time"] = int(str(event["time"])) + 1

    other = edit(one, "later.jsonl", later)
    assert emuload(capsys, "diff", one, other).status == 1
    assert emuload(capsys, "diff", "--order-only", one, other).status == 0


def test_another_seed_keeps_the_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = traced(capsys, folder, "armv7", "seed", "--seed", "1")
    ended = emuload(capsys, "diff", one, other)
    assert ended.status == 1
    assert "  seed: 0 / 1\n" in ended.out
    assert emuload(capsys, "diff", "--order-only", one, other).status == 0


def test_the_order_is_the_same_on_both_arms(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (traced(capsys, folder, arch, arch) for arch in ("armv7", "armv5"))
    assert emuload(capsys, "diff", one, other).status == 1
    ended = emuload(capsys, "diff", "--order-only", one, other)
    assert ended.status == 0, ended.out


def test_a_function_without_a_name_counts_for_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    known = {"destructors.jsonl": ("key-destructor", 4096, 8192), "calls.jsonl": ("call-enter", "0x1000", "0x2000")}
    for name, (kind, here, there) in known.items():
        sides = []
        for number, function in enumerate((here, there)):

            def change(events: list[dict[str, object]], entry: object = {"kind": kind, "fields": {"function": function}}) -> None:
                events.insert(place(events, "go-schedinit"), events[place(events, "go-schedinit")] | entry)

            sides.append(edit(one, f"{number}-{name}", change))
        assert emuload(capsys, "diff", *sides).status == 1
        assert emuload(capsys, "diff", "--order-only", *sides).status == 0


def test_two_inits_in_another_order_are_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")

    def swap(events: list[dict[str, object]]) -> None:
        inits = [event for event in events if event["kind"] == "go-package-init-enter"]
        inits[2]["fields"], inits[3]["fields"] = inits[3]["fields"], inits[2]["fields"]

    other = edit(one, "swapped.jsonl", swap)
    ended = emuload(capsys, "diff", "--order-only", one, other)
    assert ended.status == 1
    assert "thread 1001 parts after " in ended.out


def test_a_thread_that_one_side_lacks_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = edit(one, "fewer.jsonl", lambda events: events.__setitem__(slice(None), [e for e in events if e["tid"] != 1004]))
    ended = emuload(capsys, "diff", "--order-only", one, other)
    assert ended.status == 1
    assert "thread 1004 parts after 0 events" in ended.out
    assert "+ (nothing more)" in ended.out


def test_a_run_that_was_killed_is_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = one.with_name("killed.jsonl")
    other.write_text("".join(one.read_text().splitlines(keepends=True)[:-1]))
    ended = emuload(capsys, "diff", one, other)
    assert ended.status == 1
    assert "end: complete / killed" in ended.out


def test_a_broken_trace_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = one.with_name("broken.jsonl")
    other.write_bytes(one.read_bytes()[:-5])
    ended = emuload(capsys, "diff", one, other)
    lines = len(one.read_bytes().splitlines())
    assert (ended.status, ended.out, ended.err) == (2, "", f"emuload: {other}:{lines}: the line is truncated\n")


def counts(out: str) -> dict[str, tuple[str, ...]]:
    """The rows of the table of threads: the same, changed, only on the left, only on the right ("" for none)."""
    lines = out.splitlines()
    head = lines[lines.index("threads") + 1]
    rows = [line for line in lines[lines.index("threads") + 2 :] if line.startswith("  ") and line[2].isdigit()]
    ends = [head.index(name) + len(name) for name in ("the same", "changed", "only in -", "only in +")]
    return {row.split()[0]: tuple(row[end - 8 : end].strip() for end in ends) for row in rows}


@pytest.mark.parametrize("flags", [(), ("--order-only",)])
def test_a_lost_event_is_all_that_differs(flags: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = edit(one, "lost.jsonl", lambda events: events.__delitem__(place(events, "go-schedinit")))
    for left, right, place_of in ((one, other, 2), (other, one, 3)):
        ended = emuload(capsys, "diff", *flags, left, right)
        assert ended.status == 1
        found = counts(ended.out)
        assert found["1001"][1:] == tuple("1" if column == place_of else "" for column in (1, 2, 3))
        assert all(row[1:] == ("", "", "") for tid, row in found.items() if tid != "1001")
        assert f"go-schedinit {'1/0' if place_of == 2 else '0/1'}\n" in ended.out


def test_an_event_that_came_earlier_has_another_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")

    def earlier(events: list[dict[str, object]]) -> None:
        at = next(n for n, (a, b) in enumerate(pairwise(events)) if a["time"] == b["time"] and a["tid"] != b["tid"])
        events[at], events[at + 1] = events[at + 1], events[at]

    other = edit(one, "moved.jsonl", earlier)
    ended = emuload(capsys, "diff", one, other)
    assert ended.status == 1
    assert [row[1] for row in counts(ended.out).values() if row[1]] == ["1"]
    assert "  place 1\n" in ended.out
    assert emuload(capsys, "diff", "--order-only", one, other).status == 0


def test_a_killed_trace_lacks_only_the_rest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = traced(capsys, folder, "armv7", "one")
    other = one.with_name("cut.jsonl")
    lines = one.read_text().splitlines(keepends=True)
    other.write_text("".join(lines[:201]))
    out = emuload(capsys, "diff", one, other).out
    rows = counts(out).values()
    assert all(row[1] == row[3] == "" for row in rows)
    assert sum(int(row[2] or 0) for row in rows) == len(lines) - 2 - 200
    assert "end: complete / killed" in out


def test_another_go_differs_in_what_it_does_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traces = []
    for go in ("1.22", "1.27"):
        traces.append(tmp_path / f"{go}.jsonl")
        emuload(capsys, "trace", go_library("behaviour", "armv7-gnueabihf", go), "-c", "add(1, 2)", "-o", traces[-1])
    ended = emuload(capsys, "diff", "--order-only", *traces)
    assert ended.status == 1
    found = counts(ended.out)
    assert found["0"][1:] == ("", "", "")
    assert int(found["1001"][0]) > 20
    assert "go-package-init-enter" in ended.out
    assert "go-rt0" not in ended.out.partition("threads\n")[2]
