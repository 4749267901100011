"""Watched instructions of Go libraries: each hit goes to its library's tracker, whose events may give the thread a role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from emuload.golang.library import open_library
from emuload.golang.tracker import ROLE_OF_EVENT, ExportStep, HandoffTracker
from emuload.machine.cpu import Cpu
from emuload.trace.events import Recorder
from loader.objects import LinkedObject


class Thread(Protocol):
    """A guest thread as the kernel keeps it."""

    tid: int
    pc: int
    role: str


class Threads(Protocol):
    """The kernel's threads."""

    @property
    def current(self) -> Thread | None:
        """The thread on the CPU, or None between slices."""
        ...


class Watches:
    """The trackers of all Go libraries in a process, and the tracker of each watched address.

    Hooks are installed when an object is mapped and stay: a changed set of hooks would change how code is cut into blocks.
    """

    def __init__(self, cpu: Cpu, threads: Threads, recorder: Recorder, environment: Sequence[bytes]) -> None:
        self._cpu = cpu
        self._threads = threads
        self._recorder = recorder
        self._environment = tuple(environment)
        self.trackers: list[HandoffTracker] = []
        self._owners: dict[int, tuple[HandoffTracker, tuple[ExportStep, str] | None]] = {}
        self._installed: set[int] = set()

    def add(self, loaded: LinkedObject) -> HandoffTracker | None:
        """Watch an object's handoff if it is Go's; call it before any of its code has run."""
        library = open_library(loaded.elf)
        if library is None:
            return None

        def symbol(name: str) -> int | None:
            found = loaded.symbol(name)
            return found.value if found is not None else None

        tracker = HandoffTracker.of(library, symbol, loaded.path, loaded.bias, self._environment)
        self.trackers.append(tracker)
        current = self._threads.current
        self._recorder.emit("go-library", current.tid if current is not None else 0, object=loaded.path, waits=tracker.waits)
        for address in tracker.addresses:
            self._owners[address] = (tracker, tracker.step_at(address))
            if address not in self._installed:
                self._installed.add(address)
                self._cpu.watch(address, self.hit)
        return tracker

    def hit(self, address: int) -> None:
        """The CPU is about to run a watched instruction."""
        tracker, step = self._owners[address]
        task = self._threads.current
        if task is None:
            return
        task.pc = self._recorder.pc = address
        if step is not None:
            hit = step[0](tracker, step[1], task.tid)
            if hit is not None:
                self._recorder.repeat(hit.kind, task.tid, hit.names, hit.values)
            return
        for kind, names, values in tracker.on_hit(address, task.tid, self._cpu, self._cpu.memory):
            if kind in ROLE_OF_EVENT:
                task.role = ROLE_OF_EVENT[kind]
            self._recorder.repeat(kind, task.tid, names, values)
