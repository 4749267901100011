"""Descriptions of files with a name in the tree: regular files, generated files, directories and devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    F_SEAL_GROW,
    F_SEAL_WRITE,
    O_APPEND,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
)
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.inodes import DataInode, Device, Directory, FsError, Generated, Inode, Regular
from emuload.kernel.fs.layouts import DIRENT64
from emuload.kernel.fs.proc import generate, store
from emuload.machine.memory import text_bytes

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

_OFFSET_MAX: Final = (1 << 63) - 1


class FileDescription(Description):
    """A regular file, in memory or of the host."""

    __slots__ = ()

    bulk: ClassVar[bool] = True

    @property
    def data(self) -> DataInode:
        """The inode."""
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
    """A file of /proc or /sys; its text is made at the first read, and again after a seek to the start."""

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
"""Shift from st_mode's type to d_type (include/linux/fs_types.h)."""


@dataclass(slots=True, eq=False, repr=False)
class DirectoryDescription(Description):
    """An open directory. Its entries are listed when reading starts at 0; a position is an index into that list."""

    listing: list[tuple[str, int, int]] | None = None

    @property
    def directory(self) -> Directory:
        """The inode."""
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
            raw = text_bytes(name) + b"\0"
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
        """Its behaviour, as `Device.driver` names it."""
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
