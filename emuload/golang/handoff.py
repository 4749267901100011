"""The handoff: from the constructor's start of the runtime thread to the first export body entered.

`watch_points` names the few instructions of a Go shared library that tell its steps; the process watches them
and gives each hit to the library's `HandoffTracker`, which turns it into an event. Everything is found in
`.gopclntab`, so a stripped library is explained as well; only the C side of an export (`add`,
`_cgo_wait_runtime_init_done`) is found by its dynamic symbol.

Where a step has no function of its own it is a call inside a runtime function (runtime/proc.go,
runtime/cgocall.go):

    runtime.main calls cgocall(_cgo_notify_runtime_init_done)   runtime ready: watched before the call
    runtime.main calls doInit1(task), once per package          package init: before the call, and behind it
    runtime.main stores mainInitDone and closes its channel     packages initialised: before the store
    cgocallbackg calls cgocallbackg1                            an export's body: around the call
    cgocallbackg1 calls chanrecv1                               an export waits for the packages

Watching calls rather than entries also keeps a stack growth, which runs a function's first instructions
twice, from being counted twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from emuload.golang.library import GoLibrary, Lookup
from emuload.trace.events import Value

ENTRIES = {
    "schedinit": ("runtime.schedinit",),
    "rt0-go": ("runtime.rt0_go",),
    "rt0-lib": ("_rt0_{arch}_linux_lib",),
    "rt0-lib-go": ("runtime.rt0_lib_go", "_rt0_{arch}_lib_go", "_rt0_{arch}_linux_lib_go"),
    "runtime-main": ("runtime.main",),
    "sysmon": ("runtime.sysmon",),
    "args": ("runtime.args",),
    "goroutine": ("runtime.newproc1",),
    "throw": ("runtime.throw",),
    "fatal": ("runtime.fatal",),
    "fatalpanic": ("runtime.fatalpanic",),
    "die": ("runtime.dieFromSignal",),
}
"""Kinds of watch points that are a function's entry, with its name in the Go versions there are."""

EXPORT_PREFIX = "_cgoexp_"
"""How the Go side of each export is called, before a hash and the export's name."""

_MOST_EXPORTS = 4096
"""Exports that are watched: each watch point costs something at every block of code."""

ROLE_OF_EVENT = {"go-rt0-lib-go": "runtime", "go-sysmon": "sysmon"}
"""What an event says of the thread that emits it."""

HANDOFF = (
    "go-rt0-lib", "go-rt0-lib-go", "go-rt0-go", "go-schedinit", "go-runtime-main", "go-sysmon",
    "go-runtime-init-done", "go-package-init-enter", "go-package-init-exit", "go-main-init-done",
    "go-export-enter", "go-export-wait", "go-export-body", "go-export-return",
)  # fmt: skip
"""The handoff's events, in the order in which they first happen when all goes well."""


class WatchPoint(NamedTuple):
    """An instruction to watch: `address` is the guest's (load bias included), `name` the function, export or
    callee.
    """

    address: int
    kind: str
    name: str


class Registers(Protocol):
    """What is needed of the CPU that hit a watch point."""

    @property
    def sp(self) -> int: ...
    def register(self, name: str) -> int: ...


class Memory(Protocol):
    """What is needed of the guest's memory; an address that is not mapped raises an exception of `errors`."""

    def read(self, address: int, size: int) -> bytes: ...


def watch_points(library: GoLibrary, symbol: Lookup, bias: int = 0) -> list[WatchPoint]:
    """Every instruction to watch in one Go library, in address order.

    `symbol` looks up the object's own dynamic symbols.
    """
    table, arch = library.table, library.row.name
    points: list[tuple[int, str, str]] = []
    for kind, names in ENTRIES.items():
        for name in names:
            entry = table.by_name(name.format(arch=arch))
            if entry is not None:
                points.append((entry, kind, name.format(arch=arch)))
                break
    points += _main_points(library)
    points += _export_points(library, symbol)
    return sorted((WatchPoint(address + bias, kind, name) for address, kind, name in points), key=_order)


def _order(point: WatchPoint) -> tuple[int, str, str]:
    return point.address, point.kind, point.name


