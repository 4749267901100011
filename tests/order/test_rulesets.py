"""The shipped rules hold for their libraries on every architecture; the two designs of 2013 hold only for libraries that follow
them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from emuload.order.checking import Verdict, check
from emuload.order.rules import load_rules
from emuload.process.library import Library
from emuload.process.process import Process
from tests.support.running import run
from tests.support.targets import ALL, GNU, arch_of
from tests.support.toolchain import build, c_library, go_library
from tests.trace.made_traces import trace_of

NEEDED = {"elf": "relocated-before-constructors", "go-c-shared": "main-init-done-before-exports"}
"""A rule of each set that must not be inapplicable."""


def process_of(target: str, **options: object) -> Process:
    return emuload.Process(arch_of(target), env={"NAME": "value"}, go_imports=True, **options)  # type: ignore[arg-type]


def verdicts(process: Process, *sets: str) -> dict[str, Verdict]:
    """The verdict of each rule, by its name."""
    return {verdict.rule.name: verdict for verdict in check(trace_of(process.events), load_rules(sets))}


def expect_all_hold(process: Process, *sets: str) -> None:
    found = verdicts(process, *sets)
    wrong = {name: verdict.findings for name, verdict in found.items() if verdict.status not in ("holds", "not applicable")}
    assert not wrong
    for name in sets:
        assert found[NEEDED[name]].status == "holds"


def behave(library: Library) -> None:
    """Calls, goroutines, callbacks, C threads that call in, recovered faults."""
    assert library.call("add", 1, 2) == 3
    assert library.call("goroutines", 50) > 0
    assert library.call("there_and_back", 3) == 3
    assert library.call("c_thread", 3) == 3
    library.call("nil_dereference", returns=str)
    assert "called back" in library.call("init_report", returns=str)


@pytest.mark.parametrize("go", ["1.27", "1.22"])
@pytest.mark.parametrize("target", ALL)
def test_a_go_library_keeps_the_rules_when_it_is_opened(target: str, go: str) -> None:
    process = process_of(target)
    library = process.dlopen(str(go_library("behaviour", target, go)))
    behave(library)
    library.close()
    process.exit()
    expect_all_hold(process, "elf", "go-c-shared")


@pytest.mark.parametrize("go", ["1.27", "1.22"])
@pytest.mark.parametrize("target", ALL)
def test_a_go_library_keeps_the_rules_when_it_is_linked_and_threads_race_to_call_it(target: str, go: str) -> None:
    path = str(go_library("behaviour", target, go))
    process = process_of(target, needed=[path])
    library = process.dlopen(path)
    threads = [process.thread() for _ in range(3)]
    calls = [thread.start(library["add"], number, 1) for number, thread in enumerate(threads)]
    assert [call.result() for call in calls] == [1, 2, 3]
    process.exit()
    expect_all_hold(process, "elf", "go-c-shared")


@pytest.mark.parametrize("target", GNU)
def test_a_program_and_its_libraries_keep_the_linkers_rules(target: str) -> None:
    libraries = [build(name, target) for name in ("chain_a", "chain_b", "chain_c")]
    process = run(target, build("chain_host", target), libraries=libraries)
    expect_all_hold(process, "elf")
    found = verdicts(process, "elf")
    for name in ("dependencies-constructed-first", "dependents-destroyed-first", "constructors-before-destructors"):
        assert found[name].status == "holds"


def test_a_library_that_is_opened_again_is_set_up_and_taken_down_again() -> None:
    process = process_of("amd64-gnu", library_path=[str(build(f"chain_{name}", "amd64-gnu").parent) for name in "abc"])
    for _ in range(2):
        process.dlopen(str(build("chain_a", "amd64-gnu"))).close()
    process.exit()
    expect_all_hold(process, "elf")
    entered = [event.fields for event in process.events if event.kind == "constructor-enter"]
    functions = {(fields["object"], fields["array"], fields["index"]) for fields in entered}
    assert verdicts(process, "elf")["constructors-once"].pairs == len(entered) == 2 * len(functions)


@pytest.mark.parametrize("target", GNU)
def test_todays_go_is_neither_eager_nor_lazy(target: str, tmp_path: Path) -> None:
    process = process_of(target)
    process.dlopen(str(go_library("behaviour", target))).call("add", 1, 2)
    found = verdicts(process, "eager", "lazy")
    assert {name: verdict.status for name, verdict in found.items()} == {
        "loading-waits-for-go": "broken",
        "nothing-before-the-first-call": "broken",
    }
    early, *_ = found["nothing-before-the-first-call"].findings
    assert early.then is not None
    assert early.then.kind == "go-rt0-lib"


@pytest.mark.parametrize("target", GNU)
def test_a_library_whose_last_constructor_calls_an_export_is_eager(target: str) -> None:
    process = process_of(target)
    assert process.dlopen(str(go_library("late_constructor", target))).call("add", 1, 2) == 3
    expect_all_hold(process, "elf", "go-c-shared")
    assert verdicts(process, "eager")["loading-waits-for-go"].status == "holds"
    assert verdicts(process, "lazy")["nothing-before-the-first-call"].status == "broken"


@pytest.mark.parametrize("target", GNU)
def test_a_library_that_opens_gos_at_its_first_call_is_lazy(target: str) -> None:
    library = go_library("late_constructor", target)
    process = process_of(target, maps=[(str(library.parent), str(library.parent), False)])
    wrapper = process.dlopen(str(c_library("lazy_wrapper", target)))
    assert wrapper.call("lazy_add", str(library), 1, 2) == 3
    expect_all_hold(process, "elf", "go-c-shared")
    assert verdicts(process, "lazy")["nothing-before-the-first-call"].status == "holds"


def test_rules_about_go_do_not_apply_without_go() -> None:
    process = process_of("amd64-gnu")
    process.dlopen(str(build("filled_table", "amd64-gnu"))).call("lookup", 1)
    with pytest.raises(emuload.UsageError, match="rule 'constructor-once': it matches nothing"):
        verdicts(process, "go-c-shared")
