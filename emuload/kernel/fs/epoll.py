"""epoll: a set of watched descriptors and a list of those that may be ready (epoll(7), fs/eventpoll.c).

The list is in the order of the events. Waiting takes entries off its front; a level-triggered one that was reported goes back
to the end, an edge-triggered one waits for the next event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLONESHOT,
    EPOLLWAKEUP,
    POLLERR,
    POLLHUP,
    READABLE,
)
from emuload.kernel.fs.descriptions import Description

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

PRIVATE_BITS: Final = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
"""Bits that remain of the events of a one-shot entry that fired (fs/eventpoll.c: EP_PRIVATE_BITS)."""
MAX_NESTS: Final = 4


@dataclass(slots=True, eq=False, repr=False)
class EpollItem:
    """One watched descriptor; `data` is the user's 64-bit word."""

    epoll: Epoll
    fd: int
    description: Description
    events: int
    data: int

    @property
    def key(self) -> tuple[int, int]:
        """Descriptor and description: a duplicate descriptor makes another entry."""
        return self.fd, self.description.queue

    def ready(self, kernel: Kernel) -> int:
        """The wanted events that hold now."""
        return self.description.poll(kernel) & self.events


@dataclass(slots=True, eq=False, repr=False)
class Epoll(Description):
    """An epoll instance."""

    items: dict[tuple[int, int], EpollItem] = field(default_factory=dict)
    pending: dict[tuple[int, int], EpollItem] = field(default_factory=dict)

    kind: ClassVar[str] = "epoll"
    pollable: ClassVar[bool] = True

    def shown_path(self) -> str:
        return "anon_inode:[eventpoll]"

    def add(self, kernel: Kernel, fd: int, target: Description, events: int, data: int) -> int:
        """EPOLL_CTL_ADD."""
        if (fd, target.queue) in self.items:
            return -errno.EEXIST
        if isinstance(target, Epoll):
            if events & EPOLLEXCLUSIVE:
                return -errno.EINVAL
            if target.reaches(self) or self._height() + target._depth() > MAX_NESTS:
                return -errno.ELOOP
        item = EpollItem(self, fd, target, events | POLLERR | POLLHUP, data)
        self.items[item.key] = item
        target.watches.append(item)
        self._check(kernel, item)
        return 0

    def modify(self, kernel: Kernel, fd: int, target: Description, events: int, data: int) -> int:
        """EPOLL_CTL_MOD."""
        item = self.items.get((fd, target.queue))
        if item is None:
            return -errno.ENOENT
        if (item.events | events) & EPOLLEXCLUSIVE:
            return -errno.EINVAL
        item.events, item.data = events | POLLERR | POLLHUP, data
        self._check(kernel, item)
        return 0

    def _check(self, kernel: Kernel, item: EpollItem) -> None:
        if item.ready(kernel) and item.key not in self.pending:
            self.pending[item.key] = item
            self.notify(kernel, READABLE)

    def delete(self, fd: int, target: Description) -> int:
        """EPOLL_CTL_DEL."""
        item = self.items.get((fd, target.queue))
        if item is None:
            return -errno.ENOENT
        self.forget(item)
        target.watches.remove(item)
        return 0

    def forget(self, item: EpollItem) -> None:
        """Drop an entry whose file was closed."""
        self.items.pop(item.key, None)
        self.pending.pop(item.key, None)

    def happened(self, kernel: Kernel, item: EpollItem, mask: int) -> None:
        """Called by a watched file when the bits `mask` became true (ep_poll_callback)."""
        if not item.events & ~PRIVATE_BITS or not mask & item.events:
            return
        if item.key not in self.pending:
            self.pending[item.key] = item
        self.notify(kernel, READABLE)

    def collect(self, kernel: Kernel, limit: int) -> list[tuple[int, int]]:
        """Up to `limit` pairs (events, user data), in the order they became ready (ep_send_events)."""
        found: list[tuple[int, int]] = []
        for item in list(self.pending.values()):
            if len(found) >= limit:
                break
            del self.pending[item.key]
            mask = item.ready(kernel)
            if not mask:
                continue
            found.append((mask, item.data))
            if item.events & EPOLLONESHOT:
                item.events &= PRIVATE_BITS
            elif not item.events & EPOLLET:
                self.pending[item.key] = item
        return found

    def poll(self, kernel: Kernel) -> int:
        return READABLE if any(item.ready(kernel) for item in self.pending.values()) else 0

    def reaches(self, other: Epoll) -> bool:
        """True if `other` is this set or is watched by it, directly or through other sets."""
        if self is other:
            return True
        return any(item.description.reaches(other) for item in self.items.values() if isinstance(item.description, Epoll))

    def _depth(self) -> int:
        inner = [item.description._depth() for item in self.items.values() if isinstance(item.description, Epoll)]
        return 1 + max(inner, default=0)

    def _height(self) -> int:
        return 1 + max((item.epoll._height() for item in self.watches), default=0)

    def release(self, kernel: Kernel) -> None:
        for item in self.items.values():
            item.description.watches.remove(item)
        self.items.clear()
        self.pending.clear()
