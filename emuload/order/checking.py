"""Checks a trace against order rules (`traces/RULES.md` describes their language)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from emuload.order.facts import Facts
from emuload.order.joins import Joins, Key
from emuload.order.rules import Rule, Side
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace

HOLDS, UNORDERED, BROKEN, NOT_APPLICABLE = "holds", "unordered", "broken", "not applicable"

PAIR_LIMIT = 1_000_000
"""Bound on the pairs that one rule may look at, so that no rule takes for ever."""


@dataclass(frozen=True)
class Finding:
    """One broken or unordered pair. `status` is "broken" or "unordered"; `reason` is one line."""

    status: str
    first: Event | None
    then: Event | None
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The result of a rule: `status` is "holds", "broken", "unordered" or "not applicable" (optional, and matched nothing);
    `pairs` counts the pairs or matches that were looked at.
    """

    rule: Rule
    status: str
    pairs: int
    findings: tuple[Finding, ...]


def check(trace: Trace, rules: Sequence[Rule]) -> list[Verdict]:
    """The verdict of each rule, in order. Raises RuleError for a rule that matches nothing and is not optional."""
    facts = Facts(trace.events)
    return [_verdict(_Check(rule, facts), trace.path) for rule in rules]


def _verdict(one: _Check, path: str) -> Verdict:
    findings = one.findings()
    if not one.matched:
        if not one.rule.optional:
            raise one.rule.error(f"it matches nothing in {path}: {one.missing}")
        return Verdict(one.rule, NOT_APPLICABLE, 0, ())
    found = {finding.status for finding in findings}
    status = BROKEN if BROKEN in found else UNORDERED if found else HOLDS
    return Verdict(one.rule, status, one.matched, tuple(findings))


_RANKS = (BROKEN, UNORDERED, HOLDS)


def _finding(status: str, first: Event, then: Event) -> Finding:
    if status == BROKEN:
        return Finding(BROKEN, first, then, f"{in_words(first)} comes after {in_words(then)}")
    return Finding(UNORDERED, first, then, f"{in_words(first)} came before {in_words(then)}, but nothing orders them")


def _all(group: list[Event]) -> list[Event]:
    return group


def _earliest(group: list[Event]) -> list[Event]:
    """The first event of each thread: if any event of the thread happens before another one, this one does."""
    found: dict[int, Event] = {}
    for event in group:
        found.setdefault(event.tid, event)
    return list(found.values())


def _latest(group: list[Event]) -> list[Event]:
    """The last event of each thread: if another event happens before any event of the thread, it happens before this one."""
    return list({event.tid: event for event in group}.values())


_LABELS = ("package", "function", "name", "object", "thread", "child")
"""Fields that tell one event of a kind from another: the first that is there is shown."""


def in_words(event: Event) -> str:
    """An event in a few words: `go-export-body add (event 382, thread 1002)`."""
    name = next((name for name in _LABELS if name in event.fields), None)
    label = "" if name is None else str(event.fields[name])
    if name in ("name", "object"):
        label = label.rpartition("/")[2]
    return f"{event.kind} {label}".rstrip() + f" (event {event.seq}, thread {event.tid})"


