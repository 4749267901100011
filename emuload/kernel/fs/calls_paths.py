"""Names: mkdir(2), unlink(2), rename(2), link(2), symlink(2), readlink(2), getcwd(2), chdir(2), umask(2), mknod(2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.kernel import errno
from emuload.kernel.fs import changes
from emuload.kernel.fs.constants import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    S_IFMT,
    S_IFREG,
    X_OK,
)
from emuload.kernel.fs.inodes import Directory, Inode, Symlink
from emuload.kernel.fs.support import file_call, inode_at, locate_at, path_argument
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.machine.memory import text_bytes

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


@file_call("mkdirat")
def sys_mkdirat(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int) -> int:
    """mkdirat(2)."""
    place = locate_at(kernel, dirfd, path_argument(kernel, path))
    changes.make_directory(kernel.fs, place, mode & ~kernel.credentials.umask)
    return 0


@file_call("mkdir")
def sys_mkdir(kernel: Kernel, task: Task, path: int, mode: int) -> int:
    """mkdir(2)."""
    return sys_mkdirat(kernel, task, AT_FDCWD, path, mode)


def _remove(kernel: Kernel, dirfd: int, address: int, directory: bool) -> int:
    place = locate_at(kernel, dirfd, path_argument(kernel, address))
    if directory:
        changes.remove_directory(kernel.fs, place)
    else:
        changes.unlink(kernel.fs, place)
    return 0


@file_call("unlinkat")
def sys_unlinkat(kernel: Kernel, task: Task, dirfd: int, path: int, flags: int) -> int:
    """unlinkat(2)."""
    if flags & ~AT_REMOVEDIR:
        return -errno.EINVAL
    return _remove(kernel, dirfd, path, bool(flags))


@file_call("unlink")
def sys_unlink(kernel: Kernel, task: Task, path: int) -> int:
    """unlink(2)."""
    return _remove(kernel, AT_FDCWD, path, False)


@file_call("rmdir")
def sys_rmdir(kernel: Kernel, task: Task, path: int) -> int:
    """rmdir(2)."""
    return _remove(kernel, AT_FDCWD, path, True)


@file_call("renameat2")
def sys_renameat2(kernel: Kernel, task: Task, dirfd: int, path: int, new_dirfd: int, new_path: int, flags: int) -> int:
    """renameat2(2)."""
    if flags not in (0, RENAME_NOREPLACE, RENAME_EXCHANGE):
        return -errno.EINVAL
    source = locate_at(kernel, dirfd, path_argument(kernel, path))
    target = locate_at(kernel, new_dirfd, path_argument(kernel, new_path))
    changes.rename(kernel.fs, source, target, replace=flags != RENAME_NOREPLACE, exchange=flags == RENAME_EXCHANGE)
    return 0


@file_call("renameat")
def sys_renameat(kernel: Kernel, task: Task, dirfd: int, path: int, new_dirfd: int, new_path: int) -> int:
    """renameat(2)."""
    return sys_renameat2(kernel, task, dirfd, path, new_dirfd, new_path, 0)


@file_call("rename")
def sys_rename(kernel: Kernel, task: Task, path: int, new_path: int) -> int:
    """rename(2)."""
    return sys_renameat2(kernel, task, AT_FDCWD, path, AT_FDCWD, new_path, 0)


@file_call("linkat")
def sys_linkat(kernel: Kernel, task: Task, dirfd: int, path: int, new_dirfd: int, new_path: int, flags: int) -> int:
    """linkat(2)."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    source = inode_at(kernel, dirfd, path, follow=bool(flags & AT_SYMLINK_FOLLOW), flags=flags)
    changes.link(kernel.fs, source, locate_at(kernel, new_dirfd, path_argument(kernel, new_path)))
    return 0


@file_call("link")
def sys_link(kernel: Kernel, task: Task, path: int, new_path: int) -> int:
    """link(2)."""
    return sys_linkat(kernel, task, AT_FDCWD, path, AT_FDCWD, new_path, 0)


@file_call("symlinkat")
def sys_symlinkat(kernel: Kernel, task: Task, text: int, dirfd: int, path: int) -> int:
    """symlinkat(2)."""
    target = path_argument(kernel, text)
    changes.make_symlink(kernel.fs, locate_at(kernel, dirfd, path_argument(kernel, path)), target)
    return 0


@file_call("symlink")
def sys_symlink(kernel: Kernel, task: Task, text: int, path: int) -> int:
    """symlink(2)."""
    return sys_symlinkat(kernel, task, text, AT_FDCWD, path)


@file_call("mknodat")
def sys_mknodat(kernel: Kernel, task: Task, dirfd: int, path: int, mode: int, device: int) -> int:
    """mknodat(2): regular files only; other types need a privilege or are not emulated (-EPERM)."""
    if mode & S_IFMT not in (0, S_IFREG):
        return -errno.EPERM
    place = locate_at(kernel, dirfd, path_argument(kernel, path))
    changes.vacant_for_file(kernel.fs, place).new_file(kernel.fs, place.name, mode & ~kernel.credentials.umask & 0o7777)
    return 0


@file_call("mknod")
def sys_mknod(kernel: Kernel, task: Task, path: int, mode: int, device: int) -> int:
    """mknod(2)."""
    return sys_mknodat(kernel, task, AT_FDCWD, path, mode, device)


@file_call("readlinkat")
def sys_readlinkat(kernel: Kernel, task: Task, dirfd: int, path: int, address: int, size: int) -> int:
    """readlinkat(2)."""
    if int32(size) <= 0:
        return -errno.EINVAL
    inode = inode_at(kernel, dirfd, path, follow=False, flags=AT_EMPTY_PATH)
    if not isinstance(inode, Symlink):
        return -errno.EINVAL if path_argument(kernel, path, AT_EMPTY_PATH) else -errno.ENOENT
    text = text_bytes(inode.target(kernel.fs))[: int32(size)]
    kernel.memory.user_write(address, text)
    return len(text)


@file_call("readlink")
def sys_readlink(kernel: Kernel, task: Task, path: int, address: int, size: int) -> int:
    """readlink(2)."""
    return sys_readlinkat(kernel, task, AT_FDCWD, path, address, size)


@file_call("getcwd")
def sys_getcwd(kernel: Kernel, task: Task, address: int, size: int) -> int:
    """getcwd(2): the length with its NUL."""
    text = text_bytes(kernel.fs.path_of(kernel.files.cwd)) + b"\0"
    if len(text) > size:
        return -errno.ERANGE
    kernel.memory.user_write(address, text)
    return len(text)


def _change_directory(kernel: Kernel, inode: Inode) -> int:
    if not isinstance(inode, Directory):
        return -errno.ENOTDIR
    kernel.fs.require(inode, X_OK)
    kernel.files.cwd = inode
    return 0


@file_call("chdir")
def sys_chdir(kernel: Kernel, task: Task, path: int) -> int:
    """chdir(2)."""
    return _change_directory(kernel, inode_at(kernel, AT_FDCWD, path))


@file_call("fchdir")
def sys_fchdir(kernel: Kernel, task: Task, fd: int) -> int:
    """fchdir(2)."""
    return _change_directory(kernel, kernel.files.require(fd).inode)


@file_call("chroot")
def sys_chroot(kernel: Kernel, task: Task, path: int) -> int:
    """chroot(2) needs a privilege."""
    inode_at(kernel, AT_FDCWD, path)
    return -errno.EPERM


@file_call("umask")
def sys_umask(kernel: Kernel, task: Task, mask: int) -> int:
    """umask(2)."""
    old, kernel.credentials.umask = kernel.credentials.umask, mask & 0o777
    return old
