"""`emuload exec`: run a dynamically linked program as a guest."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from emuload.commands.guest import check_program, process_options
from emuload.errors import GuestFailed
from emuload.process.process import Process


def pass_through(stream: int, data: bytes) -> None:
    """Write what the guest wrote where it belongs, at once."""
    out = sys.stderr.buffer if stream == 2 else sys.stdout.buffer
    out.write(data)
    out.flush()


def execute_program(options: Mapping[str, Any]) -> int:
    """Returns the guest's exit status. Raises LoadError, UsageError, GuestFailed, Deadlock, BoundReached."""
    path = options["program"]
    check_program(path)
    settings = process_options(options)
    arguments = [path, *options["arguments"]]
    process = Process.for_file(path, program=path, args=arguments, on_output=pass_through, **settings)
    try:
        return process.run_program()
    except GuestFailed as error:
        if error.status is not None:
            return error.status
        raise
