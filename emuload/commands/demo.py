"""`emuload demo`: the shipped Go library of every architecture, run one after the other, shown side by side."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from emuload import samples
from emuload.calls.text import parse_call
from emuload.calls.values import value_text
from emuload.commands.common.command import OPTIONS, Command, complete_from, json_option, option
from emuload.commands.common.progress import progress
from emuload.commands.common.session import Session, document
from emuload.errors import UsageError
from emuload.machine.architecture import named
from emuload.machine.targets import guest_targets
from emuload.process.process import Process
from emuload.report import console
from emuload.report.handoff import side_by_side
from emuload.report.json_text import json_text
from emuload.report.tables import Table

DEMO_CALLS = ("add(1, 2)", 'greet("gopher") -> str', "sum(100)", "divide(1, 0) -> str")

HELP = """Show the handoff on every architecture.

Runs the Go libraries that come with emuload and shows their handoffs side by side.
"""
EXAMPLES = ("emuload demo", "emuload demo --arch armv7 --arch arm64")


@click.command(cls=Command, help=HELP, examples=EXAMPLES, renamed={"--write": "emuload samples DIR"})
@option(
    OPTIONS, "--arch", "architectures", multiple=True, metavar="NAME",
    shell_complete=complete_from(lambda: list(samples.SAMPLES)),
    help=f"Only this sample: {', '.join(samples.SAMPLES)}; repeatable.",
)  # fmt: skip
@json_option
def command(architectures: Sequence[str], as_json: bool) -> int:
    """Return the exit status."""
    return run_demo(architectures, as_json)


def run_demo(names: Sequence[str], as_json: bool) -> int:
    """Return the exit status. Raises UsageError for an unknown sample, and errors that carry a report."""
    chosen = [_sample(name) for name in names] or list(samples.SAMPLES)
    sessions: dict[str, Session] = {}
    done: list[str] = []
    with _folder() as folder, progress(lambda: f"{done[-1] if done else chosen[0]}: running"):
        for name in chosen:
            done.append(name)
            sessions[name] = _run(name, folder)
    if as_json:
        print(json_text({name: document(session, with_events=False) for name, session in sessions.items()}))
    else:
        console.show_table(_results(sessions))
        print()
        console.show_table(side_by_side({name: (s.process.handoff(), s.roles) for name, s in sessions.items()}))
    return 0


def _sample(name: str) -> str:
    """The sample of a name, or of any usual name of its architecture. Raises UsageError."""
    if name in samples.SAMPLES:
        return name
    targets = guest_targets()
    try:
        wanted = named(name)
    except ValueError:
        raise UsageError(f"there is no sample {name!r}: choose from {', '.join(samples.SAMPLES)}") from None
    return next(each for each, target in samples.SAMPLES.items() if targets[target].goarch == wanted)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder to work in, so that the guests see the same short names on every host."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="emuload-") as folder:
        os.chdir(folder)
        try:
            yield Path()
        finally:
            os.chdir(before)


def _run(name: str, folder: Path) -> Session:
    path = str(samples.path(name, folder))
    session = Session(Process.for_file(path), path, [parse_call(text) for text in DEMO_CALLS], None)
    session.go()
    if session.failure is not None:
        raise session.failure
    return session


def _results(sessions: dict[str, Session]) -> Table:
    """A line for each call and result, with the samples that gave it."""
    table = Table(["call", "result", "samples"], title="results")
    for number, call in enumerate(DEMO_CALLS):
        given: dict[str, list[str]] = {}
        for name, session in sessions.items():
            given.setdefault(value_text(session.done[number].value), []).append(name)
        for text, names in given.items():
            table.rows.append([call, text, "all" if len(given) == 1 else ", ".join(names)])
    return table
