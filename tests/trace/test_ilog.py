"""The instruction log: it holds what ran, changes nothing of the run, and is small; a damaged one is refused in one line."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

import emuload
from emuload.machine.cpu import Cpu
from emuload.trace.ilog import IlogError, IlogFile, read_ilog
from tests.running import arch_of, stream
from tests.toolchain import go_library

TARGETS = ("amd64-gnu", "armv7-gnueabihf", "armv5-gnueabi", "arm64-gnu")


def logged(target: str, path: Path | None) -> emuload.Process:
    """A run with threads, signals, faults and garbage collection."""
    log = str(path) if path is not None else None
    process = emuload.Process(arch_of(target), instruction_log=log)
    opened = process.dlopen(str(go_library("behaviour", target)))
    opened.call("goroutines", 20)
    opened.call("gc_load", 1)
    opened.call("nil_dereference", returns=str)
    process.exit()
    return process


@pytest.mark.parametrize("target", TARGETS)
def test_logging_leaves_the_event_stream_as_it_is(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = logged(target, None)
    assert stream(logged(target, tmp_path / "a")) == stream(plain)
    monkeypatch.setattr(Cpu, "log_blocks", functools.partialmethod(Cpu.log_blocks, capacity=997))
    small = logged(target, tmp_path / "b")
    assert stream(small) == stream(plain)
    assert small.cpu.clock_bytes == plain.cpu.clock_bytes
    assert list(read_ilog(str(tmp_path / "b"))) == list(read_ilog(str(tmp_path / "a")))


@pytest.mark.parametrize("target", TARGETS)
def test_native_and_python_hooks_write_the_same_file(target: str, tmp_path: Path) -> None:
    for name, native_hooks in (("native", True), ("python", False)):
        process = emuload.Process(arch_of(target), instruction_log=str(tmp_path / name), native_hooks=native_hooks)
        process.dlopen(str(go_library("behaviour", target))).call("nil_dereference", returns=str)
        process.exit()
    assert (tmp_path / "native").read_bytes() == (tmp_path / "python").read_bytes()


@pytest.mark.parametrize("target", TARGETS)
def test_blocks_account_for_all_code_and_all_time(target: str, tmp_path: Path) -> None:
    process = logged(target, tmp_path / "a")
    log = IlogFile(str(tmp_path / "a"))
    assert log.complete
    assert log.code_bytes == process.cpu.clock_bytes
    blocks = list(log.blocks())
    executed = sum(block.size for block in blocks)
    assert executed == process.cpu.clock_bytes
    assert {block.tid for block in blocks} == {event.tid for event in process.events if event.kind == "thread-start"} | {1000}
    assert [block.time for block in blocks] == sorted(block.time for block in blocks)
    middle = len(blocks) // 2
    assert list(log.blocks(blocks[middle].number)) == blocks[middle:]


@pytest.mark.parametrize("target", TARGETS)
def test_block_times_are_those_of_the_events(target: str, tmp_path: Path) -> None:
    process = logged(target, tmp_path / "a")
    inside = {tid: set() for tid in process.kernel.tasks}  # type: ignore[var-annotated]
    for block in IlogFile(str(tmp_path / "a")).blocks():
        inside.setdefault(block.tid, set()).add(block.time)
    entered = [event for event in process.events if event.kind == "constructor-enter"]
    assert entered
    for event in entered:
        assert min(abs(event.time - time) for time in inside[event.tid]) < 100


@pytest.mark.parametrize("target", TARGETS)
def test_go_initialisation_takes_less_than_a_byte_an_instruction(target: str, tmp_path: Path) -> None:
    file = tmp_path / "a"
    process = emuload.Process(arch_of(target), instruction_log=str(file))
    process.dlopen(str(go_library("behaviour", target))).call("add", 1, 2)
    process.exit()
    longest = 5 if target == "amd64-gnu" else 4  # bytes an instruction has on average
    assert file.stat().st_size < process.cpu.clock_bytes / longest


def test_objects_carry_the_hash_of_their_file(tmp_path: Path) -> None:
    logged("arm64-gnu", tmp_path / "a")
    library = go_library("behaviour", "arm64-gnu")
    log = IlogFile(str(tmp_path / "a"))
    (found,) = [known for known in log.objects if known.path == str(library)]
    assert found.sha256 == hashlib.sha256(library.read_bytes()).hexdigest()
    assert found.size == library.stat().st_size
    assert log.object_at(found.start, log.block_count) is found


def test_a_run_that_was_cut_off_leaves_what_it_wrote(tmp_path: Path) -> None:
    process = emuload.Process("arm64", instruction_log=str(tmp_path / "a"))
    process.dlopen(str(go_library("behaviour", "arm64-gnu"))).call("add", 1, 2)
    log = IlogFile(str(tmp_path / "a"))
    assert not log.complete
    assert log.objects


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("log") / "a"
    process = emuload.Process("arm64", instruction_log=str(file))
    process.start()
    process.exit()
    return file.read_bytes()


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "not an instruction log"),
    "text": (lambda data: b"hello\n" * 9, "not an instruction log"),
    "only the magic": (lambda data: data[:8], "the header is missing"),
    "cut in a record": (lambda data: data[:-5], "cut short"),
    "cut in a record's head": (lambda data: data[:12], "cut short"),
    "an edited byte": (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "the checksum is wrong"),
    "a wild size": (lambda data: data[:9] + b"\xff" * 4 + data[13:], "cut short"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_log_is_refused_with_its_place(name: str, small: bytes, tmp_path: Path) -> None:
    damage, words = DAMAGE[name]
    file = tmp_path / "a"
    file.write_bytes(damage(small))
    with pytest.raises(IlogError, match=words) as refused:
        list(read_ilog(str(file)))
    assert "\n" not in str(refused.value)
    assert refused.value.exit_status == 2


def test_a_newer_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emuload.trace.ilog_format.SCHEMA", 3)
    process = emuload.Process("arm64", instruction_log=str(tmp_path / "a"))
    process.start()
    process.exit()
    monkeypatch.undo()
    with pytest.raises(IlogError, match="schema 3 is unknown: this emuload reads schema 2"):
        IlogFile(str(tmp_path / "a"))


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(emuload.UsageError, match="No such file"):
        emuload.Process("arm64", instruction_log=str(tmp_path / "none" / "a"))
