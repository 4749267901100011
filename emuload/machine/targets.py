"""Builds for an architecture, as data for the pinned compilers: the emulated C library, guests and samples."""

from __future__ import annotations

from dataclasses import dataclass

from emuload.machine.architecture import ARCHITECTURES, part
from loader.profiles import of_triple


@dataclass(frozen=True)
class LibcTarget:
    """One build of the emulated C library: its name, zig's triple and CPU options, its folder of sources, the linker's name."""

    abi: str
    triple: str
    cpu: tuple[str, ...]
    folder: str
    emulation: str


@dataclass(frozen=True)
class Target:
    """A processor, its floating-point convention and a C library, in Go's, zig's and Debian's words.

    `support` names a C file of emuload/samples/support that every link needs; `sample` is the name of the sample that is
    built for this target, "" for none.
    """

    name: str
    goarch: str
    goarm: str
    triple: str
    cpu: str = ""
    support: str = ""
    sample: str = ""

    @property
    def libc(self) -> str:
        """The profile of the target's C library."""
        return of_triple(self.triple)


def libc_targets() -> tuple[LibcTarget, ...]:
    """All builds of the emulated C library."""
    return tuple(target for name in ARCHITECTURES for target in part(name, "targets").LIBC)


def guest_targets() -> dict[str, Target]:
    """Everything that guests and samples can be built for, by name."""
    return {target.name: target for name in ARCHITECTURES for target in part(name, "targets").GUESTS}
