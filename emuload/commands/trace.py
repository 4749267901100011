"""`emuload trace`: what `emuload run` does, with every event kept in a file, or shown as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from emuload.commands.guest import process_options
from emuload.commands.progress import running
from emuload.commands.run import Session, session_with
from emuload.errors import UsageError
from emuload.files import host_bytes
from emuload.report import console
from emuload.report.follow import Filter, follow_line
from emuload.report.tables import milliseconds
from emuload.trace.chrome import chrome
from emuload.trace.jsonl import Header, Trace, Writer
from emuload.trace.roles import Roles
from emuload.traced import end_of, header_of
from loader.errors import LoadError

if TYPE_CHECKING:
    from emuload.process import Process
    from emuload.trace.events import Event

Finish = Callable[[Trace], bytes]


def formats() -> dict[str, Finish | None]:
    """What each suffix stands for: what makes the file's content of a whole run; None for the one written as it goes on."""
    return {".jsonl": None, ".json": chrome, ".perfetto-trace": _perfetto}


def _perfetto(trace: Trace) -> bytes:
    """The Perfetto form, whose writer is imported when it is asked for: it needs a package of its own."""
    from emuload.trace.perfetto import perfetto

    return perfetto(trace)


def _check_installed(finish: Finish | None) -> None:
    """Raises UsageError, before anything has run, where the Perfetto form cannot be written."""
    if finish is _perfetto and find_spec("perfetto") is None:
        raise UsageError("a .perfetto-trace needs the perfetto package: pip install 'emuload[trace]'")


@dataclass
class Follower:
    """Prints the events that a filter lets pass."""

    chosen: Filter
    roles: Roles = field(default_factory=Roles)

    def event(self, event: Event) -> None:
        """Take note of an event, and print it if it is wanted."""
        self.roles.see(event)
        role = self.roles.name(event.tid)
        if self.chosen.passes(event, role):
            print(follow_line(event, role), flush=True)


def trace_library(options: Mapping[str, Any]) -> int:
    """Returns the exit status. Raises LoadError, UsageError and its kinds, and what ends a run with a report."""
    name, follow = options["output"], options["follow"]
    chosen = Filter(options["kinds"], options["event_threads"], options["objects"])
    chosen.check()
    if name is None and not follow:
        raise UsageError("nothing to do: name a file (-o FILE), or ask for --follow")
    if any(chosen) and not follow:
        raise UsageError("--kind, --thread and --object choose what --follow shows; a file always holds every event")
    finish = _format(name) if name is not None else None
    session = session_with(options, process_options(options))
    header = session_header(session, options)
    listeners: list[Callable[[Event], None]] = [Follower(chosen).event] if follow else []
    with opened(name) as file, nullcontext() if follow else running(session.process):
        try:
            if file is not None and finish is None:
                writer = Writer(file)
                writer.begin(header)
                listeners.append(writer.event)
            session.process.recorder.listener = _each(listeners)
            refusal = played(session)
            if file is not None:
                end = end_of(session.process, session.failure, refusal)
                if finish is None:
                    writer.finish(end)
                else:
                    file.write(finish(Trace(name, header, session.process.events, end)))
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise UsageError(f"{name}: {error.strerror or error}") from None
    if refusal is not None:
        raise refusal
    if not follow:
        console.show_lines("", [done.text(with_thread=session.threads is not None) for done in session.done])
        _summarise(name, session.process)
    if session.failure is not None:
        raise session.failure
    return 0


def _format(name: str) -> Finish | None:
    """How to write a file of this name. Raises UsageError for a suffix that says nothing."""
    for suffix, finish in formats().items():
        if name.endswith(suffix):
            _check_installed(finish)
            return finish
    raise UsageError(f"{name}: its suffix says in which format to write: choose from {', '.join(formats())}")


def played(session: Session) -> LoadError | UsageError | None:
    """Let a session run: what the linker refused, or what made no sense, for the trace's end; None when it was neither."""
    try:
        session.go()
    except (LoadError, UsageError) as error:
        return error
    return None


@contextmanager
def opened(name: str | None) -> Iterator[IO[bytes] | None]:
    """A file to be written, unbuffered; None for no name. Raises UsageError when it cannot be."""
    if name is None:
        yield None
        return
    try:
        file = open(name, "wb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None
    with file:
        yield file


def _each(listeners: list[Callable[[Event], None]]) -> Callable[[Event], None]:
    """One listener for all of them."""
    if len(listeners) == 1:
        return listeners[0]

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def _summarise(name: str, process: Process) -> None:
    events = process.events
    threads = len({event.tid for event in events if event.tid})
    of = f"{threads} thread{'s' if threads != 1 else ''}"
    print(f"{name}: {len(events)} events of {of} in {milliseconds(process.clock.now())} ms of virtual time")


def session_header(session: Session, options: Mapping[str, Any]) -> Header:
    """What the command line lets run."""
    return header_of(
        session.process,
        seed=options["seed"],
        files={session.path: host_bytes(session.path)},
        calls=[call.text for call in session.calls],
        options={
            "linked": options["linked"],
            "threads": options["threads"],
            "library_path": list(options["library_path"]),
            "maps": list(options["maps"]),
            "stdin": options["stdin"],
            "cwd": options["cwd"],
            "cpus": options["cpus"],
            "kuser_helpers": not options["no_kuser_helpers"],
        },
    )
