"""Progress of long work on standard error: on a terminal a line that is renewed, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emuload.process.process import Process

DELAY = 1.0
"""Seconds before the first line, so that short work shows none."""

PERIOD = 0.2
LOG_PERIOD = 30.0
"""Seconds between the lines where standard error is no terminal, as in a CI job."""


@contextmanager
def progress(line: Callable[[], str]) -> Iterator[None]:
    """Show `line()` repeatedly while the body runs; on a terminal it is removed at the end."""
    import threading

    over = threading.Event()

    def show() -> None:
        if not sys.stderr.isatty():
            while not over.wait(LOG_PERIOD):
                print(f"emuload: {line()}", file=sys.stderr, flush=True)
            return
        wait, width = DELAY, 0
        while not over.wait(wait):
            text = line()
            print("\r", text.ljust(width), sep="", end="", file=sys.stderr, flush=True)
            wait, width = PERIOD, len(text)
        if width:
            print("\r", " " * width, "\r", sep="", end="", file=sys.stderr, flush=True)

    painter = threading.Thread(target=show, daemon=True)
    painter.start()
    try:
        yield
    finally:
        over.set()
        painter.join()


@contextmanager
def running(process: Process) -> Iterator[None]:
    """Show a guest's progress: virtual time and code executed."""

    def line() -> str:
        code = process.cpu.clock_bytes / 1e6
        return f"running: {process.clock.now() / 1e9:.3f} s of virtual time, {code:,.0f} MB of code"

    with progress(line):
        yield
