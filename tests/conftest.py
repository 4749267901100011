"""Fixtures for tests that run guests: builders of libraries and programs, and the oracles outside the emulator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import oracle, quick, toolchain

GUESTS = 860
"""How many files a whole run of the tests has the compilers build, about."""

SECONDS = 2.0
"""How long one of them takes a core, on average."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell how many guest libraries are built, and how long the rest takes. pytest shows no report header with -q."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(session.config, "workerinput"):
        reporter.write_line(guest_libraries(whole=not quick.only(session.config)))


def guest_libraries(whole: bool) -> str:
    """The line about the cache; `whole`: many of the tests are to run."""
    folder = toolchain.cache_folder() / "built"
    built = len(list(folder.iterdir())) if folder.is_dir() else 0
    text = f"guest libraries: {built} built in {folder.parent}"
    if not whole or built >= GUESTS:
        return text
    minutes = (GUESTS - built) * SECONDS / min(os.cpu_count() or 1, 2) / 60
    return f"{text}; a whole run uses about {GUESTS}, building the rest takes some {minutes:.0f} minutes, the first time only"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m quick`, do not even import modules that have no quick test."""
    return True if quick.only(config) and not quick.may_have(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tests."""
    for item in items:
        if quick.is_quick(item):
            item.add_marker(pytest.mark.quick)


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
