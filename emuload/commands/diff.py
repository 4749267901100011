"""`emuload diff`: where two traces part, and in what they differ altogether."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from emuload.report import console
from emuload.report.follow import exact_line
from emuload.report.tables import Table
from emuload.trace.compare import ThreadDifference, compare, exact, first, order, relevant
from emuload.trace.jsonl import Trace, read
from emuload.trace.roles import Roles

CONTEXT = 3
"""Events shown before the first difference, and of each side from it on."""


def compare_traces(left: str, right: str, order_only: bool) -> int:
    """Print the comparison of two `.jsonl` files: 0 when they tell the same, 1 when not. Raises TraceError."""
    traces = read(left), read(right)
    if order_only:
        differences = compare(*traces, key=order, wanted=relevant)
    else:
        differences = compare(*traces, key=exact, wanted=lambda event: True)
    ends = list(_ends(*traces, order_only))
    parted = first(differences)
    if parted is None and not ends:
        events = sum(each.same for each in differences)
        threads = sum(1 for each in differences if each.tid)
        print(f"the same: {events} events of {threads} thread{'s' if threads != 1 else ''}")
        return 0
    console.show_lines("", [f"- {left}", f"+ {right}", *_headers(*traces)])
    if parted is not None:
        console.show_lines(f"thread {parted.tid} parts after {parted.same} events", list(_context(parted, *traces)))
        console.show_table(_summary(differences))
        print()
    console.show_lines("", ends)
    return 1


def _headers(left: Trace, right: Trace) -> Iterator[str]:
    """What was not the same from the start."""
    one, other = asdict(left.header), asdict(right.header)
    for name in one:
        if one[name] != other[name]:
            yield f"  {name}: {_shown(name, one[name])} / {_shown(name, other[name])}"


def _shown(name: str, value: object) -> str:
    """A header's entry; of files' sums the beginning."""
    if name == "files" and isinstance(value, dict):
        return ", ".join(f"{path} {digest[:12]}" for path, digest in value.items())
    return str(value)


def _ends(left: Trace, right: Trace, order_only: bool) -> Iterator[str]:
    ends = [None if trace.end is None else asdict(trace.end) for trace in (left, right)]
    if ends[0] is None or ends[1] is None:
        if ends[0] != ends[1]:
            yield f"end: {'killed' if ends[0] is None else 'complete'} / {'killed' if ends[1] is None else 'complete'}"
        return
    for name in ("outcome", "exit_status") if order_only else list(ends[0]):
        if ends[0][name] != ends[1][name]:
            yield f"{name}: {_shown(name, ends[0][name])} / {_shown(name, ends[1][name])}"


def _context(parted: ThreadDifference, left: Trace, right: Trace) -> Iterator[str]:
    roles = [_roles(trace).name(parted.tid) for trace in (left, right)]
    at = parted.same
    for event in parted.left[max(at - CONTEXT, 0) : at]:
        yield f"  {exact_line(event, roles[0])}"
    for mark, events, role in (("-", parted.left, roles[0]), ("+", parted.right, roles[1])):
        for event in events[at : at + CONTEXT]:
            yield f"{mark} {exact_line(event, role)}"
        if at >= len(events):
            yield f"{mark} (nothing more)"


def _roles(trace: Trace) -> Roles:
    roles = Roles()
    for event in trace.events:
        roles.see(event)
    return roles


def _summary(differences: list[ThreadDifference]) -> Table:
    table = Table(["thread", "events in -", "in +", "the same first", "more of a kind"], title="threads")
    for each in differences:
        counts = ", ".join(f"{kind} {one}/{other}" for kind, (one, other) in each.counts().items())
        table.rows.append([str(each.tid), str(len(each.left)), str(len(each.right)), str(each.same), counts])
    return table
