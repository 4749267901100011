"""Virtual time. It moves with the code executed and jumps when every task waits; the host's clock plays no part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

SECOND = 1_000_000_000
TICK = SECOND // 100
"""Nanoseconds of a tick in times(2) and /proc (USER_HZ is 100)."""
EPOCH = 1_577_836_800 * SECOND
"""2020-01-01T00:00:00Z, the wall-clock time at which every run begins."""


class CodeCounter(Protocol):
    """A CPU that has executed `bytes_at_end - remaining[0]` code bytes.

    These are plain attributes because the clock is read for every event.
    """

    bytes_at_end: int
    remaining: Sequence[int]


class VirtualClock:
    """One nanosecond for each `bytes_per_ns` code bytes executed, plus the jumps."""

    def __init__(self, source: CodeCounter, bytes_per_ns: int = 1, base: int = SECOND) -> None:
        self.source = source
        self.bytes_per_ns = bytes_per_ns
        self.base = base
        """Monotonic ns at the start, plus all jumps."""

    def executed(self) -> int:
        """Nanoseconds of code executed: the CPU time of the process."""
        source = self.source
        return (source.bytes_at_end - source.remaining[0]) // self.bytes_per_ns

    def now(self) -> int:
        """Monotonic nanoseconds."""
        source = self.source
        return self.base + (source.bytes_at_end - source.remaining[0]) // self.bytes_per_ns

    def realtime(self) -> int:
        """Nanoseconds since 1970."""
        return EPOCH + self.now()

    def advance_to(self, instant: int) -> None:
        """Jump forward to a monotonic instant; an instant that has passed changes nothing."""
        self.base += max(0, instant - self.now())

    def bytes_until(self, instant: int) -> int:
        """Code bytes to execute before `instant`, at least 1; bounds the length of a slice."""
        return max(1, (instant - self.now()) * self.bytes_per_ns)
