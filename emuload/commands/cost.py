"""`emuload cost`: run a library, count the instructions of each phase, and compare them with a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from emuload.commands.common.command import OPTIONS, Command, argument, json_option, option
from emuload.commands.common.guest_options import call_options, guest_options
from emuload.commands.common.progress import running
from emuload.commands.common.session import Session, session_for
from emuload.cost.budget import Budget, Excess, budget_lines, read_budget
from emuload.cost.meter import CostMeter, Phase
from emuload.errors import UsageError
from emuload.report import console
from emuload.report.handoff import thread_name
from emuload.report.json_text import json_text
from emuload.report.tables import Table

HELP = """Load LIBRARY and make calls as `run` does, and count the instructions of each phase.

The figures are exact and the same on every host: the deterministic counterpart of a timing test. Exit status 1 when a
phase exceeds its budget.

\b
total = 700000             a budget is a TOML file;
[phases]                   phases are named as in the table
"runtime init" = 250000
"""
EXAMPLES = (
    "emuload cost libhello.so --call 'add(1, 2)' --write-budget budget.toml",
    "emuload cost libhello.so --call 'add(1, 2)' --budget budget.toml",
)


@click.command(cls=Command, help=HELP, examples=EXAMPLES, runs_guest=True)
@argument("library")
@argument("more", nargs=-1, metavar="[MORE]...")
@option(OPTIONS, "--budget", metavar="FILE", help="Fail where a phase takes more instructions than FILE allows.")
@option(OPTIONS, "--write-budget", metavar="FILE", help="Write FILE with what each phase took.")
@call_options
@guest_options
@json_option
def command(**options: Any) -> int:
    """Return the exit status."""
    return measure_cost(options)


def measure_cost(options: Mapping[str, Any]) -> int:
    """Return the exit status. Raises LoadError, UsageError and its kinds, and errors that carry a report."""
    budget = read_budget(options["budget"]) if options["budget"] is not None else None
    session = session_for(options)
    meter = CostMeter(session.process.scheduler, _names(session))
    with running(session.process):
        session.go()
    phases = meter.finish()
    _show(session, phases, as_json=options["as_json"])
    if session.failure is not None:
        raise session.failure
    if options["write_budget"] is not None:
        _write(options["write_budget"], phases)
    return _compare(budget, phases) if budget is not None else 0


def _names(session: Session) -> Any:
    """A function that names a call by its text on the command line; repeated texts get a number from the second on."""
    texts = [call.text.strip() for call in session.calls for _ in range(session.threads or 1)]
    functions = [call.name for call in session.calls for _ in range(session.threads or 1)]

    def name(function: str, number: int) -> str:
        places = [n for n, each in enumerate(functions) if each == function]
        if number >= len(places):
            return function
        text = texts[places[number]]
        before = texts[: places[number]].count(text)
        return text if session.threads is not None or not before else f"{text} #{before + 1}"

    return name


def _show(session: Session, phases: Sequence[Phase], *, as_json: bool) -> None:
    total = sum(phase.instructions for phase in phases)
    if as_json:
        rows = [
            {"phase": each.name, "instructions": each.instructions, "threads": {str(tid): n for tid, n in each.threads.items()}}
            for each in phases
        ]
        print(json_text({"library": session.path, "architecture": session.process.arch, "total": total, "phases": rows}))
        return
    table = Table(["phase", "thread", "instructions", "share"], right=(2, 3), title="cost")
    for phase in phases:
        threads = ", ".join(thread_name(tid, session.roles) for tid in phase.threads)
        table.rows.append([phase.name, threads, f"{phase.instructions:,}", f"{100 * phase.instructions / max(total, 1):.1f} %"])
    table.rows.append(["total", "", f"{total:,}", ""])
    console.show_table(table)


def _write(path: str, phases: Sequence[Phase]) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in budget_lines(phases))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def _compare(budget: Budget, phases: Sequence[Phase]) -> int:
    """Print a line for each phase above its budget; return 1 if there is one, else 0."""
    over = budget.exceeded(phases)
    console.show_lines("", [_over(row) for row in over])
    return 1 if over else 0


def _over(row: Excess) -> str:
    more = row.instructions - row.budget
    return f"over budget: {row.name}: {row.instructions:,} instructions, {more:,} more than {row.budget:,}"
