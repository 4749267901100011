"""The Go libraries of a run, their code and the threads of their runtimes, learned from events alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from emuload.trace.events import Event
from emuload.trace.kinds.golang import GO_RT0_LIB_GO, GO_SYSMON
from emuload.trace.kinds.libc import THREAD_START
from emuload.trace.kinds.linker import OBJECT_MAPPED, OBJECT_UNMAPPED


@dataclass(eq=False)
class GoObjects:
    """Learns as events come: call `see` with each, in order."""

    ranges: dict[str, range] = field(default_factory=dict)
    """The address range of each mapped object, Go's or not."""
    objects: set[str] = field(default_factory=set)
    """The Go libraries."""
    _routines: dict[int, int] = field(default_factory=dict)
    """The start routine of each thread."""
    _thread_routine: dict[str, int] = field(default_factory=dict)
    """The start routine of each runtime's threads, by object."""
    _first_thread: dict[str, int] = field(default_factory=dict)
    """The thread that the library's constructor made, by object."""

    def see(self, event: Event) -> None:
        """Take note of one event."""
        kind, fields = event.kind, event.fields
        if kind.startswith("go-"):
            name = str(fields.get("object"))
            self.objects.add(name)
            if kind == GO_RT0_LIB_GO.name:
                self._first_thread[name] = event.tid
            elif kind == GO_SYSMON.name and event.tid in self._routines:
                self._thread_routine[name] = self._routines[event.tid]
        elif kind == THREAD_START.name:
            routine = fields.get("routine")
            if isinstance(routine, int):
                self._routines[event.tid] = routine
        elif kind == OBJECT_MAPPED.name:
            address, size = fields.get("address"), fields.get("size")
            if isinstance(address, int) and isinstance(size, int):
                self.ranges[str(fields.get("object"))] = range(address, address + size)
        elif kind == OBJECT_UNMAPPED.name:
            self.ranges.pop(str(fields.get("object")), None)

    def at(self, pc: int) -> str:
        """The object that contains `pc`, "" if none does."""
        return next((name for name, place in self.ranges.items() if pc in place), "") if pc else ""

    def is_code(self, pc: int) -> bool:
        """True if `pc` is in a Go library."""
        return bool(pc) and any(pc in self.ranges.get(name, ()) for name in self.objects)

    def is_own_thread(self, name: str, tid: int) -> bool:
        """True if the runtime of the Go library `name` made the thread, so that Go code on it was not called from outside.

        All its threads but the first have the watchdog's start routine (runtime/cgo/gcc_linux.c, threadentry).
        """
        if self._first_thread.get(name) == tid:
            return True
        routine = self._thread_routine.get(name)
        return routine is not None and self._routines.get(tid) == routine
