"""Open file descriptions: what a descriptor number stands for, shared by its duplicates (open(2)).

A read gives bytes, every other answer is a count or a negative Linux error number; -EAGAIN means "would block", and the
system call decides what to do about it. Errors of the tree come as FsError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    F_OWNER_TID,
    F_SEAL_GROW,
    F_SEAL_WRITE,
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    POLL_IN,
    POLL_OUT,
    POLLERR,
    POLLHUP,
    READABLE,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
    SIGIO,
    WRITABLE,
)
from emuload.kernel.fs.inodes import DataInode, Device, Directory, FsError, Generated, Inode, Regular
from emuload.kernel.fs.layouts import DIRENT64
from emuload.kernel.fs.output import BoundExceeded, shown
from emuload.kernel.fs.proc import generate, store
from emuload.kernel.siginfo import SI_KERNEL
from emuload.kernel.signals import send_signal
from emuload.kernel.task import SigInfo

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.fs.epoll import EpollItem

_OFFSET_MAX: Final = (1 << 63) - 1


@dataclass(slots=True, eq=False, repr=False)
class Description:
    """Base of all. `flags` are the O_… values F_GETFL shows; `queue` is its wait queue, and names it in epoll sets.

    `refs` counts descriptors; `owner` is who gets SIGIO (F_SETOWN): a process, below 0 a group; with `owner_thread`
    a thread.
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
    """False: epoll_ctl refuses it (-EPERM), as for regular files."""
    bulk: ClassVar[bool] = False
    """Reads are made in pieces until one is short: files that can be larger than what one piece should hold."""

    @property
    def readable(self) -> bool:
        """Opened for reading."""
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def writable(self) -> bool:
        """Opened for writing."""
        return self.flags & O_ACCMODE != O_RDONLY

    @property
    def nonblocking(self) -> bool:
        """O_NONBLOCK is set."""
        return bool(self.flags & O_NONBLOCK)

    def shown_path(self) -> str:
        """What /proc/self/fd shows."""
        return self.path if self.inode.nlink else f"{self.path} (deleted)"

    def shown_name(self) -> str:
        """A short name for reports."""
        return self.path or self.kind

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        """Up to `size` bytes at the position, which moves."""
        return -errno.EINVAL

    def write(self, kernel: Kernel, data: bytes) -> int:
        """Write at the position, which moves; the count."""
        return -errno.EINVAL

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        """pread."""
        return -errno.ESPIPE

    def write_at(self, kernel: Kernel, offset: int, data: bytes) -> int:
        """pwrite."""
        return -errno.ESPIPE

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        """The new position."""
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
        """Called once it has its first descriptor."""

    def release(self, kernel: Kernel) -> None:
        """Called when the last descriptor is closed."""

    def notify(self, kernel: Kernel, mask: int) -> None:
        """Say that `mask` became true: wake who waits, tell epoll sets, send SIGIO if asked for."""
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
        raw = struct.pack(layout, self.signal, 0, reason, band, fd).ljust(128, b"\0")
        send_signal(kernel, SigInfo(self.signal, reason, raw=raw), task)

    def own(self, who: int, kind: int) -> None:
        """F_SETOWN_EX: `kind` is F_OWNER_TID, _PID or _PGRP."""
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


class FileDescription(Description):
    """A regular file, of memory or of the host."""

    __slots__ = ()

    bulk: ClassVar[bool] = True

    @property
    def data(self) -> DataInode:
        """The inode, by its right type."""
        assert isinstance(self.inode, DataInode)
        return self.inode

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        data = self.data.read_at(self.position, size)
        self.position += len(data)
        return data

    def write(self, kernel: Kernel, data: bytes) -> int:
        if self.flags & O_APPEND:
            self.position = self.data.size()
        count = self.write_at(kernel, self.position, data)
        if count > 0:
            self.position += count
        return count

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        return self.data.read_at(offset, size)

    def write_at(self, kernel: Kernel, offset: int, data: bytes) -> int:
        if self.flags & O_APPEND:
            offset = self.data.size()
        node = self.data
        if isinstance(node, Regular) and node.seals:
            if node.seals & F_SEAL_WRITE:
                return -errno.EPERM
            if node.seals & F_SEAL_GROW and offset + len(data) > node.length:
                return -errno.EPERM
        return node.write_at(kernel.fs, offset, data)

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        size = self.data.size()
        if whence == SEEK_CUR:
            offset += self.position
        elif whence == SEEK_END:
            offset += size
        elif whence in (SEEK_DATA, SEEK_HOLE):
            if not 0 <= offset < size:
                return -errno.ENXIO
            offset = offset if whence == SEEK_DATA else size
        elif whence != SEEK_SET:
            return -errno.EINVAL
        if not 0 <= offset <= _OFFSET_MAX:
            return -errno.EINVAL
        self.position = offset
        return offset

    def available(self, kernel: Kernel) -> int:
        return max(0, self.data.size() - self.position)

    def content(self, kernel: Kernel, offset: int, length: int) -> bytes:
        return self.data.read_at(offset, length)

    def opened(self, kernel: Kernel) -> None:
        self.data.opened += 1

    def release(self, kernel: Kernel) -> None:
        node = self.data
        node.opened -= 1
        if not node.opened and not node.nlink:
            node.discard(kernel.fs)


