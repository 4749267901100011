"""Instants at which a wait times out or a timer fires, the earliest first.

A wait that ends early leaves its entry behind. Stale entries are dropped when they come up, and all at once when the heap has
doubled since the last time, as trio's `Deadlines` does, so that its size stays in proportion to what is pending.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

TASK, TIMER, HOST, TIMERFD = range(4)
"""Kinds of entries: a task's wait, a POSIX or interval timer, an alarm of the host, a timerfd."""

Deadline = tuple[int, int, int, int]
"""(monotonic ns, sequence number when it was set, kind, tid or id)"""

PRUNE_FROM = 1000
"""Size below which stale entries do no harm."""


class Deadlines:
    """A heap of deadlines."""

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._prune_at = PRUNE_FROM

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, deadline: Deadline, is_current: Callable[[Deadline], bool]) -> None:
        """Add an entry. When stale entries are dropped, `is_current` tells which ones to keep."""
        heapq.heappush(self._heap, deadline)
        if len(self._heap) > self._prune_at:
            self._heap = [entry for entry in self._heap if is_current(entry)]
            heapq.heapify(self._heap)
            self._prune_at = max(PRUNE_FROM, 2 * len(self._heap))

    def first(self, is_current: Callable[[Deadline], bool]) -> int | None:
        """The instant of the earliest entry that counts, or None."""
        heap = self._heap
        while heap and not is_current(heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> Deadline | None:
        """Remove and return the earliest entry, stale ones included, if it is due by `now`."""
        heap = self._heap
        return heapq.heappop(heap) if heap and heap[0][0] <= now else None

    def clear(self) -> None:
        """Drop all entries."""
        self._heap.clear()
