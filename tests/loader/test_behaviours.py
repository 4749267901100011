"""What each program in behaviours/ prints here is what it prints natively, or under qemu-user."""

from __future__ import annotations

import platform

import pytest

from tests.loader import behaviours
from tests.loader.behaviours import emulated, expected, native, read

CASES = [(name, target) for name in behaviours.names() for target in read(name).targets]


@pytest.mark.parametrize(("name", "target"), CASES)
def test_prints_what_a_real_linker_makes_it_print(name: str, target: str) -> None:
    for run in read(name).runs:
        assert emulated(name, target, run) == expected(name, target, run), run.name


@pytest.mark.parametrize("name", [name for name, target in CASES if target == "amd64-gnu"])
def test_what_was_recorded_is_true_here(name: str) -> None:
    if platform.libc_ver() != ("glibc", behaviours.recorded_glibc()):
        pytest.skip("recorded with another C library")
    for run in read(name).runs:
        assert native(name, "amd64-gnu", run) == expected(name, "amd64-gnu", run), run.name
