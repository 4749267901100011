"""Each relation, selector and condition of the rule language, on traces written by hand."""

from __future__ import annotations

import pytest

from emuload.order import checking
from emuload.order.checking import Verdict, check
from emuload.order.rule_tables import RuleError
from emuload.order.rules import parse_rules
from emuload.trace.events import Event
from tests.trace.made_traces import Run

A, B, C = 1, 2, 3


def verdict(run: Run, rule: str) -> Verdict:
    """The verdict of one rule, given without its header and name."""
    (only,) = check(run.trace(), parse_rules("mine.toml", f'[[rule]]\nname = "r"\n{rule}'))
    return only


def status(run: Run, rule: str) -> str:
    return verdict(run, rule).status


def pairs(found: Verdict) -> list[tuple[Event | None, Event | None]]:
    return [(finding.first, finding.then) for finding in found.findings]


BEFORE = 'first = "open"\nthen = "use"\nrelation = "before"\nwhere = "first.door = then.door"\n'


def test_before_asks_every_then_for_one_first() -> None:
    run = Run()
    run(A, "open", door=1)
    run(A, "use", door=1)
    run(A, "open", door=1)
    run(A, "open", door=3)
    assert status(run, BEFORE) == "holds"
    late = run(A, "use", door=2)
    opened = run(A, "open", door=2)
    never = run(A, "use", door=4)
    found = verdict(run, BEFORE)
    assert (found.status, found.pairs, pairs(found)) == ("broken", 3, [(opened, late), (None, never)])
    assert [finding.reason for finding in found.findings] == [
        f"open (event {opened.seq}, thread 1) comes after use (event {late.seq}, thread 1)",
        f"nothing is there that must come before use (event {never.seq}, thread 1)",
    ]


def test_before_may_ask_every_first_for_one_then() -> None:
    rule = BEFORE + 'each = "first"'
    run = Run()
    run(A, "open", door=1)
    run(A, "use", door=1)
    run(A, "use", door=2)
    assert status(run, rule) == "holds"
    unused = run(A, "open", door=2)
    found = verdict(run, rule)
    assert found.status == "broken"
    assert [finding.first for finding in found.findings] == [unused]


def test_before_may_ask_every_pair() -> None:
    rule = BEFORE + 'each = "pair"'
    run = Run()
    run(A, "open", door=1)
    run(A, "use", door=1)
    run(A, "use", door=2)
    assert status(run, rule) == "holds"
    again = run(A, "open", door=1)
    found = verdict(run, rule)
    assert (found.status, found.pairs, pairs(found)) == ("broken", 1, [(again, run.events[1])])


@pytest.mark.parametrize("each", ["then", "first", "pair"])
def test_happens_before_tells_order_from_luck(each: str) -> None:
    rule = BEFORE.replace("before", "happens-before") + f'each = "{each}"'
    run = Run()
    run(A, "open", door=1)
    run(A, "mutex-release", mutex=1)
    run(B, "mutex-acquire", mutex=1)
    run(B, "use", door=1)
    assert status(run, rule) == "holds"
    opened, used = run(A, "open", door=2), run(C, "use", door=2)
    found = verdict(run, rule)
    assert (found.status, pairs(found)) == ("unordered", [(opened, used)])
    assert found.findings[0].reason.endswith("but nothing orders them")
    run(A, "use", door=3)
    run(A, "open", door=3)
    assert status(run, rule) == "broken"


def test_one_ordered_first_is_enough_for_a_then_and_not_for_pairs() -> None:
    rule = BEFORE.replace("before", "happens-before")
    run = Run()
    run(A, "open", door=1)
    run(B, "open", door=1)
    run(A, "mutex-release", mutex=1)
    run(C, "mutex-acquire", mutex=1)
    run(C, "use", door=1)
    assert status(run, rule) == "holds"
    assert status(run, rule + 'each = "pair"') == "unordered"


