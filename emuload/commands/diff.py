"""`emuload diff`: compare two traces, the first difference first."""

from __future__ import annotations

import click

from emuload.commands.common.command import OPTIONS, Command, complete_file, option
from emuload.report.difference import difference, show
from emuload.trace.jsonl import read

HELP = """Compare two traces (.jsonl): where they part first, then all in which they differ.

Exit status 0: the same; 1: not. With --order-only, traces of different architectures can be compared: times, addresses,
system calls, locks and waits do not count.
"""
EXAMPLES = ("emuload diff yesterday.jsonl today.jsonl", "emuload diff --order-only armv7.jsonl arm64.jsonl")


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@click.argument("left", metavar="A", shell_complete=complete_file)
@click.argument("right", metavar="B", shell_complete=complete_file)
@option(OPTIONS, "--order-only", is_flag=True, help="Only what was done, thread by thread, whatever the machine and the times.")
def command(left: str, right: str, order_only: bool) -> int:
    """Print the comparison; return 0 if the runs did the same, else 1. Raises TraceError."""
    found = difference(read(left), read(right), order_only)
    show(found)
    return 0 if found.same else 1
