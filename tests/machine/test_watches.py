"""Watched instructions: several watchers, code that was translated before, and a stop that goes on as if nothing was."""

from __future__ import annotations

import pytest

from emuload.machine import ARCHITECTURES, create_cpu
from emuload.machine.cpu import Cpu
from emuload.machine.stops import Reason
from tests.machine.code import STRAIGHT
from tests.machine.test_cpu import BUDGET, place

LENGTH = 10


def loop(cpu: Cpu, arch: str) -> tuple[int, int, int]:
    """Place a loop of LENGTH equal instructions and a jump back: its address, its size, the size of one instruction."""
    one, back = STRAIGHT[arch]
    body = one * LENGTH
    code = body + back(len(body))
    return place(cpu, code), len(code), len(one)


@pytest.fixture(params=["native", "python", "register log", "counted"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class NoSink:
    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None: ...
    def cut(self, block: int, size: int) -> None: ...
    def registers(self, entries: bytes) -> None: ...
    def writes(self, entries: bytes) -> None: ...
    def host_write(self, block: int, address: int, data: bytes) -> None: ...


def cpu_of(arch: str, kind: str) -> Cpu:
    cpu = create_cpu(arch, native_hooks=kind != "python")
    if kind == "register log":
        cpu.log_blocks(NoSink())
        cpu.log_registers()
    if kind == "counted":
        cpu.count_instructions()
    return cpu


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_watchers_of_an_address_are_called_in_order_of_registration(arch: str, kind: str) -> None:
    cpu = cpu_of(arch, kind)
    at, size, one = loop(cpu, arch)
    seen: list[str] = []
    for name in "abc":
        cpu.watch(at + one, lambda address, name=name: seen.append(name))
    cpu.run(size * 2)
    assert seen == list("abcabc")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_code_that_ran_before_is_watched_and_the_clock_is_the_same(arch: str, kind: str) -> None:
    plain = cpu_of(arch, kind)
    _, size, _ = loop(plain, arch)
    cpu = cpu_of(arch, kind)
    at, _, one = loop(cpu, arch)
    seen: list[int] = []
    for _ in range(3):
        plain.run(size * 5)
        cpu.run(size * 5)
        cpu.watch(at + 4 * one, lambda address: seen.append(cpu.clock_bytes))
    assert cpu.clock_bytes == plain.clock_bytes == size * 15
    assert seen == [4 * one + size * n for n in range(5, 15) for _ in range(1 if n < 10 else 2)]
    assert cpu.registers() == plain.registers()
    if kind == "counted":
        assert cpu.block_count is not None
        assert plain.block_count is not None
        assert cpu.block_count.executed == plain.block_count.executed == 15 * (LENGTH + 1)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_watcher_may_watch_the_rest_of_the_block_that_runs(arch: str, kind: str) -> None:
    cpu = cpu_of(arch, kind)
    at, size, one = loop(cpu, arch)
    seen: list[tuple[int, int]] = []

    def first(address: int) -> None:
        seen.append((0, cpu.clock_bytes))
        if len(seen) == 1:
            cpu.watch(at + 6 * one, lambda address: seen.append((1, cpu.clock_bytes)))
            cpu.watch(at + 3 * one, lambda address: seen.append((2, cpu.clock_bytes)))

    cpu.watch(at + 3 * one, first)
    assert cpu.run(size * 2).reason is Reason.BUDGET
    third, sixth = 3 * one, 6 * one
    assert seen == [(0, third), (1, sixth), (0, size + third), (2, size + third), (1, size + sixth)]
    assert cpu.clock_bytes == size * 2
    if kind == "counted":
        assert cpu.block_count is not None
        assert cpu.block_count.executed == 2 * (LENGTH + 1)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_watcher_that_asks_to_stop_is_called_once_for_an_execution(arch: str, kind: str) -> None:
    cpu = cpu_of(arch, kind)
    at, size, one = loop(cpu, arch)
    seen: list[int] = []

    def stop(address: int) -> None:
        seen.append(cpu.clock_bytes)
        cpu.request_stop()

    cpu.watch(at + 4 * one, stop)
    cpu.watch(at + 4 * one, lambda address: seen.append(-cpu.clock_bytes))
    budget = size * 3 - one
    for number in range(3):
        assert cpu.run(budget).reason is Reason.REQUEST
        assert (cpu.pc, cpu.clock_bytes) == (at + 4 * one, 4 * one + number * size)
        budget = cpu.unused
    assert cpu.run(budget).reason is Reason.BUDGET
    assert seen == [sign * (4 * one + number * size) for number in range(3) for sign in (1, -1)]
    assert (cpu.pc, cpu.clock_bytes) == (at, size * 3)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_watching_memory_without_code_calls_nobody(arch: str) -> None:
    cpu = create_cpu(arch)
    at, size, _ = loop(cpu, arch)
    for address in (at + 0x9000, cpu.memory.mmap(0, 0x1000, 3, fixed=False), cpu.memory.mmap(0, 0x1000, 0, fixed=False), 0x10):
        cpu.watch(address, lambda address: pytest.fail("hit"))
    assert cpu.run(size).reason is Reason.BUDGET
    assert cpu.run(BUDGET).reason is Reason.BUDGET
