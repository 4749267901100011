"""`emuload compat`: will a library load elsewhere?"""

from __future__ import annotations

from collections.abc import Sequence

import click

from emuload.commands.common.command import GUEST, Command, argument, complete_from, json_option, option
from emuload.commands.common.guest_options import library_path_option, profile_names, profile_ranges
from emuload.compat import Subject, verdicts
from emuload.errors import UsageError
from emuload.report import console
from emuload.report.compat import Matrix, all_load, document
from emuload.report.json_text import json_text
from loader.profiles import Profile, UnknownProfile, everywhere, profile
from loader.profiles.base import PAGE_SIZES

EVERYWHERE = "all"
HELP = """Say if LIBRARY loads elsewhere, by dlopen and linked.

For each profile: "loads", "refused" with the linker's words, or "loads but". Exit status 1: one of the profiles named is not
"loads".
"""
EXAMPLES = ("emuload compat libhello.so", "emuload compat libhello.so --profile musl,glibc:2.17,bionic:35/16k")


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@argument("library")
@library_path_option
@option(
    GUEST, "--profile", default=EVERYWHERE, show_default=True, metavar="NAME[:VERSION][/PAGES],…",
    shell_complete=complete_from(profile_names),
    help=f"Whose dynamic linkers' rules to try: {profile_ranges()}; the newest if no version is given. "
    f"Pages: {', '.join(PAGE_SIZES)}.",
)  # fmt: skip
@json_option
def command(library: str, profile: str, library_path: Sequence[str], as_json: bool) -> int:
    """Return the exit status. Raises UsageError, and LoadError for a file that is not a library."""
    chosen = _profiles(profile)
    subject = Subject(library, library_path)
    found = verdicts(subject, chosen)
    if as_json:
        print(json_text(document(subject.path, found)))
    else:
        matrix = Matrix(f"{subject.path} ({subject.elf.machine.title})", found)
        console.show_table(matrix.table())
        print()
        console.show_lines("", matrix.notes())
    return 0 if profile == EVERYWHERE else int(not all_load(found))


def _profiles(names: str) -> list[Profile]:
    if names == EVERYWHERE:
        return everywhere()
    try:
        return [profile(name) for name in names.split(",")]
    except UnknownProfile as error:
        raise UsageError(str(error)) from None
