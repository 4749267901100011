"""`emuload diff`: where two traces part, and in what they differ altogether."""

from __future__ import annotations

from emuload.report import console
from emuload.report.difference import difference
from emuload.trace.jsonl import read


def compare_traces(left: str, right: str, order_only: bool) -> int:
    """Print the comparison of two `.jsonl` files: 0 when they tell the same, 1 when not. Raises TraceError."""
    found = difference(read(left), read(right), order_only)
    if found.same:
        events = sum(each.same for each in found.threads)
        threads = sum(1 for each in found.threads if each.tid)
        print(f"the same: {events} events of {threads} thread{'s' if threads != 1 else ''}")
        return 0
    console.show_lines("", found.heads)
    if found.context:
        console.show_lines(found.heading, found.context)
        console.show_table(found.summary())
        print()
    console.show_lines("", found.ends)
    return 1
