"""Which block of code comes next: the guess that the instruction log is coded against.

A block is one number, its key: `address | size << 48`. A table holds, for each block that ran, the block that came after
it last time; its place is the key's product with an odd number near 2**64 / golden ratio, top bits (Knuth, The Art of
Computer Programming 3, 6.4: multiplicative hashing). A block that came as guessed costs nothing, another one an entry (key,
number of blocks since the entry before). The same guess is made by machine code (`emuload.machine.hooks.native`), by
its Python counterpart and by the reader.
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
