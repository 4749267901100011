"""The CPU's count of instructions equals that of a hook on every instruction, with the hooks of every host."""

from __future__ import annotations

import ctypes
import random

import pytest

from emuload.machine import ARCHITECTURES, create_cpu
from emuload.machine import engine as uc
from emuload.machine.hooks import block_count
from emuload.machine.hooks import cells as c
from emuload.machine.hooks.block_count import BlockCount
from emuload.machine.stops import Reason
from tests.machine.code import FAULTS, LOOP
from tests.machine.hooks.host_code import CONVENTIONS, EXIT, HostCode
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


def blocks_at_random(count: int) -> list[tuple[int, int]]:
    chance = random.Random(1)
    known = [(chance.randrange(1 << 47), chance.randrange(1, 5000)) for _ in range(50)]
    return [known[chance.choice((n % 7, n % 50, chance.randrange(50)))] for n in range(count)]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_hooks_of_every_host_count_what_python_counts(convention: str) -> None:
    kept = []
    junk = 0xABCD << 32  # a caller may leave anything in the upper half of a 32-bit argument
    for way in ("python", convention):
        budget = c.Cells()
        engine = create_cpu("arm64").engine
        count = BlockCount(engine, budget, None, lambda address, size: address % 97 + 1)
        count.cells[block_count.CALLBACK] = EXIT  # a miss ends the call; then nothing was counted
        code = HostCode(convention, count.host_memory())
        hook = code.put_hooks()["count"]
        states, misses = [], 0
        for number, (address, size) in enumerate(blocks_at_random(900)):
            budget[c.STOPPED] = number % 50 == 7
            before = count.executed
            if way == convention:
                code.call(hook, 0, address, size | junk, ctypes.addressof(count.cells))
            missed = way == "python" or (count.executed == before and not budget[c.STOPPED])
            if missed:
                count._count(0, address, size, 0)
                misses += 1
            states.append((count.executed, count.cells[block_count.LAST]))
        kept.append(states)
        assert way == "python" or 50 <= misses < 200
    assert kept[0] == kept[1]
