"""How a run ends when it does not end well, with the exit status each end has and the report it carries.

Reports are plain data; `emuload.report` draws them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Frame:
    """One stack frame, innermost first: `kind` is "go", "c", "libc" or "signal"; line 0 is unknown."""

    pc: int
    function: str
    object: str = ""
    file: str = ""
    line: int = 0
    kind: str = "c"


@dataclass
class ThreadReport:
    """What one thread was doing: `state` is "running", "runnable", "waiting" or "exited"; `holder` a tid or 0."""

    tid: int
    role: str
    state: str
    waits_for: str = ""
    holder: int = 0
    frames: list[Frame] = field(default_factory=list)
    registers: dict[str, int] = field(default_factory=dict)


@dataclass
class Report:
    """Why a run ended: `headline` is one line; `thread` the tid it is about (0: all); `time` virtual nanoseconds."""

    headline: str
    reason: str
    thread: int = 0
    time: int = 0
    threads: list[ThreadReport] = field(default_factory=list)
    output: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return asdict(self)


class EmuloadError(Exception):
    """Base of everything a run can end with. `exit_status` is what the command line exits with."""

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
    """The guest was killed by a signal, called a missing function, or exited while a call was under way."""

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
