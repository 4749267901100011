"""The hooks of `src/hooks.c` in Python: for hosts that cannot run the compiled ones, and for tests to compare with.

Each function here makes the hook of that name for one set of cells; hooks.c explains them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from emuload.ilog import predictor
from emuload.machine.hooks import cells as c

Array = ctypes.Array[ctypes.c_int64]
CodeHook = Callable[[int, int, int, int], None]
MemoryHook = Callable[[int, int, int, int, int, int], None]

_word = ctypes.c_uint64.from_address


def block(cells: Array, stop: Callable[[], None]) -> CodeHook:
    """On each block: charge the time budget, stop the CPU when it is used."""

    def hook(_: int, address: int, size: int, user: int) -> None:
        if cells[c.REMAINING] <= 0 and cells[c.END] != address:
            cells[c.STOPPED] = c.BUDGET_USED
            stop()
            return
        cells[c.REMAINING] -= size
        cells[c.START], cells[c.END] = address, address + size

    return hook


def log_block(cells: Array, stop: Callable[[], None]) -> CodeHook:
    """In place of `block`: also log the block if it is chosen, and before it the code bytes that were not logged."""

    def hook(_: int, address: int, size: int, user: int) -> None:
        used = cells[c.REMAINING] <= 0 and cells[c.END] != address
        if used or cells[c.FULL]:
            cells[c.STOPPED] = c.BUDGET_USED if used else c.LOG_FULL
            stop()
            return
        cells[c.REMAINING] -= size
        cells[c.START], cells[c.END] = address, address + size
        if _chosen(cells, address, address + size):
            cells[c.INSIDE] = 1
            put(cells, address | size << predictor.SIZE_SHIFT)
        else:
            cells[c.SKIPPED] += size
            if cells[c.INSIDE]:
                cells[c.INSIDE] = cells[c.AWAY]

    return hook


def _chosen(cells: Array, start: int, end: int) -> bool:
    """True if a block overlaps one of the logged ranges: the first one that ends after the block's start decides."""
    low, high = 0, cells[c.RANGE_COUNT]
    base = cells[c.RANGES]
    while low < high:
        middle = (low + high) // 2
        if _word(base + 16 * middle).value > start:
            high = middle
        else:
            low = middle + 1
    return end > _word(base + 16 * low + 8).value


def put(cells: Array, key: int) -> None:
    """Log a block: an entry, unless it was guessed. The code bytes that were skipped before it are logged first."""
    if cells[c.SKIPPED]:
        gap, cells[c.SKIPPED] = c.GAP | cells[c.SKIPPED], 0
        put(cells, gap)
    cells[c.BLOCKS] += 1
    slot = _word(cells[c.SLOT])
    if slot.value != key:
        cursor = cells[c.CURSOR]
        slot.value = _word(cursor).value = key
        _word(cursor + 8).value = cells[c.BLOCKS] - cells[c.MISSED_AT]
        cells[c.MISSED_AT] = cells[c.BLOCKS]
        cells[c.CURSOR] = cursor + 16
        if cursor + 16 >= cells[c.LIMIT]:
            cells[c.FULL] = 1
    cells[c.SLOT] = cells[c.TABLE] + predictor.place(key) * 8


def step(cells: Array, read_many: Callable[[], None], watched: CodeHook) -> CodeHook:
    """On each instruction: log the registers that changed, then call `watched` if the address is watched."""

    def hook(uc: int, address: int, size: int, user: int) -> None:
        if cells[c.INSIDE]:
            offset = address - cells[c.START]
            if cells[c.INSIDE] != 1:
                offset, cells[c.INSIDE] = c.AFTER, 0
            read_many()
            put_registers(cells, cells[c.BLOCKS] - 1, offset)
        if _is_watched(cells, address):
            watched(uc, address, size, user)

    return hook


def put_registers(cells: Array, block: int, offset: int) -> None:
    """Log the register values that differ from those logged last."""
    where = (block << 16 | offset) << 8
    for number in range(cells[c.COUNT]):
        value, shadow = _word(cells[c.VALUES] + 8 * number).value, _word(cells[c.SHADOW] + 8 * number)
        if value != shadow.value:
            shadow.value = value
            put_pair(cells, where | number, value)


def put_pair(cells: Array, where: int, value: int) -> None:
    """Append an entry to the register log."""
    cursor = cells[c.REGISTERS]
    _word(cursor).value = where
    _word(cursor + 8).value = value
    cells[c.REGISTERS] = cursor + 16
    if cursor + 16 >= cells[c.REGISTERS_LIMIT]:
        cells[c.FULL] = 1


def watch_slot(cells: Array, address: int) -> ctypes.c_uint64:
    """The place of an address in the table of watched ones, or the empty place for it: linear probing."""
    at = predictor.place(address)
    while True:
        slot = _word(cells[c.WATCHED] + 8 * at)
        if slot.value in (0, address):
            return slot
        at = (at + 1) & (1 << predictor.TABLE_BITS) - 1


def _is_watched(cells: Array, address: int) -> bool:
    return watch_slot(cells, address).value == address


def write(cells: Array, read_pc: Callable[[], int]) -> MemoryHook:
    """Before each write to memory: log it."""

    def hook(_: int, kind: int, address: int, size: int, value: int, user: int) -> None:
        if cells[c.INSIDE] == 1:
            cells[c.PC] = read_pc()
            offset = cells[c.PC] - cells[c.START] & 0xFFFF
            cursor = cells[c.WRITES]
            if cursor >= cells[c.WRITES_END]:
                return
            _word(cursor).value = (cells[c.BLOCKS] - 1 << 16 | offset) << 8 | c.WRITE | size
            _word(cursor + 8).value = address
            _word(cursor + 16).value = value
            cells[c.WRITES] = cursor + 24
            if cursor + 24 >= cells[c.WRITES_LIMIT]:
                cells[c.FULL] = 1

    return hook


class _TlbEntry(ctypes.Structure):
    _fields_ = (("physical", ctypes.c_uint64), ("permissions", ctypes.c_int))


def fill_tlb(_: int, address: int, access: int, entry: int, user: int) -> bool:
    """amd64's TLB: identity for canonical addresses, others are refused."""
    if address >> 47 not in (0, 0x1FFFF):
        return False
    filled = _TlbEntry.from_address(entry)
    filled.physical, filled.permissions = address, 7
    return True
