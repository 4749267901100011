"""The effects of instructions: register values and memory writes, collected by hooks beside the log of blocks.

Both buffers are drained with the blocks. If one reaches its limit the CPU stops before the next block; after the limit
there is room for all effects of one block.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from emuload.ilog import predictor
from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import python as hooks_python
from emuload.machine.hooks.block_log import BlockLog, Sink

CAPACITY = 1 << 22
"""Bytes of each buffer up to its limit."""

_MOST_INSTRUCTIONS = 512
"""In a block (TCG_MAX_INSNS, QEMU's include/tcg/tcg.h)."""

_MOST_WRITES = 80
"""By one instruction: FXSAVE makes 66, a NEON store of four registers, element by element, 64."""

_REGISTER, _WRITE = 16, 24
"""Bytes of an entry."""

_HOST_BYTES = 1 << 20
"""The log is drained when the host has written this many bytes."""


class RegisterLog:
    """Registers of up to 64 bits: at each instruction, those that changed are logged; all are at the start of each stretch."""

    def __init__(
        self,
        cells: ctypes.Array[ctypes.c_int64],
        engine: uc.Engine,
        sink: Sink,
        ids: Sequence[int],
        pc: int,
        capacity: int = CAPACITY,
    ) -> None:
        self._cells = cells
        self._engine = engine
        self._sink = sink
        self.group = uc.RegisterGroup(ids)
        self._pc = pc
        count = self.group.count
        self._shadow = (ctypes.c_uint64 * count)()
        self._buffer = (ctypes.c_uint8 * (capacity + _REGISTER * count * (_MOST_INSTRUCTIONS + 4)))()
        self._watched = (ctypes.c_uint64 * (1 << predictor.TABLE_BITS))()
        self._watches = 0
        self._base = ctypes.addressof(self._buffer)
        cells[c.IDS], cells[c.POINTERS] = ctypes.addressof(self.group.ids), ctypes.addressof(self.group.pointers)
        cells[c.COUNT] = count
        cells[c.VALUES], cells[c.SHADOW] = ctypes.addressof(self.group.values), ctypes.addressof(self._shadow)
        cells[c.WATCHED] = ctypes.addressof(self._watched)
        self._capacity = capacity
        cells[c.REGISTERS] = self._base
        cells[c.AWAY] = c.LEAVING
        self._write_all()

    def host_memory(self) -> list[tuple[int, int]]:
        """(address, size) of all memory that the hook touches."""
        group = self.group
        touched = (group.ids, group.pointers, group.values, self._shadow, self._buffer, self._watched)
        return [(ctypes.addressof(each), ctypes.sizeof(each)) for each in touched]

    def watch(self, address: int) -> None:
        """Call the callback at this address from now on."""
        slot = hooks_python.watch_slot(self._cells, address)
        if not slot.value:
            self._watches += 1
            assert self._watches < len(self._watched) // 2
            slot.value = address

    def settle(self) -> None:
        """Log the last instruction's effects: the CPU stopped after it."""
        cells = self._cells
        if cells[c.INSIDE]:
            self._engine.fill_group(self.group)
            hooks_python.put_registers(cells, cells[c.BLOCKS] - 1, c.AFTER)
            if cells[c.INSIDE] == 1:
                where = (cells[c.BLOCKS] - 1 << 16 | c.AFTER) << 8 | c.STOPPED_AT
                hooks_python.put_pair(cells, where, self._engine.read_register(self._pc))

    def enter(self) -> None:
        """Log the values before the block that was just logged, which has begun."""
        self._engine.fill_group(self.group)
        hooks_python.put_registers(self._cells, self._cells[c.BLOCKS] - 1, 0)

    def _write_all(self) -> None:
        self._engine.fill_group(self.group)
        self._shadow[:] = [~value & predictor.WORD for value in self.group.values]
        self._cells[c.REGISTERS_LIMIT] = self._base + _REGISTER * self.group.count + self._capacity
        hooks_python.put_registers(self._cells, self._cells[c.BLOCKS], 0)

    def drain(self) -> None:
        """Hand on the entries collected so far."""
        cells = self._cells
        entries = ctypes.string_at(self._base, cells[c.REGISTERS] - self._base)
        cells[c.REGISTERS] = self._base
        self._sink.registers(entries)
        self._write_all()


class WriteLog:
    """Writes to memory: by instructions, and by the host on the guest's behalf."""

    def __init__(
        self, cells: ctypes.Array[ctypes.c_int64], blocks: BlockLog, sink: Sink, capacity: int = CAPACITY
    ) -> None:
        self._cells = cells
        self._blocks = blocks
        self._sink = sink
        size = capacity + _WRITE * _MOST_WRITES * _MOST_INSTRUCTIONS
        self._buffer = (ctypes.c_uint8 * size)()
        self._base = ctypes.addressof(self._buffer)
        cells[c.WRITES], cells[c.WRITES_LIMIT] = self._base, self._base + capacity
        cells[c.WRITES_END] = self._base + size - _WRITE
        self._host_bytes = 0

    def host_memory(self) -> list[tuple[int, int]]:
        """(address, size) of all memory that the hook touches."""
        return [(self._base, ctypes.sizeof(self._buffer))]

    def host(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """The host wrote to memory on behalf of the block that ran last."""
        if self._blocks.inside:
            self._sink.host_write(self._cells[c.BLOCKS], address, bytes(data))
            self._host_bytes += len(data)
            if self._host_bytes >= _HOST_BYTES:
                self._cells[c.FULL] = 1

    def failed(self, address: int) -> None:
        """The last write failed from `address` on; Unicorn has written the bytes before it, which are on another page."""
        cursor = self._cells[c.WRITES]
        if cursor > self._base:
            entry = (ctypes.c_uint64 * 3).from_address(cursor - _WRITE)
            done, size = address - entry[1], entry[0] & c.WRITE - 1
            if 0 < done < size:
                entry[0] -= size - done
            elif done == 0:
                self._cells[c.WRITES] = cursor - _WRITE

    def drain(self) -> None:
        """Hand on the entries collected so far."""
        cells = self._cells
        assert cells[c.WRITES] < cells[c.WRITES_END], "an instruction wrote more than there was room for"
        entries = ctypes.string_at(self._base, cells[c.WRITES] - self._base)
        cells[c.WRITES], self._host_bytes = self._base, 0
        self._sink.writes(entries)
