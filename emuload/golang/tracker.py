"""Steps of a Go library's initialisation as events.

The process watches the instructions of `watch_points` and hands each hit to the library's `HandoffTracker`, which turns it
into an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from emuload.golang.library import GoLibrary, Lookup
from emuload.golang.watch_points import watch_points
from emuload.trace.events import Value

ROLE_OF_EVENT = {"go-rt0-lib-go": "runtime", "go-sysmon": "sysmon"}
"""Role of the thread that emits an event."""


class Registers(Protocol):
    """The CPU that hit a watch point."""

    @property
    def sp(self) -> int: ...
    def register(self, name: str) -> int: ...


class Memory(Protocol):
    """The guest's memory. Reading an unmapped address raises an exception."""

    def read(self, address: int, size: int) -> bytes: ...


def package_of(function: str) -> str:
    """The package path of a function's linker name: up to the first dot after the last slash, with %xx decoded."""
    head, slash, last = function.rpartition("/")
    package = head + slash + last.partition(".")[0]
    if "%" not in package:
        return package
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), package)


_ESCAPE = re.compile("%([0-9a-fA-F]{2})")
_WAITS = {"export-wait": "runtime_init_done", "export-wait-main": "main_init_done"}

_MOST_GOROUTINES = 4096
"""Bound on the functions of goroutines that are remembered."""

_INIT_DONE = 2
_ENVIRONMENT_LIMIT = 1 << 16
"""Number of entries after which an environment without an end is given up."""


ExportStep = Callable[["HandoffTracker", str, int], "Hit | None"]
"""A step of a call into Go: (tracker, name of the point, thread) → the event, if there is one."""


class Hit(NamedTuple):
    """An event to emit: its kind and its fields."""

    kind: str
    names: tuple[str, ...]
    values: tuple[Value, ...]


_PLAIN = {
    "rt0-lib": "go-rt0-lib",
    "rt0-lib-go": "go-rt0-lib-go",
    "rt0-go": "go-rt0-go",
    "schedinit": "go-schedinit",
    "runtime-main": "go-runtime-main",
    "sysmon": "go-sysmon",
    "runtime-init-done": "go-runtime-init-done",
    "main-init-done": "go-main-init-done",
}
"""Steps that happen once in a runtime's life."""


