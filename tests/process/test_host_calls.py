"""Host calls without a process: a CPU, a kernel, a scheduler, and a few instructions."""

from __future__ import annotations

from ctypes import c_double

import pytest

from emuload.calls.convert import CallError
from emuload.errors import UsageError
from emuload.golang.watchdog import Sysmon
from emuload.kernel.clock import VirtualClock
from emuload.kernel.entry import Entry
from emuload.kernel.fs.attached import Kernel
from emuload.kernel.task import Task
from emuload.machine import create_cpu
from emuload.process.host_calls import HostCall, HostCalls, NamedFunction, idle, park
from emuload.process.host_memory import HostMemory
from emuload.process.host_stubs import map_host_stubs
from emuload.process.options import Limits
from emuload.process.scheduler import RoundRobin, Scheduler
from emuload.trace.events import Recorder

CODE, STACK = 0x10000000, 0x20000000
ADD = {
    "amd64": bytes.fromhex("488d0437 c3"),  # lea rax, [rdi + rsi]; ret
    "arm": bytes.fromhex("010080e0 1eff2fe1"),  # add r0, r0, r1; bx lr
    "arm64": bytes.fromhex("0000018b c0035fd6"),  # add x0, x0, x1; ret
}
"""A function that adds its two arguments."""


class Guest:
    """The parts of a guest that calls need, with one idle thread."""

    def __init__(self, architecture: str) -> None:
        self.cpu = cpu = create_cpu(architecture)
        clock = VirtualClock(cpu)
        self.recorder = Recorder(clock)
        self.kernel = Kernel(cpu.memory, cpu.abi, self.recorder, 0, clock)
        self.scheduler = Scheduler(cpu, Entry(self.kernel), clock, RoundRobin(), Limits(), Sysmon())
        self.memory = HostMemory(cpu.memory)
        under_way: dict[int, list[HostCall]] = {}
        self.calls = HostCalls(self.scheduler, map_host_stubs(cpu), self.memory, self.scheduler.run, under_way)
        cpu.handler = lambda pc, number, arguments: None
        self.scheduler.on_trap = self.calls.returned
        cpu.memory.mmap(CODE, 0x1000, 7, fixed=True)
        cpu.memory.write(CODE, ADD[architecture])
        cpu.memory.mmap(STACK, 0x10000, 3, fixed=True)
        cpu.sp = STACK + 0x8000
        self.task: Task = self.kernel.create_main_task(cpu.switch_out())
        park(self.task)


@pytest.fixture(params=sorted(ADD))
def guest(request: pytest.FixtureRequest) -> Guest:
    return Guest(request.param)


def test_a_call_borrows_a_thread_and_gives_its_registers_back(guest: Guest) -> None:
    before = guest.task.context
    pending = guest.calls.start(guest.task.tid, CODE, (2, 3))
    assert (idle(guest.task), pending.done) == (False, False)
    assert pending.result() == 5
    assert (idle(guest.task), pending.done) == (True, True)
    guest.scheduler.unload()
    assert guest.task.context == before
    kinds = [event.kind for event in guest.recorder.events]
    assert kinds == ["task-create", "call-enter", "call-exit", "call-result"]


def test_words_are_passed_without_conversion(guest: Guest) -> None:
    add = NamedFunction("add", CODE)
    assert guest.calls.call_words(add, guest.cpu.abi.word_mask, 2) == 1
    assert guest.recorder.events[-1].fields == {"function": "add"}


def test_somebody_may_see_what_is_called(guest: Guest) -> None:
    seen: list[tuple[str, tuple[int, ...]]] = []
    guest.calls.on_start = lambda name, arguments: seen.append((name, tuple(arguments)))
    guest.calls.start(guest.task.tid, NamedFunction("add", CODE), (1, 2)).result()
    guest.calls.start(guest.task.tid, CODE, (3, 4)).result()
    assert seen == [("add", (1, 2)), (f"{CODE:#x}", (3, 4))]


def test_what_cannot_be_called_is_refused_and_keeps_no_memory(guest: Guest) -> None:
    tid = guest.task.tid
    with pytest.raises(CallError, match="argument 2"):
        guest.calls.start(tid, CODE, ("text", "no number"), argtypes=[str, c_double])
    assert guest.memory.sizes == {}
    with pytest.raises(UsageError, match="thread 7 is gone"):
        guest.calls.start(7, CODE, ())
    guest.calls.start(tid, CODE, (1, 2))
    with pytest.raises(UsageError, match="in a call already"):
        guest.calls.start(tid, CODE, (1, 2))
    with pytest.raises(UsageError, match="every thread is in a call"):
        guest.calls.any_idle()
