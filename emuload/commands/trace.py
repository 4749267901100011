"""`emuload trace`: run a library and write every event, or every instruction, to files, or show events as they happen."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from emuload.commands.common import instruction_log
from emuload.commands.common.command import OUTPUT, Command, argument, complete_from, option
from emuload.commands.common.guest_options import call_options, guest_options, process_options
from emuload.commands.common.output_files import STANDARD_OUTPUT, written
from emuload.commands.common.progress import running
from emuload.commands.common.recording import played, session_header
from emuload.commands.common.session import Session, session_with
from emuload.commands.common.trace_files import TraceFile, all_of, format_of, path_of
from emuload.errors import UsageError, milliseconds
from emuload.process.host_signals import end_by_signal
from emuload.process.trace_header import end_of
from emuload.report import console
from emuload.report.follow import ROLES, Filter, follow_line
from emuload.report.tables import events_text
from emuload.trace.kinds.catalogue import KINDS
from emuload.trace.roles import Roles

if TYPE_CHECKING:
    from emuload.process.process import Process
    from emuload.trace.events import Event

HELP = f"""Load LIBRARY and make calls as `run` does, and keep every event of it.

\b
-o FILE.jsonl   one JSON object a line, written as things happen: the canonical form
-o FILE.json    Chrome trace events, for the Perfetto UI (ui.perfetto.dev): threads, slices, arrows
-o FILE.perfetto-trace   the same as protobuf (needs emuload[trace])
-o jsonl:-      a format before the name decides; - is standard output
-o FILE.ilog    every instruction, for `emuload show`; --instructions=WHAT limits it to
                functions (main.*), addresses (0x1000-0x2000, libx.so+0x1000+64) or from one
                event to another (go-rt0-go..go-schedinit, constructor-enter:object=libx.so..)
--follow        a line for each event, system calls as strace shows them; --kind, --thread and
                --object choose which. Roles: {", ".join(ROLES)} (no thread)
"""
EXAMPLES = (
    "emuload trace libhello.so --call 'add(1, 2)' -o run.jsonl -o run.json",
    "emuload trace libhello.so --call 'add(1, 2)' --follow --kind 'go-*' --thread runtime",
)
_UPDATE = "emuload scenarios update"
_RENAMED = dict.fromkeys(("--update", "--arch", "--cache"), _UPDATE)


@click.command(cls=Command, help=HELP, examples=EXAMPLES, runs_guest=True, renamed=_RENAMED)
@argument("library")
@argument("more", nargs=-1, metavar="[MORE]...")
@call_options
@guest_options
@option(
    OUTPUT, "--output", "-o", "outputs", multiple=True, metavar="FILE", help="Where to; the suffix is the format; repeatable."
)
@option(OUTPUT, "--follow", "-f", is_flag=True, help="Show each event as it happens, one line each.")
@option(
    OUTPUT, "--kind", "-k", "kinds", multiple=True, metavar="GLOB", help="Show events of this kind; repeatable.",
    shell_complete=complete_from(lambda: list(KINDS)),
)
@option(
    OUTPUT, "--thread", "-t", "event_threads", multiple=True, metavar="TID|ROLE", help="Show this thread; repeatable.",
    shell_complete=complete_from(lambda: ROLES),
)
@option(OUTPUT, "--object", "-O", "objects", multiple=True, metavar="GLOB", help="Show events of this object; repeatable.")
@option(
    OUTPUT, "--instructions", multiple=True, is_flag=False, flag_value="", metavar="WHAT",
    help="What goes into FILE.ilog; repeatable.",
)
@option(OUTPUT, "--memory-writes", is_flag=True, help="FILE.ilog: what each instruction wrote to memory, too.")
@option(OUTPUT, "--register-writes", is_flag=True, help="FILE.ilog: the registers each instruction changed, too.")
def command(**options: Any) -> int:
    """Return the exit status."""
    return trace_library(options)


@dataclass
class Follower:
    """Prints the events that a filter lets pass."""

    chosen: Filter
    roles: Roles = field(default_factory=Roles)

    def event(self, event: Event) -> None:
        """Note an event, and print it if the filter lets it pass."""
        self.roles.see(event)
        role = self.roles.name(event.tid)
        if self.chosen.passes(event, role):
            print(follow_line(event, role), flush=True)


def trace_library(options: Mapping[str, Any]) -> int:
    """Return the exit status. Raises LoadError, UsageError and its kinds, and errors that carry a report."""
    follow = options["follow"]
    chosen = Filter(options["kinds"], options["event_threads"], options["objects"])
    chosen.check()
    request = instruction_log.request_of(options)
    if not options["outputs"] and not follow:
        raise UsageError("nothing to do: name a file (-o FILE), or ask for --follow")
    to_stdout = [name for name in options["outputs"] if path_of(name) == STANDARD_OUTPUT]
    if len(to_stdout) + follow > 1:
        raise UsageError("standard output takes one thing: a file called -, or --follow")
    if any(chosen) and not follow:
        raise UsageError("--kind, --thread and --object choose what --follow shows; a file always holds every event")
    formats_of = {name: format_of(name) for name in instruction_log.others(options["outputs"])}
    session = session_with({**options, "instruction_log": request}, process_options(options))
    header = session_header(session, options)
    recorder = session.process.recorder
    if follow:
        recorder.add_listener(Follower(chosen).event)
    with _ended_by_sigterm(), ExitStack() as files:
        outputs = [TraceFile(name, finish, files.enter_context(written(path_of(name)))) for name, finish in formats_of.items()]
        try:
            with nullcontext() if follow else running(session.process):
                recorder.sink = all_of([batch for output in outputs if (batch := output.begin(header)) is not None])
                try:
                    refusal = played(session)
                finally:
                    recorder.flush()
                end = end_of(session.process.scheduler, session.process.linker.objects(), session.failure, refusal)
                for output in outputs:
                    output.finish(header, end, lambda: session.process.events)
        except OSError as error:
            if error.filename is None:
                raise
            raise UsageError(f"{error.filename}: {error.strerror or error}") from None
    if refusal is not None:
        raise refusal
    if not follow:
        with redirect_stdout(sys.stderr) if to_stdout else nullcontext():
            console.show_lines("", session.results())
            _summarise(list(formats_of), session.process)
    _complain(session)
    return 0


def _complain(session: Session) -> None:
    """Raise the error that ended the run; else UsageError if the log waited for an event that never came."""
    log = session.process.instruction_log
    unmet = log.unmet if log is not None else []
    if session.failure is not None:
        for line in unmet:
            print(f"emuload: {line}", file=sys.stderr)
        raise session.failure
    if unmet:
        raise UsageError("; ".join(unmet))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command like the interrupt key, so that the trace is complete up to there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(signal.SIGTERM, end_by_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _summarise(names: Sequence[str], process: Process) -> None:
    recorder = process.recorder
    events = events_text(len(recorder), len(recorder.tids - {0}))
    for name in names:
        print(f"{path_of(name)}: {events} in {milliseconds(process.clock.now())} ms of virtual time")
    if process.instruction_log is not None:
        print(instruction_log.summary(process.instruction_log))
