"""The instruction log on disk: every block of code a run executed, with thread and virtual time, in bounded memory.

An `.ilog` file is `EMUILOG\\0` and then records, all little-endian:

    kind (one letter), payload size u32, CRC-32 of the payload u32, payload

    H  the first one: JSON with `schema`, `arch`, and what the run was given
    O  JSON: an object was mapped: `block` (how many blocks had run), path, name, bias, start, end, size and SHA-256 of its
       file
    U  JSON: the object mapped at `start` went away, before block `block`
    K  JSON: code that no file holds (the kernel's pages, the emulator's gates): start, hex
    B  blocks: the 40 bytes of _BLOCKS, then zlib: marks (LEB128), entries' keys u64, entries' runs u64
    E  the last one: JSON with `blocks` and `code_bytes`; a file without it was cut off, its other records still count

Every B record is a keyframe: it says how many blocks and code bytes went before, which thread runs, how far virtual
time has jumped, and its guesses begin with an empty table (`emuload.trace.predictor`).

Marks are kind, blocks since the mark before, values. Kind 0, a slice began: thread, nanoseconds virtual time has jumped since the
start of the run. Kind 1, the block just run was left in the middle (a fault, a stop): bytes of it that were executed.

The contents are the same on every host; how zlib packs them may depend on its version.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from emuload.errors import UsageError
from emuload.trace import predictor

MAGIC = b"EMUILOG\0"
SCHEMA = 1
HEADER, OBJECT, UNMAPPED, CODE, BLOCKS, END = b"H", b"O", b"U", b"K", b"B", b"E"
SLICE, CUT = 0, 1
MARK_BYTES = 1 << 16
"""So many bytes of marks end a chunk, so that waiting threads cannot fill memory."""

_RECORD = struct.Struct("<cII")
_BLOCKS = struct.Struct("<QQIIQII")
"""First block, code bytes before it, blocks, entries, virtual nanoseconds skipped, thread, bytes of marks."""
_MOST_BLOCKS = 0xFFFFFFFF
_MOST_PAYLOAD = 1 << 28


class IlogError(UsageError):
    """The file is no instruction log, or a damaged one; the message says where."""


class Block(NamedTuple):
    """A block of code that ran: its number, the thread, the address, bytes executed, virtual nanoseconds at its start."""

    number: int
    tid: int
    address: int
    size: int
    time: int


def _leb(value: int) -> bytes:
    """Unsigned LEB128 (DWARF 5, 7.6)."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


