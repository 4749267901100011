"""The memory that a CPU's hooks share with Python: 64-bit cells, by number.

`src/cells.h` explains them; the compiled hooks find a cell at eight times its number.
"""

from __future__ import annotations

import ctypes

(
    REMAINING, STOP_FUNCTION, STOPPED, START, END,
    CURSOR, LIMIT, FULL, TABLE, SLOT, BLOCKS, MISSED_AT, RANGES, RANGE_COUNT, SKIPPED, INSIDE, AWAY,
    READ_MANY, IDS, POINTERS, COUNT, VALUES, SHADOW, REGISTERS, REGISTERS_LIMIT,
    WRITES, WRITES_LIMIT, WRITES_END, READ_ONE, PC_ID, PC, WATCHED, WATCH_FUNCTION,
) = range(33)  # fmt: skip
"""The budget; the log of blocks; the log of registers; the log of memory writes, and the watched addresses."""

Cells = ctypes.c_int64 * (WATCH_FUNCTION + 1)

BUDGET_USED, LOG_FULL = 1, 2
"""Values of STOPPED."""

LEAVING = 2
"""A value of INSIDE: registers are due once more."""

GAP = 0xFFFF << 48
"""Keys >= GAP are no blocks: key - GAP code bytes ran unlogged."""

AFTER = 0xFFFF
"""The offset of register values that hold after a block's last instruction."""

STOPPED_AT = 0x7F
"""In place of a register's number: the program counter where the CPU stopped."""

WRITE = 0x80
"""The lowest byte of a memory write's first word is this and its size; that of a register value is the register."""


def signed(value: int) -> int:
    """An unsigned 64-bit value as a cell holds it."""
    return value - (1 << 64) if value >> 63 else value
