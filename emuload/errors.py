"""How a run ends when it does not end well, with the exit status each end has and the report it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emuload.reports import Report


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
