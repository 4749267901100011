"""The text, number and memory half of the emulated C library, as programs see it.

Each program in programs/ prints the same on every architecture and with every C library's headers; the emulator must
print on every target what the host's own C library prints natively.
"""

from __future__ import annotations

import functools

import pytest

from emuload.errors import GuestFailed
from emuload.libc import build, math_tables
from tests.libc.test_programs import ENVIRONMENT, PROGRAMS
from tests.support.oracle import Result, run_native
from tests.support.running import output, program_process
from tests.support.targets import ALL
from tests.support.toolchain import c_program

ARGUMENTS = {"memory": ("one", "-b", "two", "--long=3", "-c")}
STDIN = {"own_malloc": "a line\n", "numbers": "1 2\n-3\n\n4x the rest\nlast line\nno newline"}
NAMES = ["printing", "numbers", "mathematics", "memory", "streams", "own_malloc", "messages"]


@functools.cache
def native(name: str) -> Result:
    program = c_program(PROGRAMS / f"{name}.c", "amd64-gnu", flags=["-w", "-fno-builtin"], link=["-lm", "-ldl"])
    return run_native(program, ARGUMENTS.get(name, ()), env=ENVIRONMENT, stdin=STDIN.get(name, ""))


def emulated(name: str, target: str) -> Result:
    link = [] if "musl" in target else ["-lm", "-ldl"]
    program = c_program(PROGRAMS / f"{name}.c", target, flags=["-w", "-fno-builtin"], link=link)
    process = program_process(target, program, ARGUMENTS.get(name, ()), env=ENVIRONMENT, stdin=STDIN.get(name, "").encode())
    try:
        status = process.run_program()
    except GuestFailed:
        assert process.kernel.exit_signal is not None
        status = -process.kernel.exit_signal
    return Result(status, output(process), "")


@pytest.mark.parametrize("target", ALL)
@pytest.mark.parametrize("name", NAMES)
def test_prints_what_the_host_prints(name: str, target: str) -> None:
    expected, found = native(name), emulated(name, target)
    assert found.stdout == expected.stdout
    assert found.status == expected.status


def test_tables_are_what_their_program_computes() -> None:
    committed = (build.SOURCES / "math_tables.h").read_text()
    assert "\n".join(math_tables.lines()) + "\n" == committed, "python -m emuload.libc.math_tables"
