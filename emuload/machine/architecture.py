"""The architectures by name, and the plain facts of each one that its CPU does not need.

An architecture is a folder beside this file, with a record `ARCHITECTURE` and these modules, imported when they are needed:
cpu, calls, signals, system_calls, structures, unwind, targets.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

ARCHITECTURES = ("amd64", "arm", "arm64")


class InstructionSet(NamedTuple):
    """Names of capstone's architecture and mode (names, so that capstone is imported late), bytes of the shortest instruction.

    An architecture that capstone has renamed has all its names, with spaces between them.
    """

    arch: str
    mode: str
    shortest: int


class Architecture(NamedTuple):
    """One architecture as others call it.

    `triple` is the GNU triple of a common hard-float Linux system. `linkers` are sonames of its dynamic linkers, and of the
    C libraries that are named after it; the emulated C library answers to them.
    """

    name: str
    triple: str
    linkers: tuple[str, ...]
    instruction_sets: tuple[InstructionSet, ...]
    """The second one is that of code whose address has bit 0 set."""
    libc_build: str
    """The build of the emulated C library."""
    soft_float_build: str = ""
    """The build for files that pass floats in core registers."""
    soft_float_flag: int = 0
    """The bit of e_flags that marks such a file; 0 where there are none."""
    other_names: tuple[str, ...] = ()
    """Names by which others call it: uname, Debian, Docker, Android, Rust; lower case."""


def part(architecture: str, module: str) -> Any:
    """A module of an architecture's folder, "" for the package itself. Raises KeyError for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise KeyError(architecture)
    return import_module(f"emuload.machine.{architecture}.{module}" if module else f"emuload.machine.{architecture}")


def named(text: str) -> str:
    """The name in ARCHITECTURES for any usual name of an architecture, a GNU triple too. Raises ValueError."""
    wanted = text.lower().removeprefix("linux/")
    for each in (wanted, wanted.partition("-linux")[0], wanted.replace("/", "")):
        if each in ARCHITECTURES:
            return each
        for name in ARCHITECTURES:
            if each in facts(name).other_names:
                return name
    raise ValueError(f"unknown architecture {text!r}: choose from {', '.join(ARCHITECTURES)}")


def facts(architecture: str) -> Architecture:
    """The record of an architecture. Raises KeyError for an unknown one."""
    found: Architecture = part(architecture, "").ARCHITECTURE
    return found
