"""The CPU's count of instructions: what a hook on every instruction counts, whatever the host's code."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from emuload.machine import ARCHITECTURES, block_count, create_cpu, native
from emuload.machine import engine as uc
from emuload.machine.block_count import COUNT_HOOKS, BlockCount
from emuload.machine.cpu import Reason
from tests.machine.code import FAULTS, LOOP
from tests.machine.test_block_log import HostCode, blocks_at_random
from tests.machine.test_cpu import BUDGET, place

THUMB_LOOP = bytes.fromhex("0130" "c2f10102" "fbe7")  # l: adds r0, #1; rsb r2, r2, #1; b l


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_instruction_of_a_loop_is_counted(arch: str, native_hooks: bool) -> None:
    cpu = create_cpu(arch, native_hooks=native_hooks)
    count = cpu.count_instructions()
    place(cpu, LOOP[arch])
    for _ in range(3):
        assert cpu.run(BUDGET).reason is Reason.BUDGET
    half = 5 if arch == "amd64" else 8
    assert count.executed == 2 * cpu.clock_bytes // half


def test_thumb_instructions_are_of_two_sizes() -> None:
    cpu = create_cpu("arm")
    count = cpu.count_instructions()
    at = place(cpu, THUMB_LOOP)
    cpu.enter(at | 1)
    assert cpu.run(BUDGET).reason is Reason.BUDGET
    assert cpu.register("r0") * 3 == count.executed
    assert cpu.register("r0") * len(THUMB_LOOP) == cpu.clock_bytes


@pytest.mark.parametrize(
    ("arch", "code", "pc"),
    [pytest.param(arch, row[1], row[5], id=f"{arch}-{row[0]}") for arch, rows in FAULTS.items() for row in rows],
)
def test_a_block_that_faults_counts_up_to_the_fault(arch: str, code: bytes, pc: int) -> None:
    cpu = create_cpu(arch)
    count = cpu.count_instructions()
    at = place(cpu, code)
    stepped = create_cpu(arch)
    place(stepped, code)
    seen: list[int] = []
    stepped.engine.hook(uc.HOOK_CODE, uc.BLOCK_CALLBACK(lambda _, address, size, user: seen.append(address)))
    assert cpu.run(BUDGET).reason is stepped.run(BUDGET).reason is Reason.FAULT
    if seen and seen[-1] == at + pc:  # the instruction that faulted was begun, not executed
        seen.pop()
    assert count.executed == len(seen)


def test_code_that_was_replaced_is_counted_anew() -> None:
    cpu = create_cpu("amd64")
    count = cpu.count_instructions()
    long, short = bytes.fromhex("48ffc0" "ebfb"), bytes.fromhex("909090" "ebfb")  # inc rax; b .-3  against three nops
    at = place(cpu, long)
    cpu.run(BUDGET)
    before = count.executed
    cpu.memory.write(at, short)
    cpu.engine.forget_code(at, at + 16)
    count.forget()
    cpu.enter(at)
    cpu.run(BUDGET)
    assert (count.executed - before) * 2 == before * 4


def test_an_error_of_the_counting_reaches_the_caller() -> None:
    cpu = create_cpu("amd64")
    cpu.count_instructions()

    def broken(code: bytes, address: int) -> int:
        raise RuntimeError("cannot count")

    cpu.instructions_in = broken  # type: ignore[method-assign]
    place(cpu, LOOP["amd64"])
    with pytest.raises(RuntimeError, match="cannot count"):
        cpu.run(BUDGET)


class CountCode(HostCode):
    """The same for this hook; a miss leaves the emulator, as the end does, and is seen by the callback's address."""

    def __init__(self, host: str, count: BlockCount) -> None:
        super().__init__(host, count.cells, count)  # type: ignore[arg-type]
        ctypes.memmove(self.base, COUNT_HOOKS[host], len(COUNT_HOOKS[host]))


@pytest.mark.parametrize("host", sorted(COUNT_HOOKS))
def test_machine_code_of_every_host_counts_what_python_counts(host: str) -> None:
    kept = []
    for way in ("python", host):
        budget = native.CELLS()
        engine = create_cpu("arm64").engine
        count = BlockCount(engine, budget, None, lambda address, size: address % 97 + 1)
        count.cells[block_count.CALLBACK] = 0x10F00
        code = CountCode(host, count)
        states, misses = [], 0
        for number, (address, size) in enumerate(blocks_at_random(900)):
            budget[native.STOPPED] = number % 50 == 7
            before = count.executed
            if way == host:
                code(address, size)
            missed = way == "python" or (count.executed == before and not budget[native.STOPPED])
            if missed:
                count._count(0, address, size, 0)
                misses += 1
            states.append((count.executed, count.cells[block_count.LAST]))
        kept.append(states)
        assert way == "python" or 50 <= misses < 200
    assert kept[0] == kept[1]


@pytest.mark.parametrize("host", sorted(COUNT_HOOKS))
def test_machine_code_is_what_stands_beside_it(host: str) -> None:
    capstone = pytest.importorskip("capstone")
    machine = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN),
    }[host]
    found = [(i.size, i.mnemonic) for i in capstone.Cs(*machine).disasm(COUNT_HOOKS[host], 0)]
    assert sum(size for size, _ in found) == len(COUNT_HOOKS[host])
    name = {"x86_64": "_X86_64_SYSV", "aarch64": "_AARCH64"}[host]
    body = Path(block_count.__file__).read_text().partition(f"{name} = ")[2].partition("\n)\n")[0]
    comments = [line.partition("# ")[2] for line in body.splitlines() if "# " in line]
    assert [mnemonic for _, mnemonic in found] == [comment.rpartition(": ")[2].split()[0] for comment in comments]
