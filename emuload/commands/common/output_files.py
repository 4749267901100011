"""Files that a command writes: opened before the run, so that a name that cannot be written is refused first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any

from emuload.errors import UsageError

STANDARD_OUTPUT = "-"


class StandardOutput(BytesIO):
    """Standard output, written at once."""

    def write(self, data: Any) -> int:
        """Write bytes; returns their number."""
        count = sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return count


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
    """Open a file to write, unbuffered; "-" is standard output. Raises UsageError if that cannot be done."""
    if name == STANDARD_OUTPUT:
        yield StandardOutput()
        return
    try:
        file = open(name, "wb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None
    with file:
        yield file
