"""The descriptor table of a process, its working directory, and the creation of open file descriptions (open(2), dup(2))."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emuload.kernel import errno
from emuload.kernel.fs.constants import ANON_DEVICE, O_RDONLY, O_WRONLY, PIPE_DEVICE, S_IFIFO
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.file_descriptions import (
    DeviceDescription,
    DirectoryDescription,
    FileDescription,
    GeneratedDescription,
)
from emuload.kernel.fs.inodes import DataInode, Device, Directory, FsError, Generated, Inode
from emuload.kernel.fs.streams import StreamDescription, StreamInode
from emuload.kernel.identity import NR_OPEN, RLIMIT_NOFILE

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.fs.events import TimerFd


class FileTable:
    """Descriptor numbers → descriptions. `cloexec` holds the numbers that an exec would close."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.slots: list[Description | None] = []
        self.cloexec: set[int] = set()
        self.cwd: Directory = kernel.fs.root
        self.timers: dict[int, TimerFd] = {}
        kernel.timer_files = self
        self._last_queue = 0
        for stream in range(3):
            node = StreamInode(kernel.fs.new_ino(), S_IFIFO | 0o600, PIPE_DEVICE, kernel.fs.uid, kernel.fs.gid)
            node.stream = stream
            node.atime = node.mtime = node.ctime = kernel.fs.now()
            self.install(StreamDescription(node, O_WRONLY if stream else O_RDONLY, self.new_queue()))

    # -- numbers -------------------------------------------------------------------------------------------------

    def get(self, fd: int) -> Description | None:
        """The description of a descriptor number, which may be a raw register value; None if it is not open."""
        fd &= 0xFFFFFFFF
        return self.slots[fd] if fd < len(self.slots) else None

    def require(self, fd: int) -> Description:
        """Like `get`. Raises FsError(EBADF)."""
        description = self.get(fd)
        if description is None:
            raise FsError(errno.EBADF)
        return description

    def numbers(self) -> list[int]:
        """The open descriptors."""
        return [fd for fd, description in enumerate(self.slots) if description is not None]

    def number_of(self, description: Description) -> int:
        """The first descriptor of a description, or -1."""
        return next((fd for fd, other in enumerate(self.slots) if other is description), -1)

    @property
    def limit(self) -> int:
        """RLIMIT_NOFILE's soft limit, itself bounded like fs.nr_open."""
        return min(self.kernel.limits.values[RLIMIT_NOFILE][0], NR_OPEN)

    def install(self, description: Description, cloexec: bool = False, minimum: int = 0) -> int:
        """Give a description the lowest free number from `minimum` up. Raises FsError(EMFILE)."""
        slots = self.slots
        if minimum > len(slots):
            fd = minimum
        else:
            try:
                fd = slots.index(None, minimum)
            except ValueError:
                fd = len(slots)
        if fd >= self.limit:
            raise FsError(errno.EMFILE)
        self.place(description, fd, cloexec)
        return fd

    def place(self, description: Description, fd: int, cloexec: bool) -> None:
        """Give a description the number `fd`; a description that has this number is closed."""
        description.refs += 1
        if description.refs == 1:
            description.opened(self.kernel)
        if fd >= len(self.slots):
            self.slots.extend([None] * (fd + 1 - len(self.slots)))
        elif self.slots[fd] is not None:
            self.close(fd)
        self.slots[fd] = description
        if cloexec:
            self.cloexec.add(fd)
        else:
            self.cloexec.discard(fd)

    def close(self, fd: int) -> int:
        """close(2) of one number: 0 or -EBADF."""
        description = self.get(fd)
        if description is None:
            return -errno.EBADF
        fd &= 0xFFFFFFFF
        self.slots[fd] = None
        self.cloexec.discard(fd)
        self._drop(description)
        return 0

    def _drop(self, description: Description) -> None:
        description.refs -= 1
        if description.refs:
            return
        for item in description.watches:
            item.epoll.forget(item)
        description.watches.clear()
        description.release(self.kernel)

    def close_all(self, numbers: Iterable[int]) -> None:
        """Close several descriptors."""
        for fd in list(numbers):
            self.close(fd)

    # -- making descriptions ---------------------------------------------------------------------------------------

    def new_queue(self) -> int:
        """A new wait-queue id."""
        self._last_queue += 1
        return self._last_queue

    def anonymous(self) -> Inode:
        """An inode for eventfd, epoll and the like: no type, mode 0600 (fs/anon_inodes.c)."""
        return self.owned(Inode(self.kernel.fs.new_ino(), 0o600, ANON_DEVICE))

    def owned(self, node: Inode) -> Inode:
        """Set owner and times of an inode that the process has just made, and return it."""
        fs = self.kernel.fs
        node.uid, node.gid = fs.uid, fs.gid
        node.atime = node.mtime = node.ctime = fs.now()
        return node

    def describe(self, inode: Inode, flags: int, path: str) -> Description:
        """A description of an inode that is being opened; permissions have been checked.

        Raises FsError(ENXIO) if it cannot be opened.
        """
        queue = self.new_queue()
        if isinstance(inode, DataInode):
            return FileDescription(inode, flags, queue, path)
        if isinstance(inode, Directory):
            return DirectoryDescription(inode, flags, queue, path)
        if isinstance(inode, Generated):
            return GeneratedDescription(inode, flags, queue, path)
        if isinstance(inode, Device) and inode.driver != "tty":
            return DeviceDescription(inode, flags, queue, path)
        if isinstance(inode, StreamInode):
            return StreamDescription(inode, flags, queue, path)
        from emuload.kernel.fs.pipes import PipeEnd, PipeInode

        if isinstance(inode, PipeInode):
            return PipeEnd(inode, flags, queue, path)
        raise FsError(errno.ENXIO)

    # -- timers ------------------------------------------------------------------------------------------------------

    def timer_is_armed(self, queue: int, sequence: int) -> bool:
        """True if a timerfd's deadline still counts."""
        timer = self.timers.get(queue)
        return timer is not None and timer.armed == sequence

    def timer_due(self, queue: int, sequence: int) -> None:
        """Called at a timerfd's deadline."""
        if self.timer_is_armed(queue, sequence):
            self.timers[queue].expire(self.kernel)
