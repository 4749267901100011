"""`emuload trace --update`: build the scenarios' files, run them, and keep their traces."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from emuload import samples
from emuload.commands.progress import progress
from emuload.errors import UsageError
from emuload.samples.toolchain import TARGETS, BuildError, ToolchainMissingError
from emuload.scenarios.building import FolderBuilder, build_all, versions
from emuload.scenarios.description import find
from emuload.scenarios.judging import judge
from emuload.scenarios.scene import run
from emuload.scenarios.storing import update


def update_traces(names: Sequence[str], architectures: Sequence[str], cache: str | None) -> int:
    """Print a line for each trace; returns the exit status. `cache` is a folder to keep what the compilers keep.

    Raises ScenarioError and UsageError for what cannot be used, NotAsDescribed for a run that is another than it must be.
    """
    for name in architectures:
        if name not in samples.SAMPLES:
            raise UsageError(f"there is no architecture {name!r}: choose from {', '.join(samples.SAMPLES)}")
    scenarios = find(names)
    doing = ""
    with tempfile.TemporaryDirectory(prefix="emuload-") as temporary, progress(lambda: doing):
        builder = FolderBuilder(Path(temporary) / "built", Path(cache or f"{temporary}/cache").resolve())
        for scenario in scenarios:
            for sample in architectures or samples.SAMPLES:
                target, path = TARGETS[samples.SAMPLES[sample]], scenario.trace(sample)
                try:
                    doing = f"{path}: building"
                    compilers, files = versions(), build_all(scenario, target, builder)
                except ToolchainMissingError as error:
                    raise UsageError(str(error)) from None
                except BuildError as error:
                    raise UsageError(f"{scenario.folder}: {error}") from None
                doing = f"{path}: running"
                made = run(scenario, target, files, compilers)
                judge(scenario, made, sample)
                print(f"{path}: {update(path, made)}", flush=True)
    return 0
