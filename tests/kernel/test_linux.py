"""C programs that ask Linux about signals, timers, futexes and memory, or about files, as guests and on the real kernel.

The `expected.txt` beside each is its output on Linux 6.18, amd64: `zig cc -target x86_64-linux-gnu -O1 NAME.c && ./a.out`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload.process.process import Process
from tests.support import oracle, toolchain
from tests.support.targets import GNU, arch_of

HERE = Path(__file__).parent
SOURCES = {"linux": HERE / "linux" / "linux.c", "files": HERE / "fs" / "linux" / "files.c"}
TARGETS = GNU
FLAGS = ("-O1", "-fno-sanitize=undefined")


def program(name: str, target: str) -> Path:
    return toolchain.c_program(SOURCES[name], target, flags=FLAGS, link=("-lpthread", "-lrt"))


def expected(name: str) -> str:
    return SOURCES[name].with_name("expected.txt").read_text()


def ended(name: str, target: str) -> Process:
    process = Process(arch_of(target), args=[name], program=str(program(name, target)))
    assert process.run_program() == 0
    return process


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_a_guest_sees_what_linux_shows(target: str, name: str) -> None:
    process = ended(name, target)
    assert process.stdout.decode() == expected(name)
    assert not [event.line() for event in process.events if event.kind == "unknown-syscall"]


@pytest.mark.parametrize(("name", "target"), [("linux", "arm64-gnu"), ("files", "armv7-gnueabihf")])
def test_the_same_run_gives_the_same_events(name: str, target: str) -> None:
    streams = [[event.line() for event in ended(name, target).events] for _ in range(2)]
    assert streams[0] == streams[1]


@pytest.mark.native
@pytest.mark.parametrize("name", SOURCES)
def test_the_expectation_is_linux_own(name: str) -> None:
    """The real kernel may be too busy for the short times in it, hence three tries."""
    assert expected(name) in [oracle.run_native(program(name, "amd64-gnu"), []).stdout for _ in range(3)]
