"""Real threads: events ordered by a program's own waits are ordered in its trace; those in the right order by luck are not."""

from __future__ import annotations

import re

import pytest

import emuload
from emuload.order.checking import check
from emuload.order.happens_before import HappensBefore
from emuload.order.rules import parse_rules
from emuload.trace.events import Event
from tests.support.running import output, program_process, run
from tests.support.targets import arch_of
from tests.support.toolchain import GUEST_FOLDER, build, c_program, go_library
from tests.trace.made_traces import trace_of

ORDERING = re.findall(r'^    \{"([^"]+)", ', (GUEST_FOLDER / "ordering" / "main.c").read_text(), re.MULTILINE)
TARGETS = ("amd64-gnu", "armv7-gnueabihf")
ALL_TARGETS = (*TARGETS, "armv5-gnueabi", "arm64-gnu")

SET_BEFORE_GET = """
[[rule]]
name = "set-before-get"
first = { kind = "go-export-body", function = "set*" }
then = { kind = "go-export-body", function = "get" }
relation = "happens-before"

[[rule]]
name = "initialised-before-exports"
first = "go-main-init-done"
then = "go-export-body"
relation = "happens-before"
"""

FILLED_BEFORE_LOOKUP = """
[[rule]]
name = "filled-before-lookup"
first = { kind = "write", text = "filled*" }
then = { kind = "write", text = "looked up*" }
relation = "happens-before"
"""


def verdicts(events: list[Event], rules: str) -> dict[str, str]:
    """The status of each rule, by its name."""
    return {verdict.rule.name: verdict.status for verdict in check(trace_of(events), parse_rules("mine.toml", rules))}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", ORDERING)
def test_threads_are_ordered_by_what_is_between_them_and_not_by_luck(case: str, target: str) -> None:
    process = run(target, c_program("ordering", target), [case])
    assert output(process) == "first\nthen\n"
    first, then = (event for event in process.events if event.kind == "write")
    assert HappensBefore(process.events).ordered(first, then) == (not case.startswith("lucky"))


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize("function", ["set", "set_and_yield"])
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_race_for_the_first_call_is_unordered_but_for_gos_own_lock(target: str, function: str, cpus: int) -> None:
    process = emuload.Process(arch_of(target), cpus=cpus)
    library = process.dlopen(str(go_library("racing", target)))
    threads = [process.thread() for _ in range(2)]
    calls = [threads[0].start(library[function], 1, 42), threads[1].start(library["get"], 1)]
    assert [call.result() for call in calls] == [42, 42]
    assert verdicts(process.events, SET_BEFORE_GET) == {"set-before-get": "unordered", "initialised-before-exports": "holds"}


@pytest.mark.parametrize("target", TARGETS)
def test_a_host_that_waits_for_one_call_before_the_next_orders_them(target: str) -> None:
    process = emuload.Process(arch_of(target))
    library = process.dlopen(str(go_library("racing", target)))
    threads = [process.thread() for _ in range(2)]
    assert threads[0].call(library["set"], 1, 42) == 42
    assert threads[1].call(library["get"], 1) == 42
    assert verdicts(process.events, SET_BEFORE_GET)["set-before-get"] == "holds"


@pytest.mark.parametrize(("how", "status"), [("handed", "holds"), ("lucky", "unordered")])
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_c_host_that_hands_a_mutex_over_orders_its_calls(target: str, how: str, status: str) -> None:
    library = go_library("racing", target)
    process = program_process(target, c_program("racing_host", target), [str(library), how], [library])
    process.run_program()
    assert output(process) == "get: 42\n"
    assert verdicts(process.events, SET_BEFORE_GET) == {"set-before-get": status, "initialised-before-exports": "holds"}


@pytest.mark.parametrize(("guest", "status"), [("filled_table", "unordered"), ("filled_table_waits", "holds")])
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_table_that_a_constructors_thread_fills_must_be_waited_for(target: str, guest: str, status: str) -> None:
    process = emuload.Process(arch_of(target))
    library = process.dlopen(str(build(guest, target)))
    process.run_until(1_000_000)
    assert library.call("lookup", 3) == 9
    assert verdicts(process.events, FILLED_BEFORE_LOOKUP) == {"filled-before-lookup": status}
