"""How a run ends if it does not end well: an exception with an exit status, and the report it carries.

Every command imports this module, so its classes are plain ones: a dataclass costs more to make than the whole module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emuload.reports import Report


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


class Interrupted(KeyboardInterrupt):
    """A signal of the host asked for the end of a run. The guest is as it was between two slices, and may run on.

    `str` is the whole report with the guest's output. `exit_status` is 128 and the signal's number, as in shells.
    """

    def __init__(self, report: Report, signal: int) -> None:
        super().__init__("\n".join([str(report), *report.output_lines()]))
        self.report = report
        self.exit_status = 128 + signal
        self.output_shown = False
        """The command line has shown the guest's output."""
