"""The CPU's log of registers and memory writes equals that of single-stepping, with any buffer sizes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emuload.machine import ARCHITECTURES, create_cpu
from emuload.machine import engine as uc
from emuload.machine.cpu import Cpu
from emuload.machine.hooks import cells as c
from emuload.machine.signal_numbers import SIGILL
from emuload.machine.stops import Reason
from tests.machine.code import LOOP
from tests.machine.hooks.test_block_log import Kept
from tests.machine.test_cpu import BUDGET, place

# stores of every kind: sizes, several at once, across pages, string and vector instructions; the last one stays where it is
STORES = {
    "amd64": bytes.fromhex(
        "48bb8877665544332211"  # movabs rbx, 0x1122334455667788
        "48895c24f8"  # mov [rsp - 8], rbx
        "895c24f4"  # mov [rsp - 12], ebx
        "66895c24f2"  # mov [rsp - 14], bx
        "885c24f1"  # mov [rsp - 15], bl
        "53"  # push rbx
        "0f114424c0"  # movups [rsp - 64], xmm0
        "f0480fc11c24"  # lock xadd [rsp], rbx
        "48899c2405f0ffff"  # mov [rsp - 0xffb], rbx
        "b905000000"  # mov ecx, 5
        "488d7c2480"  # lea rdi, [rsp - 128]
        "f3aa"  # rep stosb
        "4883fb07"  # cmp rbx, 7
        "0fae842408fcffff"  # fxsave [rsp - 1016]
        "ebfe"  # jmp .
    ),
    "arm": bytes.fromhex(
        "341201e3"  # movw r1, #0x1234
        "cd1b4ae3"  # movt r1, #0xabcd
        "08100de5"  # str r1, [sp, #-8]
        "bc104de1"  # strh r1, [sp, #-12]
        "0d104de5"  # strb r1, [sp, #-13]
        "1f402de9"  # push {r0-r4, lr}
        "f0224de1"  # strd r2, r3, [sp, #-32]
        "080b2ded"  # vpush {d0-d3}
        "015a4de2"  # sub r5, sp, #0x1000
        "361085e5"  # str r1, [r5, #54]
        "030051e3"  # cmp r1, #3
        "40100d05"  # streq r1, [sp, #-64]
        "44100d15"  # strne r1, [sp, #-68]
        "03000de9"  # stmdb sp, {r0, r1}
        "feffffea"  # b .
    ),
    "arm64": bytes.fromhex(
        "814682d2"  # movz x1, #0x1234
        "a179f5f2"  # movk x1, #0xabcd, lsl #48
        "e1831ff8"  # str x1, [sp, #-8]
        "e1431fb8"  # str w1, [sp, #-12]
        "e1231f78"  # strh w1, [sp, #-14]
        "e1131f38"  # strb w1, [sp, #-15]
        "e10bbda9"  # stp x1, x2, [sp, #-48]!
        "e0039c3c"  # str q0, [sp, #-64]
        "e3233fd1"  # sub x3, sp, #4040
        "61501ff8"  # stur x1, [x3, #-11]
        "e30310d1"  # sub x3, sp, #1024
        "210003ab"  # adds x1, x1, x3
        "6000004c"  # st4 {v0.16b, v1.16b, v2.16b, v3.16b}, [x3]
        "00000014"  # b .
    ),
}
THUMB = bytes.fromhex(
    "0120"  # movs r0, #1
    "0128"  # cmp r0, #1
    "0cbf"  # ite eq
    "0521"  # moveq r1, #5
    "0621"  # movne r1, #6
    "14bf"  # ite ne
    "0190"  # strne r0, [sp, #4]
    "0291"  # streq r1, [sp, #8]
    "0922"  # movs r2, #9
    "fee7"  # b .
)
FILL = bytes(range(1, 256)) * 257

Stepped = list[tuple[int, dict[str, int]]]
"""The registers before each instruction, with its address."""


def prepared(arch: str, code: bytes, *, native_hooks: bool = True) -> tuple[Cpu, int]:
    """A CPU about to run `code`, in memory that is not zero."""
    cpu = create_cpu(arch, native_hooks=native_hooks)
    return cpu, fill(cpu, code)


def fill(cpu: Cpu, code: bytes) -> int:
    at = place(cpu, code)
    cpu.memory.write(at + 0x1000, FILL[:0xF000])
    return at


def stepped(arch: str, code: bytes, thumb: int) -> tuple[Stepped, list[tuple[int, int, int, int]], Cpu]:
    """The log of Python hooks: registers at each instruction; (pc, address, size, value) of writes."""
    cpu, at = prepared(arch, code)
    steps: Stepped = []
    writes: list[tuple[int, int, int, int]] = []

    def step(_: int, address: int, size: int, user: int) -> None:
        steps.append((address, cpu.registers()))

    def write(_: int, kind: int, address: int, size: int, value: int, user: int) -> None:
        writes.append((cpu.pc, address, size, value & (1 << 8 * size) - 1))

    cpu.engine.hook(uc.HOOK_CODE, uc.BLOCK_CALLBACK(step))
    cpu.engine.hook(uc.HOOK_MEM_WRITE, uc.WRITE_CALLBACK(write))
    cpu.enter(at | thumb)
    assert cpu.run(len(code)).reason is Reason.BUDGET
    return steps, writes, cpu


def replayed(sink: Kept, names: tuple[str, ...]) -> Iterator[tuple[int, int, dict[str, int]]]:
    """(block, offset, all registers) wherever one changed."""
    now: dict[str, int] = {}
    entries = [(where, value) for where, value in sink.register_entries if where & 0xFF != c.STOPPED_AT]
    for number, (where, value) in enumerate(entries):
        now[names[where & 0xFF]] = value
        if number + 1 == len(entries) or entries[number + 1][0] >> 8 != where >> 8:
            yield where >> 24, where >> 8 & 0xFFFF, dict(now)


CASES = [(arch, code, 0) for arch, code in STORES.items()] + [("arm", THUMB, 1)]


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("capacity", [1, 1 << 20])
@pytest.mark.parametrize(("arch", "code", "thumb"), CASES, ids=[*STORES, "thumb"])
def test_registers_and_writes_are_what_single_stepping_sees(
    arch: str, code: bytes, thumb: int, capacity: int, native_hooks: bool
) -> None:
    steps, writes, other = stepped(arch, code, thumb)
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink)
    names = cpu.log_registers(capacity)
    cpu.log_writes(capacity)
    at = fill(cpu, code)
    before = cpu.memory.read(at, 0x10000)
    cpu.enter(at | thumb)
    assert cpu.run(len(code)).reason is Reason.BUDGET
    cpu.drain_log()
    assert cpu.registers() == other.registers()

    starts = [address for address, size in sink.seen]
    known: dict[str, int] = {}
    states = list(replayed(sink, names))
    for block, offset, now in states:
        known = now
        if offset != c.AFTER:
            assert (starts[block] + offset, {**now, cpu.pc_name: 0}) in [
                (address, {**registers, cpu.pc_name: 0}) for address, registers in steps
            ]
    assert {name: known[name] for name in names} == {name: cpu.registers()[name] for name in names}
    if cpu.pc_name in names:
        assert [starts[block] + offset for block, offset, _ in states if offset != c.AFTER] == [address for address, _ in steps]

    found = [(starts[w >> 24] + (w >> 8 & 0xFFFF), a, w & 0x7F, v & (1 << 8 * (w & 0x7F)) - 1) for w, a, v in sink.write_entries]
    assert found == writes
    memory = bytearray(before)
    for _, address, size, value in found:
        memory[address - at : address - at + size] = value.to_bytes(8, "little")[:size]
    assert bytes(memory) == cpu.memory.read(at, 0x10000)
    assert bytes(memory) != before


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_values_of_a_loop_are_written_as_they_change(arch: str) -> None:
    cpu, sink = create_cpu(arch), Kept()
    cpu.log_blocks(sink)
    names = cpu.log_registers()
    place(cpu, LOOP[arch])
    cpu.run(BUDGET)
    cpu.drain_log()
    counter = names.index(COUNTER[arch])
    values = [value for where, value in sink.register_entries if where & 0xFF == counter]
    assert values == list(range(cpu.register(COUNTER[arch]) + 1))


COUNTER = {"amd64": "rax", "arm": "r0", "arm64": "x0"}
"""The register that the first half of LOOP counts up."""

# a store to the stack, and one that ends four bytes after an address
FAULTY = {
    "amd64": bytes.fromhex("48890424" "48895afc" "ebfe"),  # mov [rsp], rax; mov [rdx - 4], rbx; jmp .
    "arm64": bytes.fromhex("e00300f9" "43c01ff8" "00000014"),  # str x0, [sp]; stur x3, [x2, #-4]; b .
}
_POINTER = {"amd64": "rdx", "arm64": "x2"}


@pytest.mark.parametrize("arch", FAULTY)
@pytest.mark.parametrize(("beyond", "done"), [(0, 4), (4, 0), (0x1000, 0)])
def test_a_write_that_faults_is_logged_as_far_as_it_went(arch: str, beyond: int, done: int) -> None:
    cpu, sink = create_cpu(arch), Kept()
    cpu.log_blocks(sink)
    cpu.log_writes()
    at = fill(cpu, FAULTY[arch])
    memory = bytearray(cpu.memory.read(at, 0x10000))
    cpu.set_register(_POINTER[arch], at + 0x10000 + beyond)
    stop = cpu.run(BUDGET)
    assert stop.fault is not None
    assert stop.fault.address == at + 0x10000 + max(beyond - 4, 0)
    cpu.drain_log()
    assert len(sink.write_entries) == (2 if done else 1)
    for where, address, value in sink.write_entries:
        size = where & 0x7F
        memory[address - at : address - at + size] = value.to_bytes(8, "little")[:size]
    assert bytes(memory) == cpu.memory.read(at, 0x10000)


def test_there_is_no_dc_zva_whose_writes_would_not_be_seen() -> None:
    cpu = create_cpu("arm64")
    place(cpu, bytes.fromhex("e0003bd5" "23740bd5"))  # mrs x0, dczid_el0; dc zva, x3
    stop = cpu.run(BUDGET)
    assert stop.fault is not None
    assert stop.fault.signo == SIGILL
    assert cpu.register("x0") & 0x10, "DCZID_EL0.DZP: prohibited"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_what_the_host_writes_for_a_logged_block_is_kept(arch: str) -> None:
    cpu, sink = create_cpu(arch), Kept()
    cpu.log_blocks(sink)
    cpu.log_writes()
    at = place(cpu, LOOP[arch])
    half = 5 if arch == "amd64" else 8
    assert sink.host == []
    cpu.run(half)
    cpu.memory.write(at + 0x2000, b"one")
    cpu.choose_log([])
    cpu.run(half)
    cpu.memory.write(at + 0x2000, b"two")
    assert sink.host == [(2, at + 0x2000, b"one")]


# l: call m; m: add b, 1; b l
CALLING = {
    "amd64": (bytes.fromhex("e800000000" "48ffc1" "ebf6"), 5, "rsp"),
    "arm": (bytes.fromhex("ffffffeb" "011081e2" "fcffffea"), 4, "lr"),
    "arm64": (bytes.fromhex("01000094" "21040091" "feffff17"), 4, "x30"),
}


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_registers_are_written_once_more_behind_the_ranges(arch: str, native_hooks: bool) -> None:
    code, call, changed = CALLING[arch]
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    cpu.log_blocks(sink)
    names = cpu.log_registers()
    at = place(cpu, code)
    sp = cpu.sp
    cpu.choose_log([range(at, at + call)])
    cpu.run(len(code) * 2)
    cpu.drain_log()
    number = names.index(changed)
    after = [(where >> 24, value) for where, value in sink.register_entries if where & 0xFFFFFF == c.AFTER << 8 | number]
    assert after == ([(0, sp - 8), (2, sp - 16)] if changed == "rsp" else [(0, at + call)])
