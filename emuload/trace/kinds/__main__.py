"""Prints the catalogue of events for traces/README.md: python -m emuload.trace.kinds"""

from __future__ import annotations

from collections.abc import Iterator

from emuload.trace.kinds import libc
from emuload.trace.kinds.catalogue import AREAS

_NOTES = {libc.KINDS: "`owner` is the tid of the holder, 0 if nobody holds it."}


def catalogue() -> str:
    """The sections of traces/README.md below "## Events", in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for title, kinds in AREAS.items():
        yield f"### {title}\n"
        if kinds in _NOTES:
            yield f"{_NOTES[kinds]}\n"
        yield "| kind | fields | when |\n|---|---|---|"
        for kind in kinds:
            for fields, words in kind.rows:
                yield f"| {kind.name} | {fields}{' ' if fields else ''}| {words} |"
        yield ""


if __name__ == "__main__":
    print(catalogue(), end="")
