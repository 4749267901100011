"""Waits of a thread in Go's terms, read from a run's events: an export for its runtime, a package's init.

An export waits for `runtime_init_done` and then for `main_init_done` (runtime/cgo/gcc_libinit.c, runtime/cgocall.go). The
thread that runs `runtime.main` announces both, the second only after every package's init has returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emuload.trace.events import Event
from emuload.trace.kinds import golang

_RUNTIME_THREAD = golang.GO_RT0_LIB_GO.name
_WAIT = golang.GO_EXPORT_WAIT.name
_OVER = (golang.GO_EXPORT_BODY.name, golang.GO_EXPORT_RETURN.name)
_INIT_ENTER, _INIT_EXIT = golang.GO_PACKAGE_INIT_ENTER.name, golang.GO_PACKAGE_INIT_EXIT.name


@dataclass(frozen=True)
class GoWait:
    """A wait: `what` in words, and `holder`, the thread that could end it, or 0."""

    what: str
    holder: int


def export_wait(events: Sequence[Event], tid: int) -> GoWait | None:
    """The wait of an export on thread `tid`; None when it is in no export, or in an export's body."""
    for event in reversed(events):
        if event.tid != tid or (event.kind != _WAIT and event.kind not in _OVER):
            continue
        if event.kind != _WAIT:
            return None
        library = str(event.fields["object"])
        what = f"{event.fields['for']} of {library.rpartition('/')[2]}"
        runtime = _runtime_thread(events, library)
        return GoWait(what if runtime else f"{what}, whose runtime has not been started", runtime)
    return None


def package_init(events: Sequence[Event], tid: int) -> str | None:
    """The package whose init thread `tid` has begun and not ended."""
    for event in reversed(events):
        if event.tid == tid and event.kind in (_INIT_ENTER, _INIT_EXIT):
            return str(event.fields["package"]) if event.kind == _INIT_ENTER else None
    return None


def init_place(events: Sequence[Event], tid: int) -> str:
    """The package init that thread `tid` is in, as the end of a sentence; empty if it is in none."""
    package = package_init(events, tid)
    return f", in the init of package {package}" if package is not None else ""


def _runtime_thread(events: Sequence[Event], library: str) -> int:
    for event in events:
        if event.kind == _RUNTIME_THREAD and event.fields["object"] == library:
            return event.tid
    return 0