class IlogWriter:
    """Writes a log while the run goes on. Raises UsageError when the file cannot be made or written."""

    def __init__(self, path: str, header: dict[str, Any]) -> None:
        self.path = path
        self._file = self._open()
        self._marks = bytearray()
        self._marked_at = 0
        self._written = 0
        self._code_bytes = 0
        self._current = (0, 0)
        self._at_start = (0, 0)
        self._put(HEADER, {"schema": SCHEMA, **header}, MAGIC)

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "wb")
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None

    def _put(self, kind: bytes, content: dict[str, Any], before: bytes = b"") -> None:
        self._record(kind, json.dumps(content, ensure_ascii=True).encode(), before)

    def _record(self, kind: bytes, payload: bytes, before: bytes = b"") -> None:
        if self._file.closed:
            return
        try:
            self._file.write(before + _RECORD.pack(kind, len(payload), zlib.crc32(payload)) + payload)
            self._file.flush()
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None

    def _mark(self, block: int, kind: int, *values: int) -> None:
        self._marks += b"".join(map(_leb, (kind, block - self._marked_at, *values)))
        self._marked_at = block

    @property
    def closed(self) -> bool:
        """Whether the file has its end."""
        return self._file.closed

    def slice(self, block: int, tid: int, skipped: int) -> bool:
        """Before block number `block`: thread `tid` runs, time has jumped by `skipped` ns so far. True: drain, please."""
        if self._current != (tid, skipped):
            self._current = (tid, skipped)
            self._mark(block, SLICE, tid, skipped)
        return len(self._marks) >= MARK_BYTES

    def cut(self, block: int, size: int) -> None:
        """Of the block before number `block` only `size` bytes were executed."""
        self._mark(block, CUT, size)

    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None:
        """A stretch of the log: entries of key and run, both 64 bits; `code_bytes` had been executed at its end."""
        assert count <= _MOST_BLOCKS
        pairs = array("Q", entries)
        marks = bytes(self._marks)
        tid, skipped = self._at_start
        head = _BLOCKS.pack(self._written, self._code_bytes, count, len(pairs) // 2, skipped, tid, len(marks))
        packed = zlib.compress(marks + pairs[::2].tobytes() + pairs[1::2].tobytes(), 1)
        self._record(BLOCKS, head + packed)
        self._written += count
        self._code_bytes = code_bytes
        self._at_start = self._current
        self._marks.clear()
        self._marked_at = self._written

    def mapped(self, block: int, described: dict[str, Any], content: bytes) -> None:
        """An object was mapped; `content` is its file's."""
        digest = hashlib.sha256(content).hexdigest()
        self._put(OBJECT, {"block": block, **described, "size": len(content), "sha256": digest})

    def unmapped(self, block: int, start: int) -> None:
        """The object at `start` went away."""
        self._put(UNMAPPED, {"block": block, "start": start})

    def code(self, start: int, content: bytes) -> None:
        """Code that no file holds."""
        self._put(CODE, {"start": start, "hex": content.hex()})

    def close(self) -> None:
        """End the file; it stays as it is when called again."""
        if not self._file.closed:
            self._put(END, {"blocks": self._written, "code_bytes": self._code_bytes})
            self._file.close()


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


@dataclass
class IlogFile:
    """A log opened for reading: everything but the blocks, which are read as they are asked for.

    `complete` is false when the file ends without its last record. Raises IlogError.
    """

    path: str
    header: dict[str, Any] = field(default_factory=dict)
    objects: list[MappedObject] = field(default_factory=list)
    code: dict[int, bytes] = field(default_factory=dict)
    complete: bool = False
    block_count: int = 0
    code_bytes: int = 0
    _chunks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self._open() as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise IlogError(f"{self.path}: not an instruction log")
            for at, kind, payload in self._records(file):
                try:
                    self._take(at, kind, payload)
                except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                    raise IlogError(f"{self.path}: offset {at}: record {kind!r} makes no sense ({error})") from None
        if not self.header:
            raise IlogError(f"{self.path}: the header is missing")

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise IlogError(f"{self.path}: {error.strerror or error}") from None

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes, bytes]]:
        """(offset, kind, payload) of every record, checked. A file that ends within one was damaged."""
        while True:
            at = file.tell()
            head = file.read(_RECORD.size)
            if not head:
                return
            if len(head) < _RECORD.size:
                raise IlogError(f"{self.path}: offset {at}: cut short")
            kind, size, crc = _RECORD.unpack(head)
            payload = file.read(size) if size <= _MOST_PAYLOAD else b""
            if len(payload) < size:
                raise IlogError(f"{self.path}: offset {at}: cut short")
            if zlib.crc32(payload) != crc:
                raise IlogError(f"{self.path}: offset {at}: the checksum is wrong")
            yield at, kind, payload

    def _take(self, at: int, kind: bytes, payload: bytes) -> None:
        if kind == BLOCKS:
            first, before, count, *_ = _BLOCKS.unpack_from(payload)
            if first != self.block_count or before < self.code_bytes:
                raise ValueError(f"block {first} follows {self.block_count}")
            self.block_count, self.code_bytes = first + count, before
            self._chunks.append(at)
            return
        content = json.loads(payload)
        if kind == HEADER:
            if content["schema"] != SCHEMA:
                raise IlogError(f"{self.path}: schema {content['schema']} is newer than this program's {SCHEMA}")
            self.header = content
        elif kind == OBJECT:
            self.objects.append(MappedObject(**content))
        elif kind == UNMAPPED:
            for known in self.objects:
                if known.start == content["start"] and known.until is None:
                    known.until = content["block"]
        elif kind == CODE:
            self.code[content["start"]] = bytes.fromhex(content["hex"])
        elif kind == END:
            self.complete, self.code_bytes = content["blocks"] == self.block_count, content["code_bytes"]

    def object_at(self, address: int, block: int) -> MappedObject | None:
        """The object that held `address` when block number `block` ran."""
        for known in self.objects:
            if known.start <= address < known.end and known.block <= block and (known.until is None or block < known.until):
                return known
        return None

    def blocks(self, first: int = 0) -> Iterator[Block]:
        """The blocks from number `first` on; the keyframe before it is where reading begins. Raises IlogError."""
        with self._open() as file:
            for at in self._chunks:
                file.seek(at)
                _, _, payload = next(self._records(file))
                if _BLOCKS.unpack_from(payload)[0] + _BLOCKS.unpack_from(payload)[2] <= first:
                    continue
                try:
                    for block in self._expand(payload):
                        if block.number >= first:
                            yield block
                except (zlib.error, IndexError, struct.error) as error:
                    raise IlogError(f"{self.path}: offset {at}: the blocks make no sense ({error})") from None

    def _expand(self, payload: bytes) -> Iterator[Block]:
        number, code_bytes, count, misses, skipped, tid, marks_size = _BLOCKS.unpack_from(payload)
        plain = zlib.decompress(memoryview(payload)[_BLOCKS.size :])
        numerator, denominator = self.header["clock"]
        keys = struct.unpack_from(f"<{misses}Q", plain, marks_size)
        runs = iter(struct.unpack_from(f"<{misses}Q", plain, marks_size + 8 * misses))
        marks = _marks(plain[:marks_size], number)
        mark = next(marks, None)
        table: dict[int, int] = {}
        slot, taken, missed = 0, 0, number - 1 + next(runs, count + 1)
        for block in range(number, number + count):
            while mark is not None and mark[1] <= block:
                if mark[0] == SLICE:
                    _, _, tid, skipped = mark
                mark = next(marks, None)
            if block == missed:
                key = table[slot] = keys[taken]
                taken += 1
                missed += next(runs, count + 1)
            else:
                key = table.get(slot, 0)
            slot = predictor.place(key)
            address, size = key & predictor.ADDRESS, key >> predictor.SIZE_SHIFT
            time = skipped + code_bytes * numerator // denominator
            code_bytes += size
            if mark is not None and mark[0] == CUT and mark[1] == block + 1:
                size = mark[2]
                mark = next(marks, None)
            if size:
                yield Block(block, tid, address, size, time)


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
        if kind == SLICE:
            yield SLICE, block, value(), value()
        elif kind == CUT:
            yield CUT, block, value()
        else:
            raise IndexError(f"mark {kind}")


def read_ilog(path: str) -> Iterator[tuple[int, int, int]]:
    """(thread, address, bytes executed) of every block in a log, in the order in which they ran. Raises IlogError."""
    for block in IlogFile(path).blocks():
        yield block.tid, block.address, block.size
