"""Reports and tables: their lines, and how long ones are shortened."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from emuload.calls.convert import Typed
from emuload.calls.text import parse_call
from emuload.calls.values import json_value, value_text
from emuload.errors import Frame, Report, ThreadReport, milliseconds, render
from emuload.report.handoff import handoff_table, side_by_side, steps
from emuload.report.tables import Table


def test_report_in_full() -> None:
    frames = [
        Frame(0x7F001234, "main.add", "/a/libhello.so", "hello.go", 12, "go"),
        Frame(0x7F005678, "crosscall2", "/a/libhello.so"),
        Frame(0x10, ""),
    ]
    threads = [
        ThreadReport(1000, "loader", "waiting", "mutex m", 1001, frames),
        ThreadReport(1001, "", "killed", frames=frames[:1], registers={"r0": 1, "pc": 0x7F001234, "r10": 0xFFFFFFFF}),
    ]
    assert render(Report("it broke", "signal", 1001, 1_234_567, threads)) == (
        "it broke\n"
        "  after 1.235 ms of virtual time\n"
        "\n"
        "thread 1000 (loader) waits for mutex m, held by thread 1001\n"
        "  #0  0x7f001234 main.add at hello.go:12 (libhello.so)\n"
        "  #1  0x7f005678 crosscall2 (libhello.so)\n"
        "  #2  0x10 ??\n"
        "\n"
        "thread 1001 is killed\n"
        "  #0  0x7f001234 main.add at hello.go:12 (libhello.so)\n"
        "   r0 00000001   pc 7f001234  r10 ffffffff"
    )


def test_recursion_is_folded_and_long_stacks_are_cut() -> None:
    deep = [Frame(16 * n, "deeper", "lib") for n in range(500)] + [Frame(1, "main", "prog")]
    lines = render(Report("x", "y", 0, 0, [ThreadReport(1, "", "runnable", frames=deep)])).splitlines()
    assert lines[4:] == [
        "  #0  0x0 deeper (lib)", "  #1  0x10 deeper (lib)", "      … 498 more of the same", "  #500 0x1 main (prog)",
    ]  # fmt: skip
    zigzag = [Frame(n, f"f{n % 2}") for n in range(300)]
    lines = render(Report("x", "y", 0, 0, [ThreadReport(1, "", "runnable", frames=zigzag)])).splitlines()
    assert (len(lines), lines[-1]) == (4 + 64 + 1, "      … 236 more frames")


def test_table_is_aligned() -> None:
    table = Table(["name", "ms"], [["a", "1.5"], ["longer", "12.25"]], right=(1,), title="times", note="that is all")
    assert table.text() == "times\n  name       ms\n  a         1.5\n  longer  12.25\n  that is all"


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(0, "0.000"), (499, "0.000"), (500, "0.001"), (240_000_537_000, "240000.537")]
)
def test_milliseconds(nanoseconds: int, text: str) -> None:
    assert milliseconds(nanoseconds) == text


class Row(NamedTuple):
    event: str
    thread: int
    time: int
    function: str
    object: str = "/a/lib.so"


def init(package: str, thread: int = 1) -> list[Row]:
    return [
        Row("go-package-init-enter", thread, 5, f"package {package}"),
        Row("go-package-init-exit", thread, 6, f"package {package}"),
    ]


def test_package_inits_in_a_row_are_one_line() -> None:
    rows = [*init("a"), *init("b"), Row("go-sysmon", 2, 7, "sysmon"), *init("c"), *init("d", 3), *init("main")[:1]]
    assert [(step.event, step.what) for step in steps(rows)] == [
        ("go-package-init", "a, b"), ("go-sysmon", "sysmon"), ("go-package-init", "c"), ("go-package-init", "d"),
        ("go-package-init-enter", "package main"),
    ]  # fmt: skip
    many = [row for name in "abcdef" for row in init(name)]
    assert steps(many)[0].what == "a, b, c, … f (6 packages)"


def test_only_first_calls_belong_to_the_handoff() -> None:
    call = [Row(f"go-export-{kind}", 1, 1, "f") for kind in ("enter", "body", "return")]
    nested = [call[0], call[1], *call, call[2]]
    assert len(handoff_table(call * 3, {}).rows) == 3
    assert handoff_table(call * 3, {}).note == "and 6 more steps of later calls"
    assert len(handoff_table(nested, {}).rows) == 6
    assert handoff_table(nested, {}).note == ""


def test_second_library_brings_a_column() -> None:
    rows = [Row("go-rt0-lib", 1, 0, "rt0"), Row("go-rt0-lib", 1, 9, "rt0", "/b/other.so")]
    assert handoff_table(rows, {1: "loader"}).text().splitlines()[1:] == [
        "  event       thread    time (ms)  function  library",
        "  go-rt0-lib  1 loader      0.000  rt0       lib.so",
        "  go-rt0-lib  1 loader      0.000  rt0       other.so",
    ]


def test_side_by_side_keeps_every_order() -> None:
    one = [Row("a", 1, 1000, ""), Row("b", 1, 2000, ""), Row("d", 1, 3000, "")]
    two = [Row("a", 1, 1000, ""), Row("c", 2, 4000, ""), Row("d", 1, 5000, ""), Row("d", 1, 6000, "")]
    table = side_by_side({"x": (one, {1: "loader"}), "y": (two, {})})
    assert table.columns == ["event", "thread", "x", "y"]
    assert [list(row) for row in table.rows] == [
        ["a", "1 loader", "0.001", "0.001"],
        ["c", "2", "–", "0.004"],
        ["b", "1 loader", "0.002", "–"],
        ["d", "1 loader", "0.003", "0.005"],
        ["d", "1", "–", "0.006"],
    ]


def test_side_by_side_names_a_thread_that_differs() -> None:
    table = side_by_side({"x": ([Row("a", 1, 1000, "")], {}), "y": ([Row("a", 2, 2000, "")], {2: "runtime"})})
    assert [list(row) for row in table.rows] == [["a", "1", "0.001", "on 2 runtime 0.002"]]


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-5",
        "1.5",
        "true",
        "null",
        '"a \\"b\\"\\n\\t\\\\"',
        '"\\xff"',
        '"é"',
        "[1, 2]",
        '["a"]',
        "{1, {2.5, true}}",
    ],
)
def test_values_are_written_as_they_are_read(text: str) -> None:
    (value,) = parse_call(f"f({text})").arguments
    assert value_text(value) == text
    assert parse_call(f"f({value_text(value)})").arguments == (value,)


def test_values_that_have_no_literal() -> None:
    assert value_text(b"\x00\x7f") == '"\\x00\\x7f"'
    assert value_text("\u202e\U000e0001") == '"\\u202e\\U000e0001"'
    (value,) = parse_call(f"f({value_text(1 - 2j)})").arguments
    assert isinstance(value, Typed)
    assert value.value == 1 - 2j


def test_json_holds_what_json_has_not() -> None:
    assert json_value([b"a\xff", (1, None), 2 - 1j, float("nan"), float("-inf"), "\udcff", True]) == [
        "a\\xff", [1, None], [2.0, -1.0], "nan", "-inf", "\\xff", True,
    ]  # fmt: skip
