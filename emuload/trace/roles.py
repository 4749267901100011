"""What each thread of a run is for, told by its events alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from emuload.trace.events import Event

HOST = "host"
"""The role of what happens on no thread (tid 0): the linker's work before the first thread there is."""

_ROLE_OF_EVENT = {"go-rt0-lib-go": "runtime", "go-sysmon": "sysmon", "call-enter": "foreign"}


@dataclass
class Roles:
    """Learns the roles as events come: the first thread is the loader; runtime and sysmon say so themselves; a thread that the
    host calls functions on is foreign. A thread that has not shown what it is has the role "".
    """

    of: dict[int, str] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        """Take note of one event; call it for each, in order."""
        if not event.tid and event.kind == "task-create":
            child = event.fields.get("child")
            if isinstance(child, int) and "loader" not in self.of.values():
                self.of[child] = "loader"
        role = _ROLE_OF_EVENT.get(event.kind)
        if role is not None:
            self.of.setdefault(event.tid, role)

    def name(self, tid: int) -> str:
        """The role of a thread, "" when it has none (yet)."""
        return self.of.get(tid, "") if tid else HOST
