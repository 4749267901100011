"""Budgets: the number of instructions that each phase of a run may take, as a TOML file.

    total = 700000                     # optional: all phases together

    [phases]
    "runtime init" = 250000
    "call add(1, 2)" = 60000
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emuload.cost.meter import Phase
from emuload.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TOTAL, _PHASES = "total", "phases"


@dataclass(frozen=True)
class Excess:
    """A phase (or "total") that took more than its budget."""

    name: str
    instructions: int
    budget: int


@dataclass(frozen=True)
class Budget:
    """A budget as read. `total` is None if the file has none."""

    path: str
    text: str
    phases: dict[str, int]
    total: int | None

    def exceeded(self, phases: Sequence[Phase]) -> list[Excess]:
        """The phases over their budgets. Raises UsageError for a phase that the run did not have."""
        found = {phase.name: phase.instructions for phase in phases}
        for name in self.phases:
            if name not in found:
                known = ", ".join(found)
                raise UsageError(f"{self.path}:{_line(self.text, name)}: the run has no phase {name!r}, only: {known}")
        rows = [Excess(name, found[name], budget) for name, budget in self.phases.items()]
        if self.total is not None:
            rows.append(Excess(_TOTAL, sum(found.values()), self.total))
        return [row for row in rows if row.instructions > row.budget]


def read_budget(path: str) -> Budget:
    """Read a budget file. Raises UsageError, with the line, if it is not one."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'this is no text in UTF-8'}") from None
    try:
        entries = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply") from None
    except ValueError as error:  # no TOML, or a number longer than Python reads
        raise UsageError(f"{path}: {error}") from None
    return _checked(path, text, entries)


def _checked(path: str, text: str, entries: dict[str, Any]) -> Budget:
    for name in entries:
        if name not in (_TOTAL, _PHASES):
            raise UsageError(f"{path}:{_line(text, name)}: a budget has {_TOTAL!r} and [{_PHASES}], not {name!r}")
    phases = entries.get(_PHASES, {})
    if not isinstance(phases, dict):
        raise UsageError(f"{path}:{_line(text, _PHASES)}: {_PHASES!r} is no table")
    total = entries.get(_TOTAL)
    for name, value in [*phases.items(), *([(_TOTAL, total)] if _TOTAL in entries else [])]:
        if type(value) is not int or value < 0:
            shown = json.dumps(value, default=str)
            raise UsageError(f"{path}:{_line(text, name)}: a budget is a number of instructions, not {shown}")
    if not phases and total is None:
        raise UsageError(f"{path}: the budget is empty")
    return Budget(path, text, phases, total)


def _line(text: str, key: str) -> int:
    """The line of a key, 1 if it is written in a way that is not looked for."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().lstrip("[").lstrip().startswith((key, json.dumps(key, ensure_ascii=False), f"'{key}'")):
            return number
    return 1


def budget_lines(phases: Sequence[Phase]) -> Iterator[str]:
    """The lines of a budget file with the exact cost of these phases."""
    yield f"{_TOTAL} = {sum(phase.instructions for phase in phases)}"
    yield ""
    yield f"[{_PHASES}]"
    for phase in phases:
        yield f"{json.dumps(phase.name, ensure_ascii=False)} = {phase.instructions}"
