"""Libraries and dynamic linkers that are really wrong in one thing, run: each is caught by the rule for it, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

import emuload
from emuload.errors import ReportedError
from emuload.order.checking import Verdict, check
from emuload.order.rules import load_rules
from emuload.trace.events import Event
from loader.link_map import LinkMap
from tests.order.wrong import linkers
from tests.order.wrong.bases import TARGETS, sample
from tests.order.wrong.patching import Patch
from tests.support import toolchain
from tests.support.running import program_process
from tests.support.targets import arch_of
from tests.trace.made_traces import trace_of

ELF, GO, EAGER, LAZY = ("elf",), ("elf", "go-c-shared"), ("elf", "go-c-shared", "eager"), ("elf", "go-c-shared", "lazy")


def failed(events: list[Event], sets: tuple[str, ...]) -> dict[str, Verdict]:
    """The rules that do not hold of a run, by their names; a run that fails early may have nothing to say to some."""
    verdicts = check(trace_of(events), [replace(rule, optional=True) for rule in load_rules(sets)])
    return {verdict.rule.name: verdict for verdict in verdicts if verdict.status in ("broken", "unordered")}


# -- dynamic linkers -------------------------------------------------------------------------------------------------


def orderly(target: str) -> list[Event]:
    """A program that needs everything of a dynamic linker, run to its end."""
    libraries = [toolchain.build(name, target) for name in ("orderly_a", "orderly_b", "orderly_late")]
    process = program_process(target, toolchain.build("orderly_host", target), [str(libraries[-1])], libraries)
    process.run_program()
    return process.events


def opened(target: str, name: str, function: str) -> list[Event]:
    """A library opened and called."""
    path = toolchain.build(name, target)
    process = emuload.Process(arch_of(target), library_path=[str(path.parent)])
    process.dlopen(str(path)).call(function)
    process.exit()
    return process.events


class WrongLinker(NamedTuple):
    """A dynamic linker, the rule that it breaks, and the program to run."""

    linker: type[LinkMap]
    rule: str
    run: Callable[[str], list[Event]]
    targets: tuple[str, ...] = TARGETS


BY_THE_LINKER = ("armv5-gnueabi", "armv7-gnueabihf")
"""Where it is the linker, not the program itself, that runs a program's constructors."""

WRONG_LINKERS = [
    WrongLinker(linkers.RunsArraysBackwards, "constructors-in-order", orderly),
    WrongLinker(linkers.RunsInitLast, "init-before-init-array", orderly),
    WrongLinker(linkers.RunsPreinitLate, "preinit-before-constructors", orderly, BY_THE_LINKER),
    WrongLinker(linkers.FinalizesForwards, "destructors-in-reverse", orderly),
    WrongLinker(linkers.FinalizesFiniFirst, "fini-array-before-fini", orderly),
    WrongLinker(linkers.FinalizesTwice, "destructors-once", orderly),
    WrongLinker(linkers.LateRelro, "relro-before-constructors", orderly),
    WrongLinker(linkers.LateTlsImage, "tls-before-constructors", orderly),
    WrongLinker(linkers.LateRelocation, "relocated-before-constructors", lambda t: opened(t, "init_only", "init_only_seven")),
    WrongLinker(linkers.ConstructsAgain, "constructors-once", lambda t: opened(t, "opens_itself", "opens_itself_runs")),
]


@pytest.mark.parametrize(
    ("wrong", "target"),
    [(wrong, target) for wrong in WRONG_LINKERS for target in wrong.targets],
    ids=lambda value: value if isinstance(value, str) else str(value.linker.__name__),
)
def test_a_wrong_dynamic_linker_is_caught(wrong: WrongLinker, target: str) -> None:
    with linkers.linked_by(wrong.linker):
        events = wrong.run(target)
    assert list(failed(events, ELF)) == [wrong.rule]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        ({"constructor_order": linkers.constructs_backwards}, "dependencies-constructed-first"),
        ({"shutdown_order": linkers.destroys_backwards}, "dependents-destroyed-first"),
    ],
)
def test_a_wrong_order_of_objects_is_caught(rules: dict[str, object], rule: str, target: str) -> None:
    with linkers.ruled_by(**rules):
        events = orderly(target)
    assert list(failed(events, ELF)) == [rule]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("name", "function"), [("init_only", "init_only_seven"), ("opens_itself", "opens_itself_runs")])
def test_the_right_dynamic_linker_does_well_with_the_same(name: str, function: str, target: str) -> None:
    assert not failed(opened(target, name, function), ELF)


