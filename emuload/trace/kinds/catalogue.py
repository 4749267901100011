"""All kinds of events, by area and by name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from emuload.trace.kinds import calls, golang, kernel, libc, linker

AREAS = {
    "The dynamic linker": linker.KINDS,
    "Calls of the host": calls.KINDS,
    "Threads and synchronisation in the C library": libc.KINDS,
    "The kernel": kernel.KINDS,
    "Go": golang.KINDS,
}
"""The kinds by area, as the catalogue in traces/README.md shows them."""

KINDS = {kind.name: kind for kinds in AREAS.values() for kind in kinds}
"""All kinds of the present schema by name, in the catalogue's order."""


def refusal(patterns: Iterable[str]) -> str | None:
    """The message for the first shell pattern that matches no kind, with close names; None if all match one."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in KINDS):
            from difflib import get_close_matches

            near = get_close_matches(pattern, KINDS, n=3)
            return f"no kind of event matches {pattern!r}" + (f": is it {' or '.join(near)}?" if near else "")
    return None
