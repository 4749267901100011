"""Gates: addresses whose code traps to the host, recognised by where it is.

Gate 0 is where every call made by the host returns to. Further gates stand for C library functions that the emulated
library lacks (reported with their caller when called) and for callbacks the host provides.
"""

from __future__ import annotations

from emuload.errors import UsageError
from emuload.machine.cpu import Cpu

GATE_SIZE = 16
PAGES = 8
PROT_READ_EXEC = 5


class Gates:
    """The page of stubs and what each stands for: ("return" | "missing" | "callback", name or index)."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.entries: list[tuple[str, str, int]] = []
        self._missing: dict[str, int] = {}

    @property
    def end(self) -> int:
        """First address behind the gates."""
        return self.base + PAGES * 4096

    def add(self, kind: str, name: str, index: int = 0) -> int:
        """Hand out the next gate and return its address. Raises UsageError when there are no more."""
        if self.full:
            raise UsageError(f"no room for {name}: there are {len(self.entries)} missing functions and callbacks already")
        self.entries.append((kind, name, index))
        return self.base + (len(self.entries) - 1) * GATE_SIZE

    @property
    def full(self) -> bool:
        """Whether all gates are handed out."""
        return len(self.entries) >= PAGES * 4096 // GATE_SIZE

    def missing(self, name: str) -> int | None:
        """The gate of a function that the C library lacks, always the same for a name; None when there are no more."""
        if name not in self._missing:
            if self.full:
                return None
            self._missing[name] = self.add("missing", name)
        return self._missing[name]

    def at(self, pc: int) -> tuple[str, str, int]:
        """What the gate around `pc` stands for; ("none", "", 0) when it was not handed out."""
        number = (pc - self.base) // GATE_SIZE
        return self.entries[number] if number < len(self.entries) else ("none", "", 0)


def map_gates(cpu: Cpu) -> Gates:
    """Map the stubs just above the range that mmap hands out."""
    base = cpu.abi.map_top
    cpu.memory.mmap_kernel(base, PAGES * 4096, PROT_READ_EXEC, "[gates]")
    cpu.memory.write(base, cpu.gate_code().ljust(GATE_SIZE, b"\0") * (PAGES * 4096 // GATE_SIZE))
    gates = Gates(base)
    gates.add("return", "return to the host")
    return gates