def test_never_forbids_an_event_or_one_after_another() -> None:
    run = Run()
    run(A, "use", door=1)
    shut = run(A, "shut", door=1)
    run(A, "use", door=2)
    after = 'first = "shut"\nthen = "use"\nrelation = "never"\nwhere = "first.door = then.door"'
    assert status(run, 'then = "fall"\nrelation = "never"') == "holds"
    assert verdict(run, after).status == "holds"
    used = run(A, "use", door=1)
    assert pairs(verdict(run, after)) == [(shut, used)]
    assert len(verdict(run, 'then = "use"\nrelation = "never"').findings) == 3


def test_once_and_at_most_count_by_fields() -> None:
    run = Run()
    for door in (1, 2, 2, 3, 3, 3):
        run(A, "use", door=door)
    once = verdict(run, 'then = "use"\nrelation = "once"\nper = "door"')
    assert pairs(once) == [(run.events[1], run.events[2]), (run.events[3], run.events[4])]
    twice = verdict(run, 'then = "use"\nrelation = "at-most"\nmost = 2\nper = ["door", "tid"]')
    assert pairs(twice) == [(run.events[3], run.events[5])]
    assert twice.findings[0].reason == "use (event 5, thread 1) happens 3 times, not 2 times"
    assert status(run, 'then = "use"\nrelation = "at-most"\nmost = 6') == "holds"
    assert status(run, 'then = "use"\nrelation = "at-most"\nmost = 0\nper = "tid"') == "broken"


def test_once_counts_what_follows_each_first() -> None:
    rule = 'first = "enter"\nthen = "exit"\nrelation = "once"\nwhere = "first.tid = then.tid"'
    run = Run()
    for tid, kind in ((A, "enter"), (B, "enter"), (A, "exit"), (B, "exit"), (A, "enter"), (A, "exit")):
        run(tid, kind)
    assert status(run, rule) == "holds"
    extra = run(A, "exit")
    lost = run(B, "enter")
    assert pairs(verdict(run, rule)) == [(run.events[4], extra), (lost, None)]


# -- selectors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ('"go-*"', [2]),
        ('["go-*", "syscall"]', [1, 2]),
        ('{ kind = "syscall", name = "ma*" }', []),
        ('{ name = ["mmap", "re*"] }', [1, 3]),
        ("{ result = 3 }", [1]),
        ("{ result = { above = 2 } }", [1, 3]),
        ("{ result = { above = 3, below = 5 } }", [3]),
        ("{ result = { not = 3 }, name = { not = 'x' }, kind = 'sys*' }", [3]),
        ("{ object = 'lib.so' }", [0, 2]),
        ("{ object = '*/lib.so' }", [0, 2]),
        ("{ object = '/a/*' }", [0, 2]),
        ("{ object = 'a/lib.so' }", []),
        ("{ flag = true }", [4]),
        ("{ flag = 1 }", []),
        ("{ tid = 2 }", [3, 4]),
        ("{ woken = 7 }", [5]),
        ("{ pc-object = 'lib.so' }", [4]),
        ("{ go-object = true }", [0, 2]),
        ("{ kind = 'object-*', go-object = false }", []),
        ("{ role = 'host' }", [0]),
    ],
)
def test_a_selector_chooses_by_kind_and_fields(selector: str, chosen: list[int]) -> None:
    run = Run()
    run(0, "object-mapped", object="/a/lib.so", address=0x1000, size=0x1000, bias=0)
    run(A, "syscall", name="mmap", result=3)
    run(A, "go-rt0-lib", object="/a/lib.so")
    run(B, "syscall-exit", name="read", result=4)
    run(B, "note", flag=True, at=0x1800)
    run(C, "futex-wake", woken=[6, 7])
    found = verdict(run, f'then = {selector}\nrelation = "never"')
    assert [finding.then.seq for finding in found.findings if finding.then] == chosen


