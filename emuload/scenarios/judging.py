"""Compares a run with its scenario's description: its end, and the order of its events."""

from __future__ import annotations

from emuload.errors import EmuloadError
from emuload.order.checking import BROKEN, UNORDERED, check
from emuload.order.rules import load_rules
from emuload.scenarios.description import Scenario
from emuload.trace.jsonl import Trace


class NotAsDescribed(EmuloadError):
    """The run of a scenario has another end or another order than described."""

    exit_status = 1


def judge(scenario: Scenario, trace: Trace, sample: str) -> None:
    """Raise NotAsDescribed with all differences, or RuleError; `sample` names the architecture."""
    wrong = complaints(scenario, trace)
    if wrong:
        raise NotAsDescribed(f"{scenario.folder}: {sample}: {'; '.join(wrong)}")


def complaints(scenario: Scenario, trace: Trace) -> list[str]:
    """The differences from the description, a line each. Raises RuleError for rules that cannot be used."""
    assert trace.end is not None
    if trace.end.outcome != scenario.end:
        how = f"{trace.end.outcome}{': ' if trace.end.message else ''}{trace.end.message}"
        return [f"it must be {scenario.end} in the end, but is {how}"]
    made = []
    for verdict in check(trace, load_rules(scenario.rule_files)) if scenario.rules else ():
        name = verdict.rule.name
        if (verdict.status in (BROKEN, UNORDERED)) != (name in scenario.breaks):
            reason = f": {verdict.findings[0].reason}" if verdict.findings else ""
            made.append(f"rule {name!r} of {verdict.rule.set}: {verdict.status}{reason}")
    return made