# -- C libraries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_a_thread_made_behind_the_c_library_is_caught(target: str) -> None:
    assert list(failed(opened(target, "own_thread", "own_thread"), ELF)) == ["tls-block-before-thread"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_constructor_that_opens_its_dependent_is_caught(target: str) -> None:
    paths = [toolchain.build(name, target) for name in ("dependent", "opens_dependent")]
    process = emuload.Process(arch_of(target), library_path=[str(path.parent) for path in paths])
    process.dlopen(str(paths[1]))
    assert process.dlopen(str(paths[0])).dependent_was_ready() == 0
    assert list(failed(process.events, ELF)) == ["dependencies-constructed-first"]


# -- Go libraries ----------------------------------------------------------------------------------------------------


def called(target: str, *needed: Path, function: str = "add", arguments: tuple[int, ...] = (1, 2), wait: int = 0) -> list[Event]:
    """The last library of those linked at start, called after `wait` virtual nanoseconds; the run may end in any way."""
    process = emuload.Process(arch_of(target), env={"A": "b"}, go_imports=True)
    process.options.needed += map(str, needed)
    try:
        library = process.dlopen(str(needed[-1]))
        process.run_until(wait)
        library.call(function, *arguments)
        process.exit()
    except ReportedError:
        pass
    return process.events


def patched(path: Path, folder: Path, change: Callable[[Patch], None]) -> Path:
    """A Go library with some of its bytes changed."""
    patch = Patch(path)
    change(patch)
    return patch.save(folder)


def without_waiting_for_packages(patch: Patch) -> None:
    patch.leave_out("runtime.cgocallbackg1", "runtime.chanrecv1")


@pytest.mark.parametrize("target", TARGETS)
def test_exports_that_do_not_wait_for_packages_are_caught(target: str, tmp_path: Path) -> None:
    library = patched(toolchain.build("blocked_init", target), tmp_path, without_waiting_for_packages)
    assert list(failed(called(target, library), GO)) == ["main-init-done-before-exports"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("wait", [0, 10_000_000])
def test_exports_that_do_not_wait_and_come_out_well_are_unordered(wait: int, target: str, tmp_path: Path) -> None:
    library = patched(sample(target), tmp_path, without_waiting_for_packages)
    lucky = failed(called(target, library, wait=wait), GO)
    assert {name: verdict.status for name, verdict in lucky.items()} == {"main-init-done-before-exports": "unordered"}


@pytest.mark.parametrize("target", TARGETS)
def test_packages_in_another_order_are_caught(target: str, tmp_path: Path) -> None:
    library = patched(sample(target), tmp_path, lambda patch: patch.swap_inits("os", "internal/poll"))
    assert list(failed(called(target, library), GO)) == ["packages-in-dependency-order"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_package_that_is_never_initialised_is_caught(target: str, tmp_path: Path) -> None:
    library = patched(sample(target), tmp_path, lambda patch: patch.repeat_init("errors", instead_of="internal/poll"))
    assert list(failed(called(target, library), GO)) == ["packages-in-dependency-order"]


@pytest.mark.parametrize("target", TARGETS)
def test_an_environment_that_was_taken_away_is_caught(target: str) -> None:
    events = called(target, toolchain.build("cut_environment", target), sample(target))
    assert list(failed(events, GO)) == ["environment-before-packages"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_constructor_that_has_to_wait_is_caught(target: str) -> None:
    events = called(target, toolchain.build("slow_pthread_create", target), sample(target))
    assert list(failed(events, GO)) == ["constructor-does-not-wait"]


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_called_before_the_constructor_is_caught(target: str) -> None:
    events = called(target, toolchain.build("early_constructor", target))
    assert list(failed(events, GO)) == ["constructor-before-exports"]


@pytest.mark.parametrize("target", TARGETS)
def test_an_initialisation_that_fails_is_caught(target: str) -> None:
    assert list(failed(called(target, toolchain.build("panicking_init", target)), GO)) == ["no-failure-before-main-init-done"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("sets", "rule"), [(EAGER, "loading-waits-for-go"), (LAZY, "nothing-before-the-first-call")])
def test_go_of_today_is_neither_of_the_forms_of_2013(sets: tuple[str, ...], rule: str, target: str) -> None:
    process = emuload.Process(arch_of(target), go_imports=True)
    process.dlopen(str(sample(target))).add(1, 2)
    process.exit()
    assert list(failed(process.events, sets)) == [rule]
