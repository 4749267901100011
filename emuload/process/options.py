"""The options of a guest process as the caller gave them, checked, and the bounds of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emuload.errors import UsageError
from emuload.machine.memory import text_bytes
from loader.profiles import Profile, UnknownProfile
from loader.profiles import profile as profile_by_name


class Limits(NamedTuple):
    """Bounds of a run, each with its own clear end (BoundReached, exit status 4).

    `memory` and `output` are in bytes, `events` is the number of events recorded.
    """

    code_bytes: int = 20_000_000_000
    virtual_seconds: float = 3600.0
    memory: int = 4 << 30
    output: int = 64 << 20
    events: int = 10_000_000


@dataclass(eq=False, repr=False)
class Options:
    """What runs, and what the guest sees of it: plain data.

    args, env      argv and environ, as the bytes the guest finds
    environment    the same environment as text, for the dynamic linker
    needed         libraries linked at start-up, `preload` those that come before all others
    library_path   folders of the host in which needed libraries are looked for
    program        the executable to run, None for a process that waits for calls
    kuser_helpers  map ARM's kernel helper page
    go_imports     emit an event with the imports among a Go library's packages
    """

    arch: str
    profile: str
    args: list[bytes]
    env: list[bytes]
    environment: dict[str, str]
    needed: list[str]
    preload: list[str]
    library_path: list[str]
    program: str | None
    kuser_helpers: bool
    go_imports: bool
    seed: int
    limits: Limits

    @property
    def program_name(self) -> str:
        """argv[0], the name by which the guest's linker calls the program."""
        return (self.args[0] if self.args else b"prog").decode("utf-8", "surrogateescape")

    @property
    def argument_texts(self) -> list[str]:
        """`args` as text."""
        return [argument.decode("utf-8", "surrogateescape") for argument in self.args]

    @property
    def environment_texts(self) -> list[str]:
        """`env` as text: NAME=VALUE."""
        return [variable.decode("utf-8", "surrogateescape") for variable in self.env]


def argument_bytes(text: str | bytes) -> bytes:
    """An argument as the guest sees it. Raises UsageError for a NUL inside."""
    data = text_bytes(text)
    if b"\0" in data:
        raise UsageError(f"a NUL byte in the argument {text!r}")
    return data


def environment_bytes(environment: Mapping[str, str]) -> list[bytes]:
    """An environment as the guest sees it. Raises UsageError for a NUL inside."""
    return [argument_bytes(f"{name}={value}") for name, value in environment.items()]


def profile_of(name: str, environment: Mapping[str, str]) -> Profile:
    """The profile of this name, as the guest's environment changes it. Raises UsageError for a name that is unknown."""
    try:
        return profile_by_name(name).for_environment(environment)
    except UnknownProfile as error:
        raise UsageError(str(error)) from None


def paths_in(text: str, separators: str) -> Sequence[str]:
    """The paths in a list such as LD_LIBRARY_PATH; an empty one between separators is the working folder, "."."""
    if not text:
        return []
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return [path or "." for path in text.split(separators[0])]
