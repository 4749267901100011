"""A bound on names: a table of symbols may name one long string as often as it likes, and each use would be a copy."""

from __future__ import annotations

from typing import TypeVar

from .errors import LoadError

_Name = TypeVar("_Name", str, bytes)


class NameRoom:
    """The bytes of names that may still be read for one purpose. ``path`` and ``where`` are the error's."""

    def __init__(self, path: str, where: str, size: int) -> None:
        self._path = path
        self._where = where
        self._size = size
        self._left = size

    def take(self, name: _Name) -> _Name:
        """``name``, counted. LoadError once all of them together are too long."""
        self._left -= len(name)
        if self._left < 0:
            raise LoadError(self._path, self._where, f"names of more than {self._size} bytes in all")
        return name
