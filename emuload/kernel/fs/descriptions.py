"""Open file descriptions (open(2)): a descriptor number refers to one, and its duplicates share it.

A read returns bytes; every other result is a count or a negative Linux error number. -EAGAIN means "would block"; the system
call then waits or returns it. Errors of the tree are raised as FsError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    F_OWNER_TID,
    O_ACCMODE,
    O_ASYNC,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    POLLERR,
    POLLHUP,
    READABLE,
    WRITABLE,
)
from emuload.kernel.fs.inodes import FsError, Inode
from emuload.kernel.signals import send_signal
from emuload.kernel.task import SigInfo
from emuload.machine.signal_numbers import POLL_IN, POLL_OUT, SI_KERNEL, SIGINFO_SIZE, SIGIO

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.fs.epoll import EpollItem


@dataclass(slots=True, eq=False, repr=False)
class Description:
    """Base class.

    flags         the O_… values that F_GETFL shows
    queue         id of its wait queue; also identifies it in epoll sets
    refs          number of descriptors
    owner         receiver of SIGIO (F_SETOWN): a process, a group if negative, a thread if `owner_thread`
    signal        the signal sent instead of SIGIO (F_SETSIG), or 0
    watches       its entries in epoll sets
    """

    inode: Inode
    flags: int
    queue: int
    path: str = ""
    position: int = 0
    refs: int = 0
    owner: int = 0
    owner_thread: bool = False
    signal: int = 0
    watches: list[EpollItem] = field(default_factory=list)

    kind: ClassVar[str] = "file"
    pollable: ClassVar[bool] = False
    """False: epoll_ctl refuses it with -EPERM, as it refuses regular files."""
    bulk: ClassVar[bool] = False
    """True: a read is made in pieces until one is short, since the file may be larger than one piece should be."""

    @property
    def readable(self) -> bool:
        """True if opened for reading."""
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def writable(self) -> bool:
        """True if opened for writing."""
        return self.flags & O_ACCMODE != O_RDONLY

    @property
    def nonblocking(self) -> bool:
        """True if O_NONBLOCK is set."""
        return bool(self.flags & O_NONBLOCK)

    def shown_path(self) -> str:
        """The path as /proc/self/fd shows it."""
        return self.path if self.inode.nlink else f"{self.path} (deleted)"

    def shown_name(self) -> str:
        """A short name for reports."""
        return self.path or self.kind

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        """Read up to `size` bytes at the position and move it."""
        return -errno.EINVAL

    def write(self, kernel: Kernel, data: bytes) -> int:
        """Write at the position and move it. The count written."""
        return -errno.EINVAL

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        """Read at an offset (pread)."""
        return -errno.ESPIPE

    def write_at(self, kernel: Kernel, offset: int, data: bytes) -> int:
        """Write at an offset (pwrite)."""
        return -errno.ESPIPE

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        """Move the position (lseek). The new one."""
        return -errno.ESPIPE

    def poll(self, kernel: Kernel) -> int:
        """The POLL… bits that hold now."""
        return READABLE | WRITABLE

    def available(self, kernel: Kernel) -> int:
        """FIONREAD: bytes that can be read at once."""
        return -errno.ENOTTY

    def content(self, kernel: Kernel, offset: int, length: int) -> bytes:
        """Bytes for a mapping, fewer at the end. Raises FsError(ENODEV) if it cannot be mapped."""
        raise FsError(errno.ENODEV)

    def opened(self, kernel: Kernel) -> None:
        """Called when it gets its first descriptor."""

    def release(self, kernel: Kernel) -> None:
        """Called when the last descriptor is closed."""

    def notify(self, kernel: Kernel, mask: int) -> None:
        """Report that the POLL… bits `mask` became true: wake waiting tasks and tell epoll sets."""
        kernel.wake_queue(self.queue)
        for item in self.watches:
            item.epoll.happened(kernel, item, mask)

    def send_sigio(self, kernel: Kernel, reason: int) -> None:
        """Send SIGIO, or F_SETSIG's signal, to the owner (fs/fcntl.c: kill_fasync, send_sigio_to_task)."""
        if not self.flags & O_ASYNC or not self.owner:
            return
        task = kernel.tasks.get(self.owner) if self.owner_thread else None
        if self.owner_thread and (task is None or task.exited):
            return
        if not self.owner_thread and abs(self.owner) != kernel.pid:
            return
        if not self.signal:
            send_signal(kernel, SigInfo(SIGIO, SI_KERNEL), task)
            return
        fd = kernel.files.number_of(self)
        band = {POLL_IN: READABLE, POLL_OUT: WRITABLE}.get(reason, POLLERR | POLLHUP)
        layout = "<iii4xqi" if kernel.abi.word == 8 else "<iiiii"
        raw = struct.pack(layout, self.signal, 0, reason, band, fd).ljust(SIGINFO_SIZE, b"\0")
        send_signal(kernel, SigInfo(self.signal, reason, raw=raw), task)

    def own(self, who: int, kind: int) -> None:
        """Set the owner (F_SETOWN_EX); `kind` is F_OWNER_TID, _PID or _PGRP."""
        self.owner, self.owner_thread = who, kind == F_OWNER_TID


class PathDescription(Description):
    """O_PATH: names a file without opening it."""

    __slots__ = ()

    kind: ClassVar[str] = "path"

    @property
    def readable(self) -> bool:
        return False

    @property
    def writable(self) -> bool:
        return False
