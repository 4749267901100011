"""The host's end of the standard streams: input from bytes or a function; output kept in order, bounded, passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

EVENT_TEXT: Final = 4096
"""Bytes of a write that its event shows."""


class BoundExceeded(Exception):
    """A bound of the run was reached: `what` names it ("output"), `limit` is its value. Not an error of the guest."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"the bound of {limit} bytes of {what} was reached")
        self.what = what
        self.limit = limit


class HostHook:
    """A function of the host. Copies of a run share it."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __deepcopy__(self, memo: object) -> HostHook:
        return self


class Input:
    """Standard input: bytes given at the start, then those of `source`, called with a size until it gives none."""

    def __init__(self, data: bytes = b"", source: Callable[[int], bytes] | None = None) -> None:
        self.data = bytearray(data)
        self.source = HostHook(source) if source is not None else None

    def waiting(self) -> int:
        """The number of bytes at hand; if there are none, the source is asked for one."""
        if not self.data:
            self._fill(1)
        return len(self.data)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if not self.data and size:
            self._fill(size)
        data = bytes(self.data[:size])
        del self.data[:size]
        return data

    def _fill(self, size: int) -> None:
        if self.source is not None:
            data = self.source.function(size)
            self.data += data
            if not data:
                self.source = None


class Output:
    """Chunks (stream number, bytes) in the order they were written. `limit` bounds their total in bytes.

    `passthrough` is called with each chunk: `function(stream, data)`.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self.chunks: list[tuple[int, bytes]] = []
        self.total = 0
        self.limit = limit
        self.passthrough: HostHook | None = None

    def append(self, stream: int, data: bytes) -> None:
        """Keep a chunk and pass it on."""
        self.chunks.append((stream, data))
        self.total += len(data)
        if self.passthrough is not None:
            self.passthrough.function(stream, data)

    def room(self) -> int:
        """Bytes that may still be written."""
        return self.limit - self.total

    def of(self, stream: int) -> bytes:
        """Everything written to one stream (1: standard output, 2: standard error)."""
        return b"".join(data for number, data in self.chunks if number == stream)


def shown(data: bytes) -> str:
    """Bytes as an event shows them: UTF-8, other bytes as \\xNN, at most `EVENT_TEXT` bytes."""
    return data[:EVENT_TEXT].decode("utf-8", "backslashreplace")
