"""`emuload inspect`: describe a file without running it."""

from __future__ import annotations

import click

from emuload.commands.common.command import Command, argument, json_option
from emuload.report.inspection import inspect_file
from emuload.report.inspection_text import render_text
from emuload.report.json_text import json_text

EXAMPLES = ("emuload inspect libhello.so", "emuload inspect --json libhello.so")


@click.command(cls=Command, help="Say what LIBRARY is, without running it.", examples=EXAMPLES)
@argument("library")
@json_option
def command(library: str, as_json: bool) -> int:
    """Return the exit status. Raises LoadError for a file that cannot be read or is no sound ELF file."""
    found = inspect_file(library)
    print(json_text(found.to_dict()) if as_json else render_text(found))
    return 0
