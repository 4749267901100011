"""The header and the last line of a run's trace, whoever makes the calls."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from emuload import __version__
from emuload.errors import BoundReached, Deadlock, Interrupted, ReportedError, UsageError
from emuload.process.options import Options
from emuload.process.scheduler import Scheduler
from emuload.trace.jsonl import End, Header
from loader.errors import LoadError
from loader.objects import LinkedObject

_OUTCOMES = {Deadlock: "deadlock", BoundReached: "bound", Interrupted: "interrupted"}


def digest(data: bytes) -> str:
    """A file's content as traces name it: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def header_of(
    given: Options,
    scheduler: Scheduler,
    *,
    files: Mapping[str, bytes],
    calls: Sequence[str],
    options: Mapping[str, Any],
) -> Header:
    """The header of a process's trace.

    `files` are contents by the names the files go by, `options` those of the command that makes the calls. Nothing else of the
    host goes in.
    """
    environment = (entry.partition("=") for entry in given.environment_texts)
    return Header(
        emuload=__version__,
        unicorn=version("unicorn"),
        architecture=given.arch,
        profile=given.profile.name,
        seed=given.seed,
        schedule=scheduler.strategy.describe(),
        files={name: digest(data) for name, data in files.items()},
        arguments=given.argument_texts,
        environment={key: value for key, _, value in environment},
        calls=list(calls),
        limits=given.limits._asdict(),
        options=dict(options),
    )


def end_of(
    scheduler: Scheduler,
    objects: Sequence[LinkedObject],
    failure: ReportedError | Interrupted | None,
    refusal: LoadError | UsageError | None,
) -> End:
    """How a run ended, with the objects then in the link map; `refusal` is what the linker refused, or what made no sense."""
    outcome, message = "exited", ""
    if refusal is not None:
        outcome, message = "refused", str(refusal)
    elif failure is not None:
        outcome, message = _OUTCOMES.get(type(failure), "failed"), failure.report.headline
    return End(
        outcome=outcome,
        exit_status=scheduler.kernel.exit_status,
        message=message,
        virtual_ns=scheduler.clock.now(),
        code_bytes=scheduler.cpu.clock_bytes,
        files={loaded.path: digest(loaded.elf.data) for loaded in objects},
    )
