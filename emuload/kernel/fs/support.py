"""Shared by the file system's calls: registration, arguments, user buffers, blocking."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from emuload.kernel import errno
from emuload.kernel.dispatch import Result, syscall
from emuload.kernel.fs.constants import AT_EMPTY_PATH, AT_FDCWD, IOV_MAX, MAX_RW_COUNT, PATH_MAX
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.file_descriptions import DirectoryDescription
from emuload.kernel.fs.inodes import Directory, FsError, Inode
from emuload.kernel.fs.layouts import IOVEC
from emuload.kernel.fs.tree import Place
from emuload.kernel.integers import int32, int64
from emuload.kernel.task import Task, Wait
from emuload.machine import structures

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

F = TypeVar("F", bound=Callable[..., Any])
PIECE: Final = 1 << 20
"""Bytes moved at once between a file and user memory."""


def file_call(*names: str) -> Callable[[F], F]:
    """Like `syscall`; an FsError becomes the call's negative error number."""

    def register(function: F) -> F:
        @functools.wraps(function)
        def handler(kernel: Kernel, task: Task, *args: int) -> Result:
            try:
                return cast(Result, function(kernel, task, *args))
            except FsError as error:
                return -error.number

        return cast(F, syscall(*names)(handler))

    return register


def wide(kernel: Kernel, registers: tuple[int, ...], index: int) -> tuple[int, int]:
    """A signed 64-bit argument that begins at register `index` of a call, and the index after it.

    A 32-bit machine passes it in an even-odd pair of registers, so that a register may be skipped (AAPCS 6.5, C.3).
    """
    if kernel.abi.word == 8:
        return int64(registers[index]), index + 1
    index += index & 1
    return int64(registers[index] & 0xFFFFFFFF | (registers[index + 1] & 0xFFFFFFFF) << 32), index + 2


def uapi(kernel: Kernel) -> structures.Uapi:
    """The architecture's flags and structures."""
    return structures.uapi(kernel.abi.name)


# -- paths -----------------------------------------------------------------------------------------------------------


def path_argument(kernel: Kernel, address: int, flags: int = 0) -> str:
    """A path in user memory, empty only with AT_EMPTY_PATH in `flags`.

    Raises MemoryFault, FsError(ENOENT, ENAMETOOLONG).
    """
    raw = kernel.memory.read_cstring(address, 1 << 16)
    if len(raw) >= PATH_MAX:
        raise FsError(errno.ENAMETOOLONG)
    if not raw and not flags & AT_EMPTY_PATH:
        raise FsError(errno.ENOENT)
    return raw.decode("utf-8", "surrogateescape")


def start_of(kernel: Kernel, dirfd: int, path: str) -> Directory:
    """The directory a relative path begins at. Raises FsError(EBADF, ENOTDIR)."""
    if path.startswith("/") or int32(dirfd) == AT_FDCWD:
        return kernel.files.cwd
    inode = kernel.files.require(dirfd).inode
    if not isinstance(inode, Directory):
        raise FsError(errno.ENOTDIR)
    return inode


def locate_at(kernel: Kernel, dirfd: int, path: str) -> Place:
    """The place of a path whose last name is to be made, removed or renamed."""
    return kernel.fs.locate(path, start_of(kernel, dirfd, path))


def inode_at(kernel: Kernel, dirfd: int, address: int, *, follow: bool = True, flags: int = 0) -> Inode:
    """The inode of a path argument; with AT_EMPTY_PATH in `flags`, an empty path is the descriptor itself."""
    path = path_argument(kernel, address, flags) if address or not flags & AT_EMPTY_PATH else ""
    if not path and flags & AT_EMPTY_PATH:
        if int32(dirfd) == AT_FDCWD:
            return kernel.files.cwd
        return kernel.files.require(dirfd).inode
    return kernel.fs.find(path, start_of(kernel, dirfd, path), follow=follow)


def absolute_path(kernel: Kernel, dirfd: int, path: str) -> str:
    """A path as /proc shows it: absolute, without `.`, `..` and doubled slashes; links are kept."""
    if not path.startswith("/"):
        if int32(dirfd) == AT_FDCWD:
            base = kernel.fs.path_of(kernel.files.cwd)
        else:
            base = kernel.files.require(dirfd).path
        path = f"{base}/{path}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


# -- user buffers ----------------------------------------------------------------------------------------------------


class UserBuffers:
    """The pieces of user memory of one read or write. `total` is in bytes, at most MAX_RW_COUNT."""

    __slots__ = ("kernel", "pieces", "total")

    def __init__(self, kernel: Kernel, pieces: list[tuple[int, int]]) -> None:
        self.kernel = kernel
        self.pieces = pieces
        self.total = min(sum(size for _, size in pieces), MAX_RW_COUNT)

    def _at(self, offset: int, size: int) -> list[tuple[int, int]]:
        """The (address, size) pieces of bytes `offset` to `offset + size`."""
        found = []
        for address, length in self.pieces:
            if offset >= length:
                offset -= length
                continue
            part = min(length - offset, size)
            if part <= 0:
                break
            found.append((address + offset, part))
            size -= part
            offset = 0
        return found

    def get(self, offset: int, size: int) -> bytes:
        """Read bytes of the pieces. Raises MemoryFault."""
        read = self.kernel.memory.user_read
        pieces = self._at(offset, size)
        if len(pieces) == 1:
            return bytes(read(*pieces[0]))
        return b"".join(read(address, length) for address, length in pieces)

    def put(self, offset: int, data: bytes) -> None:
        """Write bytes to the pieces. Raises MemoryFault."""
        done = 0
        for address, length in self._at(offset, len(data)):
            self.kernel.memory.user_write(address, data[done : done + length])
            done += length


def one_buffer(kernel: Kernel, address: int, size: int) -> UserBuffers:
    """The buffer of read or write. Raises FsError(EINVAL) for a negative size."""
    if size >> kernel.abi.word * 8 - 1:
        raise FsError(errno.EINVAL)
    return UserBuffers(kernel, [(address, size)])


def vector(kernel: Kernel, address: int, count: int) -> UserBuffers:
    """The buffers of readv or writev. Raises FsError(EINVAL), MemoryFault."""
    count = int32(count)
    if not 0 <= count <= IOV_MAX:
        raise FsError(errno.EINVAL)
    layout = IOVEC[kernel.abi.word]
    pieces = list(layout.iter_unpack(kernel.memory.user_read(address, count * layout.size))) if count else []
    if any(size >> kernel.abi.word * 8 - 1 for _, size in pieces):
        raise FsError(errno.EINVAL)
    return UserBuffers(kernel, [(base, size) for base, size in pieces])


# -- blocking --------------------------------------------------------------------------------------------------------


def wait_for(kernel: Kernel, task: Task, description: Description, what: str, done: int = 0) -> Result:
    """Let the task wait until the description's state changes; then its call is run again. `done` bytes were moved before."""
    name = f"{what}, {description.shown_name()})"
    return kernel.block(task, Wait("io", description.queue, retry=True, restart=not done, what=name, done=done))


def gone(task: Task, description: Description) -> bool:
    """True if the call is run again and its descriptor now refers to another description."""
    return task.resumed is not None and task.resumed.key != description.queue


def directory_of(kernel: Kernel, fd: int) -> DirectoryDescription:
    """An open directory. Raises FsError(EBADF, ENOTDIR)."""
    description = kernel.files.require(fd)
    if not isinstance(description, DirectoryDescription):
        raise FsError(errno.ENOTDIR)
    return description
