"""`emuload trace -o FILE.ilog` and `emuload show`: instructions and their effects, readable; filters; one line for bad input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emuload import samples
from emuload.ilog.reader import IlogFile
from emuload.report.instructions import LoggedCode
from tests.support.command_line import emuload

NAMES = ("amd64", "armv5", "armv7", "arm64")
ENTRY = {"amd64": "amd64_linux", "armv5": "arm_linux", "armv7": "arm_linux", "arm64": "arm64_linux"}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The log of loading a sample and calling it once."""
    library = samples.path(name, tmp_path)
    file = tmp_path / "a.ilog"
    ended = emuload(capsys, "trace", library, "-c", "add(1, 2)", "-o", file)
    assert ended.status == 0, ended.err
    assert re.fullmatch(r"add\(1, 2\) = 3\n\n\S+a\.ilog: \d+ blocks of code\n", ended.out)
    return file


@pytest.fixture
def start(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The log of a library's constructor and the beginning of Go's runtime."""
    file = tmp_path / "c.ilog"
    what = ("--instructions", "..go-schedinit")
    ended = emuload(capsys, "trace", samples.path(name, tmp_path), "-c", "add(1, 2)", "-o", file, *what)
    assert (ended.status, ended.err) == (0, "")
    return file


@pytest.fixture
def calls(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A log of two calls with memory writes, in the library's own functions."""
    file = tmp_path / "b.ilog"
    what = ("--instructions", "main.*", "--instructions", "_cgoexp_*", "--memory-writes", "--register-writes")
    ended = emuload(capsys, "trace", samples.path(name, tmp_path), "-c", "add(1, 2)", "-c", "add(3, 4)", "-o", file, *what)
    assert (ended.status, ended.err) == (0, "")
    return file


def test_the_constructor_is_shown_with_function_and_line(name: str, start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "show", start, "--function", "_rt0_*_lib")
    lines = ended.out.splitlines()
    pattern = rf"1000 0x[0-9a-f]+  [0-9a-f]+ +\w.* _rt0_{ENTRY[name]}_lib\+0x0 runtime/rt0_linux_\w+\.s:\d+"
    assert re.fullmatch(pattern, lines[0]), lines[0]
    assert len(lines) >= 20
    assert all("_rt0_" in line for line in lines)
    assert (ended.status, ended.err) == (0, "")


def test_every_instruction_is_known(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = emuload(capsys, "show", log).out
    assert out.count("\n") > 200_000
    assert ".byte " not in out
    assert "no file" not in out
    assert {line.partition(" ")[0] for line in out.splitlines()} >= {"1000", "1001", "1002"}


def test_filters_by_thread_and_address(start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = emuload(capsys, "show", start, "--thread", "1001", "--function", "runtime.rt0_go*").out
    lines = out.splitlines()
    assert lines
    assert all(line.startswith("1001 ") for line in lines)
    first = lines[0].split()[1]
    one = emuload(capsys, "show", start, "--address", first).out.splitlines()
    assert one == [lines[0]]
    some = emuload(capsys, "show", start, "--address", f"{first}+0x10").out.splitlines()
    assert all(0 <= int(line.split()[1], 16) - int(first, 16) < 16 for line in some)
    assert len(some) > 1


def test_a_choice_of_nothing_is_said(start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "show", start, "--function", "runtime.rt0_og")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"emuload: {start}: the log holds nothing of what was asked for\n"


@pytest.mark.parametrize("name", ["armv7"], indirect=True)
def test_another_file_under_the_same_name_is_refused(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = next(log.parent.rglob("*.so"))
    library.write_bytes(library.read_bytes() + b"\0")
    ended = emuload(capsys, "show", log, "--thread", "1001")
    assert ended.status == 2
    assert re.fullmatch(r"emuload: [^\n]*not the file that the log [^\n]*\n", ended.err)
    library.unlink()
    ended = emuload(capsys, "show", log, "--thread", "1001")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "No such file" in ended.err


def test_what_instructions_wrote_is_shown(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = emuload(capsys, "show", calls, "--function", "_cgoexp_*_add").out.splitlines()
    added = [line for line in lines if "main.add" in line and re.search(r" (rcx|rax|r1|x1|x0|r0)=0x[37] ", line)]
    assert len(added) >= 2
    stored = [re.search(r"\[(0x[0-9a-f]+):(\d)\]=0x([37]) ", line) for line in lines]
    first, second = (found for found in stored if found is not None)
    assert (first[1], first[3], second[3]) == (second[1], "3", "7")
    touched = emuload(capsys, "show", calls, "--touched", f"{first[1]}+{first[2]}").out.splitlines()
    assert [line for line in touched if "not logged" not in line and "_cgoexp_" in line] == [
        line for line, found in zip(lines, stored, strict=True) if found is not None
    ]


def test_what_is_not_in_the_log_but_changed_something_is_shown(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = emuload(capsys, "show", calls).out.splitlines()
    apart = [number for number, line in enumerate(lines) if re.match(r"\d+ \(not logged\)  ", line)]
    assert len(apart) >= 2
    assert all("=0x" in lines[number] for number in apart)
    assert any("_cgoexp_" in lines[number + 1] and "+0x0 " in lines[number + 1] for number in apart)


def test_a_part_is_shown_by_blocks_and_by_times(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = IlogFile(str(log))
    code = LoggedCode(file)
    blocks = list(file.blocks())
    middle = blocks[len(blocks) // 2 : len(blocks) // 2 + 40]
    expected = [f"{block.tid} {each.address:#x}" for block in middle for each in code.instructions(block)]
    last = middle[-1].number + 1
    for limits in ((str(middle[0].number), str(last)), (f"{middle[0].time}ns", str(last))):
        lines = emuload(capsys, "show", log, "--from", limits[0], "--to", limits[1]).out.splitlines()
        shown = [" ".join(line.split()[:2]) for line in lines]
        assert shown[-len(expected) :] == expected
    assert emuload(capsys, "show", log, "--from", "0.2ms", "--to", "100us").out == ""
    assert emuload(capsys, "show", log, "--to", "0").out == ""


def test_execlog_has_an_address_an_opcode_and_stores(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = emuload(capsys, "show", calls, "--format", "execlog").out.splitlines()
    texts = [line for line in emuload(capsys, "show", calls).out.splitlines() if "not logged" not in line]
    assert len(lines) == len(texts)
    threads = list(dict.fromkeys(text.split()[0] for text in texts))
    for line, text in zip(lines, texts, strict=True):
        found = re.fullmatch(r'\d+, (0x[0-9a-f]+), 0x([0-9a-f]+), "(.*?)"((?:, store, 0x[0-9a-f]{8,})*)', line)
        assert found is not None, line
        tid, address, code, *_ = text.split()
        assert line.partition(",")[0] == str(threads.index(tid))
        assert found[1] == address
        assert int(found[2], 16) == int.from_bytes(bytes.fromhex(code)[:4], "little")
        assert found[3] in text
        assert found[4] == "".join(f", store, {int(at, 16):#010x}" for at in re.findall(r"\[(0x[0-9a-f]+):", text))
    assert any("store" in line for line in lines)


@pytest.mark.parametrize("name", ["armv7"], indirect=True)
def test_what_makes_no_sense_is_refused_in_one_line(log: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(log.read_bytes()[:-7])
    for arguments, words in (
        ((tmp_path / "none",), "No such file"),
        ((tmp_path,), "Is a directory"),
        ((samples.path("arm64", tmp_path),), "not an instruction log"),
        ((cut,), "cut short"),
        ((log, "--address", "x"), "--address takes"),
        ((log, "--address", "5-5"), "empty range"),
        ((log, "--touched", "x"), "--touched takes"),
        ((log, "--touched", "16"), "--touched needs the memory writes"),
        ((log, "--from", "x"), "--from takes a block's number"),
        ((log, "--to", "1.5"), "--to takes a block's number"),
        ((log, "--format", "pdf"), "--format pdf: choose from text, tenet, execlog"),
        ((log, "--format", "tenet"), "--format tenet needs registers and memory writes"),
    ):
        ended = emuload(capsys, "show", *arguments)
        assert (ended.status, ended.out) == (2, "")
        assert re.fullmatch(r"emuload: [^\n]+\n", ended.err)
        assert words in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "a.ilog", "--instructions", "5-4"), "--instructions 5-4: an empty range"),
        (("-o", "a.ilog", "--instructions", ".."), "no event is named"),
        (("-o", "a.ilog", "-o", "b.ilog"), "more than one instruction log: a.ilog, b.ilog"),
        (("-o", "a.jsonl", "--instructions", "main.*"), "--instructions is for an instruction log"),
        (("-o", "a.jsonl", "--memory-writes"), "--memory-writes is for an instruction log"),
        (("--follow", "--register-writes"), "--register-writes is for an instruction log"),
        (("-o", "none/a.ilog"), "none/a.ilog: No such file or directory"),
        (("-o", "a.log"), "a.log: its suffix says"),
        (("-o", "a.ilog", "--instructions", "nobody"), "--instructions nobody: no function is called so"),
        (("-o", "a.ilog", "--instructions", "libx+16"), "--instructions libx+16: there was no object libx"),
        (("-o", "a.ilog", "--instructions", "go-schedinit..go-die"), "the event go-die never happened"),
        (("-o", "a.ilog", "--instructions", "go-schedinit..nevr"), "--instructions: no kind of event matches 'nevr'"),
        (("-o", "a.ilog", "--instructions", "go-die..", "--instructions", "x"), "called so; --instructions: the event go-die"),
    ],
)
def test_a_log_that_cannot_be_made_ends_in_one_line(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = emuload(capsys, "trace", samples.path("arm64", tmp_path), "-c", "add(1, 2)", *options)
    assert ended.status == 2
    assert re.fullmatch(r"emuload: [^\n]+\n", ended.err)
    assert words in ended.err


def test_a_log_and_a_trace_are_written_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path("armv7", tmp_path)
    files = [tmp_path / name for name in ("a.jsonl", "a.ilog", "a.json", "b.jsonl", "c.ilog")]
    both = emuload(capsys, "trace", library, "-c", "add(1, 2)", "-o", files[0], "-o", files[1], "-o", files[2], "--instructions")
    assert both.status == 0, both.err
    assert [line.partition(": ")[0] for line in both.out.splitlines()[2:]] == [str(files[n]) for n in (0, 2, 1)]
    assert emuload(capsys, "trace", library, "-c", "add(1, 2)", "-o", files[3]).status == 0
    assert emuload(capsys, "trace", library, "-c", "add(1, 2)", "-o", files[4]).status == 0
    assert files[0].read_bytes() == files[3].read_bytes()
    assert files[1].read_bytes() == files[4].read_bytes()


def test_a_run_that_fails_leaves_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library, file = samples.path("arm64", tmp_path), tmp_path / "a.ilog"
    never = ("--instructions", "..go-die")
    ended = emuload(capsys, "trace", library, "-c", "add(1, 2)", "--code-limit", "100000", "-o", file, *never)
    assert ended.status == 4
    assert ended.err.startswith("emuload: --instructions: the event go-die never happened\nemuload: ")
    shown = emuload(capsys, "show", file)
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.count("\n") > 10_000
