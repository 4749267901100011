"""A session as a trace: its header, and its run with what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emuload.commands.common.session import Session
from emuload.errors import UsageError
from emuload.process.trace_header import header_of
from emuload.trace.jsonl import Header
from loader.errors import LoadError
from loader.search import read_file


def played(session: Session) -> LoadError | UsageError | None:
    """Run a session. Return the linker's refusal or a usage error, for the trace's end; None if there was neither."""
    log = session.process.instruction_log
    try:
        session.go()
    except (LoadError, UsageError) as error:
        return error
    finally:
        if log is not None:
            log.close()
    return None


def session_header(session: Session, options: Mapping[str, Any]) -> Header:
    """The trace's header for a session of the command line."""
    return header_of(
        session.process.options,
        session.process.scheduler,
        files={path: read_file(path) for path in (session.path, *session.more)},
        calls=[call.text for call in session.calls],
        options={
            "linked": options["linked"],
            "threads": options["threads"],
            "library_path": list(options["library_path"]),
            "preload": list(options["preload"]),
            "maps": list(options["maps"]),
            "stdin": options["stdin"],
            "cwd": options["cwd"],
            "cpus": options["cpus"],
            "kuser_helpers": not options["no_kuser_helpers"],
            **({"lazy": True} if options.get("lazy") else {}),
        },
    )
