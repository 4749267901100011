"""The role of each thread of a run, read from its events alone."""

from __future__ import annotations

from emuload.trace.events import Event
from emuload.trace.kinds.catalogue import KINDS

HOST = "host"
"""The role of events on no thread (tid 0): the linker's work before the first thread exists."""


class Roles:
    """Learns the roles as events come. The first thread is the loader; runtime and sysmon are known by their own events; a
    thread on which the host calls functions is foreign. A thread that has not shown its role has the role "".
    """

    def __init__(self) -> None:
        self.of: dict[int, str] = {}

    def see(self, event: Event) -> None:
        """Take note of one event; call it for each, in order."""
        kind = KINDS.get(event.kind)
        if kind is None:
            return
        if not event.tid and kind.creates:
            child = event.fields.get(kind.creates)
            if isinstance(child, int) and "loader" not in self.of.values():
                self.of[child] = "loader"
        if kind.role:
            self.of.setdefault(event.tid, kind.role)

    def name(self, tid: int) -> str:
        """The role of a thread, "" if it has none (yet)."""
        return self.of.get(tid, "") if tid else HOST
