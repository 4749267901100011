"""The events that the emulated C library reports, by their numbers (enum em_event of src/host.h)."""

from __future__ import annotations

from emuload.trace.kinds import Kind
from emuload.trace.kinds.libc import KINDS

_BY_NUMBER = sorted(KINDS, key=lambda kind: kind.number)

EVENTS = tuple((kind.name, kind.fields) for kind in _BY_NUMBER)
"""Name and fields; the number is the index."""


def _wait(kind: Kind) -> tuple[str, int]:
    return kind.blocked_on, kind.fields.index(kind.holder) + 1 if kind.holder else 0


WAITS = {kind.name: _wait(kind) for kind in _BY_NUMBER if kind.blocked_on or kind.ends or kind.ends_any}
"""Events that begin a wait: what the thread is blocked on, and which argument is the holder's tid (0: none). "" ends the wait, as
every end of a slice does."""
