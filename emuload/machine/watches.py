"""Watched instructions of a CPU: whom to call, and that nobody is called twice for one execution."""

from __future__ import annotations

from collections.abc import Callable

Watcher = Callable[[int], None]
"""Called with the address of the instruction that is about to run."""


class WatchTable:
    """The watchers of each address, in order of registration."""

    def __init__(self) -> None:
        self._watchers: dict[int, tuple[Watcher, ...]] = {}
        self._passed: tuple[int, int] | None = None

    def add(self, address: int, watcher: Watcher) -> bool:
        """Add a watcher; True if it is the first one of its address. One added during a hit is called from the next hit on."""
        known = self._watchers.get(address, ())
        self._watchers[address] = (*known, watcher)
        return not known

    def hit(self, address: int, clock_bytes: int) -> None:
        """Call the watchers, unless they were called before a stop from which the CPU now goes on."""
        passed, self._passed = self._passed, None
        if passed != (address, clock_bytes):
            for watcher in self._watchers[address]:
                watcher(address)

    def stopped(self, address: int, clock_bytes: int) -> None:
        """A watcher stopped the CPU before its instruction, which calls this hook once more when the CPU goes on."""
        self._passed = address, clock_bytes
