"""Every event says at which instruction of its thread it happened."""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from emuload import samples
from emuload.process.process import Process
from emuload.trace.events import Event
from emuload.unwind import describe
from tests.support.command_line import source_file
from tests.support.targets import arch_of
from tests.support.toolchain import c_library

TRAPS = {"amd64": ("0f05",), "arm": ("000000ef",), "arm64": ("010000d4",)}
"""The instructions that enter the kernel: syscall; svc 0 in ARM state; svc 0."""

ELSEWHERE = ("go-", "call-enter", "fault", "signal-delivered", "signal-returned")
"""Events that a thread does not enter the host for."""

SIGNALS = """
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
static volatile int seen;
static void handler(int number) { seen = number; }
__attribute__((noinline, optnone)) void spin(void) { while (!seen) ; }
long alarmed(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaction(SIGALRM, &action, 0);
    struct itimerval soon = {{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &soon, 0);
    spin();
    return seen;
}
__attribute__((noinline)) long reads(volatile long *where) { return *where; }
"""

THUMB = """
__attribute__((target("thumb"), naked)) long own_gettid(void) {
    __asm__("push {r7, lr}\\n movs r7, #224\\n svc 0\\n pop {r7, pc}");
}
"""


@pytest.fixture(scope="module", params=list(samples.SAMPLES))
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Process:
    path = samples.path(request.param, tmp_path_factory.mktemp("samples"))
    process = Process.for_file(str(path))
    process.dlopen(str(path)).call("add", 1, 2)
    return process


def of_kind(process: Process, kind: str) -> list[Event]:
    return [event for event in process.events if event.kind == kind]


def test_what_a_thread_enters_the_host_for_stands_at_the_instruction_that_does(process: Process) -> None:
    traps = TRAPS[process.arch]
    for event in process.events:
        if event.tid and not event.kind.startswith(ELSEWHERE):
            assert process.cpu.memory.read(event.pc, len(traps[0]) // 2).hex() in traps, event


def test_what_happens_on_no_thread_stands_nowhere(process: Process) -> None:
    host = [event for event in process.events if not event.tid]
    assert {"object-relocated", "tls-block", "task-create"} <= {event.kind for event in host}
    assert {event.pc for event in host} == {0}


def test_the_handoff_stands_at_the_functions_it_names(process: Process) -> None:
    (tracker,) = process.watches.trackers
    entries = ("go-args", "go-schedinit", "go-runtime-main", "go-sysmon", "go-rt0-go", "go-goroutine")
    for event in process.events:
        if not event.kind.startswith("go-"):
            continue
        function = tracker.library.table.find(event.pc - tracker.bias)
        if event.kind in entries:
            assert function is not None
            assert event.pc == function.entry + tracker.bias
    (entered,) = of_kind(process, "go-export-enter")
    assert entered.pc == process.dlsym("default", "add")


def test_a_call_of_the_host_begins_at_the_function(process: Process) -> None:
    calls = {str(event.fields["function"]): event.pc for event in of_kind(process, "call-enter")}
    assert calls["add"] == process.dlsym("default", "add")
    assert calls["dlopen"] == process.linker.libc_function("dlopen").address


def test_what_the_linker_does_stands_where_it_was_asked_to(process: Process) -> None:
    opened = of_kind(process, "dlopen-enter")[-1].pc
    assert [event.pc for event in of_kind(process, "object-mapped") if event.tid] == [opened]
    (carried_on,) = (event.pc for event in of_kind(process, "object-relocated") if event.tid)
    functions = [describe(pc, process.link_map.objects).partition("+")[0] for pc in (opened, carried_on)]
    assert functions == ["open_from", "em_run_operation"]
    found = process.link_map.object_at(opened)
    assert found is not None
    assert found.path == "libc.so.6"


def test_a_call_ends_where_it_began(process: Process) -> None:
    begun: dict[int, int] = {}
    ends = 0
    for event in process.events:
        if event.kind == "syscall-enter":
            begun[event.tid] = event.pc
        elif event.kind == "syscall-exit":
            assert event.pc == begun[event.tid]
            ends += 1
    assert ends > 3


def signal_library(target: str) -> Path:
    return c_library(source_file("positions", SIGNALS), target, flags=["-w"])


@pytest.mark.parametrize("target", ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"])
def test_a_signal_is_delivered_where_the_thread_was(target: str) -> None:
    process = Process(arch_of(target))
    library = process.dlopen(str(signal_library(target)))
    assert library.call("alarmed") == 14
    (sent,), (delivered,), (returned,) = (of_kind(process, f"signal-{what}") for what in ("sent", "delivered", "returned"))
    assert (sent.tid, sent.pc) == (0, 0)
    assert process.diagnosis.describe_address(delivered.pc).startswith("spin+")
    assert returned.pc == delivered.pc


@pytest.mark.parametrize("target", ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"])
def test_a_fault_stands_at_the_instruction_that_faults(target: str) -> None:
    process = Process(arch_of(target))
    library = process.dlopen(str(signal_library(target)))
    with pytest.raises(emuload.GuestFailed):
        library.call("reads", 0x10)
    (fault,) = of_kind(process, "fault")
    assert process.diagnosis.describe_address(fault.pc).startswith("reads")


def test_a_call_from_thumb_code_stands_at_its_svc() -> None:
    process = Process("arm")
    library = c_library(source_file("positions_thumb", THUMB), "armv7-gnueabihf")
    assert process.dlopen(str(library)).call("own_gettid") == 1000
    (begun,) = (event for event in of_kind(process, "call-enter") if event.fields["function"] == "own_gettid")
    call = next(event for event in of_kind(process, "syscall") if event.seq > begun.seq and event.fields["name"] == "gettid")
    assert process.cpu.memory.read(call.pc, 2).hex() == "00df"
    assert begun.pc % 2 == 0
    assert begun.pc < call.pc < begun.pc + 32
