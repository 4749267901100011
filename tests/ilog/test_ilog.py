"""The instruction log: complete, small, without effect on the run; a damaged one is refused in one line."""

from __future__ import annotations

import functools
import hashlib
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

import emuload
from emuload.ilog import format as f
from emuload.ilog.reader import Block, Effects, IlogError, IlogFile, read_ilog
from emuload.machine.cpu import Cpu
from emuload.process.instruction_log import LogRequest
from tests.support.running import stream
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import go_library

TARGETS = GNU


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


def small_run(target: str, log: LogRequest | None, *, native_hooks: bool = True) -> emuload.Process:
    """A run with a fault, of which a log of everything is not large."""
    process = emuload.Process(arch_of(target), instruction_log=log, native_hooks=native_hooks)
    process.dlopen(str(go_library("behaviour", target))).call("nil_dereference", returns=str)
    process.exit()
    return process


WRITES = {"memory_writes": True, "register_writes": True}


@pytest.mark.parametrize("target", TARGETS)
def test_native_and_python_hooks_write_the_same_file(target: str, tmp_path: Path) -> None:
    for name, native_hooks in (("native", True), ("python", False)):
        small_run(target, LogRequest(str(tmp_path / name)), native_hooks=native_hooks)
    assert (tmp_path / "native").read_bytes() == (tmp_path / "python").read_bytes()


