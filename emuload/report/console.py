"""Prints tables, lines and reports: the same layout on a terminal as in a pipe; a terminal shows headings bold, too,
unless NO_COLOR is set (no-color.org).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from emuload.errors import Report
    from emuload.report.tables import Table

_BOLD, _BOLD_RED, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"


def show_table(table: Table) -> None:
    """Print a table to standard output."""
    title, newline, rest = table.text().partition("\n")
    print(_styled(title, sys.stdout, _BOLD) if table.title else title, newline, rest, sep="")


def show_lines(heading: str, lines: Sequence[str]) -> None:
    """Print lines, if there are any, and a blank one; with a heading above them if it is not empty."""
    if not lines:
        return
    if heading:
        print(_styled(heading, sys.stdout, _BOLD))
    print(*lines, "", sep="\n")


def show_report(report: Report, stream: IO[str]) -> None:
    """Print the report of a run that ended badly."""
    from emuload.errors import render

    first, newline, rest = f"emuload: {render(report)}".partition("\n")
    print(_styled(first, stream, _BOLD_RED), newline, rest, sep="", file=stream)


def _styled(text: str, stream: IO[str], style: str) -> str:
    return f"{style}{text}{_PLAIN}" if stream.isatty() and not os.environ.get("NO_COLOR") else text
