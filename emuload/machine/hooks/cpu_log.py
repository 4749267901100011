"""The logs of a CPU: its blocks and, if asked for, registers and memory writes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emuload.machine.hooks import cells as c
from emuload.machine.hooks.block_log import BlockLog, Sink
from emuload.machine.hooks.effect_log import RegisterLog, WriteLog

if TYPE_CHECKING:
    from emuload.machine import engine as uc
    from emuload.machine.hooks.install import Hooks
    from emuload.machine.memory import AddressSpace


class CpuLog:
    """The logs of one CPU, handed to `sink` in bulk. `settle` and `drain` may be called while the CPU is stopped."""

    def __init__(self, cells: ctypes.Array[ctypes.c_int64], hooks: Hooks, sink: Sink, capacity: int) -> None:
        self._cells = cells
        self._hooks = hooks
        self._sink = sink
        self.blocks = BlockLog(cells, sink, capacity)
        self.registers: RegisterLog | None = None
        self.writes: WriteLog | None = None

    def add_registers(self, engine: uc.Engine, ids: Sequence[int], pc: int, watched: object, capacity: int) -> None:
        """Log registers too, as they change, and the program counter `pc` at stops.

        This log's hook now also looks for watched addresses; `watched` is their callback.
        """
        self.registers = RegisterLog(self._cells, engine, self._sink, ids, pc, capacity)
        self._hooks.step(self.registers.group, watched)

    def add_writes(self, memory: AddressSpace, pc: int, capacity: int) -> None:
        """Log writes to memory too; `pc` is the program counter's number."""
        self.writes = WriteLog(self._cells, self.blocks, self._sink, capacity)
        self._hooks.write(pc)
        memory.observer = self.writes.host

    def settle(self) -> None:
        """Log the last instruction's effects."""
        if self.registers is not None:
            self.registers.settle()
        self.blocks.settle()

    def drain(self, clock_bytes: int) -> None:
        """Hand on the entries collected so far; `clock_bytes` are the code bytes that the CPU has executed."""
        drained = self.blocks.drain(clock_bytes)
        if drained and self.registers is not None:
            self.registers.drain()
        if drained and self.writes is not None:
            self.writes.drain()

    def choose(self, ranges: Sequence[range] | None, pc: int | None) -> None:
        """From the next instruction on, log the blocks that overlap these ranges.

        `pc` is that instruction if it is in the block that runs, None if that is at its end.
        """
        self.blocks.choose(ranges)
        if pc is None:
            return
        wanted = ranges is None or any(pc < each.stop and each.start < self._cells[c.END] for each in ranges)
        if self.blocks.inside and not wanted:
            self.blocks.leave(pc)
        elif wanted and not self.blocks.inside:
            self.blocks.enter(pc)
            if self.registers is not None:
                self.registers.enter()
