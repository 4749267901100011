"""`emuload inspect`: what a file is, without running it."""

from __future__ import annotations

from emuload.calls.values import json_text


def inspect_file(path: str, as_json: bool) -> int:
    """Returns the exit status. Raises LoadError for a file that is none."""
    from emuload.report.inspection import inspect_file as inspection_of

    found = inspection_of(path)
    print(json_text(found.to_dict()) if as_json else found.text())
    return 0
