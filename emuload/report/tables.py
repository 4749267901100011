"""A table as data, and as aligned plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loader.errors import one_line


@dataclass(eq=False, repr=False)
class Table:
    """Rows of text under column names; columns in `right` (by number) hold figures."""

    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    right: Sequence[int] = ()
    title: str = ""
    note: str = ""

    @property
    def shown(self) -> list[list[str]]:
        """The rows as they are shown: unprintable characters are escaped."""
        return [list(map(one_line, row)) for row in self.rows]

    def text(self) -> str:
        """The table as lines, each column as wide as its widest entry; the title above, the note below."""
        rows = [self.columns, *self.shown]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        lines = [self.title] if self.title else []
        for row in rows:
            cells = [
                cell.rjust(width) if i in self.right else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(("  " + "  ".join(cells)).rstrip())
        if self.note:
            lines.append(f"  {self.note}")
        return "\n".join(lines)


def events_text(events: int, threads: int) -> str:
    """`397 events of 5 threads`."""
    return f"{events} events of {threads} thread{'s' if threads != 1 else ''}"
