"""`emuload show`: an instruction log as text, or in another program's format."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import click

from emuload.commands.common.command import OPTIONS, OUTPUT, Command, argument, complete_from, option
from emuload.errors import UsageError
from emuload.ilog.reader import IlogFile
from emuload.ilog.selection import parse_range
from emuload.report.show import FORMATS, Wanted

ROLES = ("loader", "runtime", "sysmon", "foreign")
"""Names by which `--thread` selects threads, besides their numbers."""

_UNITS = {"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000}
_POINT = re.compile(r"(?P<number>\d+(?:\.\d*)?)(?P<unit>ns|us|ms|s)?")

HELP = """Show the instruction log FILE, which `trace -o FILE.ilog` wrote.

\b
text      a line for each instruction executed: thread, address, bytes, disassembly,
          what it wrote, function, source line
tenet     Tenet's text trace: registers and memory writes, which must be in the log
execlog   as QEMU's execlog plugin writes it
"""
EXAMPLES = ("emuload show --function 'main.*' run.ilog", "emuload show --thread 1001 --from 0.35ms --to 0.36ms run.ilog")


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@argument("file")
@option(OPTIONS, "--function", metavar="GLOB", help="Only code of functions whose name matches, inlined ones included.")
@option(
    OPTIONS, "--thread", metavar="TID|ROLE", shell_complete=complete_from(lambda: ROLES),
    help=f"Only this thread: a number, or {', '.join(ROLES)}.",
)
@option(OPTIONS, "--address", "addresses", metavar="RANGE", help="Only these addresses: START-END, START+SIZE or one.")
@option(OPTIONS, "--touched", metavar="RANGE", help="Only what wrote to these addresses.")
@option(OPTIONS, "--from", "first", metavar="POINT", help="From this block or virtual time on: 12000, 0.35ms, 12us.")
@option(OPTIONS, "--to", "last", metavar="POINT", help="Up to this block or virtual time.")
@option(
    OUTPUT, "--format", default="text", show_default=True, metavar="NAME", shell_complete=complete_from(lambda: list(FORMATS)),
    help=f"One of {', '.join(FORMATS)}.",
)
def command(**options: Any) -> int:
    """Return the exit status."""
    return show_log(options)


def show_log(options: Mapping[str, Any]) -> int:
    """Return the exit status. Raises UsageError for a file that is not a log, or for an object file that changed since."""
    path, name = options["file"], options["format"]
    if name not in FORMATS:
        raise UsageError(f"--format {name}: choose from {', '.join(FORMATS)}")
    addresses = _range(options["addresses"], "--address")
    touched = _range(options["touched"], "--touched")
    points = _point(options["first"], "--from"), _point(options["last"], "--to")
    log = IlogFile(path)
    first, last = (_block(log, point) for point in points)
    wanted = Wanted(
        function=options["function"],
        thread=thread_of(log, options["thread"]),
        addresses=addresses,
        touched=touched,
        first=first if first is not None else 0,
        last=last if last is not None else log.block_count,
    )
    shown = False
    for line in FORMATS[name](log, wanted):
        print(line)
        shown = True
    sys.stdout.flush()
    if not shown:
        print(f"emuload: {path}: the log holds nothing of what was asked for", file=sys.stderr)
    if not log.complete:
        print(f"emuload: {path}: the run was cut off; the log ends at block {log.block_count}", file=sys.stderr)
    return 0


def thread_of(log: IlogFile, text: str | None) -> int | None:
    """The thread of a number or a role. Raises UsageError for a role that no thread or more than one has."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 20:
        return int(text)
    if text not in ROLES:
        raise UsageError(f"--thread takes a number or one of {', '.join(ROLES)}, not {text!r}")
    found = [tid for tid, role in log.roles.items() if role == text]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"--thread {text}: there are several, {', '.join(map(str, found))}: name one by its number")
    raise UsageError(f"--thread {text}: {log.path} knows no such thread{'' if log.complete else ': the run was cut off'}")


def _range(text: str | None, option: str) -> range | None:
    return parse_range(text, option) if text is not None else None


def _point(text: str | None, option: str) -> tuple[float, int] | None:
    """A number, and the nanoseconds of its unit, 0 for a block's number. Raises UsageError."""
    if text is None:
        return None
    found = _POINT.fullmatch(text)
    if found is None or (found["unit"] is None and "." in text):
        raise UsageError(f"{option} takes a block's number, or a virtual time such as 0.35ms or 12us, not {text!r}")
    return float(found["number"]), _UNITS[found["unit"]] if found["unit"] else 0


def _block(log: IlogFile, point: tuple[float, int] | None) -> int | None:
    if point is None:
        return None
    number, unit = point
    return log.block_at(round(number * unit)) if unit else int(number)
