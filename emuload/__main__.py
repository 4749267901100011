"""The `emuload` program, and `python -m emuload`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and exit without freeing what the system takes back anyway: that would cost 20 ms."""
    gc.set_threshold(100_000, 20, 20)  # the imports alone would set off some fifty collections
    try:
        from emuload.process.host_signals import HOST_SIGNALS, LOOK, go_on

        if LOOK is not None:
            signal.signal(LOOK, go_on)
        HOST_SIGNALS.hold()
        HOST_SIGNALS.at_once = lambda number: os._exit(128 + number)
        from emuload.cli import command

        status = command()
    except KeyboardInterrupt:  # before all else, or a second one
        status = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
