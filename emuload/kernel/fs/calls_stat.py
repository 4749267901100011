"""Attributes of files: stat(2), statx(2), statfs(2), access(2), chmod(2), chown(2), utimensat(2), getxattr(2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emuload.kernel import errno
from emuload.kernel.clock import SECOND
from emuload.kernel.fs.constants import (
    ANON_DEVICE,
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
    DEV_DEVICE,
    NAME_MAX,
    PIPE_DEVICE,
    PROC_DEVICE,
    R_OK,
    SOCKET_DEVICE,
    SYS_DEVICE,
    W_OK,
    X_OK,
)
from emuload.kernel.fs.inodes import BLOCK, FsError, Inode
from emuload.kernel.fs.layouts import (
    TIMESPEC,
    FileSystemFigures,
    pack_statfs,
    pack_statx,
)
from emuload.kernel.fs.support import file_call, inode_at, uapi
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.machine.structures import StatFormat

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


def _store(kernel: Kernel, inode: Inode, address: int, layout: StatFormat | None) -> int:
    assert layout is not None
    data = layout.pack(inode.attributes())
    if data is None:
        return -errno.EOVERFLOW
    kernel.memory.user_write(address, data)
    return 0


@file_call("stat")
def sys_stat(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """stat(2)."""
    return _store(kernel, inode_at(kernel, AT_FDCWD, path), address, uapi(kernel).stat)


@file_call("lstat")
def sys_lstat(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """lstat(2)."""
    return _store(kernel, inode_at(kernel, AT_FDCWD, path, follow=False), address, uapi(kernel).stat)


@file_call("fstat")
def sys_fstat(kernel: Kernel, task: Task, fd: int, address: int) -> int:
    """fstat(2)."""
    return _store(kernel, kernel.files.require(fd).inode, address, uapi(kernel).stat)


def _stat_at(kernel: Kernel, dirfd: int, path: int, address: int, flags: int, layout: StatFormat | None) -> int:
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE):
        return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags)
    return _store(kernel, inode, address, layout)


@file_call("newfstatat")
def sys_newfstatat(kernel: Kernel, task: Task, dirfd: int, path: int, address: int, flags: int) -> int:
    """fstatat(2)."""
    return _stat_at(kernel, dirfd, path, address, flags, uapi(kernel).stat)


@file_call("fstatat64")
def sys_fstatat64(kernel: Kernel, task: Task, dirfd: int, path: int, address: int, flags: int) -> int:
    """fstatat64(2)."""
    return _stat_at(kernel, dirfd, path, address, flags, uapi(kernel).stat64)


@file_call("stat64")
def sys_stat64(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """stat64(2)."""
    return _store(kernel, inode_at(kernel, AT_FDCWD, path), address, uapi(kernel).stat64)


@file_call("lstat64")
def sys_lstat64(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """lstat64(2)."""
    return _store(kernel, inode_at(kernel, AT_FDCWD, path, follow=False), address, uapi(kernel).stat64)


@file_call("fstat64")
def sys_fstat64(kernel: Kernel, task: Task, fd: int, address: int) -> int:
    """fstat64(2)."""
    return _store(kernel, kernel.files.require(fd).inode, address, uapi(kernel).stat64)


@file_call("statx")
def sys_statx(kernel: Kernel, task: Task, dirfd: int, path: int, flags: int, mask: int, address: int) -> int:
    """statx(2)."""
    known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE
    if flags & ~known or mask >> 31 & 1 or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE:
        return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags)
    kernel.memory.user_write(address, pack_statx(inode.attributes()))
    return 0


# -- statfs ----------------------------------------------------------------------------------------------------------

_TMPFS: Final = 0x01021994
_MAGIC: Final = {
    PROC_DEVICE: 0x9FA0, SYS_DEVICE: 0x62656572, PIPE_DEVICE: 0x50495045, SOCKET_DEVICE: 0x534F434B,
    ANON_DEVICE: 0x09041934, DEV_DEVICE: _TMPFS,
}  # fmt: skip
"""f_type by device (include/uapi/linux/magic.h)."""
_ST_RDONLY: Final = 1
_ST_VALID: Final = 0x20


def _figures(kernel: Kernel, inode: Inode) -> FileSystemFigures:
    fs = kernel.fs
    blocks, free = fs.storage_limit // BLOCK, (fs.storage_limit - fs.storage) // BLOCK
    flags = _ST_VALID | (0 if inode.writable_mount else _ST_RDONLY)
    return FileSystemFigures(_MAGIC.get(inode.device, _TMPFS), BLOCK, blocks, free, 1 << 18, (1 << 18) - 1024, NAME_MAX, flags)


def _store_figures(kernel: Kernel, inode: Inode, address: int, layout: str | None) -> int:
    assert layout is not None
    kernel.memory.user_write(address, pack_statfs(layout, _figures(kernel, inode)))
    return 0


@file_call("statfs")
def sys_statfs(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """statfs(2)."""
    return _store_figures(kernel, inode_at(kernel, AT_FDCWD, path), address, uapi(kernel).statfs)


@file_call("fstatfs")
def sys_fstatfs(kernel: Kernel, task: Task, fd: int, address: int) -> int:
    """fstatfs(2)."""
    return _store_figures(kernel, kernel.files.require(fd).inode, address, uapi(kernel).statfs)


@file_call("statfs64")
def sys_statfs64(kernel: Kernel, task: Task, path: int, size: int, address: int) -> int:
    """statfs64(2); ARM takes 84 and 88 for the size (arch/arm/kernel/sys_oabi-compat.c)."""
    if size not in (84, 88):
        return -errno.EINVAL
    return _store_figures(kernel, inode_at(kernel, AT_FDCWD, path), address, uapi(kernel).statfs64)


@file_call("fstatfs64")
def sys_fstatfs64(kernel: Kernel, task: Task, fd: int, size: int, address: int) -> int:
    """fstatfs64(2)."""
    if size not in (84, 88):
        return -errno.EINVAL
    return _store_figures(kernel, kernel.files.require(fd).inode, address, uapi(kernel).statfs64)


# -- access ----------------------------------------------------------------------------------------------------------


def _access(kernel: Kernel, dirfd: int, path: int, mode: int, flags: int) -> int:
    if mode & ~(R_OK | W_OK | X_OK) or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags)
    kernel.fs.require(inode, mode)
    return 0


@file_call("access")
def sys_access(kernel: Kernel, task: Task, path: int, mode: int) -> int:
    """access(2)."""
    return _access(kernel, AT_FDCWD, path, mode, 0)


@file_call("faccessat")
def sys_faccessat(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int) -> int:
    """faccessat(2), which has no flags."""
    return _access(kernel, dirfd, path, mode, 0)


@file_call("faccessat2")
def sys_faccessat2(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int, flags: int) -> int:
    """faccessat2(2)."""
    return _access(kernel, dirfd, path, mode, flags)


# -- changing mode, owner, times ---------------------------------------------------------------------------------------


def _own(kernel: Kernel, inode: Inode) -> None:
    """Raise FsError unless the guest's user may change attributes that only the owner may change."""
    if not inode.writable_mount:
        raise FsError(errno.EROFS)
    if kernel.fs.uid not in (0, inode.uid):
        raise FsError(errno.EPERM)


