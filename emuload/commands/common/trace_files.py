"""The files of a trace: their formats by suffix, written during the run or at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

from emuload.commands.common import instruction_log
from emuload.errors import UsageError
from emuload.trace.export.chrome import chrome
from emuload.trace.jsonl import End, Header, Trace, Writer

if TYPE_CHECKING:
    from emuload.trace.events import Content, Event, Sink

Finish = Callable[[Trace], bytes]


def formats() -> dict[str, Finish | None]:
    """For each suffix, the function that makes a file of a whole trace; None for the format written during the run."""
    return {".jsonl": None, ".json": chrome, ".perfetto-trace": _perfetto}


def _perfetto(trace: Trace) -> bytes:
    """Write the Perfetto format; its module is imported here, since it needs a package of its own."""
    from emuload.trace.export.perfetto import perfetto

    return perfetto(trace)


def _check_installed(finish: Finish | None) -> None:
    """Raise UsageError before the run if the Perfetto format cannot be written."""
    if finish is _perfetto and find_spec("perfetto") is None:
        raise UsageError("a .perfetto-trace needs the perfetto package: pip install 'emuload[trace]'")


def format_of(name: str) -> Finish | None:
    """The format for a file of this name. Raises UsageError for an unknown suffix."""
    prefix = name.partition(":")[0]
    for suffix, finish in formats().items():
        if name.endswith(suffix) or suffix == f".{prefix}":
            _check_installed(finish)
            return finish
    known = ", ".join([*formats(), instruction_log.SUFFIX])
    raise UsageError(f"{name}: its suffix says in which format to write: choose from {known}, or write FORMAT:FILE")


def path_of(name: str) -> str:
    """The file of `-o NAME`: NAME without a format before it; "-" is standard output."""
    prefix, colon, path = name.partition(":")
    return path if colon and f".{prefix}" in formats() else name


class TraceFile:
    """A file for events. `finish` makes its content of the whole trace; if it is None, events are written as they happen.

    An OSError names the file.
    """

    def __init__(self, name: str, finish: Finish | None, file: IO[bytes]) -> None:
        self.name = name
        self._finish = finish
        self._file = file
        self._writer = Writer(file)

    def begin(self, header: Header) -> Sink | None:
        """Write the header; return the sink for events, None if the file is written at the end."""
        if self._finish is not None:
            return None
        with self._naming():
            self._writer.begin(header)
        return self._batch

    def _batch(self, first: int, times: Sequence[int], contents: Sequence[Content]) -> None:
        with self._naming():
            self._writer.batch(first, times, contents)

    def finish(self, header: Header, end: End, events: Callable[[], list[Event]]) -> None:
        """Write the end, or the whole file of all `events`."""
        with self._naming():
            if self._finish is None:
                self._writer.finish(end)
            else:
                self._file.write(self._finish(Trace(self.name, header, events(), end)))

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            error.filename = self.name
            raise


def all_of(sinks: list[Sink]) -> Sink | None:
    """One sink for several; None without any."""
    if len(sinks) < 2:
        return sinks[0] if sinks else None

    def to_all(first: int, times: Sequence[int], contents: Sequence[Content]) -> None:
        for sink in sinks:
            sink(first, times, contents)

    return to_all