def _main_points(library: GoLibrary) -> list[tuple[int, str, str]]:
    """The steps inside runtime.main."""
    table, points = library.table, list[tuple[int, str, str]]()
    main = table.by_name("runtime.main")
    if main is None:
        return points
    close = _first_call(library, main, "runtime.closechan")
    if close is not None:
        points.append((_statement_start(library, main, close), "main-init-done", "runtime.main"))
    notify = [at for at in _calls(library, main, "runtime.cgocall") if close is None or at < close]
    if notify:
        points.append((notify[-1], "runtime-init-done", "runtime.main"))
    for caller in (main, table.by_name("runtime.doInit")):
        for site in _calls(library, caller, "runtime.doInit1"):
            points.append((site, "package-init", "runtime.doInit1"))
            points.append((site + library.row.call.size, "package-init-return", "runtime.doInit1"))
    return points


def _calls(library: GoLibrary, caller: int | None, callee: str) -> list[int]:
    target = library.table.by_name(callee)
    return [] if caller is None or target is None else library.calls(caller, target)


def _first_call(library: GoLibrary, caller: int | None, callee: str) -> int | None:
    return next(iter(_calls(library, caller, callee)), None)


def _statement_start(library: GoLibrary, function: int, call: int) -> int:
    """First instruction of the statements that end in `call`: of its own line and of the line right above.

    The line above the close of main_init_done's channel is, since Go 1.26, the store of the flag that lets
    exports in. An inlined call there shows as rows of another file.
    """
    index = library.table.index(function)
    assert index is not None
    rows = library.table.lines(index)
    last = max((at for at, row in enumerate(rows) if row[0] <= call), default=None)
    if last is None:
        return call
    _, file, line = rows[last]
    first = last
    while first > 0 and (rows[first - 1][1] != file or rows[first - 1][2] in (line, line - 1)):
        first -= 1
    return rows[first][0]


def _export_points(library: GoLibrary, symbol: Lookup) -> list[tuple[int, str, str]]:
    table, points = library.table, list[tuple[int, str, str]]()
    mask = library.row.code_mask
    for function in table.with_prefix(EXPORT_PREFIX)[:_MOST_EXPORTS]:
        name = export_name(function.name)
        if not name:
            continue
        points.append((function.entry, "export-body", name))
        address = symbol(name)
        if address is not None:
            points.append((address & mask, "export-enter", name))
    wait = symbol("_cgo_wait_runtime_init_done")
    if wait is not None:
        points.append((wait & mask, "export-wait", "_cgo_wait_runtime_init_done"))
    callback = table.by_name("runtime.cgocallbackg")
    for site in _calls(library, callback, "runtime.cgocallbackg1"):
        points.append((site, "callback", "runtime.cgocallbackg"))
        points.append((site + library.row.call.size, "callback-return", "runtime.cgocallbackg"))
    for site in _calls(library, table.by_name("runtime.cgocallbackg1"), "runtime.chanrecv1"):
        points.append((site, "export-wait-main", "runtime.cgocallbackg1"))
    return points


def export_name(function: str) -> str:
    """The C name of the export whose Go side is called `function` (`_cgoexp_<hash>_<name>`); "" when it is
    none.
    """
    return function.removeprefix(EXPORT_PREFIX).partition("_")[2]


def package_of(function: str) -> str:
    """The package path of a function's linker name: up to the first dot behind the last slash, %xx undone."""
    head, slash, last = function.rpartition("/")
    package = head + slash + last.partition(".")[0]
    if "%" not in package:
        return package
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), package)


_ESCAPE = re.compile("%([0-9a-fA-F]{2})")
_WAITS = {"export-wait": "runtime_init_done", "export-wait-main": "main_init_done"}

_MOST_GOROUTINES = 4096
"""Functions of goroutines that are remembered."""

