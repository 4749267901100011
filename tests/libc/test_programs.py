"""The process half of the emulated C library: threads, signals, clocks, files, start and end, dlfcn.

Each program in programs/ prints what it sees; the emulator must print on every target what the host's own
C library prints natively. The programs are written so that this is the same for every C library and scheduler.
"""

from __future__ import annotations

import functools
import signal
from pathlib import Path

import pytest

from emuload.errors import GuestFailed
from tests.support.oracle import Result, run_native
from tests.support.running import output, program_process
from tests.support.targets import ALL
from tests.support.toolchain import c_library, c_program

PROGRAMS = Path(__file__).parent / "programs"
NAMES = ["threads", "signals", "clocks", "files", "startup", "system"]
ENVIRONMENT = {"FOO": "bar"}


def built(name: str, target: str) -> Path:
    link = ["-pthread"] if "musl" in target else ["-pthread", "-lrt", "-ldl"]
    return c_program(PROGRAMS / f"{name}.c", target, flags=["-w"], link=link)


@functools.cache
def native(name: str) -> Result:
    return run_native(built(name, "amd64-gnu"), env=ENVIRONMENT)


def emulated(target: str, program: Path, args: tuple[str, ...] = (), libraries: tuple[Path, ...] = ()) -> Result:
    process = program_process(target, program, args, libraries, env=ENVIRONMENT)
    try:
        status = process.run_program()
    except GuestFailed:
        assert process.kernel.exit_signal is not None
        status = -process.kernel.exit_signal
    return Result(status, output(process), "")


@pytest.mark.parametrize("target", ALL)
@pytest.mark.parametrize("name", NAMES)
def test_prints_what_the_host_prints(name: str, target: str) -> None:
    expected = native(name)
    found = emulated(target, built(name, target))
    assert found.stdout == expected.stdout
    assert found.status == expected.status


def test_abort_ends_by_its_signal() -> None:
    assert native("signals").status == -signal.SIGABRT


@pytest.mark.parametrize(
    ("target", "flags"),
    [*((target, ()) for target in ALL), ("amd64-gnu", ("-mtls-dialect=gnu2",))],
)
def test_opened_library(target: str, flags: tuple[str, ...]) -> None:
    """dlopen and its friends; thread-local data by __tls_get_addr, or by descriptors (AArch64, and gnu2)."""
    here = "amd64-gnu"
    host = c_library(PROGRAMS / "dynamic_library.c", here, flags=["-w"])
    expected = run_native(built("dynamic", here), [host])
    library = c_library(PROGRAMS / "dynamic_library.c", target, flags=["-w", *flags])
    found = emulated(target, built("dynamic", target), (str(library),), (library,))
    assert found.stdout == expected.stdout
    assert found.status == expected.status == 0
