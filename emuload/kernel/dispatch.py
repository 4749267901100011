"""Registration and lookup of system-call handlers.

A handler is a plain module-level function, registered under the call's Linux name::

    @syscall("dup")
    def sys_dup(kernel: Kernel, task: Task, fd: int) -> Result: ...

It takes the kernel, the calling task and as many raw register arguments (unsigned, as wide as the machine's word) as it
declares. It returns the value for the result register (a negative errno for an error), `BLOCKED` or `SWITCH`. A MemoryFault
that it raises becomes -EFAULT. No state of a run is kept here, so a deep copy of a kernel never copies a handler.
"""

from __future__ import annotations

import enum
import importlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar


class Stop(enum.Enum):
    """Answers of a handler other than a result; both stop the CPU."""

    BLOCKED = "blocked"
    """The task waits: `task.wait` is set. A wake, a time-out, a signal or a retry ends the call."""
    SWITCH = "switch"
    """Registers or the task's state are to change: stop, then call `Entry.prepare`."""


BLOCKED: Final = Stop.BLOCKED
SWITCH: Final = Stop.SWITCH
Result = int | Stop
Handler = Callable[..., Result]
F = TypeVar("F", bound=Callable[..., Any])

_HANDLERS: dict[str, tuple[Handler, int]] = {}

MODULES: Final = (
    "emuload.kernel.futex_calls",
    "emuload.kernel.mm",
    "emuload.kernel.misc",
    "emuload.kernel.sched",
    "emuload.kernel.signal_calls",
    "emuload.kernel.threads",
    "emuload.kernel.time",
    "emuload.kernel.timers",
    "emuload.kernel.users",
    "emuload.kernel.fs",
)
"""Modules whose import registers handlers."""

LATER: Final = ("emuload.kernel.fs.calls_poll", "emuload.kernel.fs.calls_special")
"""Further modules, whose calls few guests make: the first call that `MODULES` do not handle imports them."""


def syscall(*names: str) -> Callable[[F], F]:
    """Register a handler under one or more system-call names.

    Raises ValueError if a name already has one.
    """

    def register(function: F) -> F:
        count = inspect.unwrap(function).__code__.co_argcount - 2
        for name in names:
            if name in _HANDLERS and _HANDLERS[name][0].__qualname__ != function.__qualname__:
                raise ValueError(f"two handlers for the system call {name}")
            _HANDLERS[name] = (function, count)
        return function

    return register


class SyscallTable:
    """The calls of one architecture: number → (name, handler, argument count). It has no state of a run; copies share it."""

    __slots__ = ("_later", "entries", "names")

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.entries: dict[int, tuple[str, Handler, int]] = {}
        self._later: tuple[str, ...] = LATER
        self._load(MODULES)

    def _load(self, modules: tuple[str, ...]) -> None:
        for module in modules:
            importlib.import_module(module)
        handlers = _HANDLERS
        self.entries.update({number: (name, *handlers[name]) for number, name in self.names.items() if name in handlers})

    def find(self, number: int) -> tuple[str, Handler, int] | None:
        """Import the modules of `LATER` and return the entry of a call that was not in `entries`; None if nothing handles it."""
        later, self._later = self._later, ()
        if later:
            self._load(later)
        return self.entries.get(number)

    def __deepcopy__(self, memo: object) -> SyscallTable:
        return self


@cache
def table(architecture: str) -> SyscallTable:
    """The call table of an architecture."""
    from emuload.kernel.numbers import names

    return SyscallTable(names(architecture))