def test_a_selector_chooses_by_what_the_thread_is_for() -> None:
    run = Run()
    run(0, "task-create", child=A, thread_pointer=1)
    run(B, "thread-start", routine=0x10)
    run(B, "go-rt0-lib-go", object="lib.so")
    run(C, "thread-start", routine=0x20)
    run(C, "go-sysmon", object="lib.so")
    run(4, "thread-start", routine=0x20)
    run(5, "call-enter", function="f")
    for tid in (A, B, C, 4, 5, 6):
        run(tid, "note")
    run(4, "note", object="other.so")
    roles = {"loader": [A], "runtime": [B], "sysmon": [C], "foreign": [5], "go": [B, C, 4, 4], "": [4, 6, 4]}
    for role, tids in roles.items():
        found = verdict(run, f'then = {{ kind = "note", role = "{role}" }}\nrelation = "never"')
        assert [finding.then.tid for finding in found.findings if finding.then] == tids, role


def test_intervals_nest_and_belong_to_what_they_share() -> None:
    run = Run()
    for tid, kind in (
        (A, "note"), (A, "enter"), (A, "note"), (B, "note"), (A, "enter"), (A, "exit"), (A, "note"), (A, "exit"), (A, "note"),
        (A, "exit"), (A, "enter"), (A, "note"),
    ):  # fmt: skip
        run(tid, kind, object="o")
    inside = 'then = { kind = "note", during = { from = "enter", to = "exit" } }\nrelation = "never"'
    outside = 'then = { kind = "note", outside = { from = "enter", to = "exit" } }\nrelation = "never"'
    shared = 'then = { kind = "note", during = { from = "enter", to = "exit", same = "object" } }\nrelation = "never"'
    for rule, chosen in ((inside, [2, 6, 11]), (outside, [0, 3, 8]), (shared, [2, 3, 6, 11])):
        assert [finding.then.seq for finding in verdict(run, rule).findings if finding.then] == chosen
    assert verdict(run, inside).pairs == 3


def test_the_first_and_the_last_of_each_kind_can_be_chosen() -> None:
    run = Run()
    for door in (1, 2, 1, 2, 2):
        run(A, "use", door=door)
    for key, chosen in (("first-per", [0, 1]), ("last-per", [2, 4])):
        found = verdict(run, f'then = {{ kind = "use", {key} = "door" }}\nrelation = "never"')
        assert [finding.then.seq for finding in found.findings if finding.then] == chosen


# -- conditions --------------------------------------------------------------------------------------------------------


def test_conditions_compare_fields() -> None:
    run = Run()
    run(A, "open", door=1, weight=1)
    run(A, "use", door=1, weight=2)
    run(B, "use", door=2, weight=0)
    for where, found in (
        ("first.weight < then.weight", 1),
        ("first.weight > then.weight", 1),
        ("first.tid != then.tid", 1),
        ("first.tid = then.tid", 1),
        ("then.kind = 'use'", 2),
        ("first.door = then.weight", 0),
        ("first.nothing = then.nothing", 0),
        ("first.nothing != then.nothing", 0),
    ):
        rule = f'first = "open"\nthen = "use"\nrelation = "before"\neach = "pair"\noptional = true\nwhere = "{where}"'
        assert verdict(run, rule).pairs == found, where


def linked(*edges: tuple[str, list[str]]) -> Run:
    run = Run()
    for name, needed in edges:
        run(0, "object-dependencies", object=name, needed=needed)
    return run


DEPENDS = 'first = "up"\nthen = "go"\nrelation = "before"\nwhere = "then.object depends on first.object"\n'


def test_a_then_asks_every_object_that_its_own_depends_on() -> None:
    run = linked(("a", ["b"]), ("b", ["c"]), ("c", []))
    run(A, "up", object="b")
    run(A, "up", object="c")
    run(A, "go", object="a")
    run(A, "go", object="c")
    assert (status(run, DEPENDS), verdict(run, DEPENDS).pairs) == ("holds", 2)
    assert status(run, DEPENDS.replace("depends on", "is or depends on")) == "broken"
    run.events.pop(3)
    assert status(run, DEPENDS) == "broken"
    assert status(run, DEPENDS + 'each = "pair"') == "holds"


