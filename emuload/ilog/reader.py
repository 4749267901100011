"""Reads the instruction log (`emuload.ilog.format`): its objects at once, its blocks on demand.

Opening a log reads the heads of its records; stretches are read and unpacked when their blocks are asked for.
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
from emuload.ilog.stretch import Entries, Write, marks_of, unpacked

_STRETCH = (f.BLOCKS, f.REGISTERS, f.WRITES, f.HOST_WRITES)
_SENSELESS = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error, zlib.error)


class IlogError(UsageError):
    """The file is not an instruction log, or is damaged; the message says where."""


class Block(NamedTuple):
    """A block of code that ran: its number, the thread, the address, bytes executed, virtual nanoseconds at its start."""

    number: int
    tid: int
    address: int
    size: int
    time: int


class Effects(NamedTuple):
    """Effects of a block, and of the host before it.

    `registers` are (offset, register, value): values that hold before the instruction at that offset and differ from the last
    known ones; at offsets not below the block's size they hold after it. `linked`: the block before caused the first ones.
    `host` are (address, bytes) that the host wrote before the block.
    """

    registers: list[tuple[int, int, int]]
    writes: list[Write]
    host: list[tuple[int, bytes]]
    linked: bool


@dataclass
class MappedObject:
    """An object that was mapped from block number `block` on and until before block `until` (None: to the end)."""

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
    """A B record: its offset, its first block, the virtual nanoseconds before it, and the offsets of its R, W, M records."""

    at: int
    first: int
    time: int
    others: dict[bytes, int]


@dataclass
class IlogFile:
    """A log opened for reading: everything but the blocks.

    `complete` is false if the file ends without its last record. Raises IlogError.
    """

    path: str
    header: dict[str, Any] = field(default_factory=dict)
    objects: list[MappedObject] = field(default_factory=list)
    code: dict[int, bytes] = field(default_factory=dict)
    complete: bool = False
    block_count: int = 0
    code_bytes: int = 0
    roles: dict[int, str] = field(default_factory=dict)
    """Each thread's role; none in a log that was cut off."""
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
        """Kind and payload size of the record at `at`, which must fit into the file of `size` bytes."""
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
            names = content.get("registers") or []
            special = [content.get(name) for name in ("pc", "flags")] if names else []
            if type(names) is not list or not all(type(name) is str for name in [*names, *special]):
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
            self.roles = {int(tid): str(role) for tid, role in content.get("roles", {}).items()}

    @property
    def registers(self) -> list[str]:
        """The names of the registers whose values were logged, by number; empty if none were."""
        return self.header.get("registers") or []

    @property
    def has_writes(self) -> bool:
        """True if writes to memory were logged."""
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
        """The blocks from number `first` on; reading begins at the keyframe before it. Raises IlogError."""
        return (block for block, _ in self._read(first, ()))

    def effects(self, first: int = 0) -> Iterator[tuple[Block, Effects]]:
        """`blocks` with their effects; a last block of no size has what the host wrote at the end.

        All registers are known at the beginning of a stretch (`stretch_of`).
        """
        return self._read(first, (f.REGISTERS, f.WRITES, f.HOST_WRITES))

    def stretch_of(self, block: int) -> int:
        """The first block of the stretch that contains `block`: there all registers are known."""
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
                    entries = Entries()
                    for kind in wanted:
                        if (at := stretch.others.get(kind, 0)) != 0:
                            entries.take(kind, unpacked(self._payload(file, at)[f.FIRST.size :], f.MOST_UNPACKED))
                    at = stretch.at
                    for block, effects in self._expand(payload, entries, host):
                        if block.number >= first:
                            yield block, effects
                except _SENSELESS as error:
                    raise IlogError(f"{self.path}: offset {at}: the record makes no sense ({error})") from None
        if host:
            yield Block(self.block_count, 0, 0, 0, 0), Effects([], [], host, False)

    def _expand(self, payload: bytes, entries: Entries, host: list[tuple[int, bytes]]) -> Iterator[tuple[Block, Effects]]:
        """A stretch's blocks. `host` collects what the host wrote before the next block."""
        number, code_bytes, count, misses, skipped, tid, marks_size = f.BLOCKS_HEAD.unpack_from(payload)
        plain = unpacked(payload[f.BLOCKS_HEAD.size :], marks_size + 16 * misses)
        numerator, denominator = self.header["clock"]
        keys = struct.unpack_from(f"<{misses}Q", plain, marks_size)
        runs = iter(struct.unpack_from(f"<{misses}Q", plain, marks_size + 8 * misses))
        marks = marks_of(plain[:marks_size], number)
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
            if size == f.UNLOGGED_SIZE:
                code_bytes += address
                linked = False
                continue
            if mark is not None and mark[0] == f.CUT and mark[1] == block + 1:
                size = mark[2]
                mark = next(marks, None)
            time = skipped + code_bytes * numerator // denominator
            code_bytes += size
            host += entries.host(block)
            registers, writes = entries.registers(block), entries.writes(block)
            if size:
                yield Block(block, tid, address, size, time), Effects(registers, writes, host[:], linked)
                host.clear()
            linked = not (registers and registers[-1][1] == f.STOPPED)
        host += entries.host(number + count)


def _number(value: Any) -> int:
    """`value`, if it is a whole number that is not negative. Raises ValueError."""
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


def read_ilog(path: str) -> Iterator[tuple[int, int, int]]:
    """(thread, address, bytes executed) of every block in a log, in the order in which they ran. Raises IlogError."""
    for block in IlogFile(path).blocks():
        yield block.tid, block.address, block.size
