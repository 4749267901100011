"""Options of the commands that run a guest, and the arguments of `emuload.Process` for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from emuload.commands.common.command import CALLS, GUEST, LIMITS, Decorator, complete_from, option, together
from emuload.commands.common.quantities import SIZE, TIME, size_text
from emuload.errors import UsageError
from emuload.process.options import HIGHEST_BOUND, Limits
from loader import profiles
from loader.elf import ElfFile
from loader.errors import LoadError
from loader.gabi import STB_LOCAL, STT_FUNC, STT_GNU_IFUNC
from loader.profiles.base import PAGE_SIZES

_DEFAULTS = Limits()


def profile_names() -> list[str]:
    """Every family, and every version of it."""
    return [name for family in profiles.families() for name in (family, *(f"{family}:{v}" for v in profiles.versions(family)))]


def profile_ranges() -> str:
    """`glibc:2.17 … 2.42, musl:…`: the families with their versions."""
    known = {family: profiles.versions(family) for family in profiles.families()}
    return ", ".join(f"{name}:{all_[0]} … {all_[-1]}" if all_ else name for name, all_ in known.items())


def exported_functions(elf: ElfFile, start: str = "") -> list[str]:
    """The functions that a file exports, in order; those that begin with _ only if `start` does."""
    names = {
        symbol.text
        for symbol in elf.symbols()
        if symbol.shndx and symbol.bind != STB_LOCAL and symbol.type in (STT_FUNC, STT_GNU_IFUNC)
    }
    return [name for name in sorted(names) if name.startswith(start) and (name[:1] != "_" or start[:1] == "_")]


def complete_call(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the functions that the library on the command line exports; those that begin with _ only if asked for."""
    words = [context.params.get("library"), context.params.get("file"), *context.args]
    path = next((word for word in words if word and not word.startswith("-")), None)
    if path is None:
        return []
    try:
        with open(path, "rb") as file:
            return exported_functions(ElfFile(file.read(), path), incomplete)
    except (OSError, LoadError):
        return []


call_options: Decorator = together(
    option(
        CALLS, "--call", "-c", "calls", multiple=True, metavar="CALL", help="A call, e.g. 'add(1, 2)'; repeatable.",
        shell_complete=complete_call,
    ),
    option(CALLS, "--arg", "-a", "arguments", multiple=True, help="A further word of os.Args; repeatable."),
    option(CALLS, "--threads", type=click.IntRange(1), help="Make each call on this many foreign threads at once."),
    option(CALLS, "--linked", is_flag=True, help="Load at start-up, as a DT_NEEDED library, instead of by dlopen."),
    option(CALLS, "--lazy", is_flag=True, help="Bind functions at their first call (RTLD_LAZY) instead of while loading."),
)  # fmt: skip
"""Options of every command that loads a library and calls it."""

library_path_option: Decorator = option(
    GUEST, "--library-path", "-L", multiple=True, metavar="DIR", help="Where to look for needed libraries; repeatable."
)

guest_options: Decorator = together(
    option(GUEST, "--env", "-e", "environment", multiple=True, metavar="K=V", help="A variable of the guest's; repeatable."),
    library_path_option,
    option(GUEST, "--preload", multiple=True, metavar="LIB", help="Load LIB before all others, as LD_PRELOAD; repeatable."),
    option(GUEST, "--map", "maps", multiple=True, metavar="HOST:GUEST[:rw]", help="Show a host folder or file to the guest."),
    option(
        GUEST, "--profile", default="glibc", show_default=True, metavar="NAME[:VERSION][/PAGES]",
        shell_complete=complete_from(profile_names),
        help=f"Whose dynamic linker's rules hold: {profile_ranges()}; the newest if no version is given. "
        f"Pages: {', '.join(PAGE_SIZES)}.",
    ),
    option(GUEST, "--seed", default=0, show_default=True, help="Where the guest's random numbers start."),
    option(GUEST, "--stdin", metavar="FILE", help="The guest's standard input; - is this one. Empty if not given."),
    option(GUEST, "--cwd", default="/", show_default=True, help="The guest's working folder."),
    option(GUEST, "--cpus", type=click.IntRange(1, 1024), default=1, help="How many processors it sees. [default: 1]"),
    option(GUEST, "--no-kuser-helpers", is_flag=True, help="ARM: a kernel without the helper page."),
    option(
        LIMITS, "--time-limit", type=TIME, metavar="TIME",
        help=f"Bound on virtual time: 5s, 250ms, 2m; seconds without a unit. [default: {_DEFAULTS.virtual_seconds / 3600:g}h]",
    ),
    option(
        LIMITS, "--code-limit", type=SIZE, metavar="SIZE",
        help=f"Bound on code executed: bytes, e.g. 1e9 or 512M. [default: {size_text(_DEFAULTS.code_bytes)}]",
    ),
    option(
        LIMITS, "--memory-limit", type=SIZE, metavar="SIZE",
        help=f"Bound on memory in use, e.g. 1G. [default: {size_text(_DEFAULTS.memory)}]",
    ),
    option(
        LIMITS, "--output-limit", type=SIZE, metavar="SIZE",
        help=f"Bound on what is written, e.g. 10M. [default: {size_text(_DEFAULTS.output)}]",
    ),
)  # fmt: skip
"""Options of every command that runs a guest."""


def process_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `emuload.Process` from the values of these options. Raises UsageError."""
    bounds = {
        "virtual_seconds": options["time_limit"],
        "code_bytes": options["code_limit"],
        "memory": options["memory_limit"],
        "output": options["output_limit"],
    }
    for name, value in bounds.items():
        if value is not None and not 0 < value <= HIGHEST_BOUND:
            raise UsageError(f"a bound must be above 0 and at most {HIGHEST_BOUND}, not {value} ({name})")
    return {
        "profile": options["profile"],
        "seed": options["seed"],
        "env": environment(options["environment"]),
        "library_path": list(options["library_path"]),
        "preload": list(options["preload"]),
        "maps": [parse_map(text) for text in options["maps"]],
        "stdin": standard_input(options["stdin"]),
        "cwd": options["cwd"],
        "cpus": options["cpus"],
        "kuser_helpers": not options["no_kuser_helpers"],
        "limits": Limits(**{name: value for name, value in bounds.items() if value is not None}),
    }


def environment(entries: Sequence[str]) -> dict[str, str]:
    """K=V texts as a mapping. Raises UsageError for one without `=` or name."""
    found = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name or not equals:
            raise UsageError(f"--env takes NAME=VALUE, not {entry!r}")
        found[name] = value
    return found


def parse_map(text: str) -> tuple[str, str, bool]:
    """`HOST:GUEST[:rw]` as (host path, guest path, writable). Raises UsageError."""
    body, writable = (text[:-3], True) if text.endswith(":rw") else (text.removesuffix(":ro"), False)
    host, colon, guest = body.rpartition(":")
    if not colon or not host or not guest.startswith("/"):
        raise UsageError(f"--map takes HOST:GUEST[:rw] with an absolute GUEST, not {text!r}")
    if not os.path.exists(host):
        raise UsageError(f"--map {text}: there is no {host}")
    return host, guest, writable


def standard_input(name: str | None) -> bytes:
    """The bytes that the guest reads from descriptor 0. Raises UsageError if the file cannot be read."""
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise UsageError(f"--stdin {name}: {getattr(error, 'strerror', None) or error}") from None
