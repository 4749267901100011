"""`emuload run`: load a library, make calls, show results, output and the handoff."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from emuload.calls.values import output_text
from emuload.commands.common.command import OUTPUT, Command, argument, json_option, option
from emuload.commands.common.guest_options import call_options, exported_functions, guest_options
from emuload.commands.common.progress import running
from emuload.commands.common.session import Session, document, session_for
from emuload.errors import Interrupted
from emuload.report import console
from emuload.report.handoff import handoff_table
from emuload.report.json_text import json_text
from loader.elf import ElfFile
from loader.search import read_file

HELP = """Load LIBRARY, make calls, show their results and the handoff.

Further libraries are loaded after it, in order; a call is looked up in each of them in turn.

\b
A call:    name(argument, …) -> type
argument:  5  -0x10  1.5  "C string"  go"Go string"  true  null
           [1, 2, 3] (a Go slice)  {1, 2.5} (a struct)  i32(5)  buf(64) (memory)
type:      i8…i128 u8…u128 int uint long ulong size f32 f64 c64 c128 bool char
           str bytes gostring ptr void  [type] (a Go slice)  (type, …) (a struct)
           int, the machine word, if none is given
"""
EXAMPLES = ("emuload run libhello.so --call 'add(1, 2)'", "emuload run libhello.so -c 'greet(\"gopher\") -> str' --threads 4")


@click.command(cls=Command, help=HELP, examples=EXAMPLES, runs_guest=True)
@argument("library")
@argument("more", nargs=-1, metavar="[MORE]...")
@call_options
@guest_options
@json_option
@option(OUTPUT, "--events", "show_events", is_flag=True, help="Show every event of the run.")
def command(**options: Any) -> int:
    """Return the exit status."""
    return run_library(options)


def run_library(options: Mapping[str, Any]) -> int:
    """Return the exit status. Raises LoadError, UsageError and its kinds, and errors that carry a report."""
    session = session_for(options)
    with running(session.process):
        session.go()
    if options["as_json"]:
        print(json_text(document(session, options["show_events"])))
        return session.failure.exit_status if session.failure is not None else 0
    _print(session, options["show_events"])
    if isinstance(session.failure, Interrupted):
        session.failure.output_shown = True
    if session.failure is not None:
        raise session.failure
    return 0


MOST_EXPORTS = 12
"""Exported functions that are named if no call was asked for."""


def callable_functions(elf: ElfFile) -> list[str]:
    """The functions that a file exports to be called: of a Go library those marked so, without its runtime's."""
    from emuload.golang.library import open_library
    from emuload.golang.watch_points import EXPORT_PREFIX, export_name

    names = exported_functions(elf)
    library = open_library(elf)
    if library is None:
        return names
    marked = {export_name(function.name) for function in library.table.with_prefix(EXPORT_PREFIX)}
    return [name for name in names if name in marked]


def loaded_lines(session: Session) -> list[str]:
    """For a run without calls: that it loaded, and what could be called."""
    from emuload.trace.kinds.linker import CONSTRUCTOR_ENTER

    process = session.process
    count = sum(event.kind == CONSTRUCTOR_ENTER.name for event in process.events)
    lines = []
    for path in (session.path, *session.more):
        names = callable_functions(ElfFile(read_file(path), path))
        shown = ", ".join(names[:MOST_EXPORTS]) + (f" and {len(names) - MOST_EXPORTS} more" if names[MOST_EXPORTS:] else "")
        lines.append(f"{path}: loaded ({process.arch}, {process.profile.name}); it exports {shown or 'no function'}")
    ran = f"{count} constructor{'s' * (count != 1)} ran"
    lines.append(f"{ran}, no call was made (--call 'name(1, 2)'), exit status {session.exit_status}")
    return lines


def _print(session: Session, show_events: bool) -> None:
    process = session.process
    if show_events:
        from emuload.report.follow import followed

        console.show_lines("", list(followed(process.events)))
    console.show_lines("", session.results())
    console.show_lines("stdout", [f"  {line}" for line in output_text(process.stdout).splitlines()])
    console.show_lines("stderr", [f"  {line}" for line in output_text(process.stderr).splitlines()])
    if not session.calls and session.failure is None:
        console.show_lines("", loaded_lines(session))
    rows = process.handoff()
    if rows:
        console.show_table(handoff_table(rows, session.roles))
    sys.stdout.flush()