def test_dependents_can_be_asked_for_as_well() -> None:
    run = linked(("a", ["b"]), ("b", ["c"]), ("c", []))
    rule = 'first = "down"\nthen = "end"\nrelation = "before"\neach = "pair"\nwhere = "first.object depends on then.object"'
    run(A, "down", object="a")
    run(A, "end", object="c")
    assert status(run, rule) == "holds"
    run(A, "down", object="b")
    assert status(run, rule) == "broken"


def test_a_cycle_of_dependencies_can_be_left_out() -> None:
    run = linked(("a", ["b"]), ("b", ["a", "c"]), ("c", []))
    run(A, "up", object="c")
    run(A, "go", object="a")
    assert status(run, DEPENDS) == "broken"
    assert status(run, DEPENDS.replace("depends on", "depends one-way on")) == "holds"


def test_packages_are_those_of_the_events_object() -> None:
    run = Run()
    run(0, "go-package-imports", object="x.so", imports=["main os", "os io", "main runtime"])
    run(A, "done", object="x.so", package="io")
    run(A, "done", object="x.so", package="os")
    run(A, "done", object="x.so", package="runtime")
    run(A, "begin", object="x.so", package="main")
    run(A, "begin", object="y.so", package="main")
    rule = (
        'first = "done"\nthen = "begin"\nrelation = "before"\n'
        'where = ["first.object = then.object", "then.package imports first.package"]'
    )
    assert (status(run, rule), verdict(run, rule).pairs) == ("holds", 3)
    only = 'then = "done"\nrelation = "never"\nwhere = "\'os\' does not import then.package"'
    assert [finding.then.fields["package"] for finding in verdict(run, only).findings if finding.then] == ["os", "runtime"]


def test_an_object_that_was_unloaded_and_loaded_again_is_another() -> None:
    rule = 'first = "object-relocated"\nthen = "constructor-enter"\nrelation = "before"\nwhere = "first.object = then.object"'
    run = Run()
    for kind in ("object-mapped", "object-relocated", "constructor-enter", "object-unmapped"):
        run(A, kind, object="x.so")
    for kind in ("object-mapped", "constructor-enter"):
        run(A, kind, object="x.so")
    assert pairs(verdict(run, rule)) == [(None, run.events[5])]
    assert status(run, 'then = "constructor-enter"\nrelation = "once"\nper = "object"') == "holds"


# -- rules that ask nothing, and rules that ask too much ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (BEFORE, "no event is its first"),
        (BEFORE.replace("open", "note"), "no event is its then"),
        (BEFORE.replace("use", "note"), "no event is its first"),
        (BEFORE.replace("open", "note").replace("use", "note"), "no two of its events belong together"),
        ('then = "use"\nrelation = "once"', "no event is its then"),
        ('then = "use"\nrelation = "at-most"\nmost = 3', "no event is its then"),
        ('first = "open"\nthen = "note"\nrelation = "never"', "no event is its first"),
        ('then = { kind = "note", during = { from = "a", to = "b" } }\nrelation = "never"', "no event is its then"),
    ],
)
def test_a_rule_that_matches_nothing_is_an_error_unless_it_is_optional(rule: str, why: str) -> None:
    run = Run()
    run(A, "note")
    with pytest.raises(RuleError) as nothing:
        verdict(run, rule)
    assert str(nothing.value) == f"mine.toml:1: rule 'r': it matches nothing in made.jsonl: {why}"
    found = verdict(run, rule + "\noptional = true")
    assert (found.status, found.pairs, found.findings) == ("not applicable", 0, ())


def test_a_rule_with_too_many_pairs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAIR_LIMIT", 10_000)
    run = Run()
    for _ in range(101):
        run(A, "a", n=1)
        run(A, "b", n=2)
    rule = 'first = "a"\nthen = "b"\nrelation = "before"\neach = "pair"\n'
    assert status(run, rule) == "broken"
    with pytest.raises(RuleError, match=r"^mine\.toml:1: rule 'r': it has more than 10,000 pairs to look at"):
        verdict(run, rule + 'where = "first.n < then.n"')
