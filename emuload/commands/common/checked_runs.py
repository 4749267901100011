"""The runs that `emuload check` checks: a library to run now, or a stored trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from emuload.commands.common.guest_options import process_options
from emuload.commands.common.progress import running
from emuload.commands.common.recording import played, session_header
from emuload.commands.common.rerun import session_again, session_of_trace
from emuload.commands.common.session import Session, session_with
from emuload.errors import EmuloadError, Interrupted, UsageError
from emuload.process.trace_header import end_of
from emuload.trace.jsonl import Trace, read
from loader.errors import LoadError

_STATUS = {"failed": 1, "refused": 2, "deadlock": 3, "bound": 4, "interrupted": 130}
"""Exit status of the command that made a trace, by the trace's outcome."""

Failure = EmuloadError | LoadError


class EndedBadlyError(EmuloadError):
    """The run of a trace did not end well; `exit_status` is that of the command that made it."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class Run(Protocol):
    """The subject of a check: a library to run, or a stored trace."""

    subject: str
    is_trace: bool

    def go(self) -> Trace:
        """Return the trace, after running if there is none yet."""
        ...

    def again(self) -> Session:
        """A session that does the same once more. Raises CannotRunAgainError."""
        ...

    def results(self) -> list[str]:
        """A line for each call with its result."""
        ...

    def failure(self) -> Failure | None:
        """The error that ended the run; None if it ended well."""
        ...


class LibraryRun:
    """A library, run as `emuload trace` runs it. Raises LoadError, UsageError and its kinds."""

    is_trace = False

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        self.subject = path
        self._options = {**options, "library": path}
        self._settings = process_options(options)
        self._session = session_with(self._options, self._settings)
        self._refusal: LoadError | UsageError | None = None

    def go(self) -> Trace:
        """Run it. Raises Interrupted."""
        session = self._session
        header = session_header(session, self._options)
        with running(session.process):
            self._refusal = played(session)
        if isinstance(session.failure, Interrupted):
            raise session.failure
        process = session.process
        end = end_of(process.scheduler, process.linker.objects(), session.failure, self._refusal)
        return Trace(self.subject, header, process.events, end)

    def again(self) -> Session:
        """A session of the same command."""
        return session_again(self._options, self._settings)

    def results(self) -> list[str]:
        """A line for each call."""
        return self._session.results()

    def failure(self) -> Failure | None:
        """The linker's refusal, or the error that carries a report."""
        failure = self._refusal or self._session.failure
        return None if isinstance(failure, Interrupted) else failure


class TraceRun:
    """A stored trace. Raises TraceError."""

    is_trace = True

    def __init__(self, path: str) -> None:
        self.subject = path
        self._trace = read(path)

    def go(self) -> Trace:
        """The trace as it is in the file."""
        return self._trace

    def again(self) -> Session:
        """A session that the trace's header describes."""
        return session_of_trace(self._trace)

    def results(self) -> list[str]:
        """None: a trace does not hold results."""
        return []

    def failure(self) -> Failure | None:
        """The outcome in the trace's last line, as an error."""
        end = self._trace.end
        if end is None or end.outcome == "exited":
            return None
        words = f"{self.subject}: the run did not end well ({end.outcome}): {end.message}"
        return EndedBadlyError(words, _STATUS.get(end.outcome, 1))
