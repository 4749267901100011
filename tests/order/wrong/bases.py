"""Good traces, from real runs, to be made wrong."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import emuload
from emuload import samples
from emuload.trace.events import Event
from tests.order.wrong.trace_mutations import EAGER, HELLO, LAZY, PROGRAM
from tests.support import toolchain
from tests.support.running import program_process
from tests.support.targets import arch_of

TARGETS = ("amd64-gnu", "armv7-gnueabihf")
RULES = {
    PROGRAM: ("elf",),
    HELLO: ("elf", "go-c-shared"),
    EAGER: ("elf", "go-c-shared", "eager"),
    LAZY: ("elf", "go-c-shared", "lazy"),
}
"""The rules that hold for each."""


@functools.cache
def base(name: str, target: str) -> list[Event]:
    """The events of one of them."""
    return {PROGRAM: _program, HELLO: _hello, EAGER: _eager, LAZY: _lazy}[name](target)


def sample(target: str) -> Path:
    """The sample library for a target."""
    name = next(name for name, each in samples.SAMPLES.items() if each == target)
    return samples.path(name, _folder() / name)


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="emuload-samples-"))


def _program(target: str) -> list[Event]:
    libraries = [toolchain.build(name, target) for name in ("orderly_a", "orderly_b", "orderly_late")]
    process = program_process(target, toolchain.build("orderly_host", target), [str(libraries[-1])], libraries)
    assert process.run_program() == 0
    return process.events


def _hello(target: str) -> list[Event]:
    process = emuload.Process(arch_of(target), go_imports=True)
    assert process.dlopen(str(sample(target))).add(1, 2) == 3
    process.exit()
    return process.events


def _eager(target: str) -> list[Event]:
    process = emuload.Process(arch_of(target), go_imports=True)
    assert process.dlopen(str(toolchain.build("late_constructor", target))).early_sum() == 42
    process.exit()
    return process.events


def _lazy(target: str) -> list[Event]:
    path = sample(target)
    process = emuload.Process(arch_of(target), go_imports=True, maps=[(str(path.parent), "/go", False)])
    lazy = process.dlopen(str(toolchain.build("lazy_wrapper", target)))
    assert lazy.call("lazy_add", f"/go/{path.name}", 1, 2) == 3
    process.exit()
    return process.events
