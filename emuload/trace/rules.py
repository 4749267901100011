"""Order rules: what must hold of a trace, as TOML files say it. `traces/RULES.md` describes the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emuload.errors import UsageError


class RuleError(UsageError):
    """A rule that cannot be used: says the file, the line and what is wrong."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line


@dataclass(frozen=True)
class Rule:
    """One rule: `set` is the name of the shipped set or the file's stem, `file` and `line` where it is written."""

    name: str
    set: str
    relation: str
    why: str
    source: str
    optional: bool
    file: str
    line: int


def load_rules(names_or_paths: Sequence[str]) -> list[Rule]:
    """The rules of shipped sets (by name) and of TOML files (by path), in order. Raises RuleError."""
    raise NotImplementedError
