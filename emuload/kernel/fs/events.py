"""Descriptors that only count or tick: eventfd and timerfd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from emuload.kernel import errno
from emuload.kernel.deadlines import TIMERFD
from emuload.kernel.fs.constants import EFD_SEMAPHORE, POLLERR, POLLIN, POLLOUT
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.time import CLOCK_REALTIME, CLOCK_REALTIME_ALARM

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

COUNTER_MAX: Final = (1 << 64) - 1


@dataclass(slots=True, eq=False, repr=False)
class EventFd(Description):
    """A 64-bit counter (eventfd(2), fs/eventfd.c)."""

    counter: int = 0
    mode: int = 0

    kind: ClassVar[str] = "eventfd"
    pollable: ClassVar[bool] = True

    def shown_path(self) -> str:
        return "anon_inode:[eventfd]"

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        if size < 8:
            return -errno.EINVAL
        if not self.counter:
            return -errno.EAGAIN
        value = 1 if self.mode & EFD_SEMAPHORE else self.counter
        self.counter -= value
        self.notify(kernel, POLLOUT)
        return value.to_bytes(8, "little")

    def write(self, kernel: Kernel, data: bytes) -> int:
        if len(data) < 8:
            return -errno.EINVAL
        value = int.from_bytes(data[:8], "little")
        if value == COUNTER_MAX:
            return -errno.EINVAL
        if COUNTER_MAX - self.counter <= value:
            return -errno.EAGAIN
        self.counter += value
        self.notify(kernel, POLLIN)
        return 8

    def poll(self, kernel: Kernel) -> int:
        mask = POLLIN if self.counter else 0
        if self.counter == COUNTER_MAX:
            mask |= POLLERR
        if self.counter < COUNTER_MAX - 1:
            mask |= POLLOUT
        return mask


@dataclass(slots=True, eq=False, repr=False)
class TimerFd(Description):
    """A timer that is read (timerfd_create(2)). `due` is a monotonic instant in ns, None if disarmed; `interval` is in ns.

    `armed` is the sequence number of its entry in the kernel's deadlines; entries with other numbers are stale.
    """

    clock: int = 0
    due: int | None = None
    interval: int = 0
    ticks: int = 0
    armed: int = 0

    kind: ClassVar[str] = "timerfd"
    pollable: ClassVar[bool] = True

    def shown_path(self) -> str:
        return "anon_inode:[timerfd]"

    @property
    def realtime(self) -> bool:
        """True if its absolute times are wall-clock times."""
        return self.clock in (CLOCK_REALTIME, CLOCK_REALTIME_ALARM)

    def arm(self, kernel: Kernel, due: int | None, interval: int) -> None:
        """Set the timer; expirations that were not read are forgotten."""
        self.due, self.interval, self.ticks = due, interval, 0
        self._schedule(kernel)

    def _schedule(self, kernel: Kernel) -> None:
        kernel.sequence += 1
        self.armed = kernel.sequence
        if self.due is not None:
            kernel.add_deadline(self.due, TIMERFD, self.queue)

    def expire(self, kernel: Kernel) -> None:
        """Count the expirations up to now, if it is due."""
        now = kernel.clock.now()
        if self.due is None or self.due > now:
            return
        if self.interval:
            missed = (now - self.due) // self.interval + 1
            self.ticks += missed
            self.due += missed * self.interval
        else:
            self.ticks += 1
            self.due = None
        self._schedule(kernel)
        self.notify(kernel, POLLIN)

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        if size < 8:
            return -errno.EINVAL
        if not self.ticks:
            return -errno.EAGAIN
        value, self.ticks = self.ticks, 0
        return value.to_bytes(8, "little")

    def poll(self, kernel: Kernel) -> int:
        return POLLIN if self.ticks else 0

    def opened(self, kernel: Kernel) -> None:
        kernel.files.timers[self.queue] = self

    def release(self, kernel: Kernel) -> None:
        self.due = None
        kernel.files.timers.pop(self.queue, None)
