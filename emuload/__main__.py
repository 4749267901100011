"""The `emuload` program, and `python -m emuload`."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and exit without freeing what the system takes back anyway: that would cost 20 ms."""
    gc.set_threshold(100_000, 20, 20)  # the imports alone would set off some fifty collections
    from emuload.cli import command

    status = command()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