@pytest.mark.parametrize("target", ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"])
def test_native_and_python_hooks_write_the_same_registers_and_memory(target: str, tmp_path: Path) -> None:
    for name, native_hooks in (("native", True), ("python", False)):
        log = LogRequest(str(tmp_path / name), ["constructor-enter..", "_*", "runtime.*"], **WRITES)
        process = emuload.Process(arch_of(target), instruction_log=log, native_hooks=native_hooks)
        process.dlopen(str(go_library("behaviour", target)))
        process.exit()
    assert (tmp_path / "native").read_bytes() == (tmp_path / "python").read_bytes()
    log_file = IlogFile(str(tmp_path / "native"))
    assert any(effects.registers and effects.writes for _, effects in log_file.effects())


@pytest.mark.parametrize("target", TARGETS)
def test_logging_registers_and_memory_leaves_the_event_stream_as_it_is(target: str, tmp_path: Path) -> None:
    plain = small_run(target, None)
    log = LogRequest(str(tmp_path / "a"), **WRITES)
    written = small_run(target, log)
    assert stream(written) == stream(plain)
    assert written.cpu.clock_bytes == plain.cpu.clock_bytes
    assert sum(size for _, _, size in read_ilog(log.path)) == plain.cpu.clock_bytes


def test_small_buffers_hold_the_same_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_run("arm64-gnu", LogRequest(str(tmp_path / "a"), ["go-rt0-lib..go-schedinit"], **WRITES))
    for name in ("log_registers", "log_writes"):
        monkeypatch.setattr(Cpu, name, functools.partialmethod(getattr(Cpu, name), capacity=5000))
    small_run("arm64-gnu", LogRequest(str(tmp_path / "b"), ["go-rt0-lib..go-schedinit"], **WRITES))
    assert last_values(tmp_path / "a") == last_values(tmp_path / "b")
    assert (tmp_path / "b").read_bytes().count(b"R") > 5


def last_values(path: Path) -> tuple[list[Block], dict[int, int], list[tuple[int, int, bytes]]]:
    """The blocks of a log, the registers at its end, and all writes."""
    blocks, registers, writes = [], {}, []
    for block, effects in IlogFile(str(path)).effects():
        blocks.append(block)
        registers.update({number: value for _, number, value in effects.registers if number != f.STOPPED})
        writes += [(block.number, write.address, write.data) for write in effects.writes]
    return blocks, registers, writes


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


def test_a_part_of_a_log_is_read_without_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cpu, "log_blocks", functools.partialmethod(Cpu.log_blocks, capacity=997))
    small_run("arm64-gnu", LogRequest(str(tmp_path / "a"), memory_writes=True))
    log = IlogFile(str(tmp_path / "a"))
    read: list[int] = []
    payload = IlogFile._payload

    def noting(self: IlogFile, file: BinaryIO, at: int) -> bytes:
        read.append(at)
        return payload(self, file, at)

    monkeypatch.setattr(IlogFile, "_payload", noting)
    stretches = len(log._stretches)
    assert stretches > 20
    middle = log.block_count // 2
    assert next(log.blocks(middle)).number == middle
    assert len(read) == 1
    block, effects = next(log.effects(middle))
    assert (type(block), type(effects)) == (Block, Effects)
    assert 3 <= len(read) <= 4
    assert log.block_at(block.time) <= middle < log.block_at(block.time + 1)
    assert len(read) < 9
    last = list(log.blocks(log.block_count - 1))[-1]
    assert log.block_at(last.time + 1) == log.block_count


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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log of registers and memory writes."""
    file = tmp_path_factory.mktemp("log") / "a"
    small_run("arm64-gnu", LogRequest(str(file), ["go-rt0-lib..go-rt0-lib-go"], **WRITES))
    return file.read_bytes()


def record(data: bytes, kind: bytes) -> tuple[int, bytes]:
    """The first record of a kind: its place and its payload."""
    at = len(f.MAGIC)
    while True:
        found, size, _ = f.RECORD.unpack_from(data, at)
        if found == kind:
            return at, data[at + f.RECORD.size : at + f.RECORD.size + size]
        at += f.RECORD.size + size


def with_payload(data: bytes, kind: bytes, payload: bytes) -> bytes:
    """The log with another payload in the first record of a kind, its checksum right."""
    at, old = record(data, kind)
    head = f.RECORD.pack(kind, len(payload), zlib.crc32(payload))
    return data[:at] + head + payload + data[at + f.RECORD.size + len(old) :]


FORGED = {
    "blocks that are no zlib": (f.BLOCKS, lambda old: old[:40] + b"x" * 50, "makes no sense"),
    "blocks cut short": (f.BLOCKS, lambda old: old[:-3], "its length is wrong"),
    "blocks that unpack to more": (f.BLOCKS, lambda old: old[:40] + zlib.compress(bytes(1 << 24)), "its length is wrong"),
    "a wrong number": (f.BLOCKS, lambda old: b"\x01" + old[1:], "block 1 follows 0"),
    "more blocks than entries": (f.BLOCKS, lambda old: old[:16] + b"\xff\xff" + old[18:], "makes no sense"),
    "registers of another stretch": (f.REGISTERS, lambda old: b"\x05" + old[1:], "it is of block 5"),
    "half an entry": (f.REGISTERS, lambda old: old[:8] + zlib.compress(b"12345"), "5 bytes of entries of 16"),
    "writes that are no zlib": (f.WRITES, lambda old: old[:8] + b"junk", "makes no sense"),
    "a host write cut short": (f.HOST_WRITES, lambda old: old[:8] + zlib.compress(b"\0" * 16 + b"\5\0\0\0" + b"x"), "cut short"),
    "a header that is no JSON": (f.HEADER, lambda old: b"{", "record H makes no sense"),
    "a header without a clock": (f.HEADER, lambda old: b'{"schema":2}', "record H makes no sense"),
    "a clock that stands": (f.HEADER, lambda old: old.replace(b'"clock": [1, 4]', b'"clock": [1, 0]'), "stands still"),
    "an object without a place": (f.OBJECT, lambda old: b"{}", "record O makes no sense"),
    "an object of the wrong kind": (f.OBJECT, lambda old: old.replace(b'"bias": ', b'"bias": -'), "is no number"),
    "an unknown record": (f.OBJECT, None, "record Z makes no sense"),
}


@pytest.mark.parametrize("name", FORGED)
def test_records_that_make_no_sense_are_refused_with_their_place(name: str, written: bytes, tmp_path: Path) -> None:
    kind, change, words = FORGED[name]
    at, old = record(written, kind)
    data = with_payload(written, kind, change(old)) if change is not None else written[:at] + b"Z" + written[at + 1 :]
    file = tmp_path / "a"
    file.write_bytes(data)
    with pytest.raises(IlogError, match=words) as refused:
        list(IlogFile(str(file)).effects())
    assert f"{file}: offset {at}: " in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("seed", range(3))
def test_a_log_with_any_byte_changed_is_read_or_refused(seed: int, written: bytes, tmp_path: Path) -> None:
    chance = random.Random(seed)
    file = tmp_path / "a"
    refused = 0
    for _ in range(60):
        data = bytearray(written)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            list(IlogFile(str(file)).effects())
        except IlogError:
            refused += 1
    assert refused >= 58


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
    monkeypatch.setattr("emuload.ilog.format.SCHEMA", 3)
    process = emuload.Process("arm64", instruction_log=str(tmp_path / "a"))
    process.start()
    process.exit()
    monkeypatch.undo()
    with pytest.raises(IlogError, match="schema 3 is unknown: this emuload reads schema 2"):
        IlogFile(str(tmp_path / "a"))


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(emuload.UsageError, match="No such file"):
        emuload.Process("arm64", instruction_log=str(tmp_path / "none" / "a"))