def _chmod(kernel: Kernel, inode: Inode, mode: int) -> int:
    _own(kernel, inode)
    inode.change_mode(mode)
    inode.ctime = kernel.fs.now()
    return 0


@file_call("chmod")
def sys_chmod(kernel: Kernel, task: Task, path: int, mode: int) -> int:
    """chmod(2)."""
    return _chmod(kernel, inode_at(kernel, AT_FDCWD, path), mode)


@file_call("fchmod")
def sys_fchmod(kernel: Kernel, task: Task, fd: int, mode: int) -> int:
    """fchmod(2)."""
    return _chmod(kernel, kernel.files.require(fd).inode, mode)


@file_call("fchmodat")
def sys_fchmodat(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int) -> int:
    """fchmodat(2), which has no flags."""
    return _chmod(kernel, inode_at(kernel, dirfd, path), mode)


@file_call("fchmodat2")
def sys_fchmodat2(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int, flags: int) -> int:
    """fchmodat2(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    return _chmod(kernel, inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags), mode)


def _chown(kernel: Kernel, inode: Inode, uid: int, gid: int) -> int:
    uid, gid = int32(uid), int32(gid)
    if not inode.writable_mount:
        return -errno.EROFS
    if kernel.fs.uid != 0:
        groups = (-1, inode.gid, kernel.fs.gid, *kernel.credentials.groups)
        if kernel.fs.uid != inode.uid or uid not in (-1, inode.uid) or gid not in groups:
            return -errno.EPERM
    inode.uid = inode.uid if uid == -1 else uid & 0xFFFFFFFF
    inode.gid = inode.gid if gid == -1 else gid & 0xFFFFFFFF
    inode.ctime = kernel.fs.now()
    return 0


@file_call("chown", "chown32")
def sys_chown(kernel: Kernel, task: Task, path: int, uid: int, gid: int) -> int:
    """chown(2)."""
    return _chown(kernel, inode_at(kernel, AT_FDCWD, path), uid, gid)


@file_call("lchown", "lchown32")
def sys_lchown(kernel: Kernel, task: Task, path: int, uid: int, gid: int) -> int:
    """lchown(2)."""
    return _chown(kernel, inode_at(kernel, AT_FDCWD, path, follow=False), uid, gid)


@file_call("fchown", "fchown32")
def sys_fchown(kernel: Kernel, task: Task, fd: int, uid: int, gid: int) -> int:
    """fchown(2)."""
    return _chown(kernel, kernel.files.require(fd).inode, uid, gid)


@file_call("fchownat")
def sys_fchownat(kernel: Kernel, task: Task, dirfd: int, path: int, uid: int, gid: int, flags: int) -> int:
    """fchownat(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags)
    return _chown(kernel, inode, uid, gid)


