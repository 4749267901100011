"""The handoff as a table: one run's, or several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from emuload.errors import milliseconds
from emuload.report.tables import Table
from emuload.trace.kinds import golang

_INIT_ENTER, _INIT_EXIT = golang.GO_PACKAGE_INIT_ENTER.name, golang.GO_PACKAGE_INIT_EXIT.name
PACKAGE_INIT = "go-package-init"
"""The row of package inits whose end directly follows their start."""

_EXPORT, _BODY, _RETURN = "go-export-", golang.GO_EXPORT_BODY.name, golang.GO_EXPORT_RETURN.name

_PACKAGES_NAMED = 3


class Row(Protocol):
    """A step of the handoff, as `Process.handoff` gives it; `time` is virtual nanoseconds."""

    @property
    def event(self) -> str: ...
    @property
    def thread(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def function(self) -> str: ...
    @property
    def object(self) -> str: ...


class Step(NamedTuple):
    """A line of the table: one row, or several package inits in sequence."""

    event: str
    thread: int
    time: int
    what: str
    object: str


def steps(rows: Sequence[Row]) -> list[Step]:
    """The rows, with package inits in sequence on one thread folded into one line."""
    found: list[Step] = []
    packages: list[str] = []
    at = 0
    while at < len(rows):
        row = rows[at]
        following = rows[at + 1] if at + 1 < len(rows) else None
        if following is not None and _is_whole_init(row, following):
            packages.append(row.function.removeprefix("package "))
            at += 2
            after = rows[at : at + 2]
            if len(after) == 2 and _is_whole_init(*after) and _same_place(after[0], row):
                continue
            first = rows[at - 2 * len(packages)]
            found.append(Step(PACKAGE_INIT, first.thread, first.time, _names(packages), first.object))
            packages = []
        else:
            found.append(Step(row.event, row.thread, row.time, row.function, row.object))
            at += 1
    return found


def _is_whole_init(row: Row, following: Row) -> bool:
    return (
        row.event == _INIT_ENTER
        and following.event == _INIT_EXIT
        and row.function == following.function
        and _same_place(row, following)
    )


def _same_place(row: Row, other: Row) -> bool:
    return (row.thread, row.object) == (other.thread, other.object)


def _names(packages: list[str]) -> str:
    if len(packages) <= _PACKAGES_NAMED + 1:
        return ", ".join(packages)
    return f"{', '.join(packages[:_PACKAGES_NAMED])}, … {packages[-1]} ({len(packages)} packages)"


def thread_name(tid: int, roles: Mapping[int, str]) -> str:
    """`1001 runtime`, or the number alone."""
    role = roles.get(tid, "")
    return f"{tid} {role}" if role else str(tid)


def base_name(path: str) -> str:
    """The last part of a guest path."""
    return path.rpartition("/")[2]


def first_calls(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows without those of exports after a thread's first call returned, and the number left out."""
    depth: dict[int, int] = {}
    finished: set[int] = set()
    kept = []
    for row in rows:
        if row.event.startswith(_EXPORT) and row.thread in finished:
            continue
        kept.append(row)
        if row.event == _BODY:
            depth[row.thread] = depth.get(row.thread, 0) + 1
        elif row.event == _RETURN:
            depth[row.thread] = depth.get(row.thread, 0) - 1
            if depth[row.thread] <= 0:
                finished.add(row.thread)
    return kept, len(rows) - len(kept)


def handoff_table(rows: Sequence[Row], roles: Mapping[int, str]) -> Table:
    """One run's handoff, up to each thread's first call; with a column for the library if there are several."""
    kept, left_out = first_calls(rows)
    found = steps(kept)
    objects = list(dict.fromkeys(step.object for step in found))
    columns = ["event", "thread", "time (ms)", "function"]
    table = Table(columns + ["library"] * (len(objects) > 1), right=(2,), title="handoff")
    for step in found:
        cells = [step.event, thread_name(step.thread, roles), milliseconds(step.time), step.what]
        table.rows.append(cells + [base_name(step.object)] * (len(objects) > 1))
    if left_out:
        table.note = f"and {left_out} more steps of later calls"
    return table


def side_by_side(runs: Mapping[str, tuple[Sequence[Row], Mapping[int, str]]]) -> Table:
    """Several runs' handoffs in one table: a line for each event in the order of the first run that has it, with its times in ms.

    `runs` maps a run's name to its rows and to its threads' roles. An event that happens twice has two lines. The thread is that
    of the first run; where it is another one in a run, the time says so.
    """
    table = Table(["event", "thread", *runs], right=tuple(range(2, 2 + len(runs))), title="handoff (ms)")
    keyed = {name: _keyed(steps(first_calls(rows)[0])) for name, (rows, _) in runs.items()}
    for key in _merged([list(found) for found in keyed.values()]):
        thread, cells = 0, [key[0], ""]
        for name, (_, roles) in runs.items():
            step = keyed[name].get(key)
            if step is None:
                cells.append("–")
                continue
            if not thread:
                thread, cells[1] = step.thread, thread_name(step.thread, roles)
            elsewhere = f"on {thread_name(step.thread, roles)} " if step.thread != thread else ""
            cells.append(f"{elsewhere}{milliseconds(step.time)}")
        table.rows.append(cells)
    return table


def _keyed(found: Sequence[Step]) -> dict[tuple[str, int], Step]:
    """Each step by (event, number of earlier steps with that event)."""
    keyed: dict[tuple[str, int], Step] = {}
    counts: dict[str, int] = {}
    for step in found:
        count = counts.get(step.event, 0)
        counts[step.event] = count + 1
        keyed[step.event, count] = step
    return keyed


def _merged(orders: Sequence[list[tuple[str, int]]]) -> list[tuple[str, int]]:
    """One order of all keys: the first list's; a key that only others have comes after its predecessor there."""
    merged: list[tuple[str, int]] = []
    for order in orders:
        place = 0
        for key in order:
            if key in merged:
                place = merged.index(key) + 1
            else:
                merged.insert(place, key)
                place += 1
    return merged
