"""Tables of a rule file: their values, checked, with the line for the message if one is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emuload.errors import UsageError
from emuload.order import toml_lines


class RuleError(UsageError):
    """A rule cannot be used: the message has the file, the line and the reason."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line


@dataclass(frozen=True)
class Table:
    """A table of the document with its place, for messages that name the line."""

    path: str
    lines: Mapping[toml_lines.Path, int]
    at: toml_lines.Path
    values: Mapping[str, Any]
    label: str = ""

    def error(self, key: str, message: str) -> RuleError:
        """An error at one of the table's keys, or at the table if it lacks the key."""
        place: toml_lines.Path = (*self.at, key, 0)
        while place and place not in self.lines:
            place = place[:-1]
        return RuleError(self.path, self.lines.get(place, 0), f"{self.label}{message}")

    def inner(self, values: Mapping[str, Any], *names: str | int) -> Table:
        """A table inside this one."""
        return Table(self.path, self.lines, (*self.at, *names), values, self.label)

    def labelled(self, label: str) -> Table:
        """The same table, with words that each message begins with."""
        return Table(self.path, self.lines, self.at, self.values, label)

    def allow(self, names: Sequence[str]) -> None:
        """Raise RuleError for a key that is not among `names`."""
        for key in self.values:
            if key not in names:
                raise self.error(key, f"unknown key {key!r}: choose from {', '.join(names)}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text. It must be there if there is no default."""
        value = self.values.get(key, default)
        if value is None:
            raise self.error(key, f"{key} is missing")
        if not isinstance(value, str):
            raise self.error(key, f"{key} must be a text")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """A text among `choices`."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"unknown {key} {value!r}: choose from {', '.join(choices)}")
        return value

    def truth(self, key: str) -> bool | None:
        """True, false, or None if the key is not there."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"{key} must be true or false")
        return value

    def number(self, key: str) -> int | None:
        """A whole number, or None if the key is not there."""
        value = self.values.get(key)
        if value is not None and type(value) is not int:
            raise self.error(key, f"{key} must be a whole number")
        return value

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = self.values.get(key, list(default))
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found) or (key in self.values and not found):
            raise self.error(key, f"{key} must be a text or a list of texts")
        return tuple(found)
