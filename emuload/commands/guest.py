"""What the commands that run a guest share: options as the Process wants them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from emuload.errors import UsageError
from emuload.process.guest_files import host_bytes
from loader.elf import DF_1_PIE, ET_EXEC, PT_INTERP, ElfFile
from loader.errors import LoadError


def process_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `emuload.process.process.Process` from the options of `emuload.cli`. Raises UsageError."""
    from emuload.process.options import Limits

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
        "preload": list(options["preload"]),
        "maps": [parse_map(text) for text in options["maps"]],
        "stdin": standard_input(options["stdin"]),
        "cwd": options["cwd"],
        "cpus": options["cpus"],
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


def check_library(path: str) -> None:
    """Raise LoadError with glibc's words (elf/dl-load.c, _dl_map_object_from_fd) for an executable."""
    elf = ElfFile(host_bytes(path), path)
    if elf.type == ET_EXEC:
        raise LoadError(path, "", "cannot dynamically load executable", "executable")
    if elf.dt_flags_1 & DF_1_PIE:
        raise LoadError(path, "", "cannot dynamically load position-independent executable", "executable")


def check_program(path: str) -> None:
    """Raise LoadError for a file that names no dynamic linker: a library, or a static program."""
    elf = ElfFile(host_bytes(path), path)
    if elf.segment(PT_INTERP) is None:
        static = elf.type == ET_EXEC or bool(elf.dt_flags_1 & DF_1_PIE)
        what = "this is a statically linked program" if static else "this is a library, not a program"
        raise LoadError(path, "", f"cannot be executed: {what}", "executable")
