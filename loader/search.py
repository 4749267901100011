"""The places where a library is searched by its name, and the finder that reads files of the host.

The order is DT_RPATH, the library path, DT_RUNPATH, then the system's folders, which only the finder knows.

Sources: ld.so(8); glibc elf/dl-load.c, _dl_map_object (order), _dl_dst_substitute ($ORIGIN, $LIB, $PLATFORM).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from posixpath import dirname
from typing import NamedTuple

from .errors import LoadError
from .objects import LinkedObject


class Found(NamedTuple):
    """A file: the path it was found at, its content, and its identity, which is the same by whatever path (its inode)."""

    path: str
    data: bytes
    identity: object = None


#: ``finder(name, requester)``: (path, content) of a file, or a `Found`, or None. A name with a slash is a path to open as
#: it is; one without is a bare soname to look for in the system's default directories.
Finder = Callable[[str, "LinkedObject | None"], "tuple[str, bytes] | Found | None"]


def read_file(path: str) -> bytes:
    """The bytes of a host file. Raises LoadError with the linker's words."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except IsADirectoryError:
        raise LoadError(path, "", "cannot read file data: Is a directory") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LoadError(path, "", f"cannot open shared object file: {reason}", "not-found") from None
    except ValueError:  # a NUL byte, or a surrogate: no file of the host has such a name
        raise LoadError(path, "", f"cannot open shared object file: {os.strerror(errno.ENOENT)}", "not-found") from None


class DirectoryFinder:
    """A finder that reads files of the host: named ones, paths as they are, bare names in ``directories``, first found.

    ``named``   host paths of files that go by a name of their own
    ``within``  folders of which the files are visible by their paths; None: every path is

    A file keeps the path by which it was first found, whatever other names lead to it: like glibc, which compares device
    and inode (elf/dl-load.c, _dl_map_object_from_fd), it is one object.
    """

    def __init__(
        self, *directories: str, named: Mapping[str, str] | None = None, within: Sequence[str] | None = None
    ) -> None:
        self.directories = directories
        self.named = dict(named or {})
        self.within = within

    def __call__(self, name: str, requester: LinkedObject | None = None) -> Found | None:
        """See `Finder`. Raises LoadError for a file that cannot be read."""
        named = self.named.get(name)
        if named is not None:
            return _found(name, named)
        if "/" in name or self.covers(name):
            return _found(name, name) if self._visible(name) and os.path.isfile(name) else None
        for path in (os.path.join(directory, name) for directory in self.directories):
            if os.path.isfile(path):
                return _found(path, path)
        return None

    def covers(self, name: str) -> bool:
        """True for a named file and for a path in one of the folders ``within``, whether there is a file or not."""
        return name in self.named or (self.within is not None and self._visible(name))

    def _visible(self, path: str) -> bool:
        folder, _, base = path.rpartition("/")
        return self.within is None or (folder in self.within and bool(base))


def _found(name: str, path: str) -> Found:
    data, status = read_file(path), os.stat(path)
    return Found(name, data, ("host", status.st_dev, status.st_ino))


#: what a linker puts for the tokens in a name of an object's dynamic section: (name, object) → name; see `substitute`
Expand = Callable[[str, LinkedObject], str]


def candidates(
    name: str,
    requester: LinkedObject | None,
    library_path: Sequence[str],
    main: LinkedObject | None,
    expand: Expand,
) -> Iterator[str]:
    """The names to ask the finder for, in this order."""
    if "/" in name:
        yield expand(name, requester) if requester else name
        return
    for directory in dict.fromkeys(directories(requester, library_path, main, expand)):
        yield f"{directory.rstrip('/')}/{name}" if directory != "/" else f"/{name}"
    yield name


def directories(
    requester: LinkedObject | None, library_path: Sequence[str], main: LinkedObject | None, expand: Expand
) -> list[str]:
    """The folders in which libraries needed by ``requester`` are searched, before the system's own."""
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
                found += _split(above.elf.rpath, above, expand)
    found += [expand(folder, main) if main is not None else folder for folder in library_path]
    if requester is not None:
        found += runpath_directories(requester, expand)
    return found


def runpath_directories(obj: LinkedObject, expand: Expand) -> list[str]:
    """The directories of DT_RUNPATH."""
    return _split(obj.elf.runpath, obj, expand)


def _split(paths: str | None, owner: LinkedObject, expand: Expand) -> list[str]:
    parts = dict.fromkeys(paths.split(":")) if paths else ()
    return [expanded for part in parts if (expanded := expand(part or ".", owner))]


def substitute(text: str, values: Mapping[str, str]) -> str:
    """A text with values in the places of ``$NAME`` and ``${NAME}``; other words behind a $ stay. The name without braces
    must not go on (glibc elf/dl-load.c, is_dst)."""
    if "$" not in text:
        return text
    return _TOKEN.sub(lambda found: values.get(found[1] or found[2], found[0]), text)


_TOKEN = re.compile(r"\$(?:{(\w+)}|([A-Za-z0-9_]+))")


def directory_of(obj: LinkedObject) -> str:
    """The value of $ORIGIN."""
    return dirname(obj.path) or "."
