"""The program that links: whom the linker asks for files, missing symbols and calls of guest code, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import LoadError
from .objects import LinkedObject
from .search import Finder


class Owner:
    """The callbacks of a link map; see `loader.link_map.LinkMap`. They may be bound anew at any time."""

    def __init__(
        self,
        finder: Finder | None = None,
        missing: Callable[[str, LinkedObject], int | None] | None = None,
        absent: Callable[[str, LinkedObject], bool] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        call_guest: Callable[[int], int] | None = None,
        identify: Callable[[LinkedObject], int] | None = None,
        thread_pointers: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        self.finder = finder
        self.missing = missing
        self.absent = absent
        self.on_event = on_event
        self.call_guest = call_guest
        self.identify = identify
        self.thread_pointers = thread_pointers

    def emit(self, kind: str, obj: LinkedObject | str, **details: Any) -> None:
        """Report an event about an object, or about the name of one that was not loaded."""
        if self.on_event is not None:
            self.on_event(kind, {"object": obj if isinstance(obj, str) else obj.path, **details})

    def warn(self, obj: LinkedObject, message: str) -> None:
        """Report something that the real linker prints a warning about."""
        self.emit("warning", obj, message=message)

    def call_resolver(self, obj: LinkedObject, address: int) -> int:
        """The result of the IFUNC resolver at ``address`` of ``obj``. LoadError when it cannot be called."""
        if self.call_guest is None:
            raise LoadError(obj.path, "", f"IFUNC resolver at {address:#x} cannot be called here", "ifunc")
        return self.call_guest(address)

    def threads(self) -> Sequence[int]:
        """The thread pointers of all running threads."""
        return self.thread_pointers() if self.thread_pointers is not None else ()
