"""Which part of a run an instruction log takes: read from texts, and exact to the instruction against a log of everything."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import pytest

import emuload
from emuload.ilog.reader import IlogFile
from emuload.ilog.selection import EventPattern, Place, Selection, merged, parse_range, parse_selection
from emuload.process.instruction_log import LogRequest
from emuload.report.instructions import LoggedCode
from emuload.trace.events import Event
from emuload.unwind.functions import functions
from loader.elf import ElfFile
from tests.support.running import stream
from tests.support.targets import arch_of
from tests.support.toolchain import go_library

TARGETS = ("amd64-gnu", "armv7-gnueabihf", "arm64-gnu")

Executed = list[tuple[int, int, int]]
"""Thread, address and time of instructions: the time is their block's, at which they were not all executed."""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("16", range(16, 17)),
        ("0x10-0x20", range(16, 32)),
        ("0x10+4", range(16, 20)),
        ("0xffffffffffffffff", range((1 << 64) - 1, 1 << 64)),
    ],
)
def test_ranges(text: str, wanted: range) -> None:
    assert parse_range(text, "--address") == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "takes START-END"),
        ("x", "takes START-END"),
        ("0x10-", "takes START-END"),
        ("-5", "takes START-END"),
        ("5-5", "an empty range"),
        ("9-5", "an empty range"),
        ("5+0", "an empty range"),
        ("0x10000000000000000", "above 64 bits"),
    ],
)
def test_bad_ranges(text: str, words: str) -> None:
    with pytest.raises(emuload.UsageError, match=words):
        parse_range(text, "--address")


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([""], Selection()),
        (["main.*"], Selection(("main.*",), functions=("main.*",))),
        (["operator+", "f"], Selection(("operator+", "f"), functions=("operator+", "f"))),
        (["0x10+0x20"], Selection(("0x10+0x20",), places=(Place("0x10+0x20", range(16, 48)),))),
        (["libx.so+0x10"], Selection(("libx.so+0x10",), places=(Place("libx.so+0x10", range(16, 17), "libx.so"),))),
        (["a+b.so+1-9"], Selection(("a+b.so+1-9",), places=(Place("a+b.so+1-9", range(1, 9), "a+b.so"),))),
        (["lib*+0x10+8"], Selection(("lib*+0x10+8",), places=(Place("lib*+0x10+8", range(16, 24), "lib*"),))),
        (["go-*.."], Selection(("go-*..",), events=(EventPattern("go-*", "go-*"), None))),
        (["..b:x=1,y=*"], Selection(("..b:x=1,y=*",), events=(None, EventPattern("b:x=1,y=*", "b", (("x", "1"), ("y", "*")))))),
    ],
)
def test_texts_are_understood(texts: list[str], wanted: Selection) -> None:
    assert parse_selection(texts) == wanted


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([".."], "no event is named"),
        (["a..b", "c..d"], "more than one pair"),
        ([":x=1.."], "an event is KIND"),
        (["a:.."], "an event is KIND"),
        (["a:x.."], "an event is KIND"),
        (["a:=1.."], "an event is KIND"),
        (["9-5"], "an empty range"),
        (["0x10-z"], "takes START-END"),
        (["libx.so+9-5"], "an empty range"),
    ],
)
def test_texts_that_make_no_sense_are_refused(texts: list[str], words: str) -> None:
    with pytest.raises(emuload.UsageError, match=words) as refused:
        LogRequest("a.ilog", texts)
    assert str(refused.value).startswith("--instructions")


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        ("object-found", True),
        ("object-*", True),
        ("object", False),
        ("object-found:object=libx.so", True),
        ("object-found:object=/a/*", True),
        ("object-found:object=liby.so", False),
        ("object-found:size=16", True),
        ("object-found:size=0x10,object=libx*", True),
        ("object-found:size=17", False),
        ("object-found:size=many", False),
        ("object-found:done=True", True),
        ("object-found:none=1", False),
    ],
)
def test_events_match_by_kind_and_fields(pattern: str, met: bool) -> None:
    selection = parse_selection([f"{pattern}.."])
    assert selection.events is not None
    (first, _) = selection.events
    assert first is not None
    event = Event(0, 0, 0, 0, "object-found", {"object": "/a/libx.so", "size": 16, "done": True})
    assert first.matches(event) is met


def test_ranges_are_merged() -> None:
    assert merged([range(8, 9), range(1, 4), range(4, 5), range(2, 3)]) == [range(1, 5), range(8, 9)]


# -- against a log of everything ---------------------------------------------------------------------------------------


def run(target: str, log: LogRequest | None) -> emuload.Process:
    """A library is loaded and called twice."""
    process = emuload.Process(arch_of(target), instruction_log=log)
    library = process.dlopen(str(go_library("behaviour", target)))
    library.call("add", 1, 2)
    library.call("nil_dereference", returns=str)
    process.exit()
    return process


