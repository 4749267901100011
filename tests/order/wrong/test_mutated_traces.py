"""A trace that is wrong in one thing is caught by the rule for that thing, and by no other."""

from __future__ import annotations

import pytest

from emuload.order.checking import check
from emuload.order.rules import load_rules, shipped
from emuload.trace.events import Event
from tests.order.wrong.bases import RULES, TARGETS, base
from tests.order.wrong.edit import Edit, renumbered
from tests.order.wrong.trace_mutations import MUTATIONS, Mutation
from tests.trace.made_traces import trace_of


def failed(name: str, events: list[Event]) -> dict[tuple[str, str], str]:
    """The rules that do not hold of a variant of a good trace, with their verdicts."""
    verdicts = check(trace_of(renumbered(events)), load_rules(RULES[name]))
    return {(v.rule.set, v.rule.name): v.status for v in verdicts if v.status in ("broken", "unordered")}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", RULES)
def test_the_traces_are_good_as_they_are(name: str, target: str) -> None:
    assert failed(name, base(name, target)) == {}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: str(mutation.name))
def test_a_wrong_trace_is_caught_by_its_rule_and_no_other(mutation: Mutation, target: str) -> None:
    run = Edit(base(mutation.base, target))
    mutation.mutate(run)
    assert failed(mutation.base, run.events) == {(mutation.set, mutation.rule): mutation.verdict}


def test_every_shipped_rule_is_broken_by_some_trace() -> None:
    broken = {(mutation.set, mutation.rule) for mutation in MUTATIONS}
    assert broken == {(rule.set, rule.name) for rule in load_rules(list(shipped()))}
    assert len(MUTATIONS) >= 30
