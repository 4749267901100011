"""Descriptors: open(2), close(2), dup(2), fcntl(2), ioctl(2), flock(2), memfd_create(2), getdents64(2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from emuload.kernel import errno
from emuload.kernel.dispatch import Result
from emuload.kernel.fs import constants as c
from emuload.kernel.fs.changes import vacant
from emuload.kernel.fs.descriptions import Description, PathDescription
from emuload.kernel.fs.file_descriptions import FileDescription
from emuload.kernel.fs.inodes import ENTRY_COST, DataInode, Directory, FsError, Inode, Regular, Symlink
from emuload.kernel.fs.layouts import FLOCK
from emuload.kernel.fs.support import absolute_path, directory_of, file_call, path_argument, start_of, uapi
from emuload.kernel.fs.tree import Place
from emuload.kernel.integers import int32
from emuload.kernel.task import Task

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

_FORGOTTEN = c.O_CREAT | c.O_EXCL | c.O_NOCTTY | c.O_TRUNC | c.O_CLOEXEC
"""Flags of open(2) that F_GETFL does not show."""
_WANTED = {c.O_RDONLY: c.R_OK, c.O_WRONLY: c.W_OK, c.O_RDWR: c.R_OK | c.W_OK, 3: c.R_OK | c.W_OK}


def _create(kernel: Kernel, place: Place, mode: int) -> Inode:
    if place.slash:
        raise FsError(errno.EISDIR)
    return vacant(kernel.fs, place).new_file(kernel.fs, place.name, mode & ~kernel.credentials.umask & 0o7777)


def _existing(kernel: Kernel, inode: Inode, flags: int, o_directory: int) -> Inode:
    """Check that an existing inode may be opened, and truncate it if asked to."""
    access = flags & c.O_ACCMODE
    if isinstance(inode, Symlink):
        raise FsError(errno.ELOOP)
    if isinstance(inode, Directory):
        if access != c.O_RDONLY or flags & (c.O_CREAT | c.O_TRUNC):
            raise FsError(errno.EISDIR)
    elif flags & o_directory:
        raise FsError(errno.ENOTDIR)
    wanted = _WANTED[access]
    if isinstance(inode, DataInode | Directory):
        kernel.fs.require(inode, wanted | (c.W_OK if flags & c.O_TRUNC else 0))
    elif not kernel.fs.permitted(inode, wanted):
        raise FsError(errno.EACCES)
    if flags & c.O_TRUNC and isinstance(inode, DataInode):
        inode.truncate(kernel.fs, 0)
    return inode


def _unnamed(kernel: Kernel, place: Place, mode: int) -> Inode:
    """O_TMPFILE: a regular file without a name."""
    if not isinstance(place.inode, Directory):
        raise FsError(errno.ENOENT if place.inode is None else errno.ENOTDIR)
    kernel.fs.require(place.inode, c.W_OK | c.X_OK)
    return _unlinked(kernel, mode & ~kernel.credentials.umask & 0o7777, place.inode.device)


def _unlinked(kernel: Kernel, mode: int, device: tuple[int, int]) -> Regular:
    fs = kernel.fs
    if fs.charge(ENTRY_COST) < ENTRY_COST:
        raise FsError(errno.ENOSPC)
    node = Regular(fs.new_ino(), c.S_IFREG | mode, device, fs.uid, fs.gid, 0)
    node.atime = node.mtime = node.ctime = fs.now()
    return node


def open_at(kernel: Kernel, dirfd: int, address: int, flags: int, mode: int) -> int:
    """Open the path at an address. The descriptor. Raises FsError."""
    rules = uapi(kernel)
    flags &= 0xFFFFFFFF
    if flags & c.O_PATH:
        flags &= c.O_PATH | rules.o_directory | rules.o_nofollow | c.O_CLOEXEC
    if flags & c.O_CREAT and flags & rules.o_directory:
        raise FsError(errno.EINVAL)
    path = path_argument(kernel, address)
    if flags & c.O_CREAT and path.endswith("/") and kernel.fs.locate(path, start_of(kernel, dirfd, path)).name:
        raise FsError(errno.EISDIR)
    exclusive = flags & (c.O_CREAT | c.O_EXCL) == c.O_CREAT | c.O_EXCL
    follow = not flags & rules.o_nofollow and not exclusive
    place = kernel.fs.walk(path, start_of(kernel, dirfd, path), follow=follow)
    inode = place.inode
    shown = absolute_path(kernel, dirfd, path)
    kept = flags & ~_FORGOTTEN | (rules.o_largefile if rules.force_large else 0)
    description: Description
    if flags & c.O_TMPFILE_BIT:
        if not flags & rules.o_directory or flags & c.O_ACCMODE == c.O_RDONLY:
            raise FsError(errno.EINVAL)
        description = kernel.files.describe(_unnamed(kernel, place, mode), kept, f"{shown}/#unnamed")
    elif flags & c.O_PATH:
        if inode is None:
            raise FsError(errno.ENOENT)
        if flags & rules.o_directory and not isinstance(inode, Directory):
            raise FsError(errno.ENOTDIR)
        description = PathDescription(inode, flags & ~c.O_CLOEXEC, kernel.files.new_queue(), shown)
    else:
        if inode is None:
            if not flags & c.O_CREAT:
                raise FsError(errno.ENOENT)
            inode = _create(kernel, place, mode)
        elif exclusive:
            raise FsError(errno.EEXIST)
        else:
            inode = _existing(kernel, inode, flags, rules.o_directory)
        description = kernel.files.describe(inode, kept, shown)
    return kernel.files.install(description, bool(flags & c.O_CLOEXEC))


@file_call("openat")
def sys_openat(kernel: Kernel, task: Task, dirfd: int, path: int, flags: int, mode: int) -> int:
    """openat(2)."""
    return open_at(kernel, dirfd, path, flags, mode)


@file_call("open")
def sys_open(kernel: Kernel, task: Task, path: int, flags: int, mode: int) -> int:
    """open(2)."""
    return open_at(kernel, c.AT_FDCWD, path, flags, mode)


@file_call("creat")
def sys_creat(kernel: Kernel, task: Task, path: int, mode: int) -> int:
    """creat(2)."""
    flags = c.O_CREAT | c.O_WRONLY | c.O_TRUNC
    return open_at(kernel, c.AT_FDCWD, path, flags, mode)


@file_call("close")
def sys_close(kernel: Kernel, task: Task, fd: int) -> int:
    """close(2)."""
    return kernel.files.close(fd)


@file_call("close_range")
def sys_close_range(kernel: Kernel, task: Task, first: int, last: int, flags: int) -> int:
    """close_range(2)."""
    first, last = first & 0xFFFFFFFF, last & 0xFFFFFFFF
    if first > last or flags & ~(c.CLOSE_RANGE_CLOEXEC | c.CLOSE_RANGE_UNSHARE):
        return -errno.EINVAL
    files = kernel.files
    numbers = [fd for fd in files.numbers() if first <= fd <= last]
    if flags & c.CLOSE_RANGE_CLOEXEC:
        files.cloexec.update(numbers)
    else:
        files.close_all(numbers)
    return 0


@file_call("dup")
def sys_dup(kernel: Kernel, task: Task, fd: int) -> int:
    """dup(2)."""
    return kernel.files.install(kernel.files.require(fd))


@file_call("dup2")
def sys_dup2(kernel: Kernel, task: Task, fd: int, target: int) -> int:
    """dup2(2)."""
    if int32(fd) == int32(target):
        kernel.files.require(fd)
        return int32(fd)
    return _dup_to(kernel, fd, target, False)


@file_call("dup3")
def sys_dup3(kernel: Kernel, task: Task, fd: int, target: int, flags: int) -> int:
    """dup3(2)."""
    if flags & ~c.O_CLOEXEC or int32(fd) == int32(target):
        return -errno.EINVAL
    return _dup_to(kernel, fd, target, bool(flags & c.O_CLOEXEC))


def _dup_to(kernel: Kernel, fd: int, target: int, cloexec: bool) -> int:
    target &= 0xFFFFFFFF
    if target >= kernel.files.limit:
        return -errno.EBADF
    kernel.files.place(kernel.files.require(fd), target, cloexec)
    return target


# -- fcntl -----------------------------------------------------------------------------------------------------------

_LOCKS = (c.F_GETLK, c.F_SETLK, c.F_SETLKW)
_LOCKS64 = (c.F_GETLK64, c.F_SETLK64, c.F_SETLKW64, c.F_OFD_GETLK, c.F_OFD_SETLK, c.F_OFD_SETLKW)
_GETTERS = (c.F_GETLK, c.F_GETLK64, c.F_OFD_GETLK)


def _lock(kernel: Kernel, command: int, argument: int, width: int) -> int:
    """Record locks. There is one process, so every lock is granted and none conflicts."""
    layout = FLOCK[width]
    kind, whence, start, length, pid = layout.unpack(kernel.memory.user_read(argument, layout.size))
    if kind not in (c.F_RDLCK, c.F_WRLCK, c.F_UNLCK):
        return -errno.EINVAL
    if command in _GETTERS:
        kernel.memory.user_write(argument, layout.pack(c.F_UNLCK, whence, start, length, pid))
    return 0


def _set_owner(kernel: Kernel, description: Description, who: int, kind: int) -> int:
    if who and abs(who) != kernel.pid and who not in kernel.tasks:
        return -errno.ESRCH
    if kind == c.F_OWNER_PID and who in kernel.tasks:
        who = kernel.pid
    description.own(who, kind)
    return 0


def _fcntl_special(kernel: Kernel, description: Description, command: int, argument: int) -> int:
    """Commands on pipes, seals and owners."""
    if command == c.F_SETOWN:
        return _set_owner(kernel, description, int32(argument), c.F_OWNER_PID)
    if command == c.F_GETOWN:
        return 0 if description.owner_thread else description.owner
    if command == c.F_SETOWN_EX:
        kind, who = struct.unpack("<ii", kernel.memory.user_read(argument, 8))
        if kind not in (c.F_OWNER_TID, c.F_OWNER_PID, c.F_OWNER_PGRP):
            return -errno.EINVAL
        return _set_owner(kernel, description, -who if kind == c.F_OWNER_PGRP else who, kind)
    if command == c.F_GETOWN_EX:
        kind = c.F_OWNER_TID if description.owner_thread else c.F_OWNER_PID
        if description.owner < 0:
            kind = c.F_OWNER_PGRP
        kernel.memory.user_write(argument, struct.pack("<ii", kind, abs(description.owner)))
        return 0
    if command == c.F_SETSIG:
        if not 0 <= int32(argument) <= 64:
            return -errno.EINVAL
        description.signal = argument
        return 0
    if command == c.F_GETSIG:
        return description.signal
    if command in (c.F_SETPIPE_SZ, c.F_GETPIPE_SZ):
        from emuload.kernel.fs.pipes import PipeEnd

        if not isinstance(description, PipeEnd):
            return -errno.EBADF
        if command == c.F_SETPIPE_SZ:
            return description.pipe.resize(int32(argument))
        return description.pipe.capacity * c.PIPE_BUF
    if command in (c.F_ADD_SEALS, c.F_GET_SEALS):
        node = description.inode
        if not isinstance(node, Regular) or node.seals is None:
            return -errno.EINVAL
        if command == c.F_GET_SEALS:
            return node.seals
        if node.seals & c.F_SEAL_SEAL or not description.writable:
            return -errno.EPERM
        node.seals |= argument & 0x1F
        return 0
    return -errno.EINVAL


@file_call("fcntl", "fcntl64")
def sys_fcntl(kernel: Kernel, task: Task, fd: int, command: int, argument: int) -> int:
    """fcntl(2)."""
    files = kernel.files
    description = files.require(fd)
    command = int32(command)
    if command == c.F_GETFL:
        return description.flags
    if command == c.F_SETFL:
        changeable = c.O_APPEND | c.O_NONBLOCK | c.O_ASYNC | c.O_NOATIME | uapi(kernel).o_direct
        description.flags = description.flags & ~changeable | argument & changeable
        return 0
    if command == c.F_GETFD:
        return c.FD_CLOEXEC if int32(fd) in files.cloexec else 0
    if command == c.F_SETFD:
        if argument & c.FD_CLOEXEC:
            files.cloexec.add(int32(fd))
        else:
            files.cloexec.discard(int32(fd))
        return 0
    if command in (c.F_DUPFD, c.F_DUPFD_CLOEXEC):
        if not 0 <= int32(argument) < files.limit:
            return -errno.EINVAL
        return files.install(description, command == c.F_DUPFD_CLOEXEC, int32(argument))
    if command in _LOCKS:
        return _lock(kernel, command, argument, kernel.abi.word)
    if command in _LOCKS64:
        return _lock(kernel, command, argument, 8)
    return _fcntl_special(kernel, description, command, argument)


@file_call("ioctl")
def sys_ioctl(kernel: Kernel, task: Task, fd: int, request: int, argument: int) -> int:
    """ioctl(2): the few requests that every file knows; no file is a terminal."""
    files = kernel.files
    description = files.require(fd)
    request &= 0xFFFFFFFF
    if request in (c.FIOCLEX, c.FIONCLEX):
        if request == c.FIOCLEX:
            files.cloexec.add(int32(fd))
        else:
            files.cloexec.discard(int32(fd))
        return 0
    if request in (c.FIONBIO, c.FIOASYNC):
        bit = c.O_NONBLOCK if request == c.FIONBIO else c.O_ASYNC
        on = int.from_bytes(kernel.memory.user_read(argument, 4), "little")
        description.flags = description.flags | bit if on else description.flags & ~bit
        return 0
    if request == c.FIONREAD:
        count = description.available(kernel)
        if count >= 0:
            kernel.memory.user_write(argument, min(count, 0x7FFFFFFF).to_bytes(4, "little"))
            return 0
    return -errno.ENOTTY


@file_call("flock")
def sys_flock(kernel: Kernel, task: Task, fd: int, operation: int) -> int:
    """flock(2): always granted; there is one process."""
    kernel.files.require(fd)
    return 0 if operation & 0xF & ~4 in (1, 2, 8) else -errno.EINVAL


@file_call("memfd_create")
def sys_memfd_create(kernel: Kernel, task: Task, name: int, flags: int) -> int:
    """memfd_create(2)."""
    if flags & ~(c.MFD_CLOEXEC | c.MFD_ALLOW_SEALING | 0x8 | 0x10):
        return -errno.EINVAL
    text = kernel.memory.read_cstring(name, 4096).decode("utf-8", "surrogateescape")
    if len(text) > c.NAME_MAX - len("memfd:"):
        return -errno.EINVAL
    node = _unlinked(kernel, 0o777, (0, 1))
    node.seals = 0 if flags & c.MFD_ALLOW_SEALING else c.F_SEAL_SEAL
    rules = uapi(kernel)
    description = FileDescription(node, c.O_RDWR | rules.o_largefile, kernel.files.new_queue(), f"/memfd:{text}")
    return kernel.files.install(description, bool(flags & c.MFD_CLOEXEC))


@file_call("getdents64")
def sys_getdents64(kernel: Kernel, task: Task, fd: int, address: int, size: int) -> Result:
    """getdents64(2)."""
    data = directory_of(kernel, fd).entries(kernel, size & 0xFFFFFFFF)
    if isinstance(data, int):
        return data
    kernel.memory.user_write(address, data)
    return len(data)
