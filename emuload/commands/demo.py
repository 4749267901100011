"""`emuload demo`: the shipped Go library of every architecture, run one after the other, shown side by side."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from emuload import samples
from emuload.calls.text import parse_call
from emuload.calls.values import json_text, value_text
from emuload.commands.progress import progress
from emuload.commands.run import Session, document
from emuload.errors import UsageError
from emuload.process.process import Process
from emuload.report import console
from emuload.report.handoff import side_by_side
from emuload.report.tables import Table

CALLS = ("add(1, 2)", 'greet("gopher") -> str', "sum(100)", "divide(1, 0) -> str")


def run_demo(names: Sequence[str], as_json: bool) -> int:
    """Returns the exit status. Raises UsageError for a sample that there is not, and what ends a run with a report."""
    chosen = list(names) or list(samples.SAMPLES)
    for name in chosen:
        if name not in samples.SAMPLES:
            raise UsageError(f"there is no sample {name!r}: choose from {', '.join(samples.SAMPLES)}")
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


def write_samples(directory: str) -> int:
    """Write every sample to `directory`/<name>/libhello.so and say so. Raises UsageError when that cannot be done."""
    for name in samples.SAMPLES:
        try:
            print(samples.path(name, Path(directory)))
        except OSError as error:
            raise UsageError(f"{directory}: {error.strerror or error}") from None
    return 0


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
    session = Session(Process.for_file(path), path, [parse_call(text) for text in CALLS], None)
    session.go()
    if session.failure is not None:
        raise session.failure
    return session


def _results(sessions: dict[str, Session]) -> Table:
    table = Table(["sample", *CALLS], title="results")
    for name, session in sessions.items():
        table.rows.append([name, *(value_text(done.value) for done in session.done)])
    return table
