"""Which calls wait for the loader's lock while a library's constructor runs.

What hangs and what does not was seen natively with glibc 2.36: under dlopen the lock is held while constructors run, at
start-up it is not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from emuload.errors import Deadlock
from tests.running import arch_of
from tests.toolchain import c_library

SOURCE = Path(__file__).parent / "programs" / "waiting_constructor.c"
WAIT = ["dlopen", "dlsym", "dladdr"]
PASS = ["iterate", "tls", "malloc", "atexit"]
TARGETS = ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"]


def library(first: str, target: str) -> str:
    return str(c_library(SOURCE, target, flags=["-w", f"-DFIRST=first_{first}"], link=["-pthread"]))


@pytest.mark.parametrize("first", PASS)
@pytest.mark.parametrize("target", TARGETS)
def test_does_not_need_the_lock(first: str, target: str) -> None:
    process = emuload.Process(arch_of(target))
    assert process.dlopen(library(first, target)).loaded() == 42


@pytest.mark.parametrize("first", WAIT)
@pytest.mark.parametrize("target", TARGETS)
def test_waits_for_the_lock_for_ever(first: str, target: str) -> None:
    process = emuload.Process(arch_of(target))
    with pytest.raises(Deadlock) as caught:
        process.dlopen(library(first, target))
    opener, starter = caught.value.report.threads[:2]
    assert "thread" in opener.waits_for
    assert opener.holder == starter.tid
    assert "loader lock" in starter.waits_for
    assert starter.holder == opener.tid


@pytest.mark.parametrize("first", WAIT)
def test_no_lock_at_start(first: str) -> None:
    target = "amd64-gnu"
    path = library(first, target)
    process = emuload.Process("amd64", needed=[path])
    assert process.dlopen(path).loaded() == 42
