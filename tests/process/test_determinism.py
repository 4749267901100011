"""Same file, arguments and seed: the same event stream, byte for byte, in every process, on every Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import emuload
from tests.support.running import digest, stream
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import go_library, other_pythons, site_packages

ROOT = Path(__file__).parents[2]
TARGETS = GNU
RUNS = 20


def elsewhere(python: str, target: str, library: str, hash_seed: str) -> str:
    """The same run in a process of its own."""
    code = f"from tests.support.running import digest; print(digest({target!r}, {library!r}))"
    paths = os.pathsep.join([str(ROOT), site_packages()])
    environment = {"PYTHONPATH": paths, "PYTHONHASHSEED": hash_seed, "PATH": os.environ.get("PATH", "")}
    done = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("target", TARGETS)
def test_twenty_runs_in_one_process_are_equal(target: str) -> None:
    library = str(go_library("behaviour", target))
    assert len({digest(target, library) for _ in range(RUNS)}) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_twenty_processes_with_different_hash_seeds_are_equal(target: str) -> None:
    library = str(go_library("behaviour", target))
    assert len({elsewhere(sys.executable, target, library, str(seed)) for seed in range(RUNS)}) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_the_oldest_and_the_newest_python_agree(target: str) -> None:
    library = str(go_library("behaviour", target))
    here = digest(target, library)
    for python in other_pythons():
        assert elsewhere(python, target, library, "0") == here, python


def test_another_seed_is_another_run() -> None:
    library = str(go_library("behaviour", "amd64-gnu"))
    assert digest("amd64-gnu", library, seed=1) != digest("amd64-gnu", library)


@pytest.mark.parametrize("target", TARGETS)
def test_python_hooks_give_the_trace_of_native_ones(target: str) -> None:
    library = str(go_library("behaviour", target))
    streams = []
    for native_hooks in (True, False):
        process = emuload.Process(arch_of(target), native_hooks=native_hooks)
        process.dlopen(library).call("goroutines", 20)
        streams.append(stream(process))
    assert streams[0] == streams[1]


def test_recording_does_not_change_a_run() -> None:
    library = str(go_library("behaviour", "amd64-gnu"))
    ends = []
    for record in (True, False):
        process = emuload.Process("amd64", record=record)
        process.dlopen(library).call("goroutines", 100)
        ends.append((process.clock.now(), process.cpu.clock_bytes))
    assert ends[0] == ends[1]
