"""The `.ilog` file, an instruction log: its records, as `emuload.ilog.writer` writes and `emuload.ilog.reader` reads them.

`EMUILOG\\0` and then records, all little-endian:

    kind (one letter), payload size u32, CRC-32 of the payload u32, payload

    H  the first one: JSON with `schema`, `arch`, `clock`, the run's inputs, `chosen` (the parts of the run that are in the
       log: the texts of `--instructions`), and, if they were asked for, `registers` (their names), `pc` and `flags` (the two
       names with a special meaning) and `memory`
    O  JSON: an object was mapped: `block` (how many blocks had been logged), path, name, bias, start, end, size and
       SHA-256 of its file
    U  JSON: the object mapped at `start` was unmapped, before block `block`
    K  JSON: code that is in no file (the kernel's pages, the host stubs): start, hex
    B  blocks: the 40 bytes of BLOCKS_HEAD, then zlib: marks (LEB128), entries' keys u64, entries' runs u64
    R  register values of the stretch of the B record before it: its first block u64, then zlib: the bytes of all
       entries, first their first bytes, then their second ones, and so on. An entry is two u64: block << 24 | offset << 8 |
       register (its index in the header's list), value. It holds before the instruction at that offset of the block; at
       offset 0xffff, or where the block was cut, after its last one. A stretch begins with all registers. Register 0x7f
       is the program counter at which the CPU stopped: this block did not cause the differences at the block after it
    W  memory writes, likewise, as three u64: block << 24 | offset << 8 | 0x80 | size, address, value
    M  the host's writes to the guest's memory: first block u64, then zlib: for each the block that it came before u64,
       address u64, size u32, bytes
    E  the last one: JSON with `blocks`, `code_bytes` and `roles` (each thread's, by its number as text); a file without it was
       cut off, its other records are still valid

Every B record is a keyframe: it has the number of blocks and code bytes before it, the thread that runs, how far virtual time
has jumped, and its guesses begin with an empty table (`emuload.ilog.predictor`). A key whose size is UNLOGGED_SIZE is not a
block: its address is a number of code bytes that ran unlogged.

Marks are kind, blocks since the mark before, values. Kind 0, a slice began: thread, nanoseconds virtual time has jumped since the
start of the run. Kind 1, the last block was left in the middle (by a fault, a stop, the end of a chosen part): its bytes.

The contents are the same on every host; their packed form may depend on zlib's version.
"""

from __future__ import annotations

import struct

MAGIC = b"EMUILOG\0"
SCHEMA = 2
"""Counted up when a reader of the present version would misunderstand what is written."""

HEADER, OBJECT, UNMAPPED, CODE, END = b"H", b"O", b"U", b"K", b"E"
BLOCKS, REGISTERS, WRITES, HOST_WRITES = b"B", b"R", b"W", b"M"
SLICE, CUT = 0, 1

RECORD = struct.Struct("<cII")
BLOCKS_HEAD = struct.Struct("<QQIIQII")
"""First block, code bytes before it, blocks, entries, virtual nanoseconds skipped, thread, bytes of marks."""
FIRST = struct.Struct("<Q")
HOST_HEAD = struct.Struct("<QQI")

UNLOGGED_SIZE = 0xFFFF
"""The size, in a key, that marks unlogged code bytes."""

AFTER = 0xFFFF
"""Offset of the values that hold after a block."""

STOPPED = 0x7F
"""The pseudo-register at the end of a slice: the program counter at which the CPU stopped."""

REGISTER_ENTRY, WRITE_ENTRY = 16, 24
"""Bytes of an entry."""

WRITE = 0x80

MOST_BLOCKS = 0xFFFFFFFF
MOST_PAYLOAD = MOST_UNPACKED = 1 << 28


def planes(entries: bytes, size: int) -> bytes:
    """Entries of `size` bytes, transposed, so that bytes that change little from one entry to the next come together."""
    return b"".join(entries[at::size] for at in range(size))


def from_planes(data: bytes, size: int) -> bytes:
    """The inverse of `planes`. Raises ValueError for bytes that are not whole entries."""
    count, rest = divmod(len(data), size)
    if rest:
        raise ValueError(f"{len(data)} bytes of entries of {size}")
    entries = bytearray(len(data))
    for at in range(size):
        entries[at::size] = data[at * count : (at + 1) * count]
    return bytes(entries)


def leb(value: int) -> bytes:
    """Unsigned LEB128 (DWARF 5, 7.6)."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
