"""The options of a guest process as the caller gave them, checked, and the bounds of its run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from emuload.errors import UsageError
from emuload.machine import create_cpu
from emuload.machine.architecture import named
from emuload.machine.cpu import Cpu
from emuload.machine.memory import text_bytes
from loader.profiles import Profile, UnknownProfile
from loader.profiles import profile as profile_by_name

HIGHEST_BOUND = 10**18
"""Of each of the limits: code bytes are counted in 64 bits, seconds become nanoseconds."""


class Limits(NamedTuple):
    """Bounds of a run, each with its own clear end (BoundReached, exit status 4).

    `memory` and `output` are in bytes, `events` is the number of events recorded.
    """

    code_bytes: int = 20_000_000_000
    virtual_seconds: float = 3600.0
    memory: int = 4 << 30
    output: int = 64 << 20
    events: int = 10_000_000


class Options:
    """The options of a run, as the guest sees them: plain data.

    arch           any usual name of an architecture; afterwards emuload's
    args, env      argv and environ, as the bytes the guest finds
    environment    the same environment as text, for the dynamic linker
    needed         libraries linked at start-up; `preload` come before all others
    library_path   folders of the host in which needed libraries are looked for
    program        the executable to run, None for a process that waits for calls
    kuser_helpers  map ARM's kernel helper page
    go_imports     emit an event with the imports among a Go library's packages
    """

    def __init__(
        self,
        arch: str,
        profile: Profile,
        args: Iterable[str | bytes],
        environment: Mapping[str, str],
        *,
        needed: Iterable[str] = (),
        preload: Iterable[str] = (),
        library_path: Iterable[str] = (),
        program: str | None = None,
        kuser_helpers: bool = True,
        go_imports: bool = False,
        seed: int = 0,
        limits: Limits | None = None,
    ) -> None:
        """Raises UsageError for an unknown architecture, a NUL byte in an argument or variable, a limit that is not finite."""
        try:
            self.arch = named(arch)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self.profile = profile
        self.args = [argument_bytes(argument) for argument in args]
        self.env = [argument_bytes(f"{name}={value}") for name, value in environment.items()]
        self.environment = dict(environment)
        self.needed = list(needed)
        self.preload = list(preload)
        self.library_path = list(library_path)
        self.program = program
        self.kuser_helpers = kuser_helpers
        self.go_imports = go_imports
        self.seed = seed
        self.limits = limits or Limits()
        if not all(bound <= HIGHEST_BOUND for bound in self.limits):
            raise UsageError(f"a limit is at most {HIGHEST_BOUND}: {self.limits}")

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


def profile_of(name: str, environment: Mapping[str, str]) -> Profile:
    """The profile of this name, as the guest's environment changes it. Raises UsageError for a name that is unknown."""
    try:
        return profile_by_name(name).for_environment(environment)
    except UnknownProfile as error:
        raise UsageError(str(error)) from None


def cpu_for(options: Options, native_hooks: bool) -> Cpu:
    """A CPU of the architecture, with memory as the limits and the profile say."""
    cpu = create_cpu(options.arch, native_hooks=native_hooks)
    cpu.memory.limit = options.limits.memory
    cpu.memory.grain = options.profile.page_size
    return cpu


def paths_in(text: str, separators: str) -> Sequence[str]:
    """The paths in a list such as LD_LIBRARY_PATH; an empty one between separators is the working folder, "."."""
    if not text:
        return []
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return [path or "." for path in text.split(separators[0])]
