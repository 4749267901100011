"""How a run ends if it does not end well: an exception with an exit status, and the report it carries.

Reports are plain data, which `emuload.report` draws. Every command imports this module, so its classes are plain ones: a
dataclass costs more to make than the whole module.
"""

from __future__ import annotations

from typing import Any


class EmuloadError(Exception):
    """Base of all errors that end a run. The command line exits with `exit_status`."""

    exit_status = 1


class UsageError(EmuloadError):
    """The caller asked for something that makes no sense: a wrong value, an unknown name."""

    exit_status = 2


class ReportedError(EmuloadError):
    """An end that carries a report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.headline)
        self.report = report


class GuestFailed(ReportedError):
    """The guest was killed by a signal, called a missing function, or exited during a call.

    `status` is the exit status if it exited, else None.
    """

    exit_status = 1

    def __init__(self, report: Report, status: int | None = None) -> None:
        super().__init__(report)
        self.status = status


class Deadlock(ReportedError):
    """Every thread waits for something that can no longer come."""

    exit_status = 3


class BoundReached(ReportedError):
    """A bound on code executed, virtual time, memory, output or events was reached."""

    exit_status = 4


class _Record:
    """Plain data: equal to another of its class with equal attributes."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def to_dict(self) -> dict[str, Any]:
        """The attributes as JSON-able data, in a fixed order."""
        return {name: _plain(value) for name, value in vars(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, _Record):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


class Frame(_Record):
    """One stack frame: the address `pc`, its function and object, its source line (0: unknown).

    `kind` is "go", "c", "libc" (the emulated C library), "signal" (a handler's return code) or "unknown".
    """

    def __init__(self, pc: int, function: str, object: str = "", file: str = "", line: int = 0, kind: str = "c") -> None:
        self.pc = pc
        self.function = function
        self.object = object
        self.file = file
        self.line = line
        self.kind = kind


class ThreadReport(_Record):
    """The state of one thread: "running", "runnable", "waiting", "killed" or "exited", and its frames, innermost first.

    `waits_for` describes what a waiting thread waits for; `holder` is the tid of the thread that could end the wait, or 0.
    """

    def __init__(
        self,
        tid: int,
        role: str,
        state: str,
        waits_for: str = "",
        holder: int = 0,
        frames: list[Frame] | None = None,
        registers: dict[str, int] | None = None,
    ) -> None:
        self.tid = tid
        self.role = role
        self.state = state
        self.waits_for = waits_for
        self.holder = holder
        self.frames: list[Frame] = frames or []
        self.registers: dict[str, int] = registers or {}


class Report(_Record):
    """Why a run ended: `headline` is one line, `reason` a keyword, `thread` the tid it is about (0: all threads).

    `time` is in virtual nanoseconds; `output` is the end of what the guest wrote.
    """

    def __init__(
        self,
        headline: str,
        reason: str,
        thread: int = 0,
        time: int = 0,
        threads: list[ThreadReport] | None = None,
        output: str = "",
    ) -> None:
        self.headline = headline
        self.reason = reason
        self.thread = thread
        self.time = time
        self.threads: list[ThreadReport] = threads or []
        self.output = output
