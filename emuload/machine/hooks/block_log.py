"""The CPU's side of the instruction log: blocks collected in host memory by the block hook, handed on in bulk.

The hook's buffer and its table of guesses (`emuload.ilog.predictor`) live here. If a buffer has no room for another block
the hook stops the CPU before it, as at the budget's end; `Cpu.run` then drains the log and goes on in the same slice.
The guest sees nothing of it: schedule and virtual time are those of a run without a log.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Protocol

from emuload.ilog import predictor
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import python as hooks_python

ENTRY = 16
"""Bytes of an entry: key and run, both 64 bits."""

CAPACITY = 1 << 16
"""Entries in the buffer: 1 MB."""

_WORD = (1 << 64) - 1


class Sink(Protocol):
    """The receiver of a log, stretch by stretch. A stretch's registers and writes come after its blocks."""

    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None:
        """A stretch of `count` blocks, guessed from an empty table; `code_bytes` ran until its end, from the run's start."""

    def cut(self, block: int, size: int) -> None:
        """Only the first `size` bytes of the block before number `block` belong to the log."""

    def registers(self, entries: bytes) -> None:
        """Register values: entries of two words (struct register_entry in src/cells.h)."""

    def writes(self, entries: bytes) -> None:
        """Memory writes: entries of three words (struct write_entry)."""

    def host_write(self, block: int, address: int, data: bytes) -> None:
        """Before block number `block` the host wrote to the guest's memory."""


class BlockLog:
    """The buffer that the block hook fills. Each drain hands its entries to `sink`."""

    def __init__(self, cells: ctypes.Array[ctypes.c_int64], sink: Sink, capacity: int = CAPACITY) -> None:
        assert capacity > 0
        self._cells = cells
        self._sink = sink
        self._buffer = (ctypes.c_uint64 * (2 * capacity + 8))()  # after the limit: room for a gap and a block, twice
        self._table = (ctypes.c_uint64 * (1 << predictor.TABLE_BITS))()
        self._first = 0
        self._stopped_inside = False
        self._base = ctypes.addressof(self._buffer)
        cells[c.LIMIT] = self._base + capacity * ENTRY
        cells[c.TABLE] = ctypes.addressof(self._table)
        self._rewind()
        self.choose(None)

    def _rewind(self) -> None:
        cells = self._cells
        cells[c.FULL] = 0
        cells[c.CURSOR] = self._base
        cells[c.SLOT] = cells[c.TABLE]
        cells[c.MISSED_AT] = cells[c.BLOCKS]
        ctypes.memset(self._table, 0, ctypes.sizeof(self._table))

    def choose(self, ranges: Sequence[range] | None) -> None:
        """From the next block on, log the blocks that overlap these ranges of addresses (in order and apart); None: all."""
        rows = [(_WORD, 0)] if ranges is None else [*((min(each.stop, _WORD), each.start) for each in ranges), (_WORD, _WORD)]
        words = [word for row in rows for word in row]
        self._ranges = (ctypes.c_uint64 * len(words))(*words)
        self._cells[c.RANGES] = ctypes.addressof(self._ranges)
        self._cells[c.RANGE_COUNT] = len(rows) - 1

    @property
    def blocks(self) -> int:
        """Number of blocks and gaps logged so far."""
        return self._cells[c.BLOCKS]

    @property
    def pending(self) -> int:
        """Number of blocks and gaps that have not been handed on."""
        return self.blocks - self._first

    @property
    def inside(self) -> bool:
        """True if the block that runs, or ran last, is logged."""
        return self._stopped_inside or self._cells[c.INSIDE] == 1

    def go(self) -> None:
        """The CPU is about to run."""
        self._stopped_inside = False

    def settle(self) -> None:
        """The CPU stopped, and all effects of the last block are logged."""
        self._stopped_inside = self.inside
        self._cells[c.INSIDE] = 0

    def host_memory(self) -> list[tuple[int, int]]:
        """(address, size) of all memory that the hook touches."""
        touched = (self._cells, self._table, self._buffer, self._ranges)
        return [(ctypes.addressof(each), ctypes.sizeof(each)) for each in touched]

    def drain(self, clock_bytes: int) -> bool:
        """Hand on the collected blocks; returns False if there were none. `clock_bytes` are the CPU's."""
        cells, count = self._cells, self.pending
        entries = ctypes.string_at(self._base, cells[c.CURSOR] - self._base)
        self._first = self.blocks
        self._rewind()
        if count:
            self._sink.blocks(count, entries, clock_bytes - cells[c.SKIPPED])
        return count > 0

    def unexecuted(self, pc: int) -> None:
        """The block that ran last was left before its instruction at `pc`."""
        cells = self._cells
        if self.inside:
            self._sink.cut(self.blocks, pc - cells[c.START])
        else:
            cells[c.SKIPPED] -= cells[c.END] - pc

    def leave(self, pc: int) -> None:
        """Nothing of the block that runs is logged from the instruction at `pc` on."""
        cells = self._cells
        if self.inside:
            self._sink.cut(self.blocks, pc - cells[c.START])
            cells[c.SKIPPED] += cells[c.END] - pc
            cells[c.INSIDE], self._stopped_inside = 0, False

    def enter(self, pc: int) -> None:
        """The block that runs is logged from the instruction at `pc` on."""
        cells = self._cells
        if not self.inside:
            rest = cells[c.END] - pc
            cells[c.SKIPPED] -= rest
            cells[c.START], cells[c.INSIDE] = pc, 1
            hooks_python.put(cells, pc | rest << predictor.SIZE_SHIFT)
