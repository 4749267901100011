"""The catalogue of events in traces/README.md, as data."""

from __future__ import annotations

import re

from tests.support.command_line import ROOT

CATALOGUE = ROOT / "traces" / "README.md"
_ROW = re.compile(r"^\| ([a-z0-9-]+) \| ([a-z_, ]*)\| .+ \|$", re.MULTILINE)


def catalogue() -> dict[str, set[tuple[str, ...]]]:
    """Each kind of event with the sets of fields it may have, in order."""
    found: dict[str, set[tuple[str, ...]]] = {}
    _, _, events = CATALOGUE.read_text().partition("\n## Events\n")
    for kind, fields in _ROW.findall(events):
        if kind not in ("kind", "---"):
            found.setdefault(kind, set()).add(tuple(name.strip() for name in fields.split(",") if name.strip()))
    return found
