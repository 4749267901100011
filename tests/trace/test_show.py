"""`emuload run --instructions` and `emuload show`: what the constructor executed, readable; filters; one line for bad input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emuload import samples
from emuload.report.instructions import parse_range
from tests.command_line import emuload

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
    ended = emuload(capsys, "run", library, "-c", "add(1, 2)", "--instructions", file)
    assert ended.status == 0, ended.err
    assert "add(1, 2) = 3" in ended.out
    return file


def test_the_constructor_is_shown_with_function_and_line(name: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "show", log, "--function", "_rt0_*_lib")
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


def test_filters_by_thread_and_address(name: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = emuload(capsys, "show", log, "--thread", "1001", "--function", "runtime.rt0_go*").out
    lines = out.splitlines()
    assert lines
    assert all(line.startswith("1001 ") for line in lines)
    first = lines[0].split()[1]
    one = emuload(capsys, "show", log, "--address", first).out.splitlines()
    assert one == [lines[0]]
    some = emuload(capsys, "show", log, "--address", f"{first}+0x10").out.splitlines()
    assert all(0 <= int(line.split()[1], 16) - int(first, 16) < 16 for line in some)
    assert len(some) > 1


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
    ):
        ended = emuload(capsys, "show", *arguments)
        assert (ended.status, ended.out) == (2, "")
        assert re.fullmatch(r"emuload: [^\n]+\n", ended.err)
        assert words in ended.err


@pytest.mark.parametrize(
    ("text", "wanted"), [("16", range(16, 17)), ("0x10-0x20", range(16, 32)), ("0x10+4", range(16, 20))]
)
def test_ranges(text: str, wanted: range) -> None:
    assert parse_range(text) == wanted


def test_a_run_that_fails_leaves_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library, file = samples.path("arm64", tmp_path), tmp_path / "a.ilog"
    ended = emuload(capsys, "run", library, "-c", "add(1, 2)", "--code-limit", "100000", "--instructions", file)
    assert ended.status == 4
    shown = emuload(capsys, "show", file)
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.count("\n") > 10_000