_UTIME_NOW: Final = (1 << 30) - 1
_UTIME_OMIT: Final = (1 << 30) - 2


def _set_times(kernel: Kernel, inode: Inode, times: list[tuple[int, int]] | None) -> int:
    """Set access and modification time from (seconds, nanoseconds) pairs; None: to now."""
    now = kernel.fs.now()
    if times is None or all(nanoseconds == _UTIME_NOW for _, nanoseconds in times):
        if kernel.fs.uid not in (0, inode.uid):
            kernel.fs.require(inode, W_OK)
        elif not inode.writable_mount:
            return -errno.EROFS
        inode.atime = inode.mtime = inode.ctime = now
        return 0
    if any(not 0 <= ns < SECOND and ns not in (_UTIME_NOW, _UTIME_OMIT) for _, ns in times):
        return -errno.EINVAL
    if all(nanoseconds == _UTIME_OMIT for _, nanoseconds in times):
        return 0
    _own(kernel, inode)
    old = (inode.atime, inode.mtime)
    new = [
        now if ns == _UTIME_NOW else before if ns == _UTIME_OMIT else seconds * SECOND + ns
        for (seconds, ns), before in zip(times, old, strict=True)
    ]
    inode.atime, inode.mtime = new
    inode.ctime = now
    return 0


def _utimensat(kernel: Kernel, dirfd: int, path: int, address: int, flags: int, width: int) -> int:
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    times = None
    if address:
        layout = TIMESPEC[width]
        times = list(layout.iter_unpack(kernel.memory.user_read(address, 2 * layout.size)))
    if not path:
        inode = kernel.files.require(dirfd).inode
    else:
        inode = inode_at(kernel, dirfd, path, follow=not flags & AT_SYMLINK_NOFOLLOW, flags=flags)
    return _set_times(kernel, inode, times)


@file_call("utimensat")
def sys_utimensat(kernel: Kernel, task: Task, dirfd: int, path: int, times: int, flags: int) -> int:
    """utimensat(2)."""
    return _utimensat(kernel, dirfd, path, times, flags, kernel.abi.word)


@file_call("utimensat_time64")
def sys_utimensat_time64(kernel: Kernel, task: Task, dirfd: int, path: int, times: int, flags: int) -> int:
    """utimensat(2) with 64-bit times."""
    return _utimensat(kernel, dirfd, path, times, flags, 8)


@file_call("futimesat")
def sys_futimesat(kernel: Kernel, task: Task, dirfd: int, path: int, address: int) -> int:
    """futimesat(2): microseconds."""
    times = None
    if address:
        layout = TIMESPEC[kernel.abi.word]
        pairs = layout.iter_unpack(kernel.memory.user_read(address, 2 * layout.size))
        times = [(seconds, microseconds * 1000) for seconds, microseconds in pairs]
        if any(not 0 <= nanoseconds < SECOND for _, nanoseconds in times):
            return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path) if path else kernel.files.require(dirfd).inode
    return _set_times(kernel, inode, times)


@file_call("utimes")
def sys_utimes(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """utimes(2)."""
    return sys_futimesat(kernel, task, AT_FDCWD, path, address)


@file_call("utime")
def sys_utime(kernel: Kernel, task: Task, path: int, address: int) -> int:
    """utime(2): seconds."""
    times = None
    if address:
        seconds = TIMESPEC[kernel.abi.word].unpack(kernel.memory.user_read(address, 2 * kernel.abi.word))
        times = [(second, 0) for second in seconds]
    return _set_times(kernel, inode_at(kernel, AT_FDCWD, path), times)


# -- extended attributes: there are none -------------------------------------------------------------------------------


@file_call("listxattr", "llistxattr", "flistxattr")
def sys_listxattr(kernel: Kernel, task: Task) -> int:
    """listxattr(2): an empty list."""
    return 0


@file_call(
    "getxattr", "lgetxattr", "fgetxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
    "fremovexattr",
)  # fmt: skip
def sys_xattr(kernel: Kernel, task: Task) -> int:
    """getxattr(2) and its family: not supported by this file system."""
    return -errno.EOPNOTSUPP
