"""Guesses the next block of code; the instruction log stores only blocks that were not guessed.

A block is one number, its key: `address | size << 48`. A table holds, for each block that ran, the block that came after
it last time; the slot is the top bits of the key's product with an odd number near 2**64 / golden ratio (Knuth, The Art of
Computer Programming 3, 6.4: multiplicative hashing). A block that was guessed costs nothing, another one an entry (key, number
of blocks since the entry before). Native hooks (`emuload.machine.hooks`), their Python counterpart and the reader guess alike.
"""

from __future__ import annotations

MULTIPLIER = 0x9E3779B97F4A7C15
TABLE_BITS = 15
SHIFT = 64 - TABLE_BITS
WORD = 0xFFFFFFFFFFFFFFFF
SIZE_SHIFT = 48
ADDRESS = (1 << SIZE_SHIFT) - 1


def place(key: int) -> int:
    """The table's slot that guesses the successor of the block `key`."""
    return (key * MULTIPLIER & WORD) >> SHIFT
