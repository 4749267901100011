"""Reads the instruction log (`ilog_format`): its objects at once, its blocks as they are asked for.

Opening a log reads the heads of its records; only the stretches that hold what is asked for are read and unpacked.
"""

from __future__ import annotations

import json
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from emuload.errors import UsageError
from emuload.ilog import format as f
from emuload.ilog import predictor

_STRETCH = (f.BLOCKS, f.REGISTERS, f.WRITES, f.HOST_WRITES)
_SENSELESS = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error, zlib.error)

class IlogError(UsageError):
    """The file is no instruction log, or a damaged one; the message says where."""


class Block(NamedTuple):
    """A block of code that ran: its number, the thread, the address, bytes executed, virtual nanoseconds at its start."""

    number: int
    tid: int
    address: int
    size: int
    time: int


class Write(NamedTuple):
    """A write to memory by the instruction at `offset` in its block."""

    offset: int
    address: int
    data: bytes


class Effects(NamedTuple):
    """What is known of a block beside its code.

    `registers` are (offset, register, value): values that hold before the instruction there, where they differ from what
    was known; those at offsets not below the block's size hold after it. `linked`: the first ones are the block before's doing.
    `host` are (address, bytes) that the host wrote before it.
    """

    registers: list[tuple[int, int, int]]
    writes: list[Write]
    host: list[tuple[int, bytes]]
    linked: bool


@dataclass
class MappedObject:
    """An object the run had mapped from block number `block` on, before block `until` (None: to the end)."""

    block: int
    path: str
    name: str
    bias: int
    start: int
    end: int
    size: int
    sha256: str
    builtin: bool = False
    until: int | None = None


class _Stretch(NamedTuple):
    """Where a B record lies, the first block in it, code bytes and virtual nanoseconds before it; where its R, W, M lie."""

    at: int
    first: int
    time: int
    others: dict[bytes, int]