@pytest.fixture(scope="module", params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def everything(target: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[emuload.Process, Executed]:
    path = tmp_path_factory.mktemp("log") / "all.ilog"
    return run(target, LogRequest(str(path))), executed(path)


def executed(path: Path) -> Executed:
    """All instructions of a log."""
    log = IlogFile(str(path))
    code = LoggedCode(log)
    return [(block.tid, each.address, block.time) for block in log.blocks() for each in code.instructions(block)]


def chosen(target: str, path: Path, *only: str) -> tuple[emuload.Process, Executed]:
    """The content of a log of part of the run."""
    process = run(target, LogRequest(str(path), only))
    return process, executed(path)


def in_functions(target: str, process: emuload.Process, start: str) -> Iterator[range]:
    library = go_library("behaviour", target)
    (bias,) = {loaded.bias for loaded in process.link_map.objects if loaded.path == str(library)}
    for name, first, end in functions(ElfFile(library.read_bytes(), str(library))):
        if name.startswith(start):
            yield range(bias + first, bias + end)


def within(whole: Executed, spans: list[range]) -> Executed:
    """The instructions in those ranges, which are in order and apart."""
    starts = [span.start for span in spans]
    return [row for row in whole if (at := bisect_right(starts, row[1]) - 1) >= 0 and row[1] in spans[at]]


@pytest.mark.parametrize("name", ["main.", "_cgo_", "internal/"])
def test_functions_are_all_that_is_logged_when_they_are_chosen(
    name: str, target: str, everything: tuple[emuload.Process, Executed], tmp_path: Path
) -> None:
    plain, whole = everything
    process, found = chosen(target, tmp_path / "a", f"{name}*")
    assert found == within(whole, merged(in_functions(target, plain, name)))
    assert found
    assert stream(process) == stream(plain)


def test_addresses_of_an_object_and_of_the_process_add_up(
    target: str, everything: tuple[emuload.Process, Executed], tmp_path: Path
) -> None:
    plain, whole = everything
    main, *_ = in_functions(target, plain, "runtime.main")
    loaded = plain.link_map.object_at(main.start)
    assert loaded is not None
    in_file = f"libbehaviour.so+{main.start - loaded.bias:#x}+{len(main)}"
    other, *_ = in_functions(target, plain, "runtime.rt0_go")
    process, found = chosen(target, tmp_path / "a", in_file, f"{other.start:#x}-{other.stop:#x}")
    assert found == [row for row in whole if row[1] in main or row[1] in other]
    assert {row[1] in main for row in found} == {True, False}
    assert stream(process) == stream(plain)


def place_of(whole: Executed, event: Event) -> int:
    """The index, in a whole log, of the instruction at which an event happened; after it for a system call."""
    for number, (tid, address, time) in enumerate(whole):
        if (tid, address) == (event.tid, event.pc) and time <= event.time < time + 3000:
            return number + (event.kind.startswith("syscall") or event.kind == "constructor-exit")
    raise AssertionError(f"{event} is not in the log")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("go-rt0-go", "go-schedinit"),
        ("go-rt0-lib", "syscall:name=rt_sigaction"),
        ("go-main-init-done", ""),
        ("", "go-rt0-lib-go"),
    ],
)
def test_a_log_goes_from_one_event_to_another(
    first: str, last: str, target: str, everything: tuple[emuload.Process, Executed], tmp_path: Path
) -> None:
    plain, whole = everything
    begin, end = 0, len(whole)
    after = 0
    if first:
        event = next(e for e in plain.events if e.kind == first)
        begin, after = place_of(whole, event), event.seq + 1
    if last:
        pattern = parse_selection([f"..{last}"]).events
        assert pattern is not None
        assert pattern[1] is not None
        end = place_of(whole, next(e for e in plain.events[after:] if pattern[1].matches(e)))
    process, found = chosen(target, tmp_path / "a", f"{first}..{last}")
    assert [row[:2] for row in found] == [row[:2] for row in whole[begin:end]]
    assert len(found) > 1
    assert stream(process) == stream(plain)
    assert process.instruction_log is not None
    assert process.instruction_log.unmet == []


def test_events_and_functions_together(target: str, everything: tuple[emuload.Process, Executed], tmp_path: Path) -> None:
    plain, whole = everything
    spans = merged(in_functions(target, plain, "runtime.mallocgc"))
    begin = place_of(whole, next(e for e in plain.events if e.kind == "go-main-init-done"))
    _, found = chosen(target, tmp_path / "a", "go-main-init-done..", "runtime.mallocgc*")
    assert found == within(whole[begin:], spans)
    assert found


def test_what_never_came_about_is_told(tmp_path: Path) -> None:
    texts = ["nobody.*", "libnone.so+16", "go-schedinit:object=none.."]
    process = run("arm64-gnu", LogRequest(str(tmp_path / "a"), texts))
    assert process.instruction_log is not None
    assert process.instruction_log.unmet == [
        "--instructions nobody.*: no function is called so",
        "--instructions libnone.so+16: there was no object libnone.so",
        "--instructions: the event go-schedinit:object=none never happened",
    ]
    assert executed(tmp_path / "a") == []
