"""JSON documents as the commands print them."""

from __future__ import annotations

from typing import Any


def json_text(document: Any) -> str:
    """A JSON document for people and machines: indented, in ASCII, stable."""
    import json  # A plain run prints no JSON and saves the import.

    return json.dumps(document, indent=2, ensure_ascii=True)
