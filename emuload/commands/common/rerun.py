"""Runs a library again: by the same options, or by the header of a trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from emuload.commands.common.guest_options import process_options
from emuload.commands.common.progress import running
from emuload.commands.common.session import PROGRAM_NAME, Session, session_with
from emuload.errors import EmuloadError, Frame
from emuload.process.scheduler import RoundRobin
from emuload.process.witness import Parted, stacks_of
from emuload.trace.jsonl import Header, Trace
from loader.errors import LoadError
from loader.search import read_file

_OTHERWISE = "it was not made by `emuload trace LIBRARY`"


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


_MOST_CPUS, _MOST_THREADS = 1024, 1 << 20
_KINDS: dict[str, Callable[[object], bool]] = {
    "linked": _is_truth,
    "kuser_helpers": _is_truth,
    "threads": lambda value: value is None or _is_count(value, _MOST_THREADS),
    "library_path": _are_texts,
    "preload": _are_texts,
    "maps": _are_texts,
    "stdin": lambda value: value is None or isinstance(value, str),
    "cwd": lambda value: isinstance(value, str),
    "cpus": lambda value: _is_count(value, _MOST_CPUS),
}
"""The options in a header: a trace that something else wrote may have anything there."""


class CannotRunAgainError(Exception):
    """Why a run cannot be made again, in a few words."""


def stacks_again(session: Session, trace: Trace, wanted: Collection[int]) -> dict[int, list[Frame]]:
    """The stacks at the `wanted` events of a trace, from a fresh session of the same run. Raises CannotRunAgainError."""
    try:
        with running(session.process):
            process = session.process
            return stacks_of(process.scheduler, process.diagnosis, session.go, trace.events, wanted)
    except Parted as parted:
        raise CannotRunAgainError(f"the run, made again, goes another way from event {parted.seq} on") from None
    except (EmuloadError, LoadError) as error:
        raise CannotRunAgainError(str(error)) from None


def session_again(options: Mapping[str, Any], settings: Mapping[str, Any]) -> Session:
    """A second session of the same command. Raises CannotRunAgainError if the first may have changed its input."""
    _check_maps(options)
    return session_with(options, settings)


def session_of_trace(trace: Trace) -> Session:
    """A session that repeats a trace's run by its header. Raises CannotRunAgainError."""
    header = trace.header
    options = options_of(header)
    _check_maps(options)
    if options["stdin"] == "-":
        raise CannotRunAgainError("its standard input was not kept")
    try:
        for path, known in header.files.items():
            if hashlib.sha256(read_file(path)).hexdigest() != known:
                raise CannotRunAgainError(f"{path} is another file than the one that ran")
        return session_with(options, process_options(options))
    except (EmuloadError, LoadError) as error:
        raise CannotRunAgainError(str(error)) from None


def options_of(header: Header) -> dict[str, Any]:
    """The command line's options from a header. Raises CannotRunAgainError for a header that no such command wrote."""
    if not header.files or header.arguments[:1] != [PROGRAM_NAME]:
        raise CannotRunAgainError(_OTHERWISE)
    if header.schedule != RoundRobin().describe():
        raise CannotRunAgainError("its threads took turns in another way than usual")
    given, limits = header.options, header.limits
    if not all(is_of_kind(given.get(name)) for name, is_of_kind in _KINDS.items()):
        raise CannotRunAgainError(_OTHERWISE)
    library, *more = header.files
    try:
        return {
            "library": library,
            "more": more,
            "lazy": given.get("lazy", False),
            "calls": header.calls,
            "arguments": header.arguments[1:],
            "environment": [f"{name}={value}" for name, value in header.environment.items()],
            "profile": header.profile,
            "seed": header.seed,
            "time_limit": limits["virtual_seconds"],
            "code_limit": limits["code_bytes"],
            "memory_limit": limits["memory"],
            "output_limit": limits["output"],
            "no_kuser_helpers": not given["kuser_helpers"],
            **{name: given[name] for name in ("linked", "threads", "library_path", "preload", "maps", "stdin", "cwd", "cpus")},
        }
    except KeyError:
        raise CannotRunAgainError(_OTHERWISE) from None


def _check_maps(options: Mapping[str, Any]) -> None:
    if any(text.endswith(":rw") for text in options["maps"]):
        raise CannotRunAgainError("it could write to a folder of the host")
