"""The CPU's block log holds exactly the code that ran, with any buffer size, wherever it begins and ends."""

from __future__ import annotations

import itertools
from array import array
from dataclasses import dataclass, field

import pytest

from emuload.ilog import predictor
from emuload.machine import ARCHITECTURES, create_cpu
from emuload.machine.cpu import Cpu
from emuload.machine.stops import Reason
from tests.machine.code import FAULTS, LOOP, STRAIGHT
from tests.machine.test_cpu import BUDGET, place


@dataclass
class Kept:
    """A sink that expands a log into (address, size); gaps have size 0xffff, cuts the negative block as address."""

    seen: list[tuple[int, int]] = field(default_factory=list)
    stretches: int = 0
    register_entries: list[tuple[int, int]] = field(default_factory=list)
    write_entries: list[tuple[int, int, int]] = field(default_factory=list)
    host: list[tuple[int, int, bytes]] = field(default_factory=list)

    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None:
        self.stretches += 1
        values = array("Q", entries)
        table: dict[int, int] = {}
        slot, at, block = 0, 0, 0
        missed = values[1]
        while block < count:
            block += 1
            if block == missed:
                table[slot] = values[at]
                at += 2
                missed += values[at + 1] if at < len(values) else count + 1
            key = table[slot]
            slot = predictor.place(key)
            self.seen.append((key & predictor.ADDRESS, key >> predictor.SIZE_SHIFT))
        assert at == len(values)

    def cut(self, block: int, size: int) -> None:
        self.seen.append((-block, size))

    def registers(self, entries: bytes) -> None:
        words = array("Q", entries)
        self.register_entries += zip(words[::2], words[1::2], strict=True)

    def writes(self, entries: bytes) -> None:
        words = array("Q", entries)
        self.write_entries += zip(words[::3], words[1::3], words[2::3], strict=True)

    def host_write(self, block: int, address: int, data: bytes) -> None:
        self.host.append((block, address, data))


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("capacity", [1, 2, 1000])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_full_buffer_changes_neither_what_runs_nor_what_is_logged(arch: str, capacity: int, native_hooks: bool) -> None:
    plain = create_cpu(arch)
    at = place(plain, LOOP[arch])
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink, capacity)
    assert place(cpu, LOOP[arch]) == at
    for _ in range(3):
        assert plain.run(BUDGET).reason is cpu.run(BUDGET).reason is Reason.BUDGET
        assert plain.clock_bytes == cpu.clock_bytes
    assert plain.registers() == cpu.registers()
    cpu.drain_log()
    half = 5 if arch == "amd64" else 8
    assert sink.seen == [(at + half * (n % 2), half) for n in range(cpu.clock_bytes // half)]
    assert sink.stretches > (0 if capacity > 2 else 1)


@pytest.mark.parametrize(
    ("arch", "code", "pc"),
    [pytest.param(arch, row[1], row[5], id=f"{arch}-{row[0]}") for arch, rows in FAULTS.items() for row in rows],
)
def test_a_block_that_faults_is_logged_and_counted_up_to_the_fault(arch: str, code: bytes, pc: int) -> None:
    cpu, sink = create_cpu(arch), Kept()
    cpu.log_blocks(sink)
    at = place(cpu, code)
    assert cpu.run(BUDGET).reason is Reason.FAULT
    cpu.drain_log()
    cut = next((size for address, size in sink.seen if address < 0), None)
    (whole,) = [(address, size) for address, size in sink.seen if address >= 0]
    assert whole[0] == at
    if cut is None:
        assert pc in (-1, whole[1])
        assert cpu.clock_bytes == whole[1]
    else:
        assert cut == pc < whole[1]
        assert cpu.clock_bytes == pc


def loops(arch: str, repeats: int) -> tuple[bytes, int]:
    """A loop of many equal instructions without a jump, and the bytes of one of them."""
    one, back = STRAIGHT[arch]
    return one * repeats + back(len(one) * repeats), len(one)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_hooks_on_every_instruction_do_not_change_where_a_slice_ends(arch: str) -> None:
    code, _ = loops(arch, 1400)
    budgets = [1000, 2600, 5000, 9100, 11_000, 30_001]
    ends, cuts = [], []
    for stepped in (False, True):
        cpu, sink = create_cpu(arch), Kept()
        cpu.log_blocks(sink)
        if stepped:
            cpu.log_registers()
        place(cpu, code)
        ends.append([(cpu.run(budget).reason, cpu.clock_bytes, cpu.pc) for budget in budgets])
        cpu.drain_log()
        cuts.append({size for _, size in sink.seen})
    assert cuts[0] != cuts[1]
    assert ends[0] == ends[1]


def inside_only(cpu: Cpu, arch: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Log only the second half of LOOP. Returns the expected blocks and a half's size."""
    half = 5 if arch == "amd64" else 8
    cpu.choose_log([range(at + half, at + half + 1)])
    return [(at + half, half)], half


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_only_blocks_in_the_ranges_are_logged_with_the_bytes_between_them(arch: str, native_hooks: bool) -> None:
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink)
    at = place(cpu, LOOP[arch])
    (wanted,), half = inside_only(cpu, arch, at)
    cpu.run(BUDGET)
    cpu.drain_log()
    assert sink.seen == [(half, 0xFFFF), wanted] * (cpu.clock_bytes // half // 2)


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ([], []),
        (None, [0, 1]),
        ([(0, 1)], [0]),
        ([(2, 3)], [0]),
        ([(-100, 0)], []),
        ([(-100, 1)], [0]),
        ([(3, 6)], [0, 1]),
        ([(-9, -8), (-7, -6), (-5, -4), (-3, -2), (6, 7), (100, 200), (300, 301)], [1]),
        ([(-9, -8), (0, 1), (7, 9), (100, 200)], [0, 1]),
        ([(10, 20), (30, 40)], []),
    ],
)
def test_a_block_is_logged_if_it_overlaps_a_range(
    ranges: list[tuple[int, int]] | None, wanted: list[int], native_hooks: bool
) -> None:
    cpu, sink = create_cpu("amd64", native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink)
    at = place(cpu, LOOP["amd64"])
    cpu.choose_log(ranges if ranges is None else [range(at + a, at + b) for a, b in ranges])
    cpu.run(10)
    cpu.drain_log()
    assert [address - at for address, size in sink.seen if size != 0xFFFF] == [5 * n for n in wanted]


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_log_begins_and_ends_at_an_instruction_in_the_middle_of_a_block(arch: str, native_hooks: bool) -> None:
    code, one = loops(arch, 10)
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink)
    at = place(cpu, code)
    visits = itertools.count()

    def hit(address: int) -> None:
        visit = next(visits)
        if visit == 2:
            assert address == at + 3 * one
            cpu.choose_log(None)
        elif visit == 5:
            assert address == at + 7 * one
            cpu.choose_log([])

    cpu.watch(at + 3 * one, hit)
    cpu.watch(at + 7 * one, hit)
    cpu.choose_log([])
    cpu.run(len(code) * 4)
    cpu.drain_log()
    cut, gap, first, second = sink.seen
    assert gap == (len(code) + 3 * one, 0xFFFF)
    assert first == (at + 3 * one, len(code) - 3 * one)
    assert second == (at, len(code))
    assert cut == (-3, 7 * one)


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_clock_is_exact_at_a_watched_instruction(arch: str, native_hooks: bool) -> None:
    code, one = loops(arch, 10)
    cpu = create_cpu(arch, native_hooks=native_hooks)
    at = place(cpu, code)
    seen: list[int] = []
    cpu.watch(at + 4 * one, lambda address: seen.append(cpu.clock_bytes))
    cpu.run(len(code) * 3)
    assert seen == [4 * one + n * len(code) for n in range(3)]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_stop_at_a_watched_instruction_counts_what_ran(arch: str) -> None:
    code, one = loops(arch, 10)
    cpu = create_cpu(arch)
    at = place(cpu, code)
    cpu.watch(at + 4 * one, lambda address: cpu.request_stop())
    assert cpu.run(BUDGET).reason is Reason.REQUEST
    assert (cpu.pc, cpu.clock_bytes) == (at + 4 * one, 4 * one)
