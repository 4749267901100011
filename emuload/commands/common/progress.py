"""Progress of long work, on standard error if that is a terminal."""

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


@contextmanager
def progress(line: Callable[[], str]) -> Iterator[None]:
    """Show `line()` repeatedly while the body runs, and remove it at the end."""
    if not sys.stderr.isatty():
        yield
        return
    import threading

    over = threading.Event()

    def show() -> None:
        wait = DELAY
        while not over.wait(wait):
            sys.stderr.write(f"\r\x1b[2K{line()}")
            sys.stderr.flush()
            wait = PERIOD
        sys.stderr.write("\r\x1b[2K" if wait == PERIOD else "")
        sys.stderr.flush()

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
