"""Whether a run is what its scenario's description says: its end, and the order of what happened."""

from __future__ import annotations

from emuload.errors import EmuloadError
from emuload.order.checking import BROKEN, UNORDERED, check
from emuload.order.rules import load_rules
from emuload.scenarios.description import Scenario
from emuload.trace.jsonl import Trace


class NotAsDescribed(EmuloadError):
    """A scenario's run did not end, or was not in the order, that its description says."""

    exit_status = 1


def judge(scenario: Scenario, trace: Trace, sample: str) -> None:
    """Raises NotAsDescribed, with all that is otherwise, and RuleError; `sample` names the architecture."""
    wrong = complaints(scenario, trace)
    if wrong:
        raise NotAsDescribed(f"{scenario.folder}: {sample}: {'; '.join(wrong)}")


def complaints(scenario: Scenario, trace: Trace) -> list[str]:
    """What is otherwise than the description says, a line each. Raises RuleError for rules that cannot be used."""
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
