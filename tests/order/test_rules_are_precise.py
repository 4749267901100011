"""Every shipped rule catches its own fault and no other: one thing in a good run is changed, and one rule breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from emuload.order.checking import check
from emuload.order.rules import load_rules
from emuload.trace.events import Event
from tests.trace.made_traces import Run, trace_of

LOADER, RUNTIME, SYSMON, CALLER = 10, 11, 12, 13
PROGRAM, CORE, PLUGIN, GO = "/prog", "/libcore.so", "/libplugin.so", "/libgo.so"

Marked = dict[str, Event]


def good_run() -> Marked:
    """A program that is linked to libcore.so, opens libplugin.so, which needs libcore.so, and a Go library, and calls that from
    a thread. Events are marked by their kind, object and number among their like: `constructor-enter libcore.so 1`.
    """
    run = Run()
    for name, needed in ((PROGRAM, [CORE]), (CORE, [])):
        load(run, 0, name, needed)
    run(0, "tls-block", area=1, thread_pointer=0x100)
    run(0, "task-create", child=LOADER, thread_pointer=0x100)
    run(LOADER, "startup-enter", phase=1)
    function(run, "constructor", PROGRAM, "preinit_array", 0)
    for array, index in (("init", 0), ("init_array", 0), ("init_array", 1)):
        function(run, "constructor", CORE, array, index)
    run(LOADER, "startup-exit", value=0)
    run(LOADER, "dlopen-enter", name=PLUGIN, flags=2)
    load(run, LOADER, PLUGIN, [CORE])
    function(run, "constructor", PLUGIN, "init_array", 0)
    run(LOADER, "dlopen-exit", value=16)
    run(LOADER, "dlopen-enter", name=GO, flags=2)
    load(run, LOADER, GO, [])
    run(LOADER, "go-package-imports", object=GO, imports=["main os", "main runtime", "os runtime", "runtime internal/bytealg"])
    run(LOADER, "constructor-enter", object=GO, index=0, address=0x700, array="init_array", argc=1, argv=2, envp=3)
    run(LOADER, "go-rt0-lib", function="_rt0_amd64_linux_lib", object=GO)
    make_thread(run, LOADER, RUNTIME)
    run(LOADER, "constructor-exit", object=GO, index=0, address=0x700)
    run(LOADER, "dlopen-exit", value=32)
    make_thread(run, LOADER, CALLER)
    run(RUNTIME, "thread-start", routine=0x710)
    for kind in ("go-rt0-lib-go", "go-rt0-go"):
        run(RUNTIME, kind, function=kind, object=GO)
    run(RUNTIME, "go-args", function="runtime.args", argc=1, environment=2, complete=True, object=GO)
    for kind in ("go-schedinit", "go-runtime-main"):
        run(RUNTIME, kind, function=kind, object=GO)
    make_thread(run, RUNTIME, SYSMON)
    run(SYSMON, "thread-start", routine=0x720)
    run(SYSMON, "go-sysmon", function="runtime.sysmon", object=GO)
    for package in ("internal/bytealg", "runtime", "os", "main"):
        if package == "os":
            run(RUNTIME, "go-runtime-init-done", function="runtime.main", object=GO)
        for step in ("enter", "exit"):
            run(RUNTIME, f"go-package-init-{step}", package=package, function=f"{package}.init", object=GO)
    run(RUNTIME, "go-main-init-done", function="runtime.main", object=GO)
    run(CALLER, "call-enter", function="f")
    run(CALLER, "go-export-enter", function="f", object=GO)
    run(CALLER, "go-export-body", function="f", object=GO)
    run(CALLER, "go-export-return", function="f", object=GO)
    run(CALLER, "call-exit", function="f")
    run(LOADER, "dlclose-enter", object=PLUGIN)
    function(run, "destructor", PLUGIN, "fini_array", 1)
    function(run, "destructor", PLUGIN, "fini_array", 0)
    function(run, "destructor", PLUGIN, "fini", 0)
    run(LOADER, "object-unmapped", object=PLUGIN, address=1, size=1)
    run(LOADER, "dlclose-exit", value=0)
    run(LOADER, "shutdown-enter")
    function(run, "destructor", PROGRAM, "fini_array", 0)
    function(run, "destructor", CORE, "fini_array", 0)
    run(LOADER, "shutdown-exit", value=0)
    return marked(run.events)


def load(run: Run, tid: int, name: str, needed: list[str]) -> None:
    run(tid, "object-mapped", object=name, address=0x1000, size=0x1000, bias=0)
    run(tid, "tls-registered", object=name, module=1, size=8, align=8)
    run(tid, "static-tls", object=name, module=1, offset=8, size=8, surplus_left=0)
    run(tid, "object-dependencies", object=name, needed=needed)
    run(tid, "object-relocated", object=name, relocations=0, kinds=[])
    run(tid, "relro-protected", object=name, address=1, size=1)
    run(tid, "tls-image", object=name, module=1, threads=1)


def function(run: Run, word: str, name: str, array: str, index: int) -> None:
    address = 0x100 * len(array) + index
    run(LOADER, f"{word}-enter", object=name, index=index, address=address, array=array)
    run(LOADER, f"{word}-exit", object=name, index=index, address=address)


def make_thread(run: Run, tid: int, child: int) -> None:
    run(tid, "tls-block", area=child, thread_pointer=0x100 * child)
    run(tid, "task-create", child=child, thread_pointer=0x100 * child)


def marked(events: list[Event]) -> Marked:
    found: Marked = {}
    for event in events:
        about = str(event.fields.get("package") or event.fields.get("object", event.tid)).rpartition("/")[2]
        number = sum(mark.startswith(f"{event.kind} {about} ") for mark in found)
        found[f"{event.kind} {about} {number}"] = event
    return found


# -- changes ---------------------------------------------------------------------------------------------------------

Change = Callable[[Marked], list[Event]]


def move(*marks: str, behind: str = "", before: str = "") -> Change:
    """Events taken out and put elsewhere."""

    def change(run: Marked) -> list[Event]:
        moved = [run[mark] for mark in marks]
        events = [event for event in run.values() if event not in moved]
        place = events.index(run[behind]) + 1 if behind else events.index(run[before])
        return events[:place] + moved + events[place:]

    return change


def drop(mark: str) -> Change:
    return lambda run: [event for event in run.values() if event is not run[mark]]


def again(*marks: str) -> Change:
    """Events that happen a second time, at once."""

    def change(run: Marked) -> list[Event]:
        events = list(run.values())
        place = events.index(run[marks[-1]]) + 1
        return events[:place] + [replace(run[mark]) for mark in marks] + events[place:]

    return change


def add(kind: str, tid: int, behind: str, **fields: object) -> Change:
    def change(run: Marked) -> list[Event]:
        events = list(run.values())
        place = events.index(run[behind]) + 1
        return [*events[:place], Event(0, 0, tid, 0, kind, dict(fields)), *events[place:]]  # type: ignore[arg-type]

    return change


def alter(mark: str, tid: int | None = None, **fields: object) -> Change:
    def change(run: Marked) -> list[Event]:
        old = run[mark]
        new = replace(old, tid=old.tid if tid is None else tid, fields={**old.fields, **fields})
        return [new if event is old else event for event in run.values()]

    return change


def constructor(name: str, number: int = 0, word: str = "constructor") -> tuple[str, str]:
    return f"{word}-enter {name} {number}", f"{word}-exit {name} {number}"


def destructor(name: str, number: int = 0) -> tuple[str, str]:
    return constructor(name, number, "destructor")


CORE_CONSTRUCTORS = tuple(mark for number in range(3) for mark in constructor("libcore.so", number))

CLOSING = (
    "dlclose-enter libplugin.so 0",
    *(mark for number in range(3) for mark in destructor("libplugin.so", number)),
    "dlclose-exit 10 0",
)

CHANGES: dict[str, list[Change]] = {
    "mapped-before-relocated": [
        drop("object-mapped libcore.so 0"),
        move("object-mapped libplugin.so 0", behind="object-relocated libplugin.so 0"),
    ],
    "relocated-before-constructors": [
        drop("object-relocated libplugin.so 0"),
        move("object-relocated libgo.so 0", behind="constructor-enter libgo.so 0"),
        move("object-relocated libcore.so 0", behind="constructor-enter libplugin.so 0"),
    ],
    "relro-before-constructors": [move("relro-protected libcore.so 0", behind="constructor-enter libcore.so 0")],
    "tls-before-constructors": [
        move("tls-registered libgo.so 0", behind="constructor-enter libgo.so 0"),
        move("static-tls libcore.so 0", behind="constructor-exit libcore.so 2"),
        move("tls-image libplugin.so 0", behind="constructor-enter libplugin.so 0"),
    ],
    "tls-block-before-thread": [
        drop("tls-block 11 0"),
        move("tls-block 0 0", behind="startup-enter 10 0"),
        alter("tls-block 10 1", thread_pointer=0x999),
    ],
    "preinit-before-constructors": [move(*constructor("prog"), behind="constructor-exit libcore.so 0")],
    "init-before-init-array": [move(*constructor("libcore.so", 0), behind="constructor-exit libcore.so 2")],
    "constructors-in-order": [move(*constructor("libcore.so", 1), behind="constructor-exit libcore.so 2")],
    "constructors-once": [again(*constructor("libcore.so", 1)), again(*CORE_CONSTRUCTORS)],
    "dependencies-constructed-first": [move(*CORE_CONSTRUCTORS, behind="constructor-exit libplugin.so 0")],
    "constructors-while-loading": [
        move(*constructor("libplugin.so"), behind="dlopen-exit 10 0"),
        move("startup-exit 10 0", before="constructor-exit libcore.so 2"),
    ],
    "constructors-before-destructors": [move(*CLOSING, before="constructor-enter libplugin.so 0")],
    "dependents-destroyed-first": [move(*destructor("libcore.so"), before="destructor-enter prog 0")],
    "destructors-in-reverse": [move(*destructor("libplugin.so", 1), before="destructor-enter libplugin.so 0")],
    "fini-array-before-fini": [move(*destructor("libplugin.so", 2), before="destructor-enter libplugin.so 0")],
    "destructors-once": [again(*destructor("libcore.so"))],
    "destructors-while-closing": [
        move(*destructor("libplugin.so", 0), before="dlclose-enter libplugin.so 0"),
        move(*destructor("libcore.so"), behind="shutdown-exit 10 0"),
    ],
    "destructors-before-unmapping": [move("object-unmapped libplugin.so 0", before="destructor-exit libplugin.so 2")],
    "constructor-once": [again("go-rt0-lib libgo.so 0")],
    "constructor-before-exports": [move("go-export-enter libgo.so 0", before="go-rt0-lib libgo.so 0")],
    "constructor-before-runtime-thread": [move("go-rt0-lib-go libgo.so 0", before="go-rt0-lib libgo.so 0")],
    "runtime-thread-is-not-the-loader": [alter("go-rt0-lib-go libgo.so 0", tid=LOADER)],
    "constructor-does-not-wait": [
        add("mutex-wait", LOADER, "go-rt0-lib libgo.so 0", mutex=1, owner=2),
        add("futex-wait", LOADER, "task-create 10 0", address=1, deadline=None),
        add("syscall-enter", LOADER, "task-create 10 0", name="nanosleep", args=[], wait="sleep"),
    ],
    "runtime-thread-before-rt0-go": [move("go-rt0-go libgo.so 0", before="go-rt0-lib-go libgo.so 0")],
    "rt0-go-before-schedinit": [
        move("go-schedinit libgo.so 0", before="go-rt0-go libgo.so 0"),
        drop("go-rt0-go libgo.so 0"),
    ],
    "schedinit-before-main": [move("go-schedinit libgo.so 0", behind="go-runtime-main libgo.so 0")],
    "main-before-runtime-init-done": [move("go-runtime-main libgo.so 0", behind="go-runtime-init-done libgo.so 0")],
    "steps-once": [again("go-schedinit libgo.so 0"), again("go-main-init-done libgo.so 0")],
    "runtime-package-before-runtime-init-done": [
        move("go-runtime-init-done libgo.so 0", before="go-package-init-exit runtime 0"),
    ],
    "runtime-init-done-before-packages": [
        move("go-package-init-enter os 0", "go-package-init-exit os 0", before="go-runtime-init-done libgo.so 0"),
    ],
    "packages-in-dependency-order": [
        move("go-package-init-enter main 0", "go-package-init-exit main 0", before="go-package-init-enter os 0"),
        drop("go-package-init-exit bytealg 0"),
    ],
    "packages-once": [again("go-package-init-enter os 0", "go-package-init-exit os 0")],
    "environment-before-packages": [
        drop("go-args libgo.so 0"),
        alter("go-args libgo.so 0", complete=False),
        move("go-args libgo.so 0", behind="go-package-init-enter bytealg 0"),
    ],
    "packages-before-main-init-done": [move("go-main-init-done libgo.so 0", before="go-package-init-exit main 0")],
    "main-init-done-before-exports": [
        drop("go-main-init-done libgo.so 0"),
        move("go-main-init-done libgo.so 0", behind="go-export-body libgo.so 0"),
    ],
    "deadlock-detector-silent": [
        add("go-fatal", RUNTIME, "go-export-body libgo.so 0", function="runtime.fatal",
            message="all goroutines are asleep - deadlock!", object=GO),
        add("go-fatal", RUNTIME, "go-schedinit libgo.so 0", function="runtime.fatal",
            message="all goroutines are asleep - deadlock!", object=GO),
    ],
    "no-failure-before-main-init-done": [
        add("go-throw", RUNTIME, "go-schedinit libgo.so 0", function="runtime.throw", message="bad", object=GO),
        add("go-fatalpanic", RUNTIME, "go-package-init-enter main 0", function="runtime.fatalpanic", object=GO),
    ],
}  # fmt: skip
"""For each rule, changes that break it."""


def broken(events: list[Event]) -> dict[str, str]:
    """The rules that do not hold, and how."""
    found = check(trace_of(events), load_rules(["elf", "go-c-shared"]))
    return {verdict.rule.name: verdict.status for verdict in found if verdict.status not in ("holds", "not applicable")}


def test_every_rule_applies_to_the_good_run_and_holds() -> None:
    found = check(trace_of(good_run().values()), load_rules(["elf", "go-c-shared"]))
    assert {verdict.rule.name: verdict.status for verdict in found} == dict.fromkeys(CHANGES, "holds")


@pytest.mark.parametrize(
    ("rule", "number"), [(rule, number) for rule, changes in CHANGES.items() for number in range(len(changes))]
)
def test_a_fault_breaks_its_rule_and_no_other(rule: str, number: int) -> None:
    assert broken(CHANGES[rule][number](good_run())) == {rule: "broken"}