@dataclass(slots=True, eq=False, repr=False)
class GeneratedDescription(Description):
    """A file of /proc or /sys; its text is made at the first read, and again after going back to the start."""

    text: bytes | None = None

    bulk: ClassVar[bool] = True

    def _text(self, kernel: Kernel) -> bytes:
        if self.text is None:
            assert isinstance(self.inode, Generated)
            self.text = generate(kernel, self.inode)
        return self.text

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        data = self._text(kernel)[self.position : self.position + size]
        self.position += len(data)
        return data

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        return self._text(kernel)[offset : offset + size]

    def write(self, kernel: Kernel, data: bytes) -> int:
        assert isinstance(self.inode, Generated)
        return store(kernel, self.inode, data)

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        if whence == SEEK_CUR:
            offset += self.position
        elif whence != SEEK_SET:
            return -errno.EINVAL
        if offset < 0:
            return -errno.EINVAL
        if offset == 0:
            self.text = None
        self.position = offset
        return offset


_TYPE_SHIFT: Final = 12
"""d_type is st_mode's type, shifted (include/linux/fs_types.h)."""


@dataclass(slots=True, eq=False, repr=False)
class DirectoryDescription(Description):
    """An open directory. Its entries are listed when reading starts at 0; a position is an index into that list."""

    listing: list[tuple[str, int, int]] | None = None

    @property
    def directory(self) -> Directory:
        """The inode, by its right type."""
        assert isinstance(self.inode, Directory)
        return self.inode

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        return -errno.EISDIR

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        return -errno.EISDIR

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        if whence == SEEK_CUR:
            offset += self.position
        elif whence == SEEK_END:
            offset = len(self._list(kernel))
        elif whence != SEEK_SET:
            return -errno.EINVAL
        if offset < 0:
            return -errno.EINVAL
        self.position = offset
        return offset

    def _list(self, kernel: Kernel) -> list[tuple[str, int, int]]:
        if self.listing is None or self.position == 0:
            directory = self.directory
            rows: list[tuple[str, Inode | None]] = [(".", directory), ("..", directory.up())]
            rows += [(name, directory.lookup(kernel.fs, name)) for name in directory.names(kernel.fs)]
            self.listing = [(name, node.ino, node.type >> _TYPE_SHIFT) for name, node in rows if node is not None]
        return self.listing

    def entries(self, kernel: Kernel, room: int) -> bytes | int:
        """struct linux_dirent64 records that fit in `room` bytes; -EINVAL if not even one does."""
        if self.directory.nlink == 0:
            return -errno.ENOENT
        listing = self._list(kernel)
        parts = bytearray()
        index = self.position
        while index < len(listing):
            name, ino, kind = listing[index]
            raw = name.encode("utf-8", "surrogateescape") + b"\0"
            length = (DIRENT64.size + len(raw) + 7) & -8
            if len(parts) + length > room:
                if index == self.position:
                    return -errno.EINVAL
                break
            record = DIRENT64.pack(ino, index + 1, length, kind) + raw
            parts += record.ljust(length, b"\0")
            index += 1
        self.position = index
        return bytes(parts)


class DeviceDescription(Description):
    """/dev/null, zero, full, random, urandom (drivers/char/mem.c, random.c)."""

    __slots__ = ()

    bulk: ClassVar[bool] = True
    kind: ClassVar[str] = "device"

    @property
    def driver(self) -> str:
        """Which of them it is."""
        assert isinstance(self.inode, Device)
        return self.inode.driver

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        driver = self.driver
        if driver == "null":
            return b""
        return kernel.entropy.bytes(size) if driver == "random" else bytes(size)

    def write(self, kernel: Kernel, data: bytes) -> int:
        return -errno.ENOSPC if self.driver == "full" else len(data)

    def read_at(self, kernel: Kernel, offset: int, size: int) -> bytes | int:
        return self.read(kernel, size)

    def write_at(self, kernel: Kernel, offset: int, data: bytes) -> int:
        return self.write(kernel, data)

    def seek(self, kernel: Kernel, offset: int, whence: int) -> int:
        return 0

    def content(self, kernel: Kernel, offset: int, length: int) -> bytes:
        if self.driver != "zero":
            raise FsError(errno.ENODEV)
        return b""


@dataclass(slots=True, eq=False, repr=False)
class StreamInode(Inode):
    """What the standard streams are made of: number 0, 1 or 2, looking like the pipes of a process run by a program."""

    stream: int = 0


class StreamDescription(Description):
    """Standard input, output or error."""

    __slots__ = ()

    kind: ClassVar[str] = "stream"
    pollable: ClassVar[bool] = True

    @property
    def stream(self) -> int:
        """0, 1 or 2."""
        assert isinstance(self.inode, StreamInode)
        return self.inode.stream

    def shown_path(self) -> str:
        return f"pipe:[{self.inode.ino}]"

    def shown_name(self) -> str:
        return ("stdin", "stdout", "stderr")[self.stream]

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        return kernel.fs.stdin.read(size)

    def write(self, kernel: Kernel, data: bytes) -> int:
        output = kernel.fs.output
        room = output.room()
        if len(data) > room:
            data = data[:room]
        if data:
            output.append(self.stream, data)
            task = kernel.current
            kernel.events.emit("write", task.tid if task else 0, fd=self.stream, text=shown(data))
            kernel.events.flush()
        elif room <= 0:
            raise BoundExceeded("output", output.limit)
        return len(data)

    def poll(self, kernel: Kernel) -> int:
        if self.stream:
            return WRITABLE
        return READABLE if kernel.fs.stdin.waiting() else POLLHUP

    def available(self, kernel: Kernel) -> int:
        return 0 if self.stream else kernel.fs.stdin.waiting()
