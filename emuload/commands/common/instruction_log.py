"""The instruction log among the files that `emuload trace` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emuload.errors import UsageError
from emuload.process.instruction_log import InstructionLog, LogRequest

SUFFIX = ".ilog"
_OPTIONS = {"instructions": "--instructions", "memory_writes": "--memory-writes", "register_writes": "--register-writes"}


def request_of(options: Mapping[str, Any]) -> LogRequest | None:
    """The log that the options ask for; None if no file is a log. Raises UsageError."""
    files = [name for name in options["outputs"] if name.endswith(SUFFIX)]
    if len(files) > 1:
        raise UsageError(f"more than one instruction log: {', '.join(files)}")
    if files:
        return LogRequest(files[0], options["instructions"], options["memory_writes"], options["register_writes"])
    asked = [name for option, name in _OPTIONS.items() if options[option]]
    if asked:
        raise UsageError(f"{asked[0]} is for an instruction log: name one (-o FILE{SUFFIX})")
    return None


def others(names: Sequence[str]) -> list[str]:
    """The files that are not instruction logs."""
    return [name for name in names if not name.endswith(SUFFIX)]


def summary(log: InstructionLog) -> str:
    """A line about a log that is complete."""
    return f"{log.path}: {log.blocks} blocks of code"