class HandoffTracker:
    """Turns hits of one Go library's watch points into events. Plain data apart from the library, which never
    changes.

    `object` is the library's name in events. Several Go libraries in a process have a tracker each.
    """

    def __init__(
        self,
        library: GoLibrary,
        object: str,
        bias: int,
        points: dict[int, list[tuple[str, str]]],
        environment: tuple[bytes, ...] = (),
    ) -> None:
        self.library = library
        self.object = object
        self.bias = bias
        self.points = points
        self.environment = environment
        """The environment the process was given, as it is on the initial stack."""
        self.exports: dict[str, dict[str, Hit]] = {}
        """Events of exports: kind → export's name → event."""
        self.goroutines: dict[int, Hit] = {}
        """The events of new goroutines, by the function they run."""
        self.seen: list[str] = []
        """Kinds of `_PLAIN` that have happened."""
        self.inits: list[str | None] = []
        """Packages whose init runs now; None for a package whose init had run before."""
        self.callbacks: dict[int, list[str | None]] = {}
        """Exports whose bodies a thread is in, outermost first, by thread; None for an export whose body has not begun."""

    @classmethod
    def of(
        cls, library: GoLibrary, symbol: Lookup, object_name: str, bias: int, environment: tuple[bytes, ...] = ()
    ) -> HandoffTracker:
        """A tracker for a library loaded at `bias`; `addresses` says what to watch."""
        points: dict[int, list[tuple[str, str]]] = {}
        for point in watch_points(library, symbol, bias):
            points.setdefault(point.address, []).append((point.kind, point.name))
        return cls(library, object_name, bias, points, environment)

    @property
    def addresses(self) -> list[int]:
        """Guest addresses to watch, in order, each once."""
        return list(self.points)

    @property
    def waits(self) -> list[str]:
        """Waits that calls of exports pass before their bodies, as found in the library's code."""
        kinds = {kind for points in self.points.values() for kind, _ in points}
        return [name for kind, name in _WAITS.items() if kind in kinds]

    @property
    def runtime_ready(self) -> bool:
        """True once the runtime has announced that it is ready (runtime_init_done)."""
        return "runtime-init-done" in self.seen

    @property
    def initialised(self) -> bool:
        """True once every package's init has run (main_init_done)."""
        return "main-init-done" in self.seen

    @property
    def phase(self) -> str:
        """The progress of the library's initialisation, in words for a report."""
        if self.initialised:
            return "initialised"
        if self.inits and self.inits[-1]:
            return f"in the init of package {self.inits[-1]}"
        if self.runtime_ready:
            return "runtime ready, packages not initialised"
        if "rt0-lib-go" in self.seen:
            return "runtime starting"
        return "runtime thread not running yet" if "rt0-lib" in self.seen else "not started"

    def on_hit(self, address: int, tid: int, cpu: Registers, memory: Memory) -> list[Hit]:
        """The events of the instruction at `address`, which thread `tid` is about to run; often none."""
        hits = []
        for kind, name in self.points.get(address, ()):
            step = EXPORT_STEPS.get(kind)
            hit = step(self, name, tid) if step is not None else self._hit(kind, name, cpu, memory)
            if hit is not None:
                hits.append(hit)
        return hits

    def step_at(self, address: int) -> tuple[ExportStep, str] | None:
        """The step and its name if the address is a point of calls into Go and of nothing else, else None."""
        points = self.points.get(address, [])
        if len(points) != 1:
            return None
        kind, name = points[0]
        step = EXPORT_STEPS.get(kind)
        return (step, name) if step is not None else None

    def _happened(self, kind: str, fields: dict[str, Value]) -> Hit:
        """An event with this library as its object."""
        return Hit(kind, (*fields, "object"), (*fields.values(), self.object))

    def _hit(self, kind: str, name: str, cpu: Registers, memory: Memory) -> Hit | None:
        if kind in _PLAIN:
            if kind in self.seen:
                return None
            self.seen.append(kind)
            return self._happened(_PLAIN[kind], {"function": name})
        if kind == "package-init":
            return self._enter_init(cpu, memory)
        if kind == "package-init-return":
            package = self.inits.pop() if self.inits else None
            return self._happened("go-package-init-exit", {"package": package, "function": name}) if package else None
        if kind == "args":
            return self._arguments(name, cpu, memory)
        if kind == "goroutine":
            return self._goroutine(self._word(memory, self._argument(0, cpu, memory, entered=True)))
        return self._failure(kind, name, cpu, memory)

    def _export_entered(self, name: str, tid: int) -> Hit | None:
        return self._export("go-export-enter", name)

    def _export_waits_for_runtime(self, name: str, tid: int) -> Hit | None:
        if self.runtime_ready:
            return None
        return self._happened("go-export-wait", {"function": name, "for": "runtime_init_done"})

    def _export_waits_for_packages(self, name: str, tid: int) -> Hit | None:
        if self.initialised:
            return None
        return self._happened("go-export-wait", {"function": name, "for": "main_init_done"})

    def _callback_entered(self, name: str, tid: int) -> Hit | None:
        stack = self.callbacks.get(tid)
        if stack is None:
            self.callbacks[tid] = [None]
        else:
            stack.append(None)
        return None

    def _body_entered(self, name: str, tid: int) -> Hit | None:
        stack = self.callbacks.get(tid)
        if not stack or stack[-1] is not None:
            return None
        stack[-1] = name
        return self._export("go-export-body", name)

    def _callback_left(self, name: str, tid: int) -> Hit | None:
        stack = self.callbacks.get(tid)
        left = stack.pop() if stack else None
        return self._export("go-export-return", left) if left is not None else None

    def _export(self, kind: str, name: str) -> Hit:
        """An event of an export; the same object each time."""
        hits = self.exports.get(kind)
        if hits is None:
            hits = self.exports[kind] = {}
        hit = hits.get(name)
        if hit is None:
            hit = hits[name] = self._happened(kind, {"function": name})
        return hit

    def _arguments(self, name: str, cpu: Registers, memory: Memory) -> Hit:
        """runtime.args(argc, argv): Go takes what follows argv's NULL for the environment."""
        argc = self._argument(0, cpu, memory, entered=True) & 0xFFFFFFFF
        argv = self._argument(1, cpu, memory, entered=True)
        seen = self._pointers(memory, argv + (argc + 1) * self.library.row.word) if argv else []
        complete = len(seen) == len(self.environment) and all(
            self._bytes(memory, at, len(text) + 1) == text + b"\0" for at, text in zip(seen, self.environment, strict=True)
        )
        return self._happened("go-args", {"function": name, "argc": argc, "environment": len(seen), "complete": complete})

    def _failure(self, kind: str, name: str, cpu: Registers, memory: Memory) -> Hit:
        fields: dict[str, Value] = {"function": name}
        if kind in ("throw", "fatal"):
            fields["message"] = self._string(cpu, memory, entered=True)
        elif kind == "die":
            fields["signal"] = self._argument(0, cpu, memory, entered=True) & 0xFFFFFFFF
        return self._happened(f"go-{kind}", fields)

    # -- arguments ----------------------------------------------------------------------------------------------------

    def _argument(self, number: int, cpu: Registers, memory: Memory, *, entered: bool) -> int:
        """An integer argument of a Go function, at its entry or at the call of it; 0 if it cannot be read."""
        row = self.library.row
        if row.go_arguments:
            return cpu.register(row.go_arguments[number])
        pushed = row.go_pushed if entered else 0
        return self._word(memory, cpu.sp + pushed + row.go_stack_arguments + number * row.word)

    def _word(self, memory: Memory, address: int) -> int:
        return int.from_bytes(self._bytes(memory, address, self.library.row.word), "little")

    def _bytes(self, memory: Memory, address: int, size: int) -> bytes:
        """Guest bytes; empty if memory cannot be read, since a broken guest must not end the host."""
        try:
            return memory.read(address, size)
        except Exception:
            return b""

    def _pointers(self, memory: Memory, at: int) -> list[int]:
        """The pointers of a list that ends in NULL, up to the first that cannot be read."""
        found: list[int] = []
        while len(found) < _ENVIRONMENT_LIMIT:
            pointer = self._word(memory, at + len(found) * self.library.row.word)
            if not pointer:
                break
            found.append(pointer)
        return found

    def _string(self, cpu: Registers, memory: Memory, *, entered: bool) -> str:
        """A Go string given as the first argument."""
        start = self._argument(0, cpu, memory, entered=entered)
        size = self._argument(1, cpu, memory, entered=entered)
        return self._bytes(memory, start, min(size, 4096)).decode("utf-8", "replace")

    def _enter_init(self, cpu: Registers, memory: Memory) -> Hit | None:
        """doInit1 is called with an initTask: state u32 (2: done), count u32, then code pointers.

        The runtime's own packages appear again in the list of all packages. doInit1 skips them, and so does this.
        """
        task = self._argument(0, cpu, memory, entered=False)
        if int.from_bytes(self._bytes(memory, task, 4), "little") == _INIT_DONE:
            self.inits.append(None)
            return None
        function = self._name(self._word(memory, task + 8))
        self.inits.append(package_of(function))
        return self._happened("go-package-init-enter", {"package": self.inits[-1], "function": function})

    def _goroutine(self, pc: int) -> Hit:
        """A new goroutine that will run the function at `pc`, which is where newproc1's first argument, a funcval, points."""
        hit = self.goroutines.get(pc)
        if hit is None:
            if len(self.goroutines) >= _MOST_GOROUTINES:
                self.goroutines.clear()
            hit = self.goroutines[pc] = self._happened("go-goroutine", {"function": self._name(pc)})
        return hit

    def _name(self, pc: int) -> str:
        function = self.library.table.find(pc - self.bias)
        return function.name if function else f"{pc:#x}"


EXPORT_STEPS: dict[str, ExportStep] = {
    "export-enter": HandoffTracker._export_entered,
    "export-wait": HandoffTracker._export_waits_for_runtime,
    "export-wait-main": HandoffTracker._export_waits_for_packages,
    "callback": HandoffTracker._callback_entered,
    "export-body": HandoffTracker._body_entered,
    "callback-return": HandoffTracker._callback_left,
}
"""Steps at the points that every call into Go passes."""
