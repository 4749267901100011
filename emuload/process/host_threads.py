"""Guest threads that make calls for the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emuload.kernel.task import Task
from emuload.process.host_calls import GuestFunction, HostCalls, Pending


class Thread:
    """A guest thread that makes calls for the host: the loading thread or a foreign one."""

    def __init__(self, host_calls: HostCalls, tid: int) -> None:
        self._host_calls = host_calls
        self.tid = tid

    def start(
        self, function: GuestFunction | int, *args: Any, returns: Any = int, argtypes: Sequence[Any] | None = None
    ) -> Pending:
        """Begin a call without waiting for it. See `emuload.calls.convert` for types.

        Raises UsageError if the thread is gone or in a call already, CallError for values that do not fit.
        """
        return self._host_calls.start(self.tid, function, args, returns, argtypes)

    def call(
        self, function: GuestFunction | int, *args: Any, returns: Any = int, argtypes: Sequence[Any] | None = None
    ) -> Any:
        """Call and wait: the value returned. Raises as `start` and `Pending.result` do."""
        return self._host_calls.start(self.tid, function, args, returns, argtypes).result()

    @property
    def task(self) -> Task:
        """The kernel's view of the thread. Raises UsageError if it is gone."""
        return self._host_calls.living(self.tid)
