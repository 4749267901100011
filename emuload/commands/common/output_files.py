"""Files that a command writes: opened before the run, so that a name that cannot be written is refused first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from emuload.errors import UsageError


@contextmanager
def opened(name: str | None) -> Iterator[IO[bytes] | None]:
    """Like `written`; None for no name."""
    if name is None:
        yield None
        return
    with written(name) as file:
        yield file


@contextmanager
def written(name: str) -> Iterator[IO[bytes]]:
    """Open a file to write, unbuffered. Raises UsageError if that cannot be done."""
    try:
        file = open(name, "wb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None
    with file:
        yield file
