"""Logs and counts of a CPU: the block hook that keeps the budget, and the hooks that write down what runs.

The block hook charges a block when it begins; `left` takes back what the CPU did not execute of it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks.block_count import BlockCount
from emuload.machine.hooks.block_log import Sink
from emuload.machine.hooks.cpu_log import CpuLog
from emuload.machine.hooks.install import Hooks
from emuload.machine.hooks.native import native_code
from emuload.machine.memory import AddressSpace


class Instruments:
    """The hooks of one engine. A log and a count have to be asked for before any code has run."""

    def __init__(self, engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], memory: AddressSpace, native: bool) -> None:
        self._engine = engine
        self._cells = cells
        self._memory = memory
        self.code = native_code() if native else None
        """The native hooks; None where Python's do their work."""
        self.hooks = Hooks(engine, cells, self.code)
        self._block_hook = self.hooks.block()
        self.log: CpuLog | None = None
        self.count: BlockCount | None = None

    def log_blocks(self, sink: Sink, capacity: int) -> CpuLog:
        """Hand every block of code that runs to `sink`, in bulk."""
        assert self.log is None
        self.log = CpuLog(self._cells, self.hooks, sink, capacity)
        self._engine.remove_hook(self._block_hook)
        self._block_hook = self.hooks.log_block()
        return self.log

    def log_registers(self, ids: Sequence[int], pc: int, watched: object, capacity: int) -> None:
        """Log these registers too; `pc` is the program counter's number, `watched` the callback of watched addresses."""
        assert self.log is not None
        self.log.add_registers(self._engine, ids, pc, watched, capacity)

    def log_writes(self, pc: int, capacity: int) -> None:
        """Log writes to memory too."""
        assert self.log is not None
        self.log.add_writes(self._memory, pc, capacity)

    def count_instructions(self, instructions_in: Callable[[bytes, int], int]) -> BlockCount:
        """Count every instruction; `instructions_in(code, address)` says how many there are in a piece of code."""
        assert self.count is None
        memory = self._memory
        sizes = lambda address, size: instructions_in(memory.read(address, size), address)  # noqa: E731
        self.count = BlockCount(self._engine, self._cells, self.code, sizes)
        return self.count

    def watch(self, address: int) -> bool:
        """True if the log of registers calls the watchers of `address`, since it sees every instruction."""
        if self.log is None or self.log.registers is None:
            return False
        self.log.registers.watch(address)
        return True

    # -- a slice -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A slice begins."""
        if self.log is not None:
            self.log.blocks.go()
        if self.count is not None:
            self.count.running = True

    def drained(self, clock_bytes: int) -> None:
        """A buffer of the log was full: empty it, the slice goes on."""
        assert self.log is not None
        self.log.settle()
        self.log.drain(clock_bytes)
        self.log.blocks.go()

    def left(self, pc: int) -> None:
        """Refund the last block's bytes from `pc` on: charged at its start, not executed."""
        if self._cells[c.START] <= pc < self._cells[c.END]:
            self._cells[c.REMAINING] += self._cells[c.END] - pc
            if self.log is not None:
                self.log.blocks.unexecuted(pc)

    def renewed(self, pc: int) -> None:
        """The slice goes on at `pc` with a new block, the rest of the one that ran: no jump leads there."""
        self.left(pc)
        if self.log is not None:
            self.log.settle()
            self.log.blocks.go()
        if self.count is not None:
            self.count.stopped_at(pc)
        self._cells[c.END] = pc

    def end(self, pc: int | None) -> BaseException | None:
        """The slice ends at `pc`, None for the end of a block: the error of a count that failed."""
        if self.log is not None:
            self.log.settle()
        count = self.count
        if count is None:
            return None
        count.running = False
        if pc is not None:
            count.stopped_at(pc)
        error, count.error = count.error, None
        return error
