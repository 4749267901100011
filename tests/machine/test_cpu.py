"""The CPU behind its interface: exact budgets, traps, faults, thread contexts; native and Python hooks alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from emuload.machine import ARCHITECTURES, create_cpu
from emuload.machine.cpu import Cpu
from emuload.machine.stops import Reason
from tests.machine.code import CALLS, FAULTS, LOOP

BUDGET = 10_000


def place(cpu: Cpu, code: bytes) -> int:
    at = cpu.memory.mmap(0, 0x10000, 7, fixed=False)
    cpu.memory.write(at, code)
    cpu.sp = at + 0x8000
    cpu.enter(at)
    return at


@pytest.fixture(params=[True, False], ids=["native", "python"])
def native(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_slice_runs_its_budget_of_code_bytes_and_no_more(arch: str, native: bool) -> None:
    cpu = create_cpu(arch, native_hooks=native)
    place(cpu, LOOP[arch])
    seen = []
    for _ in range(3):
        assert cpu.run(BUDGET).reason is Reason.BUDGET
        seen.append(cpu.clock_bytes)
    block = 5 if arch == "amd64" else 8
    assert seen == [n * BUDGET // block * block for n in (1, 2, 3)]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_native_and_python_hooks_leave_the_same_registers(arch: str) -> None:
    states = []
    for native_hooks in (True, False):
        cpu = create_cpu(arch, native_hooks=native_hooks)
        place(cpu, LOOP[arch])
        cpu.run(BUDGET)
        states.append(cpu.registers())
    assert states[0] == states[1]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_traps_carry_number_and_result(arch: str) -> None:
    cpu = create_cpu(arch)
    code, numbers, kept = CALLS[arch]
    at = place(cpu, code)
    seen: list[int] = []

    def handler(pc: int, number: int, arguments: Sequence[int]) -> int | None:
        seen.append(number)
        return 1234 if len(seen) == 1 else None

    cpu.handler = handler
    assert cpu.run(BUDGET).reason is Reason.TRAP
    assert tuple(seen) == numbers
    assert cpu.register(kept) == 1234
    assert cpu.pc == at + len(code)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_an_error_in_a_handler_comes_out_of_run(arch: str) -> None:
    cpu = create_cpu(arch)
    place(cpu, CALLS[arch][0])

    def handler(pc: int, number: int, arguments: Sequence[int]) -> int | None:
        raise KeyError("lost")

    cpu.handler = handler
    with pytest.raises(KeyError, match="lost"):
        cpu.run(BUDGET)


@pytest.mark.parametrize(
    ("arch", "code", "signo", "si_code", "address", "pc"),
    [pytest.param(arch, *row[1:], id=f"{arch}-{row[0]}") for arch, rows in FAULTS.items() for row in rows],
)
def test_faults_have_the_signal_linux_gives(
    arch: str, code: bytes, signo: int, si_code: int, address: int | None, pc: int
) -> None:
    cpu = create_cpu(arch)
    at = place(cpu, code)
    stop = cpu.run(BUDGET)
    assert stop.reason is Reason.FAULT
    assert stop.fault is not None
    where = at + pc if pc >= 0 else 0
    assert cpu.pc == where
    assert (stop.fault.signo, stop.fault.code) == (signo, si_code)
    assert stop.fault.address == (where if address is None else address)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_write_to_read_only_memory_is_an_access_error(arch: str) -> None:
    cpu = create_cpu(arch)
    store = {"amd64": "4889042448", "arm": "00008de5", "arm64": "e00300f9"}[arch]
    place(cpu, bytes.fromhex(store))
    readonly = cpu.memory.mmap(0, 0x1000, 1, fixed=False)
    cpu.sp = readonly
    stop = cpu.run(BUDGET)
    assert stop.fault is not None
    assert (stop.fault.signo, stop.fault.code, stop.fault.address) == (11, 2, readonly)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_contexts_keep_threads_apart(arch: str) -> None:
    cpu = create_cpu(arch)
    at = place(cpu, LOOP[arch])
    first = cpu.save()
    cpu.run(BUDGET)
    second = cpu.switch_out()
    moved = cpu.registers()
    cpu.restore(first)
    assert cpu.pc == at
    cpu.restore(second)
    assert cpu.registers() == moved


def stopping(cpu: Cpu) -> Callable[[int], None]:
    return lambda _: cpu.request_stop()


@pytest.mark.parametrize("arch", ["arm", "arm64"])
def test_an_exclusive_reservation_is_lost_at_a_switch(arch: str) -> None:
    code = {
        "arm": "9f0f91e1" "903f81e1",  # ldrex r0, [r1]; strex r3, r0, [r1]
        "arm64": "207c5fc8" "207c03c8",  # ldxr x0, [x1]; stxr w3, x0, [x1]
    }[arch]
    status = "r3" if arch == "arm" else "x3"
    for switched in (False, True):
        cpu = create_cpu(arch)
        at = place(cpu, bytes.fromhex(code))
        cpu.set_register(cpu.argument_registers()[1], at + 0x9000)
        cpu.watch(at + 4, stopping(cpu))
        assert cpu.run(BUDGET).reason is Reason.REQUEST
        if switched:
            cpu.restore(cpu.switch_out())
        cpu.run(BUDGET)
        assert cpu.register(status) == int(switched)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_floating_point_state_survives_a_frame(arch: str) -> None:
    cpu = create_cpu(arch)
    for index in range(8):
        cpu.write_float_register(index, bytes(range(index, index + 8)))
    state = cpu.fp_state()
    fresh = create_cpu(arch)
    fresh.set_fp_state(state)
    assert fresh.fp_state() == state


def test_arm_yield_is_a_hint_and_the_guest_goes_on() -> None:
    cpu = create_cpu("arm")
    code = bytes.fromhex("01f020e3" * 3 + "0130a0e3" + "700020e1")  # yield x3; mov r3, #1; bkpt
    at = place(cpu, code)
    stop = cpu.run(BUDGET)
    assert (stop.reason, cpu.pc - at, cpu.register("r3")) == (Reason.FAULT, 16, 1)


def test_arm_undefined_instruction_behind_a_yield_is_still_one() -> None:
    cpu = create_cpu("arm")
    at = place(cpu, bytes.fromhex("01f020e3" + "f000f0e7"))
    stop = cpu.run(BUDGET)
    assert stop.fault is not None
    assert (stop.fault.signo, cpu.pc - at) == (4, 4)


@pytest.mark.parametrize(("old", "new", "value", "failed", "after"), [(0, 1, 0, 0, 1), (0, 1, 5, 1, 5), (5, 7, 5, 0, 7)])
def test_arm_kernel_helper_compares_and_exchanges(old: int, new: int, value: int, failed: int, after: int) -> None:
    cpu = create_cpu("arm")
    cpu.map_kernel_pages()
    at = place(cpu, bytes.fromhex("700020e1"))  # bkpt, to return to
    cpu.memory.write_int(at + 0x100, value, 4)
    for register, argument in (("r0", old), ("r1", new), ("r2", at + 0x100), ("lr", at)):
        cpu.set_register(register, argument)
    cpu.enter(0xFFFF0FC0)
    assert cpu.run(BUDGET).fault is not None
    assert cpu.pc == at
    assert bool(cpu.register("r0")) == bool(failed)
    assert cpu.memory.read_int(at + 0x100, 4) == after


def test_arm_kernel_helper_gives_the_thread_pointer() -> None:
    cpu = create_cpu("arm")
    cpu.map_kernel_pages()
    at = place(cpu, bytes.fromhex("700020e1"))
    cpu.tp = 0x1234000
    cpu.set_register("lr", at)
    cpu.enter(0xFFFF0FE0)
    cpu.run(BUDGET)
    assert (cpu.pc, cpu.register("r0")) == (at, 0x1234000)


def test_amd64_time_stamps_come_from_the_virtual_clock() -> None:
    values = []
    for _ in range(2):
        cpu = create_cpu("amd64")
        place(cpu, bytes.fromhex("0f31" "4889c3" "0f01f9" "cc"))  # rdtsc; mov rbx, rax; rdtscp; int3
        cpu.ticks = lambda: 0x1_2345_6789
        cpu.run(BUDGET)
        values.append((cpu.register("rbx"), cpu.register("rax"), cpu.register("rdx")))
    assert values == [(0x23456789, 0x23456789, 1)] * 2


def test_amd64_has_no_random_instruction() -> None:
    cpu = create_cpu("amd64")
    at = place(cpu, bytes.fromhex("0fc7f0"))  # rdrand eax
    stop = cpu.run(BUDGET)
    assert stop.fault is not None
    assert (stop.fault.signo, cpu.pc) == (4, at)
