"""`emuload show`: an instruction log as text."""

from __future__ import annotations

import sys

from emuload.report.instructions import log_lines, parse_range
from emuload.trace.ilog import IlogFile


def show_log(path: str, function: str | None, thread: int | None, addresses: str | None) -> int:
    """Returns the exit status. Raises UsageError for a file that is no log, or an object file that is not the log's."""
    wanted = parse_range(addresses) if addresses is not None else None
    log = IlogFile(path)
    for line in log_lines(log, function, thread, wanted):
        print(line)
    if not log.complete:
        sys.stdout.flush()
        print(f"emuload: {path}: the run was cut off; the log ends at block {log.block_count}", file=sys.stderr)
    return 0
