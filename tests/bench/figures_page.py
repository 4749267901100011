"""docs/figures.md: the rows of one run of the benchmark, and the machine it ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"

HEAD = """\
# Figures

One run of `python -m tests.bench --write`, which writes this page, on one machine: {machine}.
{rounds} rounds of each measurement; {minutes:.0f} minutes in all.

The benchmark needs the `test` extra, the `bench` extra for the comparison with CLE, and Debian's qemu-user with
`libc6-armhf-cross` and `libc6-arm64-cross` for the comparison with qemu. Whole processes are timed in pairs, ours and the peer's
in turn; the ratio is the median of the pairs' ratios. Everything else is the best of several rounds in one process.

A thread that does nothing but call, and threads that do nothing but switch, are the most that recording can cost. `goroutines`
switches to another thread every 2,000 instructions, so its rate is that of system calls, with a log or without.

"""


def page(rows: Sequence[str], rounds: int, seconds: float, machine: str) -> str:
    """The page's text. `rows` are the lines of the table, `seconds` is how long the run took."""
    head = HEAD.format(machine=machine, rounds=rounds, minutes=seconds / 60)
    return "\n".join([f"{head}```", *rows, "```", ""])


def this_machine() -> str:
    """The processor, its number of cores, and the versions that matter."""
    cores = os.cpu_count() or 1
    versions = f"Python {platform.python_version()}, Unicorn {metadata.version('unicorn')}"
    return f"{cores} cores, {_processor()}, {platform.system()}, {versions}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write(rows: Sequence[str], rounds: int, seconds: float) -> None:
    """Write the page for a run on this machine."""
    PAGE.write_text(page(rows, rounds, seconds, this_machine()))
