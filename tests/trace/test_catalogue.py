"""traces/README.md lists every kind of event there is, with exactly its fields."""

from __future__ import annotations

import ast

import pytest

import emuload
from emuload.golang.handoff import HANDOFF
from emuload.libc.events import EVENTS
from emuload.trace.jsonl import SCHEMA
from emuload.trace.kinds.__main__ import catalogue as printed
from emuload.trace.kinds.catalogue import KINDS
from tests.process.test_guest_scenarios import answer, process_of
from tests.support.command_line import ROOT
from tests.support.guest_scenarios import TARGETS, command
from tests.trace.catalogue import CATALOGUE, catalogue

LISTED = catalogue()
RUNS = ("behaviour panics", "blocked init", "chain", "faulty deadlock", "faulty read_null", "threads and stdio")
"""Scenarios that show most kinds of events between them."""

LIMITS = emuload.Limits(code_bytes=40_000_000, virtual_seconds=600)


def emitted() -> list[tuple[str, str, tuple[str, ...]]]:
    """(place, kind, fields) of each call in the sources that emits an event with literal kind and fields."""
    found = []
    for path in sorted([*ROOT.glob("emuload/**/*.py"), *ROOT.glob("loader/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            names = [keyword.arg for keyword in node.keywords]
            if name != "emit" or None in names:
                continue
            own = ("object",) if path.is_relative_to(ROOT / "loader") else ()  # the second argument of loader.owner.Owner.emit
            found.append((f"{path.name}:{node.lineno}", str(node.args[0].value), (*own, *map(str, names))))
    return found


def test_the_catalogue_names_the_schema() -> None:
    assert CATALOGUE.read_text().startswith(f"# Traces: format and events, schema {SCHEMA}\n")


@pytest.mark.parametrize(("place", "kind", "fields"), emitted(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_the_sources_emit_is_listed(place: str, kind: str, fields: tuple[str, ...]) -> None:
    assert fields in LISTED.get(kind, set()), place


def test_what_the_c_library_reports_is_listed() -> None:
    for kind, fields in EVENTS:
        assert LISTED.get(kind) == {fields}


def test_what_is_listed_can_be_chosen() -> None:
    assert list(KINDS) == list(LISTED)


def test_the_catalogue_is_printed_from_the_declarations() -> None:
    assert CATALOGUE.read_text().endswith(f"\n\n{printed()}")


def test_the_handoff_is_listed() -> None:
    assert set(HANDOFF) <= set(LISTED)


def test_what_is_listed_can_happen() -> None:
    sources = "".join(path.read_text() for path in [*ROOT.glob("emuload/**/*.py"), *ROOT.glob("loader/**/*.py")])
    made = {"constructor-enter", "constructor-exit", "destructor-enter", "destructor-exit"}  # f"{word}-enter"
    made |= {f"{operation}-exit" for operation in ("dlopen", "dlclose", "startup", "shutdown")}
    made |= {f"go-{kind}" for kind in ("throw", "fatal", "fatalpanic", "die")}
    for kind in LISTED:
        assert kind in made or f'"{kind}"' in sources, kind


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_a_run_emits_is_listed(name: str, target: str) -> None:
    process = process_of(command(name, target), target, limits=LIMITS)
    answer(process)
    for kind, fields in {(event.kind, tuple(event.fields)) for event in process.events}:
        assert fields in LISTED.get(kind, set()), f"{kind}: {', '.join(fields)}"
