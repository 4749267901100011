"""`emuload check`: check the order of a run by rules, and show the events and stacks behind each rule that does not hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

import click

from emuload.commands.common.checked_runs import Failure, LibraryRun, Run, TraceRun
from emuload.commands.common.command import OPTIONS, OUTPUT, Command, argument, complete_from, given, json_option, option
from emuload.commands.common.guest_options import call_options, guest_options
from emuload.commands.common.output_files import opened
from emuload.commands.common.rerun import CannotRunAgainError, stacks_again
from emuload.errors import EmuloadError, ReportedError, UsageError
from emuload.order.checking import check
from emuload.order.rules import Rule, load_rules, shipped
from emuload.report import console
from emuload.report.json_text import json_text
from emuload.report.junit import junit
from emuload.report.sarif import sarif
from emuload.report.verdicts import Checked, document, events_of, finding_blocks, summary, verdict_table
from emuload.trace.jsonl import Trace
from loader.file_kinds import kind_of

_ELF = b"\x7fELF"

HELP = f"""Check the order in which things happened: LIBRARY is run as `trace` does; or a TRACE (.jsonl) that was kept.

Shows a table of rules, and for each that does not hold the events, with their stacks. broken: it happened
otherwise; unordered: it came out well, and nothing the threads wait for makes it so.

\b
Rule sets: {", ".join(shipped())}; files of your own are TOML (traces/RULES.md).
If none are given: elf, and go-c-shared where Go runs.
Exit status 0: all hold; 1: not all; the run's own if it did not end well.
"""
EXAMPLES = (
    "emuload check libhello.so --call 'add(1, 2)'",
    "emuload check run.jsonl --rules go-c-shared --rules order.toml --junit report.xml",
)
_OF_THE_CHECK = {"file", "--rules", "--junit", "--sarif", "--json"}


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@argument("file", metavar="LIBRARY|TRACE")
@option(
    OPTIONS, "--rules", "-r", multiple=True, metavar="SET|FILE", help="Check by these rules; repeatable.",
    shell_complete=complete_from(lambda: list(shipped())),
)
@call_options
@guest_options
@json_option
@option(OUTPUT, "--junit", metavar="FILE", help="Write the verdicts to FILE as JUnit XML.")
@option(OUTPUT, "--sarif", metavar="FILE", help="Write the findings to FILE as SARIF 2.1.0.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> int:
    """Return the exit status."""
    if options["profile"] == "all" or "," in options["profile"]:
        raise click.UsageError(f"several profiles: use: emuload compat LIBRARY --profile {options['profile']}")
    return check_file(options, given(context) - _OF_THE_CHECK)


def check_file(options: Mapping[str, Any], run_options: Collection[str]) -> int:
    """Return the exit status. `run_options` are the given options of a run, which a stored trace refuses.

    Raises UsageError and its kinds, LoadError, and the error of a run that did not end well.
    """
    rules = load_rules(options["rules"])
    run = _run_of(options["file"], options, run_options)
    with opened(options["junit"]) as junit_file, opened(options["sarif"]) as sarif_file:
        trace = run.go()
        checked = _checked(run, trace, rules or _default_rules(trace))
        for name, file, made in (("junit", junit_file, junit), ("sarif", sarif_file, sarif)):
            if file is not None:
                _write(options[name], file, made(checked))
    failure = run.failure()
    if options["as_json"]:
        report = {"report": failure.report.to_dict()} if isinstance(failure, ReportedError) else {}
        print(json_text(document(checked) | report))
    else:
        console.show_lines("", run.results())
        _show(checked)
        if failure is not None:
            raise failure
    return _status(failure) if failure is not None else int(bool(checked.failed))


def _run_of(path: str, options: Mapping[str, Any], run_options: Collection[str]) -> Run:
    """The run of a file: its content shows what it is. Raises UsageError, LoadError."""
    try:
        with open(path, "rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    if start.startswith(_ELF):
        return LibraryRun(path, options)
    if not start.startswith(b"{"):
        kind = kind_of(start)
        it_is = f", but {kind}" if kind else ""
        raise UsageError(f"{path}: this is neither an ELF file nor a trace of emuload{it_is}")
    if run_options:
        names = ", ".join(sorted(run_options))
        raise UsageError(f"{path}: the run of a trace is over, {names} cannot change it")
    return TraceRun(path)


def _default_rules(trace: Trace) -> list[Rule]:
    """The rule sets that may apply. They were not asked for, so a rule without events in a short run is no error."""
    is_go = any(event.kind.startswith("go-") for event in trace.events)
    return [replace(rule, optional=True) for rule in load_rules(["elf", "go-c-shared"] if is_go else ["elf"])]


def _checked(run: Run, trace: Trace, rules: Sequence[Rule]) -> Checked:
    """The trace with its verdicts and, where the run can be made again, the stacks behind them."""
    checked = Checked(run.subject, run.is_trace, trace, check(trace, rules))
    wanted = events_of(checked.verdicts)
    if wanted:
        try:
            checked.stacks = stacks_again(run.again(), trace, wanted)
        except CannotRunAgainError as reason:
            checked.unseen = f"no stacks: {reason}"
    return checked


def _write(name: str, file: IO[bytes], data: bytes) -> None:
    try:
        while data:
            data = data[file.write(data) :]
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None


def _show(checked: Checked) -> None:
    console.show_lines("", [summary(checked)])
    console.show_table(verdict_table(checked))
    print()
    for heading, lines in finding_blocks(checked):
        console.show_lines(heading, lines)
    if checked.unseen:
        print(checked.unseen)


def _status(failure: Failure) -> int:
    return failure.exit_status if isinstance(failure, EmuloadError) else UsageError.exit_status
