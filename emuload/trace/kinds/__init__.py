"""The kinds of events, each declared once: `Kind` here, the declarations by area in the modules beside.

Timeline, happens-before, comparison, roles, the catalogue in traces/README.md and the numbers of the emulated C library follow
from the declarations. A run imports those of the C library only; `emuload.trace.kinds.catalogue` has them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BY_MACHINE = "by machine"
"""The event says how something was done, which differs between architectures."""

BY_TIMING = "by timing"
"""The event happens or not depending on which thread is faster."""

WAIT = "wait"
"""Category of the slices in which a thread waits."""


class Kind:
    """One kind of event.

    words, fields    its row in the catalogue: the fields' names, in order, separated by commas; further rows of a kind with
                     several sets of fields are pairs (fields, words) in `also`
    begins           the slice it begins on its thread's track: the category, and the field that names the slice ("" if none does)
    ends             the kind that began the slice it ends; `ends_any`: it ends the innermost slice of that category
    moves            the slice it begins may end on another thread
    quiet            no mark on the track: the event is too frequent, or a slice shows it
    wakes, creates   the field with the threads (the thread) that it wakes or creates: an arrow leads there
    woken            a thread that was woken goes on here: the arrow's end
    acquires,        happens-before: channels, each a family and the fields that identify the channel within it ("tid" is the
    releases         event's thread). All releases of a channel come before its later acquires; a created thread acquires what
                     its creation releases
    rule             if that depends on more than the event's own fields: the name of a rule in `emuload.order.synchronisation`
    varies           BY_MACHINE or BY_TIMING: does not count when only the order is compared; "" counts
    machine_fields   fields that name something of the architecture and never count when only the order is compared
    role             the role of a thread on which it happens
    number           its number in enum em_event of the emulated C library (emuload/libc/src/host.h), -1 if none
    blocked_on       what a thread that waits in the slice it begins is blocked on, in words; its first field is the address
    holder           the field with the thread that could end that wait, "" if nobody in particular can
    handoff          a step of a Go library's handoff
    """

    __slots__ = (
        "acquires", "begins", "blocked_on", "creates", "ends", "ends_any", "fields", "handoff", "holder", "machine_fields",
        "moves", "name", "number", "quiet", "releases", "role", "rows", "rule", "varies", "wakes", "woken",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        fields: str,
        words: str,
        *,
        also: Sequence[tuple[str, str]] = (),
        begins: tuple[str, str] | None = None,
        ends: Kind | None = None,
        ends_any: str = "",
        moves: bool = False,
        quiet: bool = False,
        wakes: str = "",
        creates: str = "",
        woken: bool = False,
        acquires: Sequence[tuple[str, ...]] = (),
        releases: Sequence[tuple[str, ...]] = (),
        rule: str = "",
        varies: str = "",
        machine_fields: tuple[str, ...] = (),
        role: str = "",
        number: int = -1,
        blocked_on: str = "",
        holder: str = "",
        handoff: bool = False,
    ) -> None:
        self.name = name
        self.rows = ((fields, words), *also)
        self.fields = tuple(fields.split(", ")) if fields else ()
        self.begins = begins
        self.ends = ends
        self.ends_any = ends_any
        self.moves = moves
        self.quiet = quiet
        self.wakes = wakes
        self.creates = creates
        self.woken = woken
        self.acquires = acquires
        self.releases = releases
        self.rule = rule
        self.varies = varies
        self.machine_fields = machine_fields
        self.role = role
        self.number = number
        self.blocked_on = blocked_on
        self.holder = holder
        self.handoff = handoff

    def __repr__(self) -> str:
        return f"<Kind {self.name}>"


def declared(names: Mapping[str, object]) -> tuple[Kind, ...]:
    """The kinds among a module's globals, in the order of their declarations."""
    return tuple(value for value in names.values() if isinstance(value, Kind))
