"""Changes of the tree by path, each permission checked: mkdir(2), symlink(2), unlink(2), rmdir(2), link(2), rename(2).

The places come from `FileSystem.locate`. All functions raise FsError. Rules: the man pages, Linux fs/namei.c.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.fs.constants import S_ISVTX, W_OK, X_OK
from emuload.kernel.fs.inodes import Directory, FsError, Inode
from emuload.kernel.fs.tree import FileSystem, Place


def vacant(fs: FileSystem, place: Place) -> Directory:
    """The directory to enter a new name in. Raises FsError(EEXIST, ENOENT, EACCES, EROFS)."""
    if place.inode is not None or not place.name:
        raise FsError(errno.EEXIST)
    _alterable(fs, place.parent)
    return place.parent


def vacant_for_file(fs: FileSystem, place: Place) -> Directory:
    """Like `vacant`, for anything but a directory: a slash after the name is ENOENT."""
    if place.inode is None and place.slash:
        raise FsError(errno.ENOENT)
    return vacant(fs, place)


def _alterable(fs: FileSystem, directory: Directory) -> None:
    if directory.nlink == 0:
        raise FsError(errno.ENOENT)
    fs.require(directory, W_OK | X_OK)


def _removable(fs: FileSystem, place: Place) -> Inode:
    if place.inode is None:
        raise FsError(errno.ENOENT)
    if not place.name or place.name in place.parent.mounts:
        raise FsError(errno.EBUSY)
    _alterable(fs, place.parent)
    sticky = place.parent.mode & S_ISVTX
    if sticky and fs.uid not in (0, place.parent.uid, place.inode.uid):
        raise FsError(errno.EPERM)
    return place.inode


def make_directory(fs: FileSystem, place: Place, mode: int) -> Directory:
    """mkdir(2) at a located place; `mode` is final, the umask has been applied."""
    return vacant(fs, place).new_directory(fs, place.name, mode & 0o1777)


def make_symlink(fs: FileSystem, place: Place, text: str) -> None:
    """symlink(2) at a located place."""
    vacant_for_file(fs, place).new_symlink(fs, place.name, text)


def unlink(fs: FileSystem, place: Place) -> None:
    """unlink(2) at a located place."""
    if isinstance(place.inode, Directory):
        raise FsError(errno.EISDIR)
    if place.inode is not None and place.slash:
        raise FsError(errno.ENOTDIR)
    _removable(fs, place)
    place.parent.remove(fs, place.name)


def remove_directory(fs: FileSystem, place: Place) -> None:
    """rmdir(2) at a located place."""
    if place.last in (".", ".."):
        raise FsError(errno.EINVAL if place.last == "." else errno.ENOTEMPTY)
    node = _removable(fs, place)
    if not isinstance(node, Directory):
        raise FsError(errno.ENOTDIR)
    if node.names(fs):
        raise FsError(errno.ENOTEMPTY)
    place.parent.remove_directory(fs, place.name)


def link(fs: FileSystem, source: Inode, place: Place) -> None:
    """link(2) to a located place."""
    directory = vacant_for_file(fs, place)
    if isinstance(source, Directory):
        raise FsError(errno.EPERM)
    if source.device != directory.device:
        raise FsError(errno.EXDEV)
    if source.nlink == 0:
        raise FsError(errno.ENOENT)
    directory.add_link(fs, place.name, source)


def rename(fs: FileSystem, source: Place, target: Place, *, replace: bool = True, exchange: bool = False) -> None:
    """rename(2) and renameat2(2) of located places."""
    if not source.name or not target.name:
        raise FsError(errno.EBUSY)
    node = _removable(fs, source)
    if not isinstance(node, Directory) and (source.slash or (target.slash and not exchange)):
        raise FsError(errno.ENOTDIR)
    _alterable(fs, target.parent)
    if node.device != target.parent.device:
        raise FsError(errno.EXDEV)
    other = target.inode
    if other is node:
        return
    here: Directory = target.parent
    while True:
        if here is node:
            raise FsError(errno.EINVAL)
        if here.parent is None or here.parent is here:
            break
        here = here.parent
    if exchange:
        if other is None:
            raise FsError(errno.ENOENT)
        source.parent.exchange(fs, source.name, target.parent, target.name)
        return
    if other is not None:
        if not replace:
            raise FsError(errno.EEXIST)
        _removable(fs, target)
        if isinstance(other, Directory):
            if not isinstance(node, Directory):
                raise FsError(errno.EISDIR)
            if other.names(fs):
                raise FsError(errno.ENOTEMPTY)
            target.parent.remove_directory(fs, target.name)
        else:
            if isinstance(node, Directory):
                raise FsError(errno.ENOTDIR)
            target.parent.remove(fs, target.name)
    source.parent.move(fs, source.name, target.parent, target.name)
