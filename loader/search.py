"""Where a library's name is looked for: DT_RPATH, the library path, DT_RUNPATH, then the host's own finder.

Sources: ld.so(8); glibc elf/dl-load.c, _dl_map_object (order), _dl_dst_substitute ($ORIGIN, $LIB, $PLATFORM).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from posixpath import dirname
from typing import NamedTuple

from .objects import LinkedObject


class Found(NamedTuple):
    """A file: the path it was found at, its content, and what tells it from others whatever the path (its inode)."""

    path: str
    data: bytes
    identity: object = None


#: ``finder(name, requester)``: (path, content) of a file, or a `Found`, or None. A name with a slash is a path to open as
#: it is; one without is a bare soname to look for in the system's default directories.
Finder = Callable[[str, "LinkedObject | None"], "tuple[str, bytes] | Found | None"]


class DirectoryFinder:
    """A finder that reads files of the host: paths as they are, bare names in ``directories``, first found.

    A file has the path by which it was first found, whatever other names lead to it: as for glibc, which compares device
    and inode (elf/dl-load.c, _dl_map_object_from_fd), it is one object.
    """

    def __init__(self, *directories: str) -> None:
        self.directories = directories

    def __call__(self, name: str, requester: LinkedObject | None) -> Found | None:
        """See `Finder`."""
        for path in [name] if "/" in name else [os.path.join(d, name) for d in self.directories]:
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    status = os.fstat(file.fileno())
                    return Found(path, file.read(), (status.st_dev, status.st_ino))
        return None


def candidates(
    name: str, requester: LinkedObject | None, library_path: Sequence[str], main: LinkedObject | None
) -> Iterator[str]:
    """The names to give to the finder, in order of preference."""
    if "/" in name:
        yield _expand(name, requester) if requester else name
        return
    for directory in dict.fromkeys(directories(requester, library_path, main)):
        yield f"{directory.rstrip('/')}/{name}" if directory != "/" else f"/{name}"
    yield name


def directories(
    requester: LinkedObject | None, library_path: Sequence[str], main: LinkedObject | None
) -> list[str]:
    """The folders in which what ``requester`` needs is looked for before the system's own."""
    found: list[str] = []
    if requester is None or requester.elf.runpath is None:
        chain = [requester] if requester is not None else []
        for above in chain:  # grows while it is walked
            if above.loader is not None:
                chain.append(above.loader)
        if main is not None and main not in chain:
            chain.append(main)
        for above in chain:
            if above.elf.runpath is None:
                found += _split(above.elf.rpath, above)
    found += library_path
    if requester is not None:
        found += runpath_directories(requester)
    return found


def runpath_directories(obj: LinkedObject) -> list[str]:
    """The directories of DT_RUNPATH."""
    return _split(obj.elf.runpath, obj)


def _split(paths: str | None, owner: LinkedObject) -> list[str]:
    return [_expand(part or ".", owner) for part in dict.fromkeys(paths.split(":"))] if paths else []


def _expand(path: str, owner: LinkedObject) -> str:
    if "$" not in path:
        return path
    for token, value in (("ORIGIN", directory_of(owner)), ("LIB", "lib"), ("PLATFORM", owner.elf.machine.name)):
        path = path.replace("${" + token + "}", value).replace("$" + token, value)
    return path


def directory_of(obj: LinkedObject) -> str:
    """What $ORIGIN stands for."""
    return dirname(obj.path) or "."
