"""A dlopen, or the start of a process, between the mapping of its objects and their constructors.

Relocation may need calls of IFUNC resolvers, which are guest code; between these calls its state is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .objects import Handle, LinkedObject


class Position(NamedTuple):
    """A place in an object's relocations: range, IRELATIVE entries or the others, table in the range, part of the table,
    entry in the part; -1: the part's bulk is still to be done."""

    range: int = 0
    late: bool = False
    table: int = 0
    part: int = 0
    entry: int = -1


class Tally:
    """The work that an object's relocation has done. ``counts``: entries applied, by relocation name; ``copied``: bytes."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.copied = 0


class Progress:
    """The progress of one object's relocation.

    ``lazy``: PLT slots wait for their first call. ``late``: the range at hand has IRELATIVE entries that come last.
    """

    def __init__(self, lazy: bool = False) -> None:
        self.lazy = lazy
        self.begun = False
        self.position = Position()
        self.late = False
        self.tally = Tally()


class Linking:
    """Plain state; `LinkMap.relocate` carries it on.

    ``handle``       the result of dlopen; None: RTLD_NOLOAD, and it is not loaded
    ``constructors`` the objects whose constructors may have to run, in order
    ``new``          the objects that were mapped for it
    ``waiting``      those still to be relocated, in order; ``progress``: of the first one, once it has begun
    ``lazy``         PLT slots are bound at their first call, where the file permits
    ``undo``         puts the link map back to its state before the dlopen; None at start-up and once all is relocated
    """

    def __init__(
        self,
        handle: Handle | None = None,
        constructors: Sequence[LinkedObject] = (),
        new: Sequence[LinkedObject] = (),
        waiting: Sequence[LinkedObject] = (),
        *,
        lazy: bool = False,
    ) -> None:
        self.handle = handle
        self.constructors = constructors
        self.new = new
        self.waiting = list(waiting)
        self.progress: Progress | None = None
        self.lazy = lazy
        self.undo: Callable[[], None] | None = None
