"""The steps of the handoff are found in any Go library, stripped or not, and reported in the order the
runtime has.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field

import pytest

import emuload
from emuload.golang.handoff import HANDOFF, handoff_table
from emuload.golang.library import GoLibrary, is_go
from emuload.golang.tracker import HandoffTracker, package_of
from emuload.golang.watch_points import watch_points
from emuload.process.process import Process
from tests.golang.files import BUILT, behaviour, opened, read, without_sections
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import c_library, go_library

ONCE = {
    "rt0-lib", "rt0-lib-go", "rt0-go", "schedinit", "runtime-main", "sysmon", "runtime-init-done", "main-init-done",
    "callback", "callback-return", "export-wait", "export-wait-main", "throw", "fatal", "fatalpanic", "die", "args", "goroutine",
}  # fmt: skip


WAIT = "_cgo_wait_runtime_init_done (for runtime_init_done)"


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_every_step_is_found(target: str, go: str) -> None:
    library = opened(read(behaviour(target, go)))
    points = watch_points(library, library.image.symbol)
    kinds = [point.kind for point in points]
    assert {kind for kind in kinds if kinds.count(kind) == 1} == ONCE
    assert kinds.count("package-init") == kinds.count("package-init-return") == 2
    assert {p.name for p in points if p.kind == "export-enter"} == {
        p.name for p in points if p.kind == "export-body"
    }
    assert {"add", "panics"} < {p.name for p in points if p.kind == "export-body"}
    assert len({point.address for point in points}) == len(points)


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_the_same_points_without_section_headers(target: str, go: str) -> None:
    elf = read(behaviour(target, go))
    whole, bare = opened(elf), opened(without_sections(elf))
    assert watch_points(bare, bare.image.symbol) == watch_points(whole, whole.image.symbol)


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_package_initialisation_ends_before_the_flag_that_lets_exports_in(target: str, go: str) -> None:
    library = opened(read(behaviour(target, go)))
    points = {point.kind: point.address for point in watch_points(library, library.image.symbol)}
    main, close = (library.table.by_name(name) for name in ("runtime.main", "runtime.closechan"))
    assert main is not None
    assert close is not None
    call = library.calls(main, close)[0]
    assert points["runtime-init-done"] < points["main-init-done"] <= call
    assert call - points["main-init-done"] < 64


def test_finding_all_points_takes_a_few_milliseconds() -> None:
    elf = read(behaviour("armv7-gnueabihf", "1.27"))
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        library = opened(elf)
        watch_points(library, library.image.symbol)
        best = min(best, time.process_time() - start)
    assert best < 0.02


def test_a_c_library_is_not_go() -> None:
    assert is_go(read(behaviour("arm64-gnu", "1.27")))
    assert not is_go(read(c_library("faulty", "arm64-gnu")))


@pytest.mark.parametrize(
    ("function", "package"),
    [
        ("main.init.0", "main"),
        ("internal/runtime/gc/scan.init", "internal/runtime/gc/scan"),
        ("gopkg.in/yaml%2ev3.init.1", "gopkg.in/yaml.v3"),
        ("example.com/a%2eb/c.map.init.0", "example.com/a.b/c"),
        ("os.init.func1", "os"),
    ],
)
def test_package_of_a_function(function: str, package: str) -> None:
    assert package_of(function) == package


# -- real runs -----------------------------------------------------------------------------------------------


def _steps(process: Process) -> list[str]:
    return [row.event for row in handoff_table(process.events)]


@pytest.mark.parametrize("go", ["1.27", "1.22"])
@pytest.mark.parametrize("target", GNU)
def test_the_order_of_a_real_handoff(target: str, go: str) -> None:
    process = emuload.Process(arch_of(target))
    library = process.dlopen(str(behaviour(target, go)))
    assert library.call("add", 1, 2) == 3
    rows = handoff_table(process.events)
    # The library's init() goes to C and back to Go on one thread, which may happen early: only `add` is
    # looked at.
    rows = [row for row in rows if "export" not in row.event or row.function in ("add", WAIT)]
    first = {kind: next(i for i, row in enumerate(rows) if row.event == kind) for kind in HANDOFF}
    started = [
        "go-rt0-lib",
        "go-rt0-lib-go",
        "go-rt0-go",
        "go-schedinit",
        "go-runtime-main",
        "go-runtime-init-done",
    ]
    ended = ["go-runtime-init-done", "go-main-init-done", "go-export-body", "go-export-return"]
    for order in (started, ended):
        assert [first[kind] for kind in order] == sorted(first[kind] for kind in order)
    threads = {row.event: row.thread for row in rows}
    assert threads["go-rt0-lib"] == threads["go-export-body"] != threads["go-rt0-lib-go"]
    assert threads["go-sysmon"] not in (threads["go-rt0-lib"], threads["go-rt0-lib-go"])
    inits = [e.fields for e in process.events if e.kind.startswith("go-package-init")]
    entered = [f["package"] for f in inits[::2]]
    assert entered == [f["package"] for f in inits[1::2]]
    assert len(set(entered)) == len(entered)
    assert entered.index("runtime") < entered.index("errors") < entered.index("os") < entered.index("main")
    assert rows[first["go-main-init-done"] - 1].function == "package main"


def test_calls_into_a_ready_library_do_not_wait() -> None:
    process = emuload.Process("arm64")
    library = process.dlopen(str(behaviour("arm64-gnu", "1.27")))
    library.call("add", 1, 2)
    before = len(_steps(process))
    library.call("there_and_back", 2)
    names = [(row.event, row.function) for row in handoff_table(process.events)[before:]]
    back = names[1:-1]
    assert names[0] == ("go-export-enter", "there_and_back")
    assert names[-1] == ("go-export-return", "there_and_back")
    assert not [event for event, _ in names if event == "go-export-wait"]
    assert [event for event, _ in back].count("go-export-body") == 3
    assert [event for event, _ in back].count("go-export-return") == 2


def test_an_export_that_waits_for_ever_says_what_for() -> None:
    process = emuload.Process("amd64")
    library = process.dlopen(str(go_library("blocked_init", "amd64-gnu")))
    with pytest.raises(emuload.Deadlock):
        library.call("add", 1, 2)
    waits = [e.fields["for"] for e in process.events if e.kind == "go-export-wait"]
    assert waits == ["runtime_init_done", "main_init_done"]
    (tracker,) = process.watches.trackers
    assert tracker.phase == "in the init of package main"


def test_a_throw_carries_gos_words() -> None:
    process = emuload.Process("arm")
    library = process.dlopen(str(behaviour("armv7-gnueabihf", "1.27")))
    with pytest.raises(emuload.GuestFailed):
        library.call("overflows")
    (thrown,) = [e for e in process.events if e.kind == "go-throw"]
    assert thrown.fields["message"] == "stack overflow"


# -- the tracker alone ---------------------------------------------------------------------------------------


@dataclass
class _Cpu:
    values: dict[str, int] = field(default_factory=dict)
    sp: int = 0x1000

    def register(self, name: str) -> int:
        return self.values[name]


@dataclass
class _Memory:
    def read(self, address: int, size: int) -> bytes:
        raise OSError(address)


@pytest.fixture(scope="module")
def library() -> GoLibrary:
    return opened(read(behaviour("amd64-gnu", "1.27")))


def _hits(tracker: HandoffTracker, kinds: list[str], tid: int = 1) -> list[str]:
    places = {kind: address for address, rows in tracker.points.items() for kind, _ in rows}
    cpu = _Cpu(dict.fromkeys(tracker.library.row.go_arguments, 0))
    return [hit.kind for kind in kinds for hit in tracker.on_hit(places[kind], tid, cpu, _Memory())]


def test_a_function_run_again_after_stack_growth_is_one_step(library: GoLibrary) -> None:
    tracker = HandoffTracker.of(library, library.image.symbol, "lib.so", 0)
    assert _hits(tracker, ["schedinit", "schedinit", "runtime-main", "runtime-main"]) == [
        "go-schedinit",
        "go-runtime-main",
    ]
    assert _hits(tracker, ["callback", "export-body", "export-body", "callback-return"]) == [
        "go-export-body",
        "go-export-return",
    ]


def test_threads_have_export_bodies_of_their_own(library: GoLibrary) -> None:
    tracker = HandoffTracker.of(library, library.image.symbol, "lib.so", 0)
    assert _hits(tracker, ["callback", "export-body"], tid=1) == ["go-export-body"]
    assert _hits(tracker, ["callback"], tid=2) == []
    assert _hits(tracker, ["callback-return"], tid=1) == ["go-export-return"]
    assert _hits(tracker, ["export-body", "callback-return"], tid=2) == ["go-export-body", "go-export-return"]
    assert not any(tracker.callbacks.values())


def test_memory_that_cannot_be_read_is_no_error(library: GoLibrary) -> None:
    tracker = HandoffTracker.of(library, library.image.symbol, "lib.so", 0)
    assert _hits(tracker, ["throw", "fatal", "fatalpanic", "die", "package-init", "package-init-return"])


def test_a_copy_goes_its_own_way_and_shares_the_file(library: GoLibrary) -> None:
    tracker = HandoffTracker.of(library, library.image.symbol, "lib.so", 0x10000)
    other = copy.deepcopy(tracker)
    _hits(other, ["runtime-init-done"])
    assert other.runtime_ready
    assert not tracker.runtime_ready
    assert other.library is tracker.library


def test_the_load_bias_moves_every_point(library: GoLibrary) -> None:
    low = watch_points(library, library.image.symbol)
    high = watch_points(library, library.image.symbol, 0x7F0000000000)
    assert [point.address - 0x7F0000000000 for point in high] == [point.address for point in low]