class _Check:
    """One rule on one trace. `matched` counts the pairs or matches that were looked at."""

    def __init__(self, rule: Rule, facts: Facts) -> None:
        self.rule = rule
        self.matched = 0
        self._facts = facts
        self._joins = Joins(rule, facts)
        self._looked = 0
        self.firsts = self._joins.wanted("first", facts.select(rule.first)) if rule.first is not None else []
        self.thens = self._joins.wanted("then", facts.select(rule.then))

    @property
    def missing(self) -> str:
        """Why nothing matched, in words."""
        if self.rule.first is not None and not self.firsts:
            return "no event is its first"
        return "no event is its then" if not self.thens else "no two of its events belong together"

    def findings(self) -> list[Finding]:
        """The pairs that break the rule. Raises RuleError if there are too many pairs to look at."""
        return _FINDINGS[self.rule.relation](self)

    # -- before, happens-before ------------------------------------------------------------------------------------------

    def each_then(self) -> list[Finding]:
        """Every `then` needs an earlier `first`, for each of the names that it is related to."""
        partners = self._groups("first", self.firsts, _earliest)
        found = []
        for then in self.thens:
            for key in self._joins.keys("then", then):
                self.matched += 1
                pairs = [(first, then) for first in self._belonging(partners, key, then=then)]
                missing = Finding(BROKEN, None, then, f"nothing is there that must come before {in_words(then)}")
                found += self._judged(pairs, missing)
        return found

    def each_first(self) -> list[Finding]:
        """Every `first` needs a later `then`."""
        partners = self._groups("then", self.thens, _latest)
        found = []
        for first in self.firsts:
            for key in self._joins.keys("first", first):
                self.matched += 1
                pairs = [(first, then) for then in self._belonging(partners, key, first=first)]
                missing = Finding(BROKEN, first, None, f"nothing is there that must come after {in_words(first)}")
                found += self._judged(pairs, missing)
        return found

    def each_pair(self) -> list[Finding]:
        """No `first` may come later than a `then` that it belongs to."""
        partners = self._groups("first", self.firsts, _latest)
        found = []
        for then in self.thens:
            for key in self._joins.keys("then", then):
                pairs = [(first, then) for first in self._belonging(partners, key, then=then)]
                self.matched += len(pairs)
                ranked = [(_RANKS.index(self._status(*pair)), pair) for pair in pairs]
                rank, worst = min(ranked, key=lambda each: each[0], default=(len(_RANKS), None))
                if worst is not None and _RANKS[rank] != HOLDS:
                    found.append(_finding(_RANKS[rank], *worst))
        return found

    def _judged(self, pairs: Sequence[tuple[Event, Event]], missing: Finding) -> list[Finding]:
        """No finding if one of the pairs is in order; otherwise the pair that comes closest."""
        if not pairs:
            return [missing]
        ranked = [(_RANKS.index(self._status(*pair)), pair) for pair in pairs]
        rank, best = max(ranked, key=lambda each: (each[0], -abs(each[1][0].seq - each[1][1].seq)))
        return [] if _RANKS[rank] == HOLDS else [_finding(_RANKS[rank], *best)]

    def _status(self, first: Event, then: Event) -> str:
        if first.seq >= then.seq:
            return BROKEN
        if self.rule.relation == "happens-before" and not self._facts.order.ordered(first, then):
            return UNORDERED
        return HOLDS

    def _groups(
        self, side: Side, events: Iterable[Event], reduce: Callable[[list[Event]], list[Event]] = _all
    ) -> dict[Key, list[Event]]:
        """Events by key, reduced if only the key counts."""
        groups: dict[Key, list[Event]] = {}
        for event in events:
            for key in self._joins.keys(side, event):
                groups.setdefault(key, []).append(event)
        return {key: reduce(group) for key, group in groups.items()} if self._joins.only_keys else groups

    def _belonging(
        self, groups: Mapping[Key, list[Event]], key: Key, *, first: Event | None = None, then: Event | None = None
    ) -> list[Event]:
        """The events of a group that belong to the given one."""
        group = groups.get(key, [])
        self._looked += len(group)
        if self._looked > PAIR_LIMIT:
            raise self.rule.error(f"it has more than {PAIR_LIMIT:,} pairs to look at: let it select less")
        if self._joins.only_keys:
            return group
        return [each for each in group if self._joins.belong(first or each, then or each)]

    # -- never, once, at-most ----------------------------------------------------------------------------------------------

    def never(self) -> list[Finding]:
        """No `then` at all; with `first`, none that comes after a `first` that it belongs to."""
        if self.rule.first is not None:
            self.matched = len(self.firsts)
            return self._never_after()
        during = self.rule.then.during
        self.matched = len(self._facts.select(during.begin)) if during is not None else max(1, len(self.thens))
        return [Finding(BROKEN, None, then, f"{in_words(then)} must not happen") for then in self.thens]

    def _never_after(self) -> list[Finding]:
        partners = self._groups("first", self.firsts, _earliest)
        found = []
        for then in self.thens:
            for key in self._joins.keys("then", then):
                earlier = [first for first in self._belonging(partners, key, then=then) if first.seq < then.seq]
                if earlier:
                    reason = f"{in_words(then)} must not happen after {in_words(earlier[0])}"
                    found.append(Finding(BROKEN, earlier[0], then, reason))
        return found

    def counted(self) -> list[Finding]:
        """At most `most` for each combination of `per`; with `first`, between each `first` and the next one with the same key."""
        return self._counted_after() if self.rule.first is not None else self._counted_per()

    def _counted_per(self) -> list[Finding]:
        self.matched = len(self.thens)
        groups: dict[Key, list[Event]] = {}
        for then in self.thens:
            groups.setdefault(self._facts.key(then, self.rule.per), []).append(then)
        return [self._too_many(None, group) for group in groups.values() if len(group) > self.rule.most]

    def _counted_after(self) -> list[Finding]:
        self.matched = len(self.firsts)
        starts, groups = self._groups("first", self.firsts), self._groups("then", self.thens)
        found = []
        for key, firsts in starts.items():
            ends = [first.seq for first in firsts[1:]] + [len(self._facts.events)]
            for first, end in zip(firsts, ends, strict=True):
                thens = [then for then in self._belonging(groups, key, first=first) if first.seq < then.seq < end]
                if len(thens) > self.rule.most:
                    found.append(self._too_many(first, thens))
                elif not thens and self.rule.relation == "once":
                    found.append(Finding(BROKEN, first, None, f"nothing is there that must follow {in_words(first)}"))
        return found

    def _too_many(self, first: Event | None, thens: Sequence[Event]) -> Finding:
        most, extra = self.rule.most, thens[self.rule.most]
        behind = f" after {in_words(first)}" if first is not None else ""
        times = {1: "once", 2: "twice"}.get(len(thens), f"{len(thens)} times")
        allowed = "once" if most == 1 else f"{most} times"
        reason = f"{in_words(extra)} happens {times}{behind}, not {allowed}"
        return Finding(BROKEN, first or (thens[0] if most else None), extra, reason)


_EACH = {"then": _Check.each_then, "first": _Check.each_first, "pair": _Check.each_pair}
_FINDINGS: dict[str, Callable[[_Check], list[Finding]]] = {
    "before": lambda one: _EACH[one.rule.each](one),
    "happens-before": lambda one: _EACH[one.rule.each](one),
    "never": _Check.never,
    "once": _Check.counted,
    "at-most": _Check.counted,
}
