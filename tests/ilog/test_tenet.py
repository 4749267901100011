"""The Tenet form of an instruction log, replayed: its registers and memory are those of the process it is of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import emuload
from emuload.ilog.reader import IlogFile
from emuload.process.instruction_log import LogRequest
from emuload.report.show import Wanted, tenet
from tests.support.targets import arch_of
from tests.support.toolchain import go_library

TARGETS = ("amd64-gnu", "armv7-gnueabihf", "arm64-gnu")
STACK = 256
"""Bytes from the stack pointer on that are compared."""

_LINE = re.compile(r"(?:\w+=0x[0-9a-f]+,)*(?:rip|pc)=0x[0-9a-f]+(?:,mw=0x[0-9a-f]+:(?:[0-9a-f]{2})+)*")

Seen = tuple[int, int, dict[str, int], bytes]
"""Thread, address, registers and the top of the stack at a watched instruction."""


class Replay:
    """Registers and memory after the lines so far."""

    def __init__(self) -> None:
        self.registers: dict[str, int] = {}
        self.memory: dict[int, int] = {}
        self.count = 0

    def line(self, text: str) -> None:
        """Apply one line."""
        self.count += 1
        assert self.count % 100 or _LINE.fullmatch(text), text
        for item in text.split(","):
            name, _, value = item.partition("=")
            if name == "mw":
                address, _, data = value.partition(":")
                for at, byte in enumerate(bytes.fromhex(data), int(address, 16)):
                    self.memory[at] = byte
            else:
                self.registers[name] = int(value, 16)

    def differs(self, registers: dict[str, int], flags: str) -> dict[str, int]:
        """The registers that are other ones."""
        return {name: value for name, value in registers.items() if name != flags and self.registers.get(name) != value}


def watched(target: str, log: LogRequest) -> tuple[emuload.Process, list[Seen]]:
    """A run, and the state at its watched instructions."""
    process = emuload.Process(arch_of(target), instruction_log=log)
    cpu, seen, addresses = process.cpu, list[Seen](), set[int]()
    watch = cpu.watch

    def hit(address: int) -> None:
        task = process.kernel.current
        assert task is not None
        seen.append((task.tid, address, cpu.registers(), cpu.memory.read(cpu.sp, STACK)))

    def watch_too(address: int, watcher: Callable[[int], None]) -> None:
        watch(address, watcher)
        if address not in addresses:
            addresses.add(address)
            watch(address, hit)

    setattr(cpu, "watch", watch_too)  # noqa: B010
    process.dlopen(str(go_library("behaviour", target)))
    process.run_until(120_000)  # nanoseconds: Go's runtime starts, on a thread of its own
    process.exit()
    return process, seen


def replayed(lines: Iterable[str], pc: str, seen: list[Seen], flags: str) -> tuple[Replay, int]:
    """Apply all lines and compare the state at each watched instruction; returns the number of memory bytes compared."""
    replay, compared, number = Replay(), 0, 0
    addresses = {address for _, address, _, _ in seen}
    for text in lines:
        replay.line(text)
        if replay.registers[pc] in addresses:
            _, address, registers, stack = seen[number]
            number += 1
            assert replay.registers[pc] == address
            assert replay.differs(registers, flags) == {}
            sp = registers["rsp" if "rsp" in registers else "sp"]
            known = {at: replay.memory[sp + at] for at in range(STACK) if sp + at in replay.memory}
            assert known == {at: stack[at] for at in known}
            compared += len(known)
    assert number == len(seen)
    return replay, compared


@pytest.mark.parametrize("target", TARGETS)
def test_a_replay_has_the_process_registers_and_memory_on_the_way_and_at_the_end(target: str, tmp_path: Path) -> None:
    request = LogRequest(str(tmp_path / "a"), memory_writes=True, register_writes=True)
    process, seen = watched(target, request)
    log = IlogFile(request.path)
    pc, flags = log.header["pc"], log.header["flags"]
    replay, compared = replayed(tenet(log, Wanted()), pc, seen, flags)
    assert compared > 300
    assert replay.differs(process.cpu.registers(), flags) == {}
    memory = process.cpu.memory
    pages = {at & -4096: memory.read(at & -4096, 4096) for at in replay.memory if memory.region_at(at) is not None}
    assert {at: byte for at, byte in replay.memory.items() if at & -4096 in pages and pages[at & -4096][at & 4095] != byte} == {}
    assert len(pages) > 10


def test_a_thread_has_its_own_trace(tmp_path: Path) -> None:
    request = LogRequest(str(tmp_path / "a"), memory_writes=True, register_writes=True)
    _, seen = watched("arm64-gnu", request)
    log = IlogFile(request.path)
    assert {1000, 1001} <= {tid for tid, *_ in seen}
    for tid in (1000, 1001):
        replay, number = Replay(), 0
        mine = [row for row in seen if row[0] == tid]
        addresses = {address for _, address, _, _ in mine}
        for text in tenet(log, Wanted(thread=tid)):
            replay.line(text)
            if replay.registers[log.header["pc"]] in addresses:
                assert replay.differs(mine[number][2], log.header["flags"]) == {}
                number += 1
        assert number == len(mine)


def test_the_first_line_has_all_registers(tmp_path: Path) -> None:
    request = LogRequest(str(tmp_path / "a"), ["go-rt0-lib..go-rt0-lib-go"], memory_writes=True, register_writes=True)
    process = watched("amd64-gnu", request)[0]
    log = IlogFile(request.path)
    first, *rest = tenet(log, Wanted())
    names = [item.partition("=")[0] for item in first.split(",")]
    assert sorted(names) == sorted(set(process.cpu.registers_shown) - {"eflags"})
    assert names[-1] == "rip"
    assert len(rest) > 1000
    part = list(tenet(log, Wanted(first=500)))
    assert sorted(item.partition("=")[0] for item in part[0].split(",") if "mw=" not in item) == sorted(names)
