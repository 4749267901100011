"""The errors by which the loader refuses a file."""

from __future__ import annotations


class LoadError(Exception):
    """A file that cannot be loaded, or a symbol that cannot be found.

    ``path``     the file (or the name asked for, when no file was found); may be empty.
    ``where``    the structure and offset in it, e.g. ``"program header 3 at 0xe8"``; may be empty.
    ``message``  the words of the real dynamic linker where it has words for the case.
    ``code``     a short kebab-case name of the case, by which a profile may choose other words.
    ``facts``    what those words may mention: ``symbol``, ``needed_by``, ``number`` …

    ``str(error)`` is always one line: ``path: message (where)``.
    """

    def __init__(self, path: str, where: str, message: str, code: str = "invalid", **facts: str | int) -> None:
        super().__init__(path, where, message, code)
        self.path = path
        self.where = where
        self.message = message
        self.code = code
        self.facts = facts

    @property
    def linker_text(self) -> str:
        """The text that ``dlerror`` gives in the guest: ``path: message``, without our ``where``. Names in it are as they are
        in the file or in the guest, bytes that are no UTF-8 as Python's surrogate escapes."""
        return f"{self.path}: {self.message}" if self.path else self.message

    def __str__(self) -> str:
        return one_line(self.linker_text) + (f" ({one_line(self.where)})" if self.where else "")


class FatalLoadError(LoadError):
    """An error that the real linker does not survive: it prints it and ends the process, whoever asked."""


def one_line(text: str) -> str:
    """Text from a file, made fit for display: on one line, with control characters and undecodable bytes escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
