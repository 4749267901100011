"""The built hooks of every host do the same as their Python forms."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator

import pytest

from emuload.ilog.selection import merged
from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import python as hooks_python
from emuload.machine.hooks.block_log import BlockLog
from emuload.machine.hooks.effect_log import RegisterLog, WriteLog
from tests.machine.hooks.host_code import CONVENTIONS, EXIT, HostCode
from tests.machine.hooks.test_block_log import Kept

CALLED, WATCHED, SEEN = 0x12800, 0x12A00, 0x13F00
"""Functions that the hooks call, and where one of them leaves its arguments."""

# every register a call may change is changed
_CLOBBER = {
    "x86_64-sysv": "31c031c931d231f631ff4531c04531c94531d24531db" "c3",
    # and the caller's space for register arguments
    "x86_64-windows": "31c031c931d24531c04531c94531d24531db" "4889442408" "4889442410" "4889442418" "4889442420" "c3",
    "aarch64": "".join(f"{n:02x}0080d2" for n in range(18)) + "c0035fd6",
}
# the second and the third argument go to SEEN
_WATCH = {
    "x86_64-sysv": "b8003f0100" "488930" "895008" "c3",
    "x86_64-windows": "b8003f0100" "488910" "44894008" "c3",
    "aarch64": "09e087d2" "2900a0f2" "210100f9" "220900b9" "c0035fd6",
}

_CHANCE = random.Random(2)
KNOWN = [(_CHANCE.randrange(1, 1 << 20) * 16, _CHANCE.choice((4, 16, 64))) for _ in range(50)]
KNOWN[1] = (sum(KNOWN[0]), 16)
"""Blocks of a made-up program, of which every third is logged; the second one follows the first."""


class FakeEngine:
    """The part of an engine that a RegisterLog needs; the test sets the values itself."""

    def fill_group(self, group: uc.RegisterGroup) -> None:
        pass

    def read_register(self, register: int) -> int:
        return register


class State:
    """Cells, buffers and the logs on them; `room` is the capacity of each log."""

    def __init__(self, room: tuple[int, int, int] = (300, 2000, 2000)) -> None:
        blocks, registers, writes = room
        self.cells = c.Cells()
        self.sink = Kept()
        self.blocks = BlockLog(self.cells, self.sink, blocks)
        self.registers = RegisterLog(self.cells, FakeEngine(), self.sink, [1, 2, 3], 4, registers)  # type: ignore[arg-type]
        self.writes = WriteLog(self.cells, self.blocks, self.sink, writes)
        for address, _ in KNOWN[::5]:
            self.registers.watch(address)
        for address in range(1, 8000):
            self.registers.watch(address)
        self.blocks.choose(merged(range(address, address + 2) for address, _ in KNOWN[::3]))

    def memory(self) -> list[tuple[int, int]]:
        """(address, size) of everything the hooks touch."""
        return [*self.blocks.host_memory(), *self.registers.host_memory(), *self.writes.host_memory()]

    def drain(self) -> None:
        self.registers.settle()
        self.blocks.settle()
        self.blocks.drain(0)
        self.registers.drain()
        self.writes.drain()

    def shown(self) -> tuple[object, ...]:
        """Everything the hooks change, with buffers' addresses as distances."""
        cells = self.cells
        pointers = {c.CURSOR: c.LIMIT, c.SLOT: c.TABLE, c.REGISTERS: c.REGISTERS_LIMIT, c.WRITES: c.WRITES_LIMIT}
        plain = (c.REMAINING, c.STOPPED, c.START, c.END, c.FULL, c.BLOCKS, c.MISSED_AT, c.SKIPPED, c.INSIDE)
        return tuple(cells[n] for n in plain) + tuple(cells[n] - cells[base] for n, base in pointers.items())


class PythonHooks:
    """The hooks as Python functions."""

    def __init__(self, state: State) -> None:
        cells = state.cells
        self.watched: list[tuple[int, int]] = []
        self.log_block = hooks_python.log_block(cells, lambda: None)
        self.step = hooks_python.step(cells, lambda: None, lambda _, address, size, user: self.watched.append((address, size)))
        self.write = hooks_python.write(cells, lambda: cells[c.PC])

    def run(self, name: str, *arguments: int) -> None:
        short = (1, 3) if name == "write" else (2,)
        given = [value & 0xFFFFFFFF if at in short else value for at, value in enumerate(arguments)]
        getattr(self, name)(*given, 0)


