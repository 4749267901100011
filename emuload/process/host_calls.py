"""Calls that the host makes on guest threads, and callbacks from the guest into Python.

A guest thread without work for the host is parked in the C library's idle loop. A call borrows it: its registers are kept,
the function is entered with a host stub as its return address, and when it returns there the registers are put back. A
callback into Python leaves the thread inside its call; calls made meanwhile nest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from emuload.calls.convert import prepare, receive_callback, reply_to_callback
from emuload.errors import UsageError
from emuload.kernel.task import Task, Wait
from emuload.machine.contexts import Context
from emuload.process.host_memory import HostMemory
from emuload.process.host_stubs import HostStubs
from emuload.process.scheduler import Scheduler

RED_ZONE = 128
"""Bytes below the stack pointer that a leaf function may use (System V ABI AMD64 supplement, 3.2.2)."""

_CALLED = ("function",)
"""Fields of the events of calls."""


class GuestFunction(Protocol):
    """A function in the guest that can be called."""

    @property
    def name(self) -> str:
        """Its name in events and reports."""
        ...

    @property
    def address(self) -> int:
        """Its address; bit 0 selects Thumb state on ARM."""
        ...


class NamedFunction(NamedTuple):
    """A function that is known by name and address alone."""

    name: str
    address: int


class HostCall:
    """One call under way. `collect` reads the result from the live registers once the function has returned."""

    def __init__(self, address: int, name: str, collect: Callable[[], Any]) -> None:
        self.address = address
        self.name = name
        self.collect = collect
        self.saved: Context = b""
        self.done = False
        self.result: Any = None


def idle(task: Task) -> bool:
    """True if the host may give the task a call."""
    return task.wait is not None and task.wait.kind == "host" and not task.exited


def park(task: Task, what: str = "work from the host") -> None:
    """Let the task wait for the host; `what` describes that in reports."""
    task.wait = Wait(kind="host", what=what, interruptible=False)


class Pending:
    """A call that was started; `result()` runs the process until it has returned."""

    def __init__(self, host_calls: HostCalls, call: HostCall, tid: int) -> None:
        self._host_calls = host_calls
        self.call = call
        self.tid = tid

    @property
    def done(self) -> bool:
        """True if the call has returned."""
        return self.call.done

    def result(self) -> Any:
        """The call's value. Raises GuestFailed, Deadlock or BoundReached with a report if it never comes, CallError if the
        value cannot be read."""
        self._host_calls.wait([self])
        return self.call.result


class HostCalls:
    """Makes the host's calls in one guest.

    `run` runs the guest until a condition holds, and raises if that cannot come. `under_way` are the calls not yet returned,
    by tid, the innermost last.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        stubs: HostStubs,
        memory: HostMemory,
        run: Callable[[Callable[[], bool]], None],
        under_way: dict[int, list[HostCall]],
    ) -> None:
        self.scheduler = scheduler
        self.cpu = scheduler.cpu
        self.kernel = scheduler.kernel
        self.recorder = scheduler.kernel.events
        self.stubs = stubs
        self.memory = memory
        self.under_way = under_way
        self.hard_float = True
        """Floats are passed in floating-point registers, where the architecture leaves that open (ARM)."""
        self.on_start: Callable[[str, Sequence[Any]], None] | None = None
        """Sees the name and the arguments of each call that `start` is asked for."""
        self._run = run
        self._parked: dict[int, Context] = {}
        """Registers of threads that returned from a call and have not run since."""
        self._callbacks: list[tuple[Callable[..., Any], Sequence[Any], Any]] = []

    # -- calls into the guest ----------------------------------------------------------------------------------

    def start(
        self,
        tid: int,
        function: GuestFunction | int,
        args: Sequence[Any],
        returns: Any = int,
        argtypes: Sequence[Any] | None = None,
    ) -> Pending:
        """Let a thread begin a call. Raises UsageError if it is gone or busy, CallError for values that do not fit."""
        name, address = (f"{function:#x}", function) if isinstance(function, int) else (function.name, function.address)
        if self.on_start is not None:
            self.on_start(name, args)
        task = self.living(tid)
        if not idle(task):
            raise UsageError(f"thread {tid} is in a call already")
        prepared = prepare(self, args, returns, argtypes)
        return self._enter(task, address, name, prepared.place, prepared.collect)

    def start_words(self, task: Task, function: GuestFunction, words: Sequence[int]) -> Pending:
        """Let an idle thread begin a call with machine words; its result is a machine word."""
        cpu = self.cpu

        def place() -> None:
            cpu.sp = (cpu.sp - RED_ZONE) & -16
            for register, word in zip(cpu.argument_registers(), words, strict=False):
                cpu.set_register(register, word)

        return self._enter(task, function.address, function.name, place, cpu.word_result)

    def call_words(self, function: GuestFunction, *words: int) -> int:
        """Call with machine words on the oldest idle thread, the loading thread if that is free: the word returned.

        Raises UsageError if every thread is in a call, and as `Pending.result` does.
        """
        pending = self.start_words(self.any_idle(), function, words)
        self.wait([pending])
        return int(pending.call.result)

    def wait(self, pending: Sequence[Pending]) -> None:
        """Run the guest until all these calls have returned. Raises as `Pending.result` does."""
        if len(pending) == 1:
            call = pending[0].call
            self._run(lambda: call.done)
        else:
            self._run(lambda: all(each.call.done for each in pending))
        for each in pending:
            self.recorder.pc = self.kernel.tasks[each.tid].pc
            self.recorder.repeat("call-result", each.tid, _CALLED, (each.call.name,))

    def new_thread(self, pthread_create: GuestFunction, body: int) -> Task:
        """Make a guest thread that runs the function at `body`, and run the guest until it is idle.

        Raises UsageError if the guest has no room for it or every thread is in a call, and as `Pending.result` does.
        """
        before = set(self.kernel.tasks)
        error = self.call_words(pthread_create, self.memory.allocate(16), 0, body, 0)
        if error:
            raise UsageError(f"pthread_create: error {error}")
        made = next(task for tid, task in self.kernel.tasks.items() if tid not in before and not task.exited)
        made.role = "foreign"
        self._run(lambda: idle(made))
        return made

    def living(self, tid: int) -> Task:
        """The kernel's view of a thread. Raises UsageError if it is gone."""
        task = self.kernel.tasks.get(tid)
        if task is None or task.exited:
            raise UsageError(f"thread {tid} is gone")
        return task

    def any_idle(self) -> Task:
        """The oldest thread that is free for a call. Raises UsageError if every thread is in one."""
        for task in self.kernel.tasks.values():
            if idle(task):
                return task
        raise UsageError("every thread is in a call")

    def _enter(
        self, task: Task, address: int, name: str, place: Callable[[], None], collect: Callable[[], Any]
    ) -> Pending:
        call = HostCall(address, name, collect)
        self.scheduler.load(task)
        call.saved = self._parked.pop(task.tid, b"") or self.cpu.save()
        place()
        self.cpu.set_return_address(self.stubs.base)
        self.cpu.enter(address)
        task.wait = None
        task.pc = self.recorder.pc = self.cpu.code_address(address)
        self.under_way.setdefault(task.tid, []).append(call)
        self.recorder.repeat("call-enter", task.tid, _CALLED, (name,))
        return Pending(self, call, task.tid)

    def returned(self, task: Task) -> None:
        """The innermost call of a thread has reached its return stub: collect the result and park the thread.

        Raises CallError if the result cannot be read.
        """
        call = self.under_way[task.tid].pop()
        try:
            call.result = call.collect()
        finally:
            call.done = True
            self.recorder.repeat("call-exit", task.tid, _CALLED, (call.name,))
            self.cpu.restore(call.saved)
            self._parked[task.tid] = call.saved
            park(task)

    # -- callbacks from the guest ------------------------------------------------------------------------------

    def callback(self, function: Callable[..., Any], argtypes: Sequence[Any], returns: Any) -> int:
        """Address of a C function that calls a Python one; it stays for the life of the process.

        Raises UsageError if there is no host stub left for it.
        """
        self._callbacks.append((function, argtypes, returns))
        return self.stubs.add("callback", getattr(function, "__name__", "callback"), len(self._callbacks) - 1)

    def call_back(self, task: Task, index: int) -> None:
        """Run callback `index` for a thread that has reached its stub; calls that the callback makes nest on the thread.

        Raises CallError for values that do not fit, and everything that the callback raises.
        """
        function, argtypes, returns = self._callbacks[index]
        frame = receive_callback(self, argtypes, returns)
        resume = self.cpu.save()
        self.under_way.setdefault(task.tid, [])
        park(task, f"the host's callback {getattr(function, '__name__', 'function')}")
        try:
            value = function(*frame.arguments)
        finally:
            task.wait = None
        self.scheduler.load(task)
        self.cpu.restore(resume)
        reply_to_callback(self, frame, value)
