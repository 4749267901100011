"""A table as data, and as aligned plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False, repr=False)
class Table:
    """Rows of text under column names; columns in `right` (by number) hold figures."""

    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    right: Sequence[int] = ()
    title: str = ""
    note: str = ""

    def text(self) -> str:
        """The table as lines, each column as wide as its widest entry; the title stands above, the note below."""
        widths = [max(len(row[i]) for row in [self.columns, *self.rows]) for i in range(len(self.columns))]
        lines = [self.title] if self.title else []
        for row in [self.columns, *self.rows]:
            cells = [
                cell.rjust(width) if i in self.right else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(("  " + "  ".join(cells)).rstrip())
        if self.note:
            lines.append(f"  {self.note}")
        return "\n".join(lines)


def milliseconds(nanoseconds: int) -> str:
    """Virtual time with a digit for each microsecond: 1234567 → 1.235."""
    return f"{(nanoseconds + 500) // 1000 / 1000:.3f}"
