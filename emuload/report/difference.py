"""The comparison of two traces as text: the first difference in context, then a summary of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from emuload.report import console
from emuload.report.follow import exact_line
from emuload.report.tables import Table, events_text
from emuload.trace.compare import ThreadDifference, compare_exactly, compare_order, first
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace
from emuload.trace.roles import Roles

CONTEXT = 3
"""Events shown before the first difference and after it."""

SHOWN = 5
"""Events shown of each side of a difference."""


@dataclass
class Difference:
    """The parts of a comparison; a part without a difference is empty."""

    heads: list[str]
    heading: str
    context: list[str]
    threads: list[ThreadDifference]
    ends: list[str]

    @property
    def same(self) -> bool:
        """True if the two runs did the same; their headers may differ."""
        return not self.context and not self.ends

    def summary(self) -> Table:
        """A row for each thread."""
        columns = ["thread", "the same", "changed", "only in -", "only in +", "what changed, and kinds that only one side has"]
        table = Table(columns, right=(1, 2, 3, 4), title="threads")
        for each in self.threads:
            names = Counter(chain.from_iterable(each.changed.values()))
            words = [f"{name} {count}" for name, count in names.items()]
            words += [f"{kind} {one}/{other}" for kind, (one, other) in each.unpaired().items()]
            counts = (each.same, len(each.changed), each.lost, each.added)
            table.rows.append([str(each.tid), *(str(count or "") for count in counts), ", ".join(words)])
        return table

    def text(self) -> str:
        """The whole comparison."""
        parts = ["\n".join(self.heads)]
        if self.context:
            parts += ["\n".join([self.heading, *self.context]), self.summary().text()]
        return "\n\n".join([*parts, "\n".join(self.ends)]).rstrip() + "\n"


def difference(left: Trace, right: Trace, order_only: bool) -> Difference:
    """Compare two traces, exactly or by order only; see `emuload.trace.compare`."""
    threads = (compare_order if order_only else compare_exactly)(left, right)
    parted = first(threads)
    heads = [f"- {left.path}", f"+ {right.path}", *_headers(left, right)]
    heading, context = "", []
    if parted is not None:
        heading = f"thread {parted.tid} parts after {_same_first(parted)} events"
        roles = _roles(left).name(parted.tid), _roles(right).name(parted.tid)
        context = list(_context(parted, roles))
    return Difference(heads, heading, context, threads, list(_ends(left, right, order_only)))


def show(found: Difference) -> None:
    """Print a comparison: one line if the two runs did the same."""
    if found.same:
        events = sum(each.same for each in found.threads)
        threads = sum(1 for each in found.threads if each.tid)
        print(f"the same: {events_text(events, threads)}")
        return
    console.show_lines("", found.heads)
    if found.context:
        console.show_lines(found.heading, found.context)
        console.show_table(found.summary())
        print()
    console.show_lines("", found.ends)


def _headers(left: Trace, right: Trace) -> Iterator[str]:
    """A line for each entry of the headers that differs."""
    one, other = asdict(left.header), asdict(right.header)
    for name in one:
        if one[name] != other[name]:
            yield f"  {name}: {_shown(name, one[name])} / {_shown(name, other[name])}"


def _shown(name: str, value: object) -> str:
    """An entry of a header or an end; files' checksums are shortened."""
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


def _same_first(parted: ThreadDifference) -> int:
    beginning = next(parted.parts())
    return len(beginning.left) if beginning.same else 0


def _context(parted: ThreadDifference, roles: tuple[str, str]) -> Iterator[str]:
    """The first part that differs, between the equal parts around it."""
    parts = parted.parts()
    part = next(parts)
    if part.same:
        yield from _marked(" ", part.left[-CONTEXT:], roles[0])
        part = next(parts)
    after = next(parts, None)
    for mark, events, role in (("-", part.left, roles[0]), ("+", part.right, roles[1])):
        yield from _marked(mark, events[:SHOWN], role)
        if len(events) > SHOWN:
            yield f"{mark} … and {len(events) - SHOWN} more"
        elif not events and after is None:
            yield f"{mark} (nothing more)"
    if after is not None:
        yield from _marked(" ", after.left[:CONTEXT], roles[0])


def _marked(mark: str, events: Sequence[Event], role: str) -> Iterator[str]:
    return (f"{mark} {exact_line(event, role)}" for event in events)


def _roles(trace: Trace) -> Roles:
    roles = Roles()
    for event in trace.events:
        roles.see(event)
    return roles