@dataclass
class IlogFile:
    """A log opened for reading: everything but the blocks.

    `complete` is false when the file ends without its last record. Raises IlogError.
    """

    path: str
    header: dict[str, Any] = field(default_factory=dict)
    objects: list[MappedObject] = field(default_factory=list)
    code: dict[int, bytes] = field(default_factory=dict)
    complete: bool = False
    block_count: int = 0
    code_bytes: int = 0
    _stretches: list[_Stretch] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self._open() as file:
            if file.read(len(f.MAGIC)) != f.MAGIC:
                raise IlogError(f"{self.path}: not an instruction log")
            size = file.seek(0, 2)
            at = len(f.MAGIC)
            while at < size:
                kind, length = self._head(file, at, size)
                try:
                    self._take(file, at, kind)
                except _SENSELESS as error:
                    raise IlogError(f"{self.path}: offset {at}: record {_shown(kind)} makes no sense ({error})") from None
                at += f.RECORD.size + length
        if not self.header:
            raise IlogError(f"{self.path}: the header is missing")

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise IlogError(f"{self.path}: {error.strerror or error}") from None

    def _head(self, file: BinaryIO, at: int, size: int) -> tuple[bytes, int]:
        """Kind and payload size of the record at `at`, which must lie in the file of `size` bytes."""
        file.seek(at)
        head = file.read(f.RECORD.size)
        if len(head) < f.RECORD.size:
            raise IlogError(f"{self.path}: offset {at}: cut short")
        kind, length, _ = f.RECORD.unpack(head)
        if length > f.MOST_PAYLOAD or at + f.RECORD.size + length > size:
            raise IlogError(f"{self.path}: offset {at}: cut short")
        return kind, length

    def _payload(self, file: BinaryIO, at: int) -> bytes:
        """The payload of the record at `at`, checked."""
        file.seek(at)
        _, length, crc = f.RECORD.unpack(file.read(f.RECORD.size))
        payload = file.read(length)
        if zlib.crc32(payload) != crc:
            raise IlogError(f"{self.path}: offset {at}: the checksum is wrong")
        return payload

    def _take(self, file: BinaryIO, at: int, kind: bytes) -> None:
        if kind == f.BLOCKS:
            first, before, count, _, skipped, *_ = f.BLOCKS_HEAD.unpack(file.read(f.BLOCKS_HEAD.size))
            if first != self.block_count or before < self.code_bytes:
                raise ValueError(f"block {first} follows {self.block_count}")
            numerator, denominator = self.header["clock"]
            self.block_count, self.code_bytes = first + count, before
            self._stretches.append(_Stretch(at, first, skipped + before * numerator // denominator, {}))
        elif kind in _STRETCH:
            (first,) = f.FIRST.unpack(file.read(f.FIRST.size))
            if first != (self._stretches[-1].first if self._stretches else 0):
                raise ValueError(f"it is of block {first}")
            if self._stretches:
                self._stretches[-1].others[kind] = at
        elif kind not in (f.HEADER, f.OBJECT, f.UNMAPPED, f.CODE, f.END):
            raise ValueError("unknown")
        else:
            self._understand(kind, json.loads(self._payload(file, at)))

    def _understand(self, kind: bytes, content: dict[str, Any]) -> None:
        if kind == f.HEADER:
            if content["schema"] != f.SCHEMA:
                raise IlogError(f"{self.path}: schema {content['schema']} is unknown: this emuload reads schema {f.SCHEMA}")
            numerator, denominator = content["clock"]
            if not _number(numerator) or not _number(denominator):
                raise ValueError("the clock stands still")
            if not all(type(name) is str for name in content.get("registers", [])):
                raise ValueError("a register's name is no text")
            self.header = content
        elif kind == f.OBJECT:
            self.objects.append(_object(content))
        elif kind == f.UNMAPPED:
            for known in self.objects:
                if known.start == content["start"] and known.until is None:
                    known.until = content["block"]
        elif kind == f.CODE:
            self.code[_number(content["start"])] = bytes.fromhex(content["hex"])
        else:
            self.complete, self.code_bytes = content["blocks"] == self.block_count, _number(content["code_bytes"])

    @property
    def registers(self) -> list[str]:
        """The registers whose values were logged, by their numbers; none if that was not asked for."""
        return self.header.get("registers") or []

    @property
    def has_writes(self) -> bool:
        """Whether writes to memory were logged."""
        return bool(self.header.get("memory"))

    def object_at(self, address: int, block: int) -> MappedObject | None:
        """The object that held `address` when block number `block` ran."""
        for known in self.objects:
            if known.start <= address < known.end and known.block <= block and (known.until is None or block < known.until):
                return known
        return None

    def block_at(self, time: int) -> int:
        """The number of the first block that began at that virtual nanosecond or later; the count of blocks if none did."""
        at = bisect_right(self._stretches, time - 1, key=lambda stretch: stretch.time) - 1
        for block in self.blocks(self._stretches[max(at, 0)].first if self._stretches else 0):
            if block.time >= time:
                return block.number
        return self.block_count

    def blocks(self, first: int = 0) -> Iterator[Block]:
        """The blocks from number `first` on; the keyframe before it is where reading begins. Raises IlogError."""
        return (block for block, _ in self._read(first, ()))

    def effects(self, first: int = 0) -> Iterator[tuple[Block, Effects]]:
        """`blocks` with what else is known of them, and a block of no size for what the host wrote at the end.

        All registers are known where a stretch begins (`stretch_of`).
        """
        return self._read(first, (f.REGISTERS, f.WRITES, f.HOST_WRITES))

    def stretch_of(self, block: int) -> int:
        """The first block of the stretch that holds a block: there all registers are known."""
        at = bisect_right(self._stretches, block, key=lambda stretch: stretch.first) - 1
        return self._stretches[at].first if at >= 0 else 0

    def _read(self, first: int, wanted: tuple[bytes, ...]) -> Iterator[tuple[Block, Effects]]:
        start = max(bisect_right(self._stretches, first, key=lambda stretch: stretch.first) - 1, 0)
        host: list[tuple[int, bytes]] = []
        with self._open() as file:
            for stretch in self._stretches[start:]:
                at = stretch.at
                try:
                    payload = self._payload(file, at)
                    told = _Told()
                    for kind in wanted:
                        if (at := stretch.others.get(kind, 0)) != 0:
                            told.take(kind, _unpacked(self._payload(file, at)[f.FIRST.size :], f.MOST_UNPACKED))
                    at = stretch.at
                    for block, effects in self._expand(payload, told, host):
                        if block.number >= first:
                            yield block, effects
                except _SENSELESS as error:
                    raise IlogError(f"{self.path}: offset {at}: the record makes no sense ({error})") from None
        if host:
            yield Block(self.block_count, 0, 0, 0, 0), Effects([], [], host, False)

    def _expand(self, payload: bytes, told: _Told, host: list[tuple[int, bytes]]) -> Iterator[tuple[Block, Effects]]:
        """A stretch's blocks. `host` takes what the host wrote before the block that is to come."""
        number, code_bytes, count, misses, skipped, tid, marks_size = f.BLOCKS_HEAD.unpack_from(payload)
        plain = _unpacked(payload[f.BLOCKS_HEAD.size :], marks_size + 16 * misses)
        numerator, denominator = self.header["clock"]
        keys = struct.unpack_from(f"<{misses}Q", plain, marks_size)
        runs = iter(struct.unpack_from(f"<{misses}Q", plain, marks_size + 8 * misses))
        marks = _marks(plain[:marks_size], number)
        mark = next(marks, None)
        table: dict[int, int] = {}
        slot, taken, missed = 0, 0, number - 1 + next(runs, count + 1)
        linked = False
        for block in range(number, number + count):
            while mark is not None and mark[1] <= block:
                if mark[0] == f.SLICE:
                    _, _, tid, skipped = mark
                mark = next(marks, None)
            if block == missed:
                key = table[slot] = keys[taken]
                taken += 1
                missed += next(runs, count + 1)
            else:
                key = table[slot]
            slot = predictor.place(key)
            address, size = key & predictor.ADDRESS, key >> predictor.SIZE_SHIFT
            if size == f.GAP_SIZE:
                code_bytes += address
                linked = False
                continue
            if mark is not None and mark[0] == f.CUT and mark[1] == block + 1:
                size = mark[2]
                mark = next(marks, None)
            time = skipped + code_bytes * numerator // denominator
            code_bytes += size
            host += told.host(block)
            registers, writes = told.registers(block), told.writes(block)
            if size:
                yield Block(block, tid, address, size, time), Effects(registers, writes, host[:], linked)
                host.clear()
            linked = not (registers and registers[-1][1] == f.STOPPED)
        host += told.host(number + count)


class _Told:
    """The entries of a stretch's other records, in the order of their blocks."""

    def __init__(self) -> None:
        self._registers: Iterator[tuple[int, ...]] = iter(())
        self._writes: Iterator[tuple[int, ...]] = iter(())
        self._host: Iterator[tuple[int, int, bytes]] = iter(())
        self._register: tuple[int, ...] | None = None
        self._write: tuple[int, ...] | None = None
        self._host_write: tuple[int, int, bytes] | None = None

    def take(self, kind: bytes, data: bytes) -> None:
        """What a record of a kind holds. Raises ValueError for bytes that are no entries."""
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
        """(offset, register, value) of a block."""
        found = []
        while self._register is not None and self._register[0] >> 24 <= block:
            where, value = self._register
            found.append((where >> 8 & 0xFFFF, where & 0xFF, value))
            self._register = next(self._registers, None)
        return found

    def writes(self, block: int) -> list[Write]:
        """Those of a block."""
        found = []
        while self._write is not None and self._write[0] >> 24 <= block:
            where, address, value = self._write
            found.append(Write(where >> 8 & 0xFFFF, address, value.to_bytes(8, "little")[: where & f.WRITE - 1]))
            self._write = next(self._writes, None)
        return found

    def host(self, block: int) -> list[tuple[int, bytes]]:
        """What the host wrote before a block."""
        found = []
        while self._host_write is not None and self._host_write[0] <= block:
            found.append(self._host_write[1:])
            self._host_write = next(self._host, None)
        return found


def _unpacked(data: bytes, limit: int) -> bytes:
    """What zlib packed, which must be no more than `limit` bytes. Raises zlib.error, ValueError."""
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


def _number(value: Any) -> int:
    """A whole number that is not negative. Raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no number")
    return value


def _object(content: dict[str, Any]) -> MappedObject:
    for name in ("block", "bias", "start", "end", "size"):
        _number(content[name])
    if not all(type(content[name]) is str for name in ("path", "name", "sha256")):
        raise ValueError("a name is no text")
    return MappedObject(**content)


def _shown(kind: bytes) -> str:
    return kind.decode("latin-1") if kind.isalpha() else kind.hex()


def _marks(data: bytes, first: int) -> Iterator[tuple[int, ...]]:
    """(kind, block, values…) of each mark."""
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


def read_ilog(path: str) -> Iterator[tuple[int, int, int]]:
    """(thread, address, bytes executed) of every block in a log, in the order in which they ran. Raises IlogError."""
    for block in IlogFile(path).blocks():
        yield block.tid, block.address, block.size
