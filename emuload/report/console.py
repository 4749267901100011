"""Where output goes: plain text into pipes and files, rich's tables and colours on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from emuload.report.tables import Table

if TYPE_CHECKING:
    from emuload.errors import Report


def show_table(table: Table) -> None:
    """Print a table to standard output."""
    if sys.stdout.isatty():
        _rich_table(table)
    else:
        print(table.text())


def show_lines(heading: str, lines: Sequence[str]) -> None:
    """Print lines, if there are any, and a blank one; a heading above them is bold on a terminal."""
    if not lines:
        return
    if heading:
        print(f"\x1b[1m{heading}\x1b[0m" if sys.stdout.isatty() else heading)
    print(*lines, "", sep="\n")


def show_report(report: Report, stream: IO[str]) -> None:
    """Print the report of a run that ended badly."""
    from emuload.report.text import render

    text = f"emuload: {render(report)}"
    if stream.isatty():
        from rich.console import Console
        from rich.text import Text

        first, _, rest = text.partition("\n")
        Console(file=stream, highlight=True, soft_wrap=True).print(
            Text(first, style="bold red"), Text(f"\n{rest}"), sep=""
        )
    else:
        print(text, file=stream)


def _rich_table(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE, header_style="bold", title_justify="left", caption_justify="left")
    drawn.title, drawn.caption = table.title or None, table.note or None
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if number in table.right else "left", overflow="fold")
    for row in table.shown:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)
