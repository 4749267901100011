"""Fixtures for tests that run guests: builders of libraries and programs, and the oracles outside the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import oracle, toolchain


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    config.addinivalue_line("markers", "native: runs guests on this machine's own processor")
    config.addinivalue_line("markers", "qemu: compares with qemu-user")


@pytest.fixture(scope="session")
def go_library() -> Callable[..., Path]:
    """toolchain.go_library(name, target, go="1.27"): a Go c-shared library of tests/guests."""
    return toolchain.go_library


@pytest.fixture(scope="session")
def go_program() -> Callable[..., Path]:
    """toolchain.go_program(name, target): a Go executable of tests/guests."""
    return toolchain.go_program


@pytest.fixture(scope="session")
def c_library() -> Callable[..., Path]:
    """toolchain.c_library(name, target, …): a C shared library of tests/guests, or of one file."""
    return toolchain.c_library


@pytest.fixture(scope="session")
def c_program() -> Callable[..., Path]:
    """toolchain.c_program(name, target, link=[…]): a C executable of tests/guests, or of one file."""
    return toolchain.c_program


@pytest.fixture(scope="session")
def run_native() -> Callable[..., oracle.Result]:
    """oracle.run_native(program, args): skips where the machine is not a Linux on x86-64."""
    return oracle.run_native


@pytest.fixture(scope="session")
def run_qemu() -> Callable[..., oracle.Result]:
    """oracle.run_qemu(target, program, args, libraries=[…]): skips where qemu-user or the C library is missing."""
    return oracle.run_qemu


@pytest.fixture(scope="session")
def qemu() -> Callable[[str], list[str]]:
    """oracle.qemu(target): the command line of qemu-user with its sysroot; skips where it is missing."""
    return oracle.qemu


@pytest.fixture(scope="session")
def other_pythons() -> list[str]:
    """The oldest and the newest Python that can run the project with this one's packages."""
    return toolchain.other_pythons()
