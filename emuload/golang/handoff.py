"""The handoff as a table: from the constructor's start of the runtime thread to the first export body entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from emuload.trace.kinds.golang import KINDS

HANDOFF = tuple(kind.name for kind in KINDS if kind.handoff)
"""The handoff's events, in the order in which they first happen when all goes well."""


class HandoffEvent(Protocol):
    """An event as the table reads it."""

    @property
    def kind(self) -> str: ...
    @property
    def tid(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def fields(self) -> Mapping[str, object]: ...


class Row(NamedTuple):
    """One line of the handoff table; `time` is virtual nanoseconds."""

    event: str
    thread: int
    time: int
    function: str
    object: str


def handoff_table(events: Iterable[HandoffEvent]) -> list[Row]:
    """The handoff's events in the order in which they happened."""
    rows = []
    for event in events:
        if event.kind not in HANDOFF:
            continue
        fields = event.fields
        what = fields.get("function", "")
        if "package" in fields:
            what = f"package {fields['package']}"
        elif "for" in fields:
            what = f"{what} (for {fields['for']})"
        rows.append(Row(event.kind, event.tid, event.time, str(what), str(fields.get("object", ""))))
    return rows
