"""The scenarios end under the real dynamic linker as they end here: natively, and under qemu-user."""

from __future__ import annotations

import pytest

from tests.scenarios.references import SCENARIOS, files_of, target_of
from tests.support.oracle import HANGS, Result, run_native, run_qemu
from tests.support.toolchain import c_program

ABORTED = -6

STEPS: dict[str, tuple[str, int | str, str]] = {
    "c-dependencies": (
        "open libtop.so get=",
        0,
        "first: 101\nfirst: 200\nfirst: no priority\nsecond: 101\n42\n",
    ),
    "call-before-init": ("open libslow.so prime=99", 0, "541\n"),
    "constructor-calls-export": ("open libeager.so get=", 0, "42\n"),
    "constructor-too-early": ("open libearly.so", HANGS, ""),
    "dlclose": ("open libhello.so add=1,2 close add=3,4 open libhello.so add=5,6", 0, "3\nclose: 0\n7\n11\n"),
    "dlopen": ("open libhello.so add=1,2", 0, "3\n"),
    "environment": ("open libreader.so arguments=", 0, "4\n"),
    "first-call-race": ("open libslow.so threads prime=0 prime=1 prime=2 prime=3", 0, "2\n3\n5\n7\n"),
    "init-calls-c": ("open libasks.so get=", 0, "C was asked\n42\n"),
    "init-goroutines": ("open libworkers.so sum=", 0, "10\n"),
    "panic-in-init": ("open libpanics.so add=1,2", ABORTED, ""),
    "two-go-libraries": ("open libhello.so add=1,2 open libtwice.so twice=3 open libhello.so add=3,4", 0, "3\n6\n7\n"),
}
"""The steps of `scenario_host`, its exit status, its output."""

PROGRAMS = ("linked", "thread-local-host")
"""Scenarios with a program of their own, whose status is 0 when all is well."""

BY_THE_CLOCK = ("init-sleeps",)
"""This one's answer is never the same outside."""


def outside(name: str, sample: str) -> Result:
    """The scenario natively, or under qemu-user."""
    target = target_of(sample).name
    files = files_of(SCENARIOS[name], sample)
    words = [] if name in PROGRAMS else STEPS[name][0].split()
    program = files["program"] if name in PROGRAMS else c_program("scenario_host", target)
    libraries = sorted({path.parent for path in files.values()})
    timeout = 3 if SCENARIOS[name].end == "deadlock" else 60
    if sample == "amd64":
        return run_native(program, words, libraries=libraries, timeout=timeout)
    return run_qemu(target, program, words, libraries=libraries, timeout=timeout)


def check(name: str, sample: str) -> None:
    """Compare how it ends, and what it writes to standard output."""
    _, status, output = STEPS.get(name, ("", 0, ""))
    ended = outside(name, sample)
    assert (ended.status, ended.stdout) == (status, output), ended.stderr
    if SCENARIOS[name].end == "failed":
        assert "panic: no luck today" in ended.stderr


def test_each_scenario_is_here() -> None:
    assert {*STEPS, *PROGRAMS, *BY_THE_CLOCK} == set(SCENARIOS)


@pytest.mark.native
@pytest.mark.parametrize("name", [*STEPS, *PROGRAMS])
def test_it_ends_alike_natively(name: str) -> None:
    check(name, "amd64")


@pytest.mark.qemu
@pytest.mark.parametrize("name", [*STEPS, *PROGRAMS])
def test_it_ends_alike_under_qemu(name: str) -> None:
    check(name, "armv7")