class MachineHooks:
    """The built hooks of a calling convention."""

    def __init__(self, convention: str, state: State) -> None:
        self.code, self.cells = HostCode(convention, state.memory()), state.cells
        self.watched: list[tuple[int, int]] = []
        self.places = self.code.put_hooks()
        for cell, value in (
            (c.STOP_FUNCTION, EXIT),
            (c.READ_MANY, self.code.put(CALLED, bytes.fromhex(_CLOBBER[convention]))),
            (c.READ_ONE, CALLED),
            (c.WATCH_FUNCTION, self.code.put(WATCHED, bytes.fromhex(_WATCH[convention]))),
        ):
            self.cells[cell] = value

    def run(self, name: str, *arguments: int) -> None:
        self.code.put(SEEN, bytes(16))
        self.code.call(self.places[name], *arguments, ctypes.addressof(self.cells))
        seen = self.code.get(SEEN, 16)
        if any(seen):
            self.watched.append((int.from_bytes(seen[:8], "little"), int.from_bytes(seen[8:12], "little")))


def run_at_random(state: State, hooks: PythonHooks | MachineHooks) -> Iterator[tuple[object, ...]]:
    """A made-up run: blocks, their instructions, writes. Yields the state after each."""
    chance, cells = random.Random(1), state.cells
    junk = 0xABCD << 32  # a caller may leave anything in the upper half of a 32-bit argument
    values = state.registers.group.values
    for number in range(900):
        address, size = KNOWN[chance.choice((number % 7, number % 50, chance.randrange(50)))]
        if number % 100 == 0:
            cells[c.REMAINING] = 2000
        while True:
            cells[c.STOPPED] = 0
            hooks.run("log_block", 0, address, size | junk)
            yield state.shown()
            if cells[c.STOPPED] != c.LOG_FULL:
                break
            state.drain()
        if cells[c.STOPPED]:
            continue
        for offset in range(0, size, 4):
            values[chance.randrange(3)] = chance.choice((0, 1, 1 << 63, chance.randrange(1 << 64)))
            hooks.run("step", 0, address + offset, 4 | junk)
            yield state.shown()
            if chance.random() < 0.4:
                cells[c.PC] = address + offset
                hooks.run("write", 0, 17 | junk, chance.randrange(1 << 48), chance.choice((1, 2, 4, 8)) | junk, number << 40)
                yield state.shown()
    state.drain()
    yield state.shown()


ROOM = {"all": (300, 2000, 2000), "blocks": (8, 1 << 16, 1 << 16), "registers": (300, 160, 1 << 16), "writes": (300, 1 << 16, 48)}
"""Capacities of the logs, of blocks in entries and of the others in bytes, with which this log is full first."""


@pytest.mark.parametrize("full", ROOM)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_hooks_of_every_host_write_what_python_writes(convention: str, full: str) -> None:
    python, machine = State(ROOM[full]), State(ROOM[full])
    ours, theirs = PythonHooks(python), MachineHooks(convention, machine)
    stops = set()
    for expected, found in zip(run_at_random(python, ours), run_at_random(machine, theirs), strict=True):
        assert found == expected
        stops.add(found[1])
    assert stops == {0, c.BUDGET_USED, c.LOG_FULL}
    assert theirs.watched == ours.watched
    assert len(ours.watched) > 100
    assert machine.sink == python.sink
    assert len(python.sink.register_entries) > 1000
    assert {where & c.WRITE for where, *_ in python.sink.write_entries} == {c.WRITE}
    assert {where >> 8 & 0xFFFF for where, _ in python.sink.register_entries} >= {0, 4, 60, c.AFTER}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_canonical_tlb_takes_canonical_addresses_only(convention: str) -> None:
    state = State()
    hooks = MachineHooks(convention, state)
    buffer = state.blocks._buffer
    for address, canonical in [
        (0, True),
        (0x7FFF_FFFF_F000, True),
        (0x8000_0000_0000, False),
        (0xF000_0000_1000, False),
        (0x7FFF_FFFF_FFFF_F000, False),
        (1 << 63, False),
        (0xFFFF_7FFF_FFFF_F000, False),
        (0xFFFF_8000_0000_0000, True),
        ((1 << 64) - 4096, True),
    ]:
        buffer[:2] = [0, 0]
        taken = hooks.code.call(hooks.places["fill_tlb"], 0, address, 0, ctypes.addressof(buffer), 0)
        assert taken & 0xFF == canonical
        assert buffer[:2] == ([address, 7] if canonical else [0, 0])
        buffer[:2] = [0, 0]
        assert hooks_python.fill_tlb(0, address, 0, ctypes.addressof(buffer), 0) == canonical
        assert buffer[:2] == ([address, 7] if canonical else [0, 0])