_INIT_DONE = 2
_ENVIRONMENT_LIMIT = 1 << 16
"""Entries after which an environment that does not end is given up."""


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
        """The environment the process was given, as it stands on the stack."""
        self.exports: dict[str, dict[str, Hit]] = {}
        """The events of each export: by name those of a kind."""
        self.goroutines: dict[int, Hit] = {}
        """The events of new goroutines, by the function they run."""
        self.seen: list[str] = []
        """Kinds of `_PLAIN` that have happened."""
        self.inits: list[str | None] = []
        """Packages whose init runs now; None for one that had run before."""
        self.callbacks: dict[int, list[str | None]] = {}
        """Per thread, the exports whose bodies it is in, outermost first; None for one whose body is yet to
        come.
        """

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
        """What calls of exports wait for before their bodies, by the waits that stand in the library's code."""
        kinds = {kind for points in self.points.values() for kind, _ in points}
        return [name for kind, name in _WAITS.items() if kind in kinds]

    @property
    def runtime_ready(self) -> bool:
        """Whether the runtime has said that it is ready (runtime_init_done)."""
        return "runtime-init-done" in self.seen

    @property
    def initialised(self) -> bool:
        """Whether every package's init has run (main_init_done)."""
        return "main-init-done" in self.seen

    @property
    def phase(self) -> str:
        """How far the library has come, in words for a report."""
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
        """The step and its name where an address stands for one of a call into Go and for nothing else."""
        points = self.points.get(address, [])
        if len(points) != 1:
            return None
        kind, name = points[0]
        step = EXPORT_STEPS.get(kind)
        return (step, name) if step is not None else None

    def _happened(self, kind: str, fields: dict[str, Value]) -> Hit:
        """An event, which says of which library it is."""
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
        """An event of an export, which says the same each time."""
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

    # -- arguments
    # -----------------------------------------------------------------------------------------------

    def _argument(self, number: int, cpu: Registers, memory: Memory, *, entered: bool) -> int:
        """An integer argument of a Go function, at its entry or at the call of it; 0 when it cannot be
        read.
        """
        row = self.library.row
        if row.go_arguments:
            return cpu.register(row.go_arguments[number])
        pushed = row.go_pushed if entered else 0
        return self._word(memory, cpu.sp + pushed + row.go_stack_arguments + number * row.word)

    def _word(self, memory: Memory, address: int) -> int:
        return int.from_bytes(self._bytes(memory, address, self.library.row.word), "little")

    def _bytes(self, memory: Memory, address: int, size: int) -> bytes:
        """Guest bytes; none where memory cannot be read, since a broken guest must not end the host."""
        try:
            return memory.read(address, size)
        except Exception:
            return b""

    def _pointers(self, memory: Memory, at: int) -> list[int]:
        """The pointers of a list that ends in NULL, up to what cannot be read."""
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

        The runtime's own packages are in the list of all packages again; doInit1 passes over them, and so
        does this.
        """
        task = self._argument(0, cpu, memory, entered=False)
        if int.from_bytes(self._bytes(memory, task, 4), "little") == _INIT_DONE:
            self.inits.append(None)
            return None
        function = self._name(self._word(memory, task + 8))
        self.inits.append(package_of(function))
        return self._happened("go-package-init-enter", {"package": self.inits[-1], "function": function})

    def _goroutine(self, pc: int) -> Hit:
        """A goroutine is made, which will run the function at `pc`: where newproc1's first argument, a funcval, points."""
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
"""What happens at the points that every call into Go passes."""


class HandoffEvent(Protocol):
    """What the table needs of an event."""

    @property
    def kind(self) -> str: ...
    @property
    def tid(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def fields(self) -> Mapping[str, object]: ...


class Row(NamedTuple):
    """One line of the handoff table; `time` is virtual nanoseconds."""

    event: str
    thread: int
    time: int
    function: str
    object: str


def handoff_table(events: Iterable[HandoffEvent]) -> list[Row]:
    """The handoff's events in the order in which they happened."""
    rows = []
    for event in events:
        if event.kind not in HANDOFF:
            continue
        fields = event.fields
        what = fields.get("function", "")
        if "package" in fields:
            what = f"package {fields['package']}"
        elif "for" in fields:
            what = f"{what} (for {fields['for']})"
        rows.append(Row(event.kind, event.tid, event.time, str(what), str(fields.get("object", ""))))
    return rows
