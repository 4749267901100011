"""The CPU's side of the instruction log: blocks collected in host memory by the block hook, handed on in bulk.

The hook's further cells and the table of guesses (`emuload.trace.predictor`) live here. When the buffer has no room for
another entry the hook stops the CPU before the block, as at the budget's end; `Cpu.run` then drains it and goes on in
the same slice. The guest sees nothing of it: schedule and virtual time are those of a run without a log.
"""

from __future__ import annotations

import ctypes
from typing import Protocol

from emuload.machine import native
from emuload.trace import predictor

ENTRY = 16
"""Bytes of an entry: key and run, both 64 bits."""

CAPACITY = 1 << 16
"""Entries in the buffer: 1 MB."""


class Sink(Protocol):
    """What takes the log."""

    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None:
        """A stretch of `count` blocks, whose guesses began with an empty table; `code_bytes` ran until its end."""

    def cut(self, block: int, size: int) -> None:
        """Of the block before number `block` only `size` bytes were executed."""


class BlockLog:
    """The buffer behind the block hook. `sink` gets what was collected, at every drain."""

    def __init__(self, cells: ctypes.Array[ctypes.c_int64], sink: Sink, capacity: int = CAPACITY) -> None:
        assert capacity > 0
        self._cells = cells
        self._sink = sink
        self._buffer = (ctypes.c_uint64 * (2 * capacity))()
        self._table = (ctypes.c_uint64 * (1 << predictor.TABLE_BITS))()
        self._first = 0
        base = ctypes.addressof(self._buffer)
        self._base = base
        cells[native.LIMIT] = base + capacity * ENTRY
        cells[native.TABLE] = ctypes.addressof(self._table)
        cells[native.MULTIPLIER] = predictor.MULTIPLIER - (1 << 64)
        self._rewind()

    def _rewind(self) -> None:
        cells = self._cells
        cells[native.CURSOR] = self._base
        cells[native.SLOT] = cells[native.TABLE]
        cells[native.MISSED_AT] = cells[native.BLOCKS]
        ctypes.memset(self._table, 0, ctypes.sizeof(self._table))

    @property
    def blocks(self) -> int:
        """How many blocks have run since logging began."""
        return self._cells[native.BLOCKS]

    @property
    def pending(self) -> int:
        """How many of them have not been handed on."""
        return self.blocks - self._first

    def host_memory(self) -> list[tuple[int, int]]:
        """(address, size) of everything the hook touches."""
        return [(ctypes.addressof(each), ctypes.sizeof(each)) for each in (self._cells, self._table, self._buffer)]

    def drain(self, clock_bytes: int) -> None:
        """Hand on what was collected; `clock_bytes` are the CPU's."""
        count = self.pending
        if count:
            entries = ctypes.string_at(self._base, self._cells[native.CURSOR] - self._base)
            self._first = self.blocks
            self._rewind()
            self._sink.blocks(count, entries, clock_bytes)

    def stopped_at(self, pc: int) -> None:
        """The CPU stopped at `pc`, not at the budget's end: the last block may not have run to its end."""
        key = self._cells[native.LAST] & predictor.WORD
        done = pc - (key & predictor.ADDRESS)
        if 0 <= done < key >> predictor.SIZE_SHIFT:
            self._sink.cut(self.blocks, done)
