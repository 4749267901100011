"""Joins the events of a rule's two selectors by its `where`.

Equalities and relations between names become keys, by which events are looked up; other conditions are tested on each pair.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import product

from emuload.order.facts import OBJECT_FIELDS, Facts
from emuload.order.rules import Condition, Operand, Rule, Side
from emuload.trace.events import Event, Value

_KEYED = ("=", "depends on", "depends one-way on", "is or depends on", "imports")
"""Operators that become keys: each relates a value to few others."""

_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: type(left) is type(right) is int and left < right,
    ">": lambda left, right: type(left) is type(right) is int and left > right,
}

Key = tuple[Hashable, ...]


class Joins:
    """A rule's `where` on one trace."""

    def __init__(self, rule: Rule, facts: Facts) -> None:
        self._facts = facts
        pairs = [each for each in rule.where if {each.left.side, each.right.side} == {"first", "then"}]
        self._keyed = [each for each in pairs if each.operator in _KEYED]
        self._asked = [each for each in pairs if each not in self._keyed]
        self._single = [each for each in rule.where if each not in pairs]

    @property
    def only_keys(self) -> bool:
        """True if all events with the same key belong together."""
        return not self._asked

    def wanted(self, side: Side, events: Iterable[Event]) -> list[Event]:
        """The events of one side that satisfy the conditions on that side alone."""
        mine = [each for each in self._single if side in (each.left.side, each.right.side)]
        return [event for event in events if all(self._holds(each, event, event) for each in mine)]

    def keys(self, side: Side, event: Event) -> Iterator[Key]:
        """The keys under which an event meets those of the other side: several if it is related to several names, none if it
        lacks a field.
        """
        return product(*(self._names(each, side, event) for each in self._keyed))

    def belong(self, first: Event, then: Event) -> bool:
        """True if two events with a common key belong together."""
        return all(self._holds(each, first, then) for each in self._asked)

    def _names(self, condition: Condition, side: Side, event: Event) -> Sequence[Hashable]:
        """The values of one condition in an event's keys: its own value on the side of `first`, the related ones on `then`'s."""
        mine, other = condition.left, condition.right
        if mine.side != side:
            mine, other = other, mine
        value = self._facts.value(event, mine.name)
        if value is None:
            return ()
        if condition.operator == "=" or side == "first":
            return (self._facts.join_value(event, mine.name),)
        graph = self._facts.graph(condition.operator, event)
        if graph is None or not isinstance(value, str):
            return ()
        related = graph.related(condition.operator, value, forward=mine is condition.left)
        return [self._facts.load(name, event) if other.name in OBJECT_FIELDS else name for name in sorted(related)]

    def _holds(self, condition: Condition, first: Event, then: Event) -> bool:
        left, right = (self._operand(operand, first, then) for operand in (condition.left, condition.right))
        compare = _COMPARE.get(condition.operator)
        if left is None or right is None:
            return False
        if compare is not None:
            return compare(left, right)
        event = then if "then" in (condition.left.side, condition.right.side) else first
        graph = self._facts.graph(condition.operator, event)
        if graph is None or not isinstance(left, str) or not isinstance(right, str):
            return False
        return graph.relates(condition.operator, left, right)

    def _operand(self, operand: Operand, first: Event, then: Event) -> Value:
        if not operand.side:
            return operand.name
        return self._facts.value(first if operand.side == "first" else then, operand.name)
