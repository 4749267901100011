"""`emuload check --profile all`: will a library load elsewhere?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emuload.calls.values import json_text
from emuload.errors import UsageError
from emuload.report import console
from emuload.report.compat import Matrix, all_load, document
from loader.profiles import Profile, UnknownProfile, everywhere, profile

EVERYWHERE = "all"


def check_everywhere(options: Mapping[str, Any]) -> int:
    """Show the verdict of each profile named, or of all; 1 when one of those named is not "loads".

    Raises UsageError, and LoadError for what is no library.
    """
    from emuload.compat import Subject, verdicts

    chosen = _profiles(options["profile"])
    subject = Subject(options["file"], options["library_path"])
    found = verdicts(subject, chosen)
    if options["as_json"]:
        print(json_text(document(subject.path, found)))
    else:
        matrix = Matrix(f"{subject.path} ({subject.elf.machine.title})", found)
        console.show_table(matrix.table())
        print()
        console.show_lines("", matrix.notes())
    return 0 if options["profile"] == EVERYWHERE else int(not all_load(found))


def _profiles(names: str) -> list[Profile]:
    if names == EVERYWHERE:
        return everywhere()
    try:
        return [profile(name) for name in names.split(",")]
    except UnknownProfile as error:
        raise UsageError(str(error)) from None
