"""The memory that a CPU's hooks share with Python: 64-bit cells, by number.

The machine code of `hooks_x86_64` and `hooks_aarch64` finds them at eight times the number, so the order is fixed.
"""

from __future__ import annotations

import ctypes

# the budget
REMAINING = 0  # code bytes left of the slice; below zero while code runs on to the next jump
STOP_FUNCTION = 1  # uc_emu_stop
STOPPED = 2  # why the block hook stopped the CPU: 0, BUDGET_USED, LOG_FULL
START, END = 3, 4  # of the block that runs, or ran last

# the log of blocks (block_log)
CURSOR, LIMIT = 5, 6  # where the next entry goes; LIMIT and the room for two more end the buffer
FULL = 7  # 1: a buffer has reached its limit
TABLE, SLOT, MULTIPLIER = 8, 9, 10  # the guesses (emuload.ilog.predictor), the one for what comes next
BLOCKS, MISSED_AT = 11, 12  # blocks logged so far, and when the last entry was made
RANGES, RANGE_COUNT = 13, 14  # what is logged: (end, start) pairs in order, one more behind the last
SKIPPED = 15  # code bytes executed since the last logged block, not logged
INSIDE = 16  # 1: the block that runs is logged; LEAVING: registers are due once more
AWAY = 17  # what INSIDE becomes when a block is not logged: LEAVING where registers are logged, else 0

# the log of registers and of memory writes (effect_log)
READ_MANY = 18  # uc_reg_read_batch
IDS, POINTERS, COUNT = 19, 20, 21  # its arguments
VALUES, SHADOW = 22, 23  # what it read; what was written down last
REGISTERS, REGISTERS_LIMIT = 24, 25
WRITES, WRITES_LIMIT, WRITES_END = 26, 27, 28  # nothing is written from WRITES_END on
READ_ONE = 29  # uc_reg_read
PC_ID, PC = 30, 31  # the program counter's number; what was read
WATCHED, WATCH_FUNCTION = 32, 33  # hash table of watched addresses; the callback for them

Cells = ctypes.c_int64 * 34

BUDGET_USED, LOG_FULL = 1, 2
"""Values of STOPPED."""

LEAVING = 2

GAP = 0xFFFF << 48
"""A key of so much and more is no block: below it stand the code bytes that were executed and not logged."""

AFTER = 0xFFFF
"""The place of register values that hold after a block's last instruction, where other values have their offset in it."""

STOPPED_AT = 0x7F
"""Stands for a register: the program counter where the CPU stopped."""

WRITE = 0x80
"""The lowest byte of a memory write's first word is this and its size; that of a register value is the register."""


def signed(value: int) -> int:
    """An unsigned 64-bit value as a cell holds it."""
    return value - (1 << 64) if value >> 63 else value
