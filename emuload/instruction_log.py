"""The instruction log of a process: what the CPU, the scheduler and the loader say, brought together in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.trace.ilog import IlogWriter

if TYPE_CHECKING:
    from typing import Any

    from emuload.kernel.clock import VirtualClock
    from emuload.machine.cpu import Cpu
    from loader.objects import LinkedObject

PROT_EXEC = 4
MOST_CODE = 1 << 16
"""Executable memory outside of objects is kept up to this size a region: the kernel's pages and the gates are far below."""

KEYFRAME = 1 << 22
"""Blocks after which a keyframe is due even if the loop that runs is always guessed right."""


class InstructionLog:
    """Logs every block of code that `cpu` runs to `path`; to be made before any code has run, and closed at the end.

    Raises UsageError when the file cannot be written.
    """

    def __init__(self, path: str, cpu: Cpu, clock: VirtualClock, header: dict[str, Any]) -> None:
        self.path = path
        self._cpu = cpu
        self._clock = clock
        self._writer = IlogWriter(path, {**header, "clock": [clock.numerator, clock.denominator]})
        self._blocks = cpu.log_blocks(self._writer)
        self._objects: list[LinkedObject] = []

    @property
    def blocks(self) -> int:
        """How many blocks have run."""
        return self._blocks.blocks

    def slice(self, tid: int) -> None:
        """A slice of thread `tid` is about to run."""
        full = self._writer.slice(self._blocks.blocks, tid, self._clock.base + self._clock.skipped)
        if full or self._blocks.pending >= KEYFRAME:
            self._blocks.drain(self._cpu.clock_bytes)

    def mapped(self, loaded: LinkedObject) -> None:
        """An object has been mapped."""
        self._objects.append(loaded)
        described = {
            "path": loaded.path,
            "name": loaded.soname or loaded.name,
            "bias": loaded.bias,
            "start": loaded.start,
            "end": loaded.end,
            "builtin": loaded.is_builtin,
        }
        self._writer.mapped(self._blocks.blocks, described, bytes(loaded.elf.data))

    def unmapped(self, start: int) -> None:
        """The memory of the object at `start` has been given back."""
        self._objects = [known for known in self._objects if known.start != start]
        self._writer.unmapped(self._blocks.blocks, start)

    def close(self) -> None:
        """Write what is left and end the file. What runs afterwards is not logged."""
        if self._writer.closed:
            return
        self._blocks.drain(self._cpu.clock_bytes)
        for region in self._cpu.memory.regions():
            size = region.end - region.start
            if region.prot & PROT_EXEC and size <= MOST_CODE and not any(o.contains(region.start) for o in self._objects):
                self._writer.code(region.start, self._cpu.memory.read(region.start, size))
        self._writer.close()
