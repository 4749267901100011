"""The matrix of verdicts: rows of profiles that do the same, and the reasons as numbered notes below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from emuload.compat.model import DLOPEN, LINKED, LOADS, Outcome, Reason, Verdict
from emuload.report.tables import Table


class Matrix:
    """Verdicts as a table under a title."""

    def __init__(self, title: str, verdicts: Sequence[Verdict]) -> None:
        self.title = title
        self._numbers: dict[Reason, int] = {}
        by_profile = {
            name: {verdict.loading: verdict for verdict in group}
            for name, group in groupby(verdicts, key=lambda verdict: verdict.profile)
        }
        self.rows: list[tuple[str, str, str]] = []
        for _, rows in groupby(by_profile.items(), key=lambda item: _alike(item[0], item[1])):
            members = list(rows)
            names, loadings = [name for name, _ in members], members[0][1]
            self.rows.append((_range(names), self._cell(loadings[DLOPEN]), self._cell(loadings[LINKED])))

    def table(self) -> Table:
        """The table: profile, verdict of dlopen, verdict of start-up."""
        return Table(["profile", DLOPEN, LINKED], list(self.rows), title=self.title)

    def notes(self) -> list[str]:
        """For each reason: its number, the linker's words, the place in the file, a remedy."""
        lines: list[str] = []
        for reason, number in self._numbers.items():
            label = f"[{number}] "
            lines.append(f"{label}{reason.words}")
            indent = " " * len(label)
            if reason.place:
                lines.append(f"{indent}at  {reason.place}")
            if reason.fix:
                lines.append(f"{indent}fix {reason.fix}")
        return lines

    def _cell(self, verdict: Verdict) -> str:
        text = self._outcome(verdict.outcome)
        return text if verdict.rebuilt is None else f"{text}; rebuilt: {self._outcome(verdict.rebuilt)}"

    def _outcome(self, outcome: Outcome) -> str:
        numbers = [self._numbers.setdefault(reason, len(self._numbers) + 1) for reason in outcome.reasons]
        return f"{outcome.status} {' '.join(f'[{number}]' for number in numbers)}".rstrip()


def document(path: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The verdicts as JSON-able data."""
    return {"library": path, "verdicts": [verdict.to_dict() for verdict in verdicts]}


def all_load(verdicts: Sequence[Verdict]) -> bool:
    """True if every verdict on the file as it is says "loads"."""
    return all(verdict.outcome.status == LOADS for verdict in verdicts)


def _alike(name: str, loadings: dict[str, Verdict]) -> tuple[object, ...]:
    family, _, rest = name.partition(":")
    return family, rest.partition("/")[2], *((v.loading, v.outcome, v.rebuilt) for v in loadings.values())


def _range(names: Sequence[str]) -> str:
    """glibc:2.17, glibc:2.18, glibc:2.19 → glibc:2.17 … 2.19."""
    if len(names) == 1:
        return names[0]
    return f"{names[0]} … {names[-1].partition(':')[2]}"
