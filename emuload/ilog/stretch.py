"""Unpacks the records of one stretch of an instruction log: marks, register values, memory writes (`emuload.ilog.format`)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from emuload.ilog import format as f


class Write(NamedTuple):
    """A write to memory by the instruction at `offset` in its block."""

    offset: int
    address: int
    data: bytes


class Entries:
    """The entries of a stretch's R, W and M records, handed out block by block: ask in the order of the blocks."""

    def __init__(self) -> None:
        self._registers: Iterator[tuple[int, ...]] = iter(())
        self._writes: Iterator[tuple[int, ...]] = iter(())
        self._host: Iterator[tuple[int, int, bytes]] = iter(())
        self._register: tuple[int, ...] | None = None
        self._write: tuple[int, ...] | None = None
        self._host_write: tuple[int, int, bytes] | None = None

    def take(self, kind: bytes, data: bytes) -> None:
        """Add the content of a record of that kind. Raises ValueError for bytes that are not whole entries."""
        if kind == f.REGISTERS:
            self._registers = struct.iter_unpack("<QQ", f.from_planes(data, f.REGISTER_ENTRY))
            self._register = next(self._registers, None)
        elif kind == f.WRITES:
            self._writes = struct.iter_unpack("<QQQ", f.from_planes(data, f.WRITE_ENTRY))
            self._write = next(self._writes, None)
        else:
            self._host = iter(list(_host_writes(data)))
            self._host_write = next(self._host, None)

    def registers(self, block: int) -> list[tuple[int, int, int]]:
        """(offset, register, value) for a block."""
        found = []
        while self._register is not None and self._register[0] >> 24 <= block:
            where, value = self._register
            found.append((where >> 8 & 0xFFFF, where & 0xFF, value))
            self._register = next(self._registers, None)
        return found

    def writes(self, block: int) -> list[Write]:
        """The block's writes to memory."""
        found = []
        while self._write is not None and self._write[0] >> 24 <= block:
            where, address, value = self._write
            found.append(Write(where >> 8 & 0xFFFF, address, value.to_bytes(8, "little")[: where & f.WRITE - 1]))
            self._write = next(self._writes, None)
        return found

    def host(self, block: int) -> list[tuple[int, bytes]]:
        """(address, bytes) that the host wrote before a block."""
        found = []
        while self._host_write is not None and self._host_write[0] <= block:
            found.append(self._host_write[1:])
            self._host_write = next(self._host, None)
        return found


def unpacked(data: bytes, limit: int) -> bytes:
    """The data that zlib packed, at most `limit` bytes. Raises zlib.error, ValueError."""
    unpacking = zlib.decompressobj()
    plain = unpacking.decompress(data, limit + 1)
    if len(plain) > limit or not unpacking.eof:
        raise ValueError("its length is wrong")
    return plain


def _host_writes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        block, address, size = f.HOST_HEAD.unpack_from(data, at)
        at += f.HOST_HEAD.size
        if at + size > len(data):
            raise ValueError("a write is cut short")
        yield block, address, data[at : at + size]
        at += size


def marks_of(data: bytes, first: int) -> Iterator[tuple[int, ...]]:
    """(kind, block, values…) of each mark of a stretch whose first block is `first`."""
    at, block = 0, first

    def value() -> int:
        nonlocal at
        result = shift = 0
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while at < len(data):
        kind = value()
        block += value()
        if kind == f.SLICE:
            yield f.SLICE, block, value(), value()
        elif kind == f.CUT:
            yield f.CUT, block, value()
        else:
            raise IndexError(f"mark {kind}")
