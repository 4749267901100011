"""A kind of event is known in its declaration (emuload/trace/kinds) and where it is emitted, and nowhere else.

Whoever treats kinds in different ways, in a table or by comparison, does so by attributes of the declarations, or names the
declaration: `event.kind == OBJECT_MAPPED.name`. Rule files (rulesets/*.toml) are written by users too and are checked on loading.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from emuload.libc.events import EVENTS, WAITS
from emuload.order.synchronisation import RULES
from emuload.trace.kinds import BY_MACHINE, BY_TIMING, Kind
from emuload.trace.kinds.catalogue import KINDS
from tests.support.command_line import ROOT

DECLARATIONS = "emuload/trace/kinds/"

EMITTING = {"emit", "record", "repeat"}
"""Functions that take the name of the kind to emit."""

OTHER_WORDS = {name for name in KINDS if "-" not in name} | {"static-tls", "tls-block"}
"""Names of kinds that mean other things too (a system call, an access, a code of the linker's errors). They count only where
something called `kind` is compared with them."""

ALLOWED = {
    ("emuload/golang/tracker.py", "go-*"): "turns watch points into these events",
    ("emuload/process/*.py", "object-*"): "passes the linker's events on, and acts when an object comes or goes",
    ("emuload/process/*.py", "warning"): "prints the linker's warnings",
    ("emuload/process/*.py", "preload-refused"): "prints the linker's message",
    ("emuload/process/*.py", "missing-function"): "is the reason of a report too",
    ("emuload/compat/running.py", "missing-function"): "the report's reason",
}
"""Modules and kinds, as shell patterns, and why the ones may name the others: keep it short."""


def offenders(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each kind that a module names without emitting it."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node.value not in KINDS:
            continue
        parent = parents[node]
        if node.value in OTHER_WORDS:
            if _compares_a_kind(node, parents):
                yield node.lineno, str(node.value)
        elif not (isinstance(parent, ast.Call) and _called(parent) in EMITTING):
            yield node.lineno, str(node.value)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _compares_a_kind(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while node in parents and not isinstance(node, ast.stmt):
        node = parents[node]
        if isinstance(node, ast.Compare):
            others = [node.left, *node.comparators]
            return any(getattr(other, "attr", getattr(other, "id", "")) == "kind" for other in others)
    return False


def named() -> list[tuple[str, int, str]]:
    """Module, line and kind of each offence in the product's code, allowed or not."""
    found = []
    for path in sorted([*ROOT.glob("emuload/**/*.py"), *ROOT.glob("loader/**/*.py")]):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(DECLARATIONS):
            found += [(name, line, kind) for line, kind in offenders(path.read_text())]
    return found


def _covers(allowed: tuple[str, str], name: str, kind: str) -> bool:
    return fnmatchcase(name, allowed[0]) and fnmatchcase(kind, allowed[1])


def test_no_module_names_a_kind_but_to_emit_it() -> None:
    found = named()
    assert [each for each in found if not any(_covers(one, each[0], each[2]) for one in ALLOWED)] == []
    assert [one for one in ALLOWED if not any(_covers(one, name, kind) for name, _, kind in found)] == [], "no longer needed"


@pytest.mark.parametrize(
    "source",
    [
        'QUIET = frozenset(("mutex-acquire",))',
        'COLOURS = {"mutex-wait": "red"}',
        'ENDS = ["call-exit"]',
        'WAIT = "mutex-wait"',
        'done = event.kind == "task-exit"',
        'done = event.kind in ("write", "fault")',
        'done = kind == "write"',
        'style = styles.get("mutex-wait")',
        'long = event.kind.startswith("syscall-enter")',
        "match kind:\n    case 'task-exit':\n        pass",
    ],
)
def test_an_offender_is_found(source: str) -> None:
    assert list(offenders(source))


@pytest.mark.parametrize(
    "source",
    [
        'recorder.emit("task-exit", tid, code=0)',
        'self.owner.emit("object-mapped", loaded, address=0)',
        "done = event.kind == TASK_EXIT.name",
        'access = "write"',
        'done = access == "write"',
        'raise LoadError(path, "", "no room", "static-tls")',
        '"""Emits a task-exit."""',
    ],
)
def test_emitting_and_other_words_are_no_offence(source: str) -> None:
    assert not list(offenders(source))


# -- the declarations themselves -------------------------------------------------------------------------------------


def each() -> list[Kind]:
    return list(KINDS.values())


def test_each_name_is_declared_once() -> None:
    calls = [
        node
        for path in ROOT.glob(f"{DECLARATIONS}*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _called(node) == "Kind"
    ]
    assert sorted(ast.literal_eval(call.args[0]) for call in calls) == sorted(KINDS)


def test_attributes_name_fields_of_the_kind() -> None:
    for kind in each():
        label = kind.begins[1] if kind.begins is not None else ""
        channels = [name for channel in (*kind.acquires, *kind.releases) for name in channel[1:] if name != "tid"]
        named = {label, kind.wakes, kind.creates, kind.holder, *kind.machine_fields, *channels} - {""}
        assert named <= set(kind.fields), kind
        assert kind.varies in ("", BY_MACHINE, BY_TIMING), kind


def test_every_slice_can_end() -> None:
    ended = {kind.ends for kind in each()}
    categories = {kind.ends_any for kind in each()}
    for kind in each():
        assert kind.begins is None or kind in ended or kind.begins[0] in categories, kind
        assert kind.ends is None or kind.ends.begins is not None, kind


def test_every_channel_is_acquired_and_released() -> None:
    acquired = {channel[0] for kind in each() for channel in kind.acquires}
    released = {channel[0] for kind in each() for channel in kind.releases}
    by_rule = {"runtime_init_done", "main_init_done", "birth"}  # go_export, and the child of what `creates`
    assert acquired | by_rule == released


def test_every_rule_of_happens_before_is_declared_by_a_kind() -> None:
    assert {kind.rule for kind in each()} - {""} == set(RULES)


def test_the_c_librarys_numbers_are_those_of_the_declarations() -> None:
    numbered = {kind.number: kind for kind in each() if kind.number >= 0}
    assert sorted(numbered) == list(range(len(EVENTS)))
    assert [(numbered[number].name, numbered[number].fields) for number in range(len(EVENTS))] == list(EVENTS)
    assert WAITS["mutex-wait"] == ("mutex", 2)
    assert WAITS["cond-wait"] == ("condition", 0)
    assert WAITS["join-wait"] == ("thread", 1)
    assert WAITS["wait-over"] == ("", 0)
