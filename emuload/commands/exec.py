"""`emuload exec`: run a dynamically linked program as a guest."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from emuload.commands.common.command import Command, argument
from emuload.commands.common.guest_options import guest_options, process_options
from emuload.errors import GuestFailed, Interrupted
from emuload.process.host_signals import HOST_SIGNALS
from emuload.process.process import Process
from loader.elf import ElfFile
from loader.errors import LoadError
from loader.gabi import DF_1_PIE, ET_EXEC, PT_INTERP
from loader.search import read_file

HELP = """Run PROGRAM, a dynamically linked executable, as a guest.

It gets the emulated C library, sees no host file but those mapped in, and its exit status is this command's.
"""
EXAMPLES = (
    "emuload exec ./hello world",
    "emuload exec --map ./data:/data --env LANG=C ./convert /data/input.txt",
)
_SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(cls=Command, help=HELP, examples=EXAMPLES, runs_guest=True, context_settings=_SETTINGS)
@guest_options
@argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(**options: Any) -> int:
    """Return the exit status."""
    return execute_program(options)


def pass_through(stream: int, data: bytes) -> None:
    """Write the guest's output to the command's stream of the same number, at once."""
    out = sys.stderr.buffer if stream == 2 else sys.stdout.buffer
    out.write(data)
    out.flush()


def execute_program(options: Mapping[str, Any]) -> int:
    """Return the guest's exit status. Raises LoadError, UsageError, GuestFailed, Deadlock, BoundReached."""
    path = options["program"]
    check_program(path)
    settings = process_options(options)
    arguments = [path, *options["arguments"]]
    process = Process.for_file(path, program=path, args=arguments, on_output=pass_through, **settings)
    try:
        with HOST_SIGNALS:
            HOST_SIGNALS.release()
            return process.run_program()
    except Interrupted as error:
        error.output_shown = True
        raise
    except GuestFailed as error:
        if error.status is not None:
            return error.status
        raise


def check_program(path: str) -> None:
    """Raise LoadError for a file that names no dynamic linker: a library, or a static program."""
    elf = ElfFile(read_file(path), path)
    if elf.segment(PT_INTERP) is None:
        static = elf.type == ET_EXEC or bool(elf.dt_flags_1 & DF_1_PIE)
        what = "this is a statically linked program" if static else "this is a library, not a program"
        raise LoadError(path, "", f"cannot be executed: {what}", "static" if static else "library")
