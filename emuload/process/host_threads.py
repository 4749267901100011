"""Calls that the host makes on guest threads.

A guest thread without work for the host is parked in the libc's idle loop. A call borrows it: its registers are kept, the
function is entered with the return gate as its return address, and when it comes back there the registers are put
back. A callback into Python leaves the thread inside its call, and calls made meanwhile nest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emuload.errors import UsageError
from emuload.kernel.task import Task, Wait
from emuload.machine.cpu import Context

if TYPE_CHECKING:
    from emuload.process.library import Function
    from emuload.process.process import Process


@dataclass(eq=False, repr=False)
class HostCall:
    """One call under way. `collect` reads the result from the live registers at the return gate."""

    address: int
    name: str
    collect: Callable[[], Any]
    saved: Context = b""
    done: bool = False
    result: Any = None


def idle(task: Task) -> bool:
    """Whether the host may give the task a call."""
    return task.wait is not None and task.wait.kind == "host" and not task.exited


def park(task: Task, what: str = "work from the host") -> None:
    """Let the task wait for the host."""
    task.wait = Wait(kind="host", what=what, interruptible=False)


@dataclass(eq=False, repr=False)
class Pending:
    """A call that was started; `result()` runs the process until it is back."""

    process: Process
    call: HostCall
    tid: int

    @property
    def done(self) -> bool:
        """Whether the call has returned."""
        return self.call.done

    def result(self) -> Any:
        """The call's value. Raises GuestFailed, Deadlock or BoundReached with a report when it never comes."""
        self.process.run_calls([self])
        return self.call.result


@dataclass(eq=False, repr=False)
class Thread:
    """A guest thread that makes calls for the host: the loading thread or a foreign one."""

    process: Process
    tid: int

    def start(self, function: Function | int, *args: Any, returns: Any = int, argtypes: Sequence[Any] | None = None) -> Pending:
        """Begin a call without waiting for it. Raises UsageError when the thread is in a call already."""
        return self.process.start_call(self.tid, function, args, returns, argtypes)

    def call(self, function: Function | int, *args: Any, returns: Any = int, argtypes: Sequence[Any] | None = None) -> Any:
        """Call and wait. See `Pending.result` for what is raised."""
        return self.start(function, *args, returns=returns, argtypes=argtypes).result()

    @property
    def task(self) -> Task:
        """The kernel's view of the thread. Raises UsageError when it is gone."""
        task = self.process.kernel.tasks.get(self.tid)
        if task is None or task.exited:
            raise UsageError(f"thread {self.tid} is gone")
        return task
