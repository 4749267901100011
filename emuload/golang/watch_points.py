"""Instructions of a Go shared library that show the steps of its initialisation.

Everything is found in `.gopclntab`, so a stripped library is explained as well; only the C side of an export (`add`,
`_cgo_wait_runtime_init_done`) is found by its dynamic symbol. A step without a function of its own is a call inside a
runtime function (runtime/proc.go, runtime/cgocall.go):

    runtime.main calls cgocall(_cgo_notify_runtime_init_done)   runtime ready: watched before the call
    runtime.main calls doInit1(task), once per package          package init: watched before and after the call
    runtime.main stores mainInitDone and closes its channel     packages initialised: watched before the store
    cgocallbackg calls cgocallbackg1                            an export's body: watched before and after the call
    cgocallbackg1 calls chanrecv1                               an export waits for the packages

Calls are watched rather than entries because a stack growth runs a function's first instructions twice.
"""

from __future__ import annotations

from typing import NamedTuple

from emuload.golang.library import GoLibrary, Lookup

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
"""Watch points at a function's entry: kind → the function's names in the various Go versions."""

EXPORT_PREFIX = "_cgoexp_"
"""Prefix of the Go side of each export's name; a hash and the export's name follow."""

_MOST_EXPORTS = 4096
"""Bound on watched exports: each watch point costs something at every block of code."""


class WatchPoint(NamedTuple):
    """An instruction to watch: its guest address (load bias included), and the name of the function, export or callee."""

    address: int
    kind: str
    name: str


def watch_points(library: GoLibrary, symbol: Lookup, bias: int = 0) -> list[WatchPoint]:
    """Every instruction to watch in one Go library, in address order.

    `symbol` looks up the object's own dynamic symbols.
    """
    table, arch = library.table, library.row.goarch
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
    """The C name of the export whose Go side is called `function` (`_cgoexp_<hash>_<name>`), or ""."""
    return function.removeprefix(EXPORT_PREFIX).partition("_")[2]
