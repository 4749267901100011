"""The scenarios of traces/, with their files built through the suite's cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emuload.samples import SAMPLES
from emuload.samples.toolchain import TARGETS, Target
from emuload.scenarios.building import build, build_all, versions
from emuload.scenarios.description import Scenario, Source, read
from emuload.scenarios.scene import run
from emuload.trace.jsonl import Trace
from tests.support.command_line import ROOT
from tests.support.toolchain import cache_folder, cached, go_root

SCENARIOS = {path.parent.name: read(path.parent) for path in sorted(ROOT.glob("traces/*/scenario.toml"))}


def target_of(sample: str) -> Target:
    return TARGETS[SAMPLES[sample]]


def built(source: Source, target: Target, linked: Sequence[Path]) -> Path:
    """A scenario's file, built when nobody has built the same before. Skips where a compiler is missing."""
    go_root("1.27")
    above = [path.parent.name for path in linked]
    recipe = ["scenario", source.name, source.kind, source.link, source.flags, above, dict(versions())]

    def make(folder: Path) -> None:
        build(source, target, linked, folder, cache_folder())

    return cached(f"{source.name}-{target.name}", target.name, recipe, source.sources, make) / source.name


def files_of(scenario: Scenario, sample: str) -> Mapping[str, Path]:
    return build_all(scenario, target_of(sample), built)


def run_again(scenario: Scenario, sample: str) -> Trace:
    """The trace of a new run of the scenario."""
    files = files_of(scenario, sample)
    return run(scenario, target_of(sample), files, versions())
