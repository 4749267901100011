"""A kernel with a real CPU and a page or two of memory, for tests that make system calls by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emuload.kernel.clock import VirtualClock
from emuload.kernel.dispatch import Result, Stop
from emuload.kernel.entry import Entry
from emuload.kernel.fs.attached import Kernel
from emuload.kernel.signals import send_signal
from emuload.kernel.task import TIMER_SLACK, SigInfo, Task
from emuload.machine import create_cpu
from emuload.machine.cpu import Cpu
from emuload.machine.signal_numbers import SI_KERNEL
from emuload.machine.stops import Reason
from emuload.trace.events import Recorder

ARCHITECTURES = ("amd64", "arm", "arm64")
CODE = 0x40_0000
"""Where `Machine.load` puts code."""


@dataclass
class Counter:
    """A clock source that the test moves itself."""

    bytes_at_end: int = 0
    remaining: tuple[int] = (0,)


@dataclass
class Machine:
    """`data` is a read-write area of 64 KiB, `stack` the top of another; `main` is the first task."""

    architecture: str
    cpu: Cpu = field(init=False)
    kernel: Kernel = field(init=False)
    entry: Entry = field(init=False)

    def __post_init__(self) -> None:
        self.cpu = create_cpu(self.architecture)
        self.counter = Counter()
        self.clock = VirtualClock(self.counter)
        self.events = Recorder(self.clock)
        memory = self.cpu.memory
        self.kernel = Kernel(memory, self.cpu.abi, self.events, 7, self.clock)
        self.entry = Entry(self.kernel)
        self.data = memory.mmap(0x50_0000, 0x10000, 3, fixed=True)
        self.stack = memory.mmap(0x60_0000, 0x10000, 3, fixed=True) + 0x10000
        memory.mmap(CODE, 0x1000, 7, fixed=True)
        self.cpu.sp = self.stack - 0x100
        self.main = self.kernel.create_main_task(self.cpu.save())
        self.main.timer_slack = (0, TIMER_SLACK)  # time-outs are exact to the nanosecond
        self.kernel.current = self.main
        self.numbers = {name: number for number, name in self.kernel.table.names.items()}

    @property
    def word(self) -> int:
        return self.cpu.abi.word

    def call(self, name: str, *args: int, task: Task | None = None) -> Result:
        """Make a system call as from a stopped CPU; a deferred call is finished."""
        task = task or self.main
        mask = self.cpu.abi.word_mask
        padded = tuple(value & mask for value in args) + (0,) * (6 - len(args))
        self.kernel.current = task
        return self.entry.syscall(self.cpu, task, self.numbers[name], padded)

    def result(self, task: Task) -> int | None:
        """The value that an ended wait left for the task's result register."""
        assert task.wait is None
        return task.result

    def spawn(self) -> Task:
        return self.kernel.spawn(self.cpu.save(), parent=self.main)

    def words(self, address: int, *values: int, width: int = 0) -> int:
        """Store integers of `width` bytes (default: a word). Returns `address`."""
        width = width or self.word
        data = b"".join((value & ((1 << width * 8) - 1)).to_bytes(width, "little") for value in values)
        self.cpu.memory.write(address, data)
        return address

    def read(self, address: int, size: int = 4) -> int:
        return self.cpu.memory.read_int(address, size)

    def timespec(self, address: int, nanoseconds: int, width: int = 0) -> int:
        return self.words(address, nanoseconds // 10**9, nanoseconds % 10**9, width=width)

    def pass_time(self, nanoseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + nanoseconds)
        self.entry.timeouts(self.clock.now())

    def sigaction(self, signo: int, handler: int, flags: int = 0, mask: int = 0, restorer: int = 0) -> None:
        word = self.word
        at = self.words(self.data + 0xF000, handler, flags, restorer)
        self.words(at + 3 * word, mask, width=8)
        assert self.call("rt_sigaction", signo, at, 0, 8) == 0

    def set_mask(self, mask: int, task: Task | None = None) -> None:
        at = self.words(self.data + 0xF100, mask, width=8)
        assert self.call("rt_sigprocmask", 2, at, 0, 8, task=task) in (0, Stop.SWITCH)

    def prepare(self, task: Task | None = None) -> bool:
        return self.entry.prepare(self.cpu, task or self.main)

    def send(self, signo: int, task: Task | None = None) -> None:
        """Send a signal as the kernel itself does, to a thread or to the process."""
        send_signal(self.kernel, SigInfo(signo, SI_KERNEL), task)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events.events]

    def last(self, kind: str) -> dict[str, Any]:
        return next(event.fields for event in reversed(self.events.events) if event.kind == kind)

    # -- running code ----------------------------------------------------------------------------------------------

    def load(self, code: bytes, at: int = CODE) -> int:
        self.cpu.memory.write(at, code)
        return at

    def run(self, until_pc: int, slices: int = 50) -> None:
        """Run the main task until its PC is `until_pc`, answering traps and faults as a scheduler does."""
        self.cpu.handler = self._trap
        for _ in range(slices):
            if not self.prepare() or self.cpu.pc == until_pc:
                return
            stop = self.cpu.run(1 << 14)
            if stop.reason is Reason.FAULT:
                assert stop.fault is not None
                self.entry.fault(self.cpu, self.main, stop.fault)
        raise AssertionError("the code did not come to its end")

    def _trap(self, pc: int, number: int, args: Any) -> int | None:
        result = self.entry.syscall(self.cpu, self.main, number, tuple(args))
        return None if isinstance(result, Stop) else result
