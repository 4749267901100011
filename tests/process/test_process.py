"""The Python face: what a process offers beyond calls and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from emuload.ilog.reader import IlogFile
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import go_library

TARGETS = GNU


@pytest.mark.parametrize("target", TARGETS)
def test_running_for_a_time_lets_go_initialise_without_a_call(target: str) -> None:
    process = emuload.Process(arch_of(target))
    process.dlopen(str(go_library("behaviour", target)))
    assert not [row for row in process.handoff() if row.event == "go-main-init-done"]
    start = process.clock.now()
    process.run_until(200_000_000)
    assert process.clock.now() >= start + 200_000_000
    assert [row for row in process.handoff() if row.event == "go-main-init-done"]


def test_running_until_a_condition_stops_when_it_holds() -> None:
    process = emuload.Process("amd64")
    process.dlopen(str(go_library("behaviour", "amd64-gnu")))
    process.run_until(lambda: any(event.kind == "go-schedinit" for event in process.events))
    kinds = [event.kind for event in process.events]
    assert "go-schedinit" in kinds
    assert "go-main-init-done" not in kinds


def test_the_constructor_returns_before_the_runtime_thread_has_run() -> None:
    process = emuload.Process("arm64")
    process.dlopen(str(go_library("behaviour", "arm64-gnu")))
    order = [event.kind for event in process.events]
    assert order.index("go-rt0-lib") < order.index("constructor-exit")
    assert "go-rt0-go" not in order[: order.index("constructor-exit")]


def test_a_library_is_closed_and_a_nodelete_one_stays() -> None:
    process = emuload.Process("amd64")
    library = process.dlopen(str(go_library("behaviour", "amd64-gnu")))
    library.close()
    assert process.dlopen(str(go_library("behaviour", "amd64-gnu"))).call("add", 2, 3) == 5
    assert len([event for event in process.events if event.kind == "object-mapped" and "behaviour" in event.line()]) == 1


def test_two_libraries_live_in_one_process() -> None:
    process = emuload.Process("arm")
    first = process.dlopen(str(go_library("two_a", "armv7-gnueabihf")))
    second = process.dlopen(str(go_library("two_b", "armv7-gnueabihf")))
    assert (first.call("a_add", 1, 2), second.call("b_add", 3, 4)) == (3, 7)
    assert len({event.fields["object"] for event in process.events if event.kind == "go-rt0-lib"}) == 2


def test_libraries_linked_at_start_are_initialised_before_the_first_call() -> None:
    path = str(go_library("behaviour", "arm64-gnu"))
    process = emuload.Process("arm64", needed=[path])
    assert "dlopen-enter" not in [event.kind for event in process.events]
    assert process.dlopen(path).call("add", 1, 2) == 3


@pytest.mark.parametrize("target", TARGETS)
def test_making_a_process_runs_no_guest_code(target: str) -> None:
    path = str(go_library("behaviour", target))
    process = emuload.Process(arch_of(target), needed=[path])
    assert (process.events, process.cpu.clock_bytes, process.kernel.tasks) == ([], 0, {})
    process.start()
    made = [event.kind for event in process.events]
    assert "constructor-exit" in made
    process.start()
    assert [event.kind for event in process.events] == made


@pytest.mark.parametrize("use", ["main", "link_map", "dlsym", "thread", "run_until"])
def test_a_process_starts_when_it_is_first_needed(use: str) -> None:
    process = emuload.Process("arm64", needed=[str(go_library("behaviour", "arm64-gnu"))])
    uses = {
        "main": lambda: process.main,
        "link_map": lambda: process.link_map,
        "dlsym": lambda: process.dlsym(emuload.DEFAULT, "add"),
        "thread": process.thread,
        "run_until": lambda: process.run_until(1000),
    }
    uses[use]()
    assert "constructor-exit" in [event.kind for event in process.events]
    assert process.main.tid == process.kernel.pid


def test_a_start_that_failed_fails_again() -> None:
    process = emuload.Process("amd64", needed=["nosuch.so"])
    for use in (process.start, lambda: process.dlopen("other.so"), process.thread, lambda: process.main):
        with pytest.raises(emuload.LoadError, match=r"nosuch\.so: cannot open shared object file"):
            use()
    assert process.exit(3) == 3


# -- with ----------------------------------------------------------------------------------------------------------


def test_leaving_a_with_block_ends_the_guest() -> None:
    with emuload.Process("amd64") as process:
        process.dlopen(str(go_library("behaviour", "amd64-gnu")))
        assert not process.ended
    assert process.kernel.exit_status == 0
    assert "shutdown-enter" in [event.kind for event in process.events]


def test_an_exception_in_a_with_block_runs_no_more_guest_code(tmp_path: Path) -> None:
    process = emuload.Process("arm64", instruction_log=str(tmp_path / "a.ilog"))

    def load_and_fail() -> None:
        with process:
            process.dlopen(str(go_library("behaviour", "arm64-gnu")))
            raise KeyError

    with pytest.raises(KeyError):
        load_and_fail()
    kinds = [event.kind for event in process.events]
    assert not process.ended
    assert "dlopen-exit" in kinds
    assert "shutdown-enter" not in kinds
    log = IlogFile(str(tmp_path / "a.ilog"))
    assert (log.complete, log.code_bytes) == (True, process.cpu.clock_bytes)


def test_a_with_block_leaves_alone_a_guest_that_cannot_exit() -> None:
    with emuload.Process("amd64") as idle:
        pass
    assert idle.events == []
    with emuload.Process("amd64") as busy:
        busy.main.start(busy.dlopen(str(go_library("behaviour", "amd64-gnu")))["add"], 1, 2)
    assert not busy.ended
    with emuload.Process("amd64") as ended:
        ended.start()
        ended.exit(7)
    assert ended.kernel.exit_status == 7
    with emuload.Process("arm", kuser_helpers=False) as killed, pytest.raises(emuload.GuestFailed):
        killed.dlopen(str(go_library("behaviour", "armv5-gnueabi"))).call("add", 1, 2)
    assert killed.kernel.exit_signal == 11


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arch": "mips"}, "unknown architecture 'mips'"),
        ({"arch": "arm", "profile": "uclibc"}, "unknown profile 'uclibc'"),
        ({"arch": "arm", "args": ["a\0b"]}, "a NUL byte"),
        ({"arch": "arm", "cwd": "/nowhere"}, "no folder /nowhere"),
        ({"arch": "arm", "maps": [("/no/such/folder", "/x", False)]}, "cannot map /no/such/folder"),
    ],
)
def test_values_that_make_no_sense_are_one_clear_error(options: dict[str, object], words: str) -> None:
    with pytest.raises(emuload.UsageError, match=words):
        emuload.Process(**options)  # type: ignore[arg-type]


def test_a_thread_in_a_call_takes_no_other() -> None:
    process = emuload.Process("amd64")
    add = process.dlopen(str(go_library("behaviour", "amd64-gnu")))["add"]
    thread = process.thread()
    pending = thread.start(add, 1, 2)
    with pytest.raises(emuload.UsageError, match="in a call already"):
        thread.start(add, 3, 4)
    assert pending.result() == 3


def test_without_kernel_helpers_an_armv5_library_faults_at_them() -> None:
    process = emuload.Process("arm", kuser_helpers=False)
    with pytest.raises(emuload.GuestFailed) as ended:
        process.dlopen(str(go_library("behaviour", "armv5-gnueabi"))).call("add", 1, 2)
    assert process.kernel.exit_signal == 11
    assert "0xffff0" in ended.value.report.headline
