"""What the commands that run a guest share: options as the Process wants them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from emuload.errors import UsageError


def process_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `emuload.process.Process` from the options of `emuload.cli`. Raises UsageError."""
    from emuload.process import Limits

    bounds = {
        "virtual_seconds": options["time_limit"],
        "code_bytes": options["code_limit"],
        "memory": options["memory_limit"],
        "output": options["output_limit"],
    }
    for name, value in bounds.items():
        if value is not None and not value > 0:
            raise UsageError(f"a bound must be above 0, not {value} ({name})")
    return {
        "profile": options["profile"],
        "seed": options["seed"],
        "env": environment(options["environment"]),
        "library_path": list(options["library_path"]),
        "maps": [parse_map(text) for text in options["maps"]],
        "stdin": standard_input(options["stdin"]),
        "kuser_helpers": not options["no_kuser_helpers"],
        "limits": Limits(**{name: value for name, value in bounds.items() if value is not None}),
    }


def environment(entries: Sequence[str]) -> dict[str, str]:
    """K=V texts as a mapping. Raises UsageError for one without `=` or name."""
    found = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name or not equals:
            raise UsageError(f"--env takes NAME=VALUE, not {entry!r}")
        found[name] = value
    return found


def parse_map(text: str) -> tuple[str, str, bool]:
    """`HOST:GUEST[:rw]` as (host path, guest path, writable). Raises UsageError."""
    body, writable = (text[:-3], True) if text.endswith(":rw") else (text.removesuffix(":ro"), False)
    host, colon, guest = body.rpartition(":")
    if not colon or not host or not guest.startswith("/"):
        raise UsageError(f"--map takes HOST:GUEST[:rw] with an absolute GUEST, not {text!r}")
    if not os.path.exists(host):
        raise UsageError(f"--map {text}: there is no {host}")
    return host, guest, writable


def standard_input(name: str | None) -> bytes:
    """What the guest will read from descriptor 0. Raises UsageError when the file cannot be read."""
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"--stdin {name}: {error.strerror or error}") from None
