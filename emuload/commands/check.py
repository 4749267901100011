"""`emuload check`: whether a run kept to its order, by rules; for what did not, the events and their stacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from emuload.commands.again import CannotRunAgainError, session_again, session_of_trace, stacks_again
from emuload.commands.guest import process_options
from emuload.commands.progress import running
from emuload.commands.run import Session, session_with
from emuload.commands.trace import end_of, header_of, opened, played
from emuload.errors import ReportedError, UsageError
from emuload.report import console
from emuload.report.junit import junit
from emuload.report.sarif import sarif
from emuload.report.values import json_text
from emuload.report.verdicts import BAD, Checked, document, events_of, finding_blocks, summary, verdict_table
from emuload.trace.checking import check
from emuload.trace.jsonl import Trace, read
from emuload.trace.rules import load_rules
from loader.elf import ELF_MAGIC
from loader.errors import LoadError

_STATUS = {"exited": 0, "failed": 1, "refused": 2, "deadlock": 3, "bound": 4}
"""What the command that made a trace ended with, by its outcome."""

Sessions = Callable[[], Session]


def check_file(options: Mapping[str, Any], run_options: Collection[str]) -> int:
    """Returns the exit status; `run_options` are those given that say what a run does, which a trace has behind it.

    Raises UsageError and its kinds, LoadError, and what ended a library's run with a report.
    """
    path = options["file"]
    start = _beginning(path)
    if start == ELF_MAGIC:
        return _check_library(path, options)
    if start[:1] != b"{":
        raise UsageError(f"{path}: this is neither an ELF file nor a trace of emuload")
    if run_options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(run_options))
        raise UsageError(f"{path} is a trace, whose run is over: {names} cannot change it")
    return _check_trace(path, options)


def _beginning(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(len(ELF_MAGIC))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def _check_library(path: str, options: Mapping[str, Any]) -> int:
    options = {**options, "library": path}
    settings = process_options(options)
    session = session_with(options, settings)
    header = header_of(session, options)
    with _outputs(options) as write:
        with running(session.process):
            refusal = played(session)
        trace = Trace(path, header, session.process.events, end_of(session, refusal))
        checked = _checked(path, trace, options, lambda: session_again(options, settings))
        write(checked)
    failure = session.failure
    if options["as_json"]:
        report = {} if failure is None else {"report": failure.report.to_dict()}
        print(json_text(document(checked) | report))
    else:
        console.show_lines("", [done.text(with_thread=session.threads is not None) for done in session.done])
        _show(checked)
    if refusal is not None:
        raise refusal
    return _ended(failure, options["as_json"]) or int(bool(checked.failed))


def _ended(failure: ReportedError | None, quiet: bool) -> int:
    """The exit status that a run's end asks for. Raises the failure itself where its report is still to be shown."""
    if failure is not None and not quiet:
        raise failure
    return 0 if failure is None else failure.exit_status


def _check_trace(path: str, options: Mapping[str, Any]) -> int:
    trace = read(path)
    with _outputs(options) as write:
        checked = _checked(path, trace, options, lambda: session_of_trace(trace))
        write(checked)
    print(json_text(document(checked))) if options["as_json"] else _show(checked)
    end = trace.end
    if end is not None and end.message and not options["as_json"]:
        sys.stdout.flush()
        print(f"emuload: {path}: the run ended as {end.outcome}: {end.message}", file=sys.stderr)
    return _STATUS.get(end.outcome, 1) if end is not None and end.outcome != "exited" else int(bool(checked.failed))


def _checked(path: str, trace: Trace, options: Mapping[str, Any], again: Sessions) -> Checked:
    """The trace with its verdicts and the stacks behind them; `again` gives a session that does the same once more."""
    names = options["rules"] or _default_rules(trace)
    checked = Checked(path, path == trace.path and not options.get("library"), trace, check(trace, load_rules(names)))
    wanted = events_of(checked.verdicts)
    if wanted:
        try:
            checked.stacks = stacks_again(again(), trace, wanted)
        except CannotRunAgainError as reason:
            checked.unseen = f"no stacks: {reason}"
    return checked


def _default_rules(trace: Trace) -> list[str]:
    is_go = any(event.kind.startswith("go-") for event in trace.events)
    return ["elf", "go-c-shared"] if is_go else ["elf"]
