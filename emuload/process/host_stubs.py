"""Host stubs: addresses whose code traps to the host, which recognises them by where they are.

Every call that the host makes returns to stub 0. Further stubs are C library functions that the emulated library lacks
(reported with their caller if they are called) and callbacks into Python.
"""

from __future__ import annotations

from emuload.errors import UsageError
from emuload.machine.cpu import Cpu
from loader.memory import PROT_EXEC, PROT_READ

STUB_SIZE = 16
"""Bytes of a stub."""

PAGES = 8
NAME = "[gates]"
"""The mapping's name in /proc/self/maps and in reports."""


class HostStubs:
    """The stubs of a process and their meanings: ("return" | "missing" | "callback", name, index of the callback)."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.entries: list[tuple[str, str, int]] = []
        self._missing: dict[str, int] = {}

    @property
    def end(self) -> int:
        """First address after the stubs."""
        return self.base + PAGES * 4096

    def add(self, kind: str, name: str, index: int = 0) -> int:
        """Hand out the next stub and return its address. Raises UsageError if none is left."""
        if self.full:
            raise UsageError(f"no room for {name}: there are {len(self.entries)} missing functions and callbacks already")
        self.entries.append((kind, name, index))
        return self.base + (len(self.entries) - 1) * STUB_SIZE

    @property
    def full(self) -> bool:
        """True if all stubs are handed out."""
        return len(self.entries) >= PAGES * 4096 // STUB_SIZE

    def missing(self, name: str) -> int | None:
        """The stub of a function that the C library lacks, the same one for a name each time; None if none is left."""
        if name not in self._missing:
            if self.full:
                return None
            self._missing[name] = self.add("missing", name)
        return self._missing[name]

    def at(self, pc: int) -> tuple[str, str, int]:
        """The meaning of the stub around `pc`; ("none", "", 0) if it was not handed out."""
        number = (pc - self.base) // STUB_SIZE
        return self.entries[number] if number < len(self.entries) else ("none", "", 0)


def map_host_stubs(cpu: Cpu) -> HostStubs:
    """Map the stubs just above the range that mmap hands out."""
    base = cpu.abi.map_top
    cpu.memory.mmap_kernel(base, PAGES * 4096, PROT_READ | PROT_EXEC, NAME)
    cpu.memory.write(base, cpu.stub_code().ljust(STUB_SIZE, b"\0") * (PAGES * 4096 // STUB_SIZE))
    stubs = HostStubs(base)
    stubs.add("return", "return to the host")
    return stubs
