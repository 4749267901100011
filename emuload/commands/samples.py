"""`emuload samples`: write the shipped Go libraries to a folder."""

from __future__ import annotations

from pathlib import Path

import click

from emuload import samples
from emuload.commands.common.command import Command, argument
from emuload.errors import UsageError

HELP = f"""Write the Go libraries that come with emuload to DIR/NAME/{samples.FILE_NAME}.

NAME is an architecture: {", ".join(samples.SAMPLES)}. Prints the paths.
"""
EXAMPLES = ("emuload samples samples", "emuload samples . && emuload inspect armv7/libhello.so")


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@argument("directory", metavar="DIR")
def command(directory: str) -> int:
    """Return the exit status. Raises UsageError if a file cannot be written."""
    for name in samples.SAMPLES:
        try:
            path = samples.path(name, Path(directory))
        except OSError as error:
            raise UsageError(f"{directory}: {error.strerror or error}") from None
        print(path)
    return 0
