"""A dlopen, or the start of a process, between the mapping of its objects and their constructors.

Relocating may need IFUNC resolvers called, which are guest code; meanwhile all that is known stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .objects import Handle, LinkedObject

if TYPE_CHECKING:
    from .relocate import Progress
    from .unload import Rollback


class Linking:
    """Plain state; `LinkMap.relocate` carries it on.

    ``handle``       what dlopen answers; None: RTLD_NOLOAD, and it is not loaded
    ``constructors`` the objects whose constructors may have to run, in order
    ``new``          the objects that were mapped for it
    ``waiting``      those still to be relocated, in order; ``progress``: of the first one, once it has begun
    ``lazy``         whether PLT slots are bound at their first call, where the file permits
    ``before``       the link map as it was, None at start-up
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
        self.before: Rollback | None = None
