"""A run as a trace: what stands in its header and in its last line, whoever makes the calls."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from emuload import __version__
from emuload.errors import BoundReached, Deadlock, ReportedError, UsageError
from emuload.process.process import Process
from emuload.trace.jsonl import End, Header
from loader.errors import LoadError

_OUTCOMES = {Deadlock: "deadlock", BoundReached: "bound"}


def digest(data: bytes) -> str:
    """A file's content as traces name it: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def header_of(
    process: Process, *, seed: int, files: Mapping[str, bytes], calls: Sequence[str], options: Mapping[str, Any]
) -> Header:
    """What runs. `files` are contents by the names the files go by. Nothing else of the host goes in."""
    given = process.options
    environment = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in given.env)
    return Header(
        emuload=__version__,
        unicorn=version("unicorn"),
        architecture=process.arch,
        profile=process.profile.name,
        seed=seed,
        schedule=process.scheduler.strategy.describe(),
        files={name: digest(data) for name, data in files.items()},
        arguments=[argument.decode("utf-8", "surrogateescape") for argument in given.args],
        environment={key: value for key, _, value in environment},
        calls=list(calls),
        limits=process.limits._asdict(),
        options=dict(options),
    )


def end_of(process: Process, failure: ReportedError | None, refusal: LoadError | UsageError | None) -> End:
    """How a run ended; `refusal` is what the linker refused, or what made no sense."""
    outcome, message = "exited", ""
    if refusal is not None:
        outcome, message = "refused", str(refusal)
    elif failure is not None:
        outcome, message = _OUTCOMES.get(type(failure), "failed"), failure.report.headline
    objects = process.link_map.objects if hasattr(process, "link_map") else []
    return End(
        outcome=outcome,
        exit_status=process.kernel.exit_status,
        message=message,
        virtual_ns=process.clock.now(),
        code_bytes=process.cpu.clock_bytes,
        files={loaded.path: digest(loaded.elf.data) for loaded in objects},
    )
