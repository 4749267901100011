"""The CPU's block log: what ran and nothing else, whatever the buffer's size; machine code and Python write the same."""

from __future__ import annotations

import ctypes
import random
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emuload.machine import ARCHITECTURES, create_cpu, native
from emuload.machine import engine as uc
from emuload.machine.block_log import BlockLog
from emuload.machine.cpu import Reason
from emuload.trace import predictor
from tests.machine.code import FAULTS, LOOP
from tests.machine.test_cpu import BUDGET, place


@dataclass
class Kept:
    """A sink that expands what it gets into (address, size)."""

    seen: list[tuple[int, int]] = field(default_factory=list)
    stretches: int = 0

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


@pytest.mark.parametrize("native_hooks", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("capacity", [1, 2, 1000])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_full_buffer_changes_neither_what_runs_nor_what_is_logged(arch: str, capacity: int, native_hooks: bool) -> None:
    plain = create_cpu(arch)
    at = place(plain, LOOP[arch])
    cpu, sink = create_cpu(arch, native_hooks=native_hooks), Kept()
    log = cpu.log_blocks(sink, capacity)
    assert place(cpu, LOOP[arch]) == at
    for _ in range(3):
        assert plain.run(BUDGET).reason is cpu.run(BUDGET).reason is Reason.BUDGET
        assert plain.clock_bytes == cpu.clock_bytes
    assert plain.registers() == cpu.registers()
    log.drain(cpu.clock_bytes)
    half = 5 if arch == "amd64" else 8
    assert sink.seen == [(at + half * (n % 2), half) for n in range(cpu.clock_bytes // half)]
    assert sink.stretches > (0 if capacity > 2 else 1)


@pytest.mark.parametrize(
    ("arch", "code", "pc"),
    [pytest.param(arch, row[1], row[5], id=f"{arch}-{row[0]}") for arch, rows in FAULTS.items() for row in rows],
)
def test_a_block_that_faults_is_logged_up_to_the_fault(arch: str, code: bytes, pc: int) -> None:
    cpu, sink = create_cpu(arch), Kept()
    log = cpu.log_blocks(sink)
    at = place(cpu, code)
    assert cpu.run(BUDGET).reason is Reason.FAULT
    log.drain(cpu.clock_bytes)
    cut = next((size for address, size in sink.seen if address < 0), None)
    (whole,) = [(address, size) for address, size in sink.seen if address >= 0]
    assert whole[0] == at
    if cut is None:
        assert pc in (-1, whole[1])
    else:
        assert cut == pc < whole[1]


def blocks_at_random(count: int) -> list[tuple[int, int]]:
    chance = random.Random(1)
    known = [(chance.randrange(1 << 47), chance.randrange(1, 5000)) for _ in range(50)]
    return [known[chance.choice((n % 7, n % 50, chance.randrange(50)))] for n in range(count)]


class HostCode:
    """The hook's machine code for a host, run in Unicorn on memory at the same addresses as the real cells and table."""

    def __init__(self, host: str, cells: ctypes.Array[ctypes.c_int64], log: BlockLog) -> None:
        arch, registers, stack = {
            "x86_64": (uc.ARCH_X86, (39, 43, 40, 38), 44),  # rdi, rsi, rdx, rcx; rsp
            "aarch64": (uc.ARCH_ARM64, (199, 200, 201, 202), 2),  # x0-x3; x30, which takes the return address
        }[host]
        self.engine = uc.Engine(arch, uc.MODE_64 if host == "x86_64" else 0)
        self.registers, self.stack, self.host = registers, stack, host
        self.cells = cells
        self.pages = ctypes.create_string_buffer(3 * 4096)
        self.base = (ctypes.addressof(self.pages) + 4095) & -4096
        self.engine.map(0x10000, 4096, 7, self.base)
        ctypes.memmove(self.base, native.LOG_HOOKS[host], len(native.LOG_HOOKS[host]))
        pages = {p for a, n in log.host_memory() for p in range(a & -4096, a + n, 4096)}
        for page in sorted(pages):
            self.engine.map(page, 4096, 3, page)

    def __call__(self, address: int, size: int) -> None:
        junk = 0xABCD << 32  # what a calling convention leaves in the upper half of a 32-bit argument
        values = (0, address, size | junk, ctypes.addressof(self.cells))
        for register, value in zip(self.registers, values, strict=True):
            self.engine.write_register(register, value)
        if self.host == "x86_64":
            ctypes.c_uint64.from_address(self.base + 2048).value = 0x10F00
            self.engine.write_register(self.stack, 0x10800)
        else:
            self.engine.write_register(self.stack, 0x10F00)
        assert self.engine.start(0x10000, 0x10F00) == 0


@pytest.mark.parametrize("host", sorted(native.LOG_HOOKS))
def test_machine_code_of_every_host_writes_what_python_writes(host: str) -> None:
    kept = []
    for way in ("python", host):
        cells = native.CELLS()
        sink = Kept()
        log = BlockLog(cells, sink, 300)
        cells[native.STOP_FUNCTION] = 0x10F00
        python = native.logging_callback(cells, lambda: None)
        hook = HostCode(host, cells, log) if way == host else lambda a, s, call=python: call(0, a, s, 0)
        states: list[object] = []
        for number, (address, size) in enumerate(blocks_at_random(900)):
            if number % 100 == 0:
                cells[native.REMAINING] = 240_000
            cells[native.STOPPED] = 0
            hook(address, size)
            base = cells[native.LIMIT]
            states.append((*cells[:1], cells[native.STOPPED], cells[native.CURSOR] - base, *cells[native.LAST :]))
        log.drain(0)
        kept.append((states, sink.seen))
    assert kept[0] == kept[1]
    stops = {state[1] for state in kept[0][0]}  # type: ignore[index]
    assert stops == {0, native.BUDGET_USED, native.LOG_FULL}


@pytest.mark.parametrize("host", sorted(native.LOG_HOOKS))
def test_machine_code_is_what_stands_beside_it(host: str) -> None:
    capstone = pytest.importorskip("capstone")
    machine = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN),
    }[host]
    code = native.LOG_HOOKS[host]
    found = [(i.size, i.mnemonic) for i in capstone.Cs(*machine).disasm(code, 0)]
    assert sum(size for size, _ in found) == len(code)
    written = commented(host)
    assert [mnemonic for _, mnemonic in found] == written


def commented(host: str) -> list[str]:
    """The mnemonics in the comments of emuload/machine/native.py."""
    name = {"x86_64": "_LOG_X86_64_SYSV", "aarch64": "_LOG_AARCH64"}[host]
    body = Path(native.__file__).read_text().partition(f"{name} = ")[2].partition("\n)\n")[0]
    comments = [line.partition("# ")[2] for line in body.splitlines() if "# " in line]
    return [comment.rpartition(": ")[2].split()[0] for comment in comments]
