"""Evaluates order rules on a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emuload.trace.events import Event
from emuload.trace.jsonl import Trace
from emuload.trace.rules import Rule


@dataclass(frozen=True)
class Finding:
    """One broken or unordered pair. `status` is "broken" or "unordered"; `reason` is one line."""

    status: str
    first: Event | None
    then: Event | None
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What became of a rule: `status` is "holds", "broken", "unordered" or "not applicable" (optional, and matched nothing);
    `pairs` counts the pairs or matches that were looked at.
    """

    rule: Rule
    status: str
    pairs: int
    findings: tuple[Finding, ...]


def check(trace: Trace, rules: Sequence[Rule]) -> list[Verdict]:
    """The verdict of each rule, in their order. Raises RuleError for a rule that matches nothing and is not optional."""
    raise NotImplementedError
