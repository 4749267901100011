"""The instruction log of a process: one file with code blocks from the CPU, slices from the scheduler, objects from the loader.

The format is that of `emuload.ilog.format`; events decide when it begins and ends if the request says so.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emuload.ilog.selection import OPTION, Selection, merged, parse_selection
from emuload.ilog.writer import IlogWriter
from loader.memory import PROT_EXEC

if TYPE_CHECKING:
    from typing import Any

    from emuload.kernel.clock import VirtualClock
    from emuload.kernel.task import Task
    from emuload.machine.cpu import Cpu
    from emuload.process.options import Options
    from emuload.process.scheduler import Scheduler
    from emuload.trace.events import Event
    from loader.objects import LinkedObject

MOST_CODE = 1 << 16
"""Largest region of executable memory outside of objects that is kept, in bytes; the kernel's pages and the host stubs are far
smaller."""

KEYFRAME = 1 << 22
"""Blocks after which a keyframe is written even if the predictor is always right."""


@dataclass(frozen=True)
class LogRequest:
    """A log to be written to the file `path`.

    `only` selects a part of the run (`emuload.ilog.selection`; empty: all of it); `memory_writes` and `register_writes` add
    what each instruction wrote. Raises UsageError for texts that make no sense.
    """

    path: str
    only: Sequence[str] = ()
    memory_writes: bool = False
    register_writes: bool = False

    def __post_init__(self) -> None:
        parse_selection(self.only).check_kinds()


def attach_log(wanted: str | LogRequest, options: Options, scheduler: Scheduler) -> InstructionLog:
    """Log a scheduler's CPU, which has not run anything yet; `wanted` as a text is the path of a log of everything.

    Raises UsageError if the file cannot be written.
    """
    request = LogRequest(wanted) if isinstance(wanted, str) else wanted
    header = {
        "arch": options.arch,
        "profile": options.profile.name,
        "args": options.argument_texts,
        "env": options.environment_texts,
        "seed": options.seed,
    }
    log = scheduler.log = InstructionLog(request, scheduler.cpu, scheduler.clock, header, scheduler.kernel.tasks)
    if log.watches_events:
        scheduler.kernel.events.add_listener(log.event)
    return log


class InstructionLog:
    """Logs blocks of code that `cpu` runs; to be made before any code has run, and closed at the end.

    Raises UsageError if the file cannot be written.
    """

    def __init__(
        self, request: LogRequest, cpu: Cpu, clock: VirtualClock, header: dict[str, Any], tasks: Mapping[int, Task]
    ) -> None:
        self.path = request.path
        self._tasks = tasks
        self._cpu = cpu
        self._clock = clock
        self._choice = _Choice(parse_selection(request.only))
        self._writer = IlogWriter(request.path)
        self._blocks = cpu.log_blocks(self._writer).blocks
        described = {**header, "clock": [1, clock.bytes_per_ns], "chosen": list(self._choice.selection.texts)}
        if request.register_writes:
            described["registers"] = cpu.log_registers()
            described |= {"pc": cpu.pc_name, "flags": cpu.flags_name}
        if request.memory_writes:
            cpu.log_writes()
            described["memory"] = True
        self._writer.begin(described)
        self._objects: list[LinkedObject] = []
        self._choose()

    @property
    def blocks(self) -> int:
        """Number of blocks in the log."""
        return self._blocks.blocks

    @property
    def watches_events(self) -> bool:
        """True if events decide when something is logged."""
        return self._choice.selection.events is not None

    @property
    def unmet(self) -> list[str]:
        """Parts of the selection that never occurred: a line for each."""
        return self._choice.unmet()

    def _choose(self) -> None:
        self._cpu.choose_log(self._choice.ranges())

    def slice(self, tid: int) -> None:
        """A slice of thread `tid` is about to run."""
        full = self._writer.slice(self._blocks.blocks, tid, self._clock.base)
        if full or self._blocks.pending >= KEYFRAME:
            self._cpu.drain_log()

    def event(self, event: Event) -> None:
        """An event has been recorded."""
        if self._choice.event(event):
            self._choose()

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
        if self._choice.mapped(loaded):
            self._choose()

    def unmapped(self, start: int) -> None:
        """The memory of the object at `start` has been given back."""
        self._objects = [known for known in self._objects if known.start != start]
        self._writer.unmapped(self._blocks.blocks, start)
        if self._choice.unmapped(start):
            self._choose()

    def close(self) -> None:
        """Write the rest and end the file. Code that runs later is not logged."""
        if self._writer.closed:
            return
        self._cpu.drain_log()
        for region in self._cpu.memory.regions():
            size = region.end - region.start
            if region.prot & PROT_EXEC and size <= MOST_CODE and not any(o.contains(region.start) for o in self._objects):
                self._writer.code(region.start, self._cpu.memory.read(region.start, size))
        self._writer.close(self._cpu.clock_bytes, {tid: task.role for tid, task in self._tasks.items()})
        self._cpu.choose_log([])


class _Choice:
    """A selection applied to a run: the addresses of its functions and places, and which of its events have happened."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._found: dict[int, list[range]] = {}
        """Ranges by the start of the object they are in; fixed addresses under -1."""
        self._met: set[str] = set()
        self._functions = [(text, re.compile(fnmatch.translate(text)).match) for text in selection.functions]
        self._places = [place for place in selection.places if place.object]
        self._found[-1] = [place.range for place in selection.places if not place.object]
        self._waits_for = [pattern for pattern in selection.events or () if pattern is not None]
        self._open = selection.events is None or selection.events[0] is None

    def ranges(self) -> list[range] | None:
        """The ranges to be logged now; None for everything."""
        if not self._open:
            return []
        if not self.selection.functions and not self.selection.places:
            return None
        return merged(each for found in self._found.values() for each in found)

    def event(self, event: Event) -> bool:
        """Take note of an event; True if it changes what is logged."""
        if not self._waits_for or not self._waits_for[0].matches(event):
            return False
        del self._waits_for[0]
        self._open = not self._open
        return True

    def mapped(self, loaded: LinkedObject) -> bool:
        """Take note of an object; True if there is something to log in it."""
        found: list[range] = []
        names = {loaded.path, posixpath.basename(loaded.path), loaded.soname or loaded.name}
        for place in self._places:
            if place.of(names):
                self._met.add(place.text)
                found.append(range(loaded.bias + place.range.start, loaded.bias + place.range.stop))
        if self._functions:
            found += self._functions_in(loaded)
        if found:
            self._found[loaded.start] = found
        return bool(found)

    def _functions_in(self, loaded: LinkedObject) -> list[range]:
        from emuload.unwind.functions import functions

        found = []
        for name, start, end in functions(loaded.elf):
            for text, matches in self._functions:
                if matches(name):
                    self._met.add(text)
                    found.append(range(loaded.bias + start, loaded.bias + end))
        return found

    def unmapped(self, start: int) -> bool:
        """Forget the object at `start`; True if there was something to log in it."""
        return self._found.pop(start, None) is not None

    def unmet(self) -> list[str]:
        """Parts of the selection that never occurred, a line for each."""
        functions = [f"{OPTION} {t}: no function is called so" for t in self.selection.functions if t not in self._met]
        places = [f"{OPTION} {p.text}: there was no object {p.object}" for p in self._places if p.text not in self._met]
        events = [f"{OPTION}: the event {pattern.text} never happened" for pattern in self._waits_for[:1]]
        return functions + places + events
