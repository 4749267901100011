"""One C program that asks Linux about files, as a guest and on the real kernel.

`linux/expected.txt` is what it printed on Linux 6.18, amd64: `zig cc -target x86_64-linux-gnu -O1 files.c && ./a.out`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload.process import Process
from tests import oracle, toolchain

HERE = Path(__file__).parent / "linux"
EXPECTED = (HERE / "expected.txt").read_text()
TARGETS = {"amd64-gnu": "amd64", "armv7-gnueabihf": "arm", "armv5-gnueabi": "arm", "arm64-gnu": "arm64"}
FLAGS = ("-O1", "-fno-sanitize=undefined")


def program(target: str) -> Path:
    return toolchain.c_program(HERE / "files.c", target, flags=FLAGS, link=("-lpthread", "-lrt"))


@pytest.mark.parametrize("target", TARGETS)
def test_a_guest_sees_what_linux_shows(target: str) -> None:
    process = Process(TARGETS[target], args=["files"], program=str(program(target)))
    assert process.run_program() == 0
    assert process.stdout.decode() == EXPECTED
    assert not [event.line() for event in process.events if event.kind == "unknown-syscall"]


def test_the_same_run_gives_the_same_events() -> None:
    path = str(program("armv7-gnueabihf"))
    streams = []
    for _ in range(2):
        process = Process("arm", args=["files"], program=path)
        process.run_program()
        streams.append([event.line() for event in process.events])
    assert streams[0] == streams[1]


@pytest.mark.native
def test_the_expectation_is_linux_own() -> None:
    """The real kernel may be too busy for the short times in it, hence three tries."""
    answers = [oracle.run_native(program("amd64-gnu"), []).stdout for _ in range(3)]
    assert EXPECTED in answers
