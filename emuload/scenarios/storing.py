"""Stores traces in their files, and counts how a run differs from the stored one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from emuload.errors import UsageError
from emuload.trace.compare import compare_exactly
from emuload.trace.jsonl import Header, Trace, TraceError, Writer, read


def same_run(kept: Header, made: Header) -> Header:
    """The new header with the stored one's versions: another emuload or Unicorn may do the same."""
    return replace(made, emuload=kept.emuload, unicorn=kept.unicorn)


def equal(kept: Trace, made: Trace) -> bool:
    """True if a run did the same as the stored one."""
    return (same_run(kept.header, made.header), made.events, made.end) == (kept.header, kept.events, kept.end)


def update(path: Path, made: Trace) -> str:
    """Store a trace; return the file's fate in a few words. A file of an equal run stays as it is. Raises UsageError."""
    if not path.exists():
        _write(path, made)
        return f"new, {len(made.events)} events"
    try:
        kept = read(str(path))
    except TraceError as error:
        _write(path, made)
        return f"new, {len(made.events)} events, for what could not be read: {error}"
    if equal(kept, made):
        return f"unchanged, {len(made.events)} events"
    _write(path, made)
    threads = compare_exactly(kept, made)
    counts = {
        "differ": sum(len(each.changed) for each in threads),
        "are gone": sum(each.lost for each in threads),
        "are new": sum(each.added for each in threads),
    }
    return f"changed, of its events {', '.join(f'{count} {what}' for what, count in counts.items())}"


def _write(path: Path, trace: Trace) -> None:
    """Replace the whole file at once: a reader finds the old one or the new one."""
    assert trace.end is not None
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with part.open("wb") as file:
                writer = Writer(file)
                writer.begin(trace.header)
                for event in trace.events:
                    writer.event(event)
                writer.finish(trace.end)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
