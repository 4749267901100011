"""Writes the instruction log (`emuload.ilog.format`) while the run goes on, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Mapping
from typing import Any, BinaryIO

from emuload.errors import UsageError
from emuload.ilog import format as f

MARK_BYTES = 1 << 16
"""Bytes of marks that end a stretch: threads that only wait must not fill memory."""


class IlogWriter:
    """Writes a log while the run goes on. Raises UsageError if the file cannot be made or written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = self._open()
        self._marks = bytearray()
        self._marked_at = 0
        self._slice: tuple[int, int, int] | None = None
        """The current slice, if not yet written: the block before which it began, its thread, how far time had jumped."""
        self._written = 0
        self._code_bytes = 0
        self._current = (0, 0)
        self._at_start = (0, 0)
        self._host_writes = bytearray()
        self._first = f.FIRST.pack(0)

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "wb")
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None

    def begin(self, header: dict[str, Any]) -> None:
        """Write the first record."""
        self._put(f.HEADER, {"schema": f.SCHEMA, **header}, f.MAGIC)

    def _put(self, kind: bytes, content: dict[str, Any], before: bytes = b"") -> None:
        self._record(kind, json.dumps(content, ensure_ascii=True).encode(), before)

    def _record(self, kind: bytes, payload: bytes, before: bytes = b"") -> None:
        if self._file.closed:
            return
        try:
            self._file.write(before + f.RECORD.pack(kind, len(payload), zlib.crc32(payload)) + payload)
            self._file.flush()
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from None

    def _mark(self, block: int, kind: int, *values: int) -> None:
        self._marks += b"".join(map(f.leb, (kind, block - self._marked_at, *values)))
        self._marked_at = block

    @property
    def closed(self) -> bool:
        """True if the file has its end."""
        return self._file.closed

    @property
    def written(self) -> int:
        """Number of blocks in the file."""
        return self._written

    def slice(self, block: int, tid: int, skipped: int) -> bool:
        """From block number `block` on thread `tid` runs; time has jumped by `skipped` ns so far. Returns True if there are so
        many marks that the hooks must be drained.
        """
        if self._slice is not None and self._slice[0] != block:
            self._mark_slice()
        if self._slice is not None or self._current != (tid, skipped):
            self._slice = block, tid, skipped
        return len(self._marks) >= MARK_BYTES

    def _mark_slice(self) -> None:
        """Make the current slice final: its blocks may follow, and no other slice can take its place."""
        if self._slice is not None:
            block, tid, skipped = self._slice
            self._slice = None
            if self._current != (tid, skipped):
                self._current = (tid, skipped)
                self._mark(block, f.SLICE, tid, skipped)

    def cut(self, block: int, size: int) -> None:
        """Only `size` bytes of the block before number `block` belong to the log."""
        self._mark_slice()
        self._mark(block, f.CUT, size)

    def blocks(self, count: int, entries: bytes, code_bytes: int) -> None:
        """Write a stretch: entries of key and run, both 64 bits; `code_bytes` had been executed at its end."""
        assert count <= f.MOST_BLOCKS
        if self._slice is not None and self._slice[0] < self._written + count:
            self._mark_slice()
        pairs = array("Q", entries)
        marks = bytes(self._marks)
        tid, skipped = self._at_start
        head = f.BLOCKS_HEAD.pack(self._written, self._code_bytes, count, len(pairs) // 2, skipped, tid, len(marks))
        packed = zlib.compress(marks + pairs[::2].tobytes() + pairs[1::2].tobytes(), 1)
        self._record(f.BLOCKS, head + packed)
        self._first = f.FIRST.pack(self._written)
        self._written += count
        self._code_bytes = code_bytes
        self._at_start = self._current
        self._marks.clear()
        self._marked_at = self._written
        self._flush_host_writes()

    def registers(self, entries: bytes) -> None:
        """Write the register values of the last stretch."""
        self._record(f.REGISTERS, self._first + zlib.compress(f.planes(entries, f.REGISTER_ENTRY), 1))

    def writes(self, entries: bytes) -> None:
        """Write the memory writes of the last stretch."""
        self._record(f.WRITES, self._first + zlib.compress(f.planes(entries, f.WRITE_ENTRY), 1))

    def host_write(self, block: int, address: int, data: bytes) -> None:
        """Note that the host wrote to the guest's memory before block number `block`."""
        self._host_writes += f.HOST_HEAD.pack(block, address, len(data)) + data

    def _flush_host_writes(self) -> None:
        if self._host_writes:
            self._record(f.HOST_WRITES, self._first + zlib.compress(bytes(self._host_writes), 1))
            self._host_writes.clear()

    def mapped(self, block: int, described: dict[str, Any], content: bytes) -> None:
        """Write that an object was mapped; `content` is its file's content."""
        digest = hashlib.sha256(content).hexdigest()
        self._put(f.OBJECT, {"block": block, **described, "size": len(content), "sha256": digest})

    def unmapped(self, block: int, start: int) -> None:
        """Write that the object at `start` was unmapped."""
        self._put(f.UNMAPPED, {"block": block, "start": start})

    def code(self, start: int, content: bytes) -> None:
        """Write code that is in no file; zeros at its end are left out."""
        self._put(f.CODE, {"start": start, "hex": content.rstrip(b"\0").hex()})

    def close(self, code_bytes: int, roles: Mapping[int, str] | None = None) -> None:
        """End the file of a run that executed `code_bytes`; `roles` are its threads' roles. A second call does nothing."""
        if not self._file.closed:
            self._flush_host_writes()
            named = {str(tid): role for tid, role in (roles or {}).items() if role}
            self._put(f.END, {"blocks": self._written, "code_bytes": code_bytes, "roles": named})
            self._file.close()
