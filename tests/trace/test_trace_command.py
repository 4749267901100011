"""`emuload trace`: the file it writes, the lines it shows, the input it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload import samples
from tests.support.command_line import emuload, start


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.path("armv7", tmp_path_factory.mktemp("samples"))


def shown(capsys: pytest.CaptureFixture[str], library: Path, *arguments: str) -> list[str]:
    ended = emuload(capsys, "trace", library, "-c", "add(1, 2)", "--follow", *arguments)
    assert ended.status == 0, ended.err
    return ended.out.splitlines()


def test_results_and_a_summary_are_shown(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    out = emuload(capsys, "trace", library, "-c", "add(1, 2)", "-o", file).out
    events = len(file.read_bytes().splitlines()) - 2
    assert out.startswith(f"add(1, 2) = 3\n\n{file}: {events} events of 5 threads in ")


def test_follow_shows_every_event_in_order(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    lines = shown(capsys, library, "-o", str(file))
    assert len(lines) == len(file.read_bytes().splitlines()) - 2
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)


def test_system_calls_are_shown_as_strace_shows_them(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.partition(" syscall")[2] for line in shown(capsys, library, "--kind", "syscall*")]
    assert any(line.endswith(" gettid() = 1001") for line in lines)
    assert any("futex" in line and " <unfinished ...> waits for " in line for line in lines)
    assert any("<... futex" in line and line.endswith(" resumed> = 0") for line in lines)


def test_kinds_are_chosen_by_pattern(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {line.split()[4] for line in shown(capsys, library, "-t", "runtime", "--kind", "go-rt0*", "-k", "tls-*")}
    assert kinds == {"go-rt0-lib-go", "go-rt0-go", "tls-block"}


@pytest.mark.parametrize(("thread", "tids"), [("loader", {"1000"}), ("1001", {"1001"}), ("sysmon", {"1002"}), ("host", {"0"})])
def test_threads_are_chosen_by_number_or_role(
    thread: str, tids: set[str], library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {line.split()[1] for line in shown(capsys, library, "--thread", thread)} == tids


def test_foreign_threads_have_a_role(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, library, "--threads", "2", "-t", "foreign", "-k", "go-export-body")
    assert len({line.split()[1] for line in lines}) == len(lines) == 2


def test_objects_are_chosen_by_path_or_file_name(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name = shown(capsys, library, "--object", "libhello.*")
    assert by_name == shown(capsys, library, "--object", str(library))
    assert by_name
    assert all(f"object={library}" in line for line in by_name)
    assert not shown(capsys, library, "--object", "nothing*")


def test_events_are_shown_as_they_happen(library: Path) -> None:
    command = start("trace", library, "-c", "sum(100)", "--follow", "-k", "constructor-enter")
    assert command.stdout is not None
    assert b"constructor-enter" in command.stdout.readline()
    command.communicate()
    assert command.returncode == 0


def test_a_reader_that_goes_away_is_no_error(library: Path) -> None:
    command = start("trace", library, "--follow")
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.readline()
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait() == 141


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-o", "x.txt"), "x.txt: its suffix says in which format to write"),
        ((), "nothing to do: name a file (-o FILE), or ask for --follow"),
        (("-o", "x.jsonl", "-k", "go*"), "--kind, --thread and --object choose what --follow shows"),
        (("-f", "-k", "dlopen-leave"), "--kind: no kind of event matches 'dlopen-leave': is it dlopen-enter or dlopen-exit?"),
        (("-f", "-t", "painter"), "--thread takes a number or one of loader, runtime, sysmon, foreign, host, not 'painter'"),
        (("-o", "nowhere/x.jsonl"), "nowhere/x.jsonl: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    arguments: tuple[str, ...], complaint: str, library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library.parent)
    ended = emuload(capsys, "trace", library, *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"emuload: {complaint}")
    assert ended.err.count("\n") == 1


def test_a_full_disk_is_told_in_one_line(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    (tmp_path / "full.jsonl").symlink_to("/dev/full")
    ended = emuload(capsys, "trace", library, "-o", tmp_path / "full.jsonl")
    assert (ended.status, ended.err) == (2, f"emuload: {tmp_path}/full.jsonl: No space left on device\n")


@pytest.mark.parametrize("name", ["amd64", "armv7", "armv5", "arm64"])
def test_goroutines_are_told_with_what_they_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path(name, tmp_path)
    lines = emuload(capsys, "trace", library, "-c", "sum(3)", "--follow", "-k", "go-goroutine").out.splitlines()
    made = [line.split("function=")[1].split()[0] for line in lines]
    assert made[0] == "runtime.main"
    assert made[-3:] == ["main.sum.gowrap1"] * 3
