"""Host folders and files mapped into the guest's tree.

Only regular files, folders and symbolic links of the host are visible. Sockets, fifos and devices are not, since opening one
could block or reach out of the emulation. A link is passed to the guest as text and is followed in the guest's tree. Before
every access the path is checked to have no link on the way, so that no access leaves the mapped folder. Owner, times, link
counts and inode numbers of the host are hidden, since they would make runs differ; the execute bit is shown.

No file of the host stays open between two calls.
"""

from __future__ import annotations

import contextlib
import errno as host_errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH
from emuload.kernel.fs.constants import S_IFDIR, S_IFLNK, S_IFREG
from emuload.kernel.fs.inodes import DataInode, Directory, FsError, Inode, Symlink
from emuload.kernel.fs.tree import FileSystem

HOST_TIME: Final = EPOCH
"""Time stamps of every mapped file: the instant at which the virtual clock starts."""

_NUMBERS: Final = {name: number for number, name in errno.NAMES.items()}


def _guest_errno(error: OSError) -> int:
    """The Linux number of a host's error; the host's own number may differ."""
    name = host_errno.errorcode.get(error.errno or 0, "EIO")
    return _NUMBERS.get(name, errno.EIO)


@contextlib.contextmanager
def _host() -> Iterator[None]:
    """Turn errors of the host into FsError."""
    try:
        yield
    except OSError as error:
        raise FsError(_guest_errno(error)) from None
    except ValueError:
        raise FsError(errno.EINVAL) from None


def _status(path: str, root: str) -> os.stat_result:
    """lstat of a path that must lie under `root` with no link on the way. Raises FsError(ENOENT)."""
    parent = os.path.dirname(path)
    if path != root and os.path.realpath(parent) != parent:
        raise FsError(errno.ENOENT)
    with _host():
        return os.lstat(path)


def _permissions(mode: int) -> int:
    return 0o755 if mode & 0o111 else 0o644


@dataclass(slots=True, eq=False, repr=False)
class HostFile(DataInode):
    """A regular file of the host; reopened for every access."""

    path: str = ""
    root: str = ""
    may_write: bool = False

    @classmethod
    def of(cls, fs: FileSystem, path: str, root: str, device: tuple[int, int], writable: bool) -> HostFile:
        """The inode of a host file, which must exist."""
        mode = S_IFREG | _permissions(_status(path, root).st_mode)
        node = cls(fs.new_ino(), mode, device, fs.uid, fs.gid, path=path, root=root, may_write=writable)
        node.atime = node.mtime = node.ctime = HOST_TIME
        return node

    @property
    def writable_mount(self) -> bool:
        return self.may_write

    def identity(self) -> object:
        """That of the host's file, so that hard links are one; see `loader.search.DirectoryFinder`."""
        status = self._check()
        return "host", status.st_dev, status.st_ino

    def _check(self) -> os.stat_result:
        status = _status(self.path, self.root)
        if not stat.S_ISREG(status.st_mode):
            raise FsError(errno.ENOENT)
        return status

    def size(self) -> int:
        try:
            return self._check().st_size
        except FsError:
            return 0

    def _open(self, flags: int) -> int:
        self._check()
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self.path, flags | getattr(os, "O_NONBLOCK", 0))

    def read_at(self, offset: int, size: int) -> bytes:
        with _host():
            handle = self._open(os.O_RDONLY)
            try:
                os.lseek(handle, offset, os.SEEK_SET)
                parts = []
                while size > 0 and (part := os.read(handle, min(size, 1 << 24))):
                    parts.append(part)
                    size -= len(part)
                return b"".join(parts)
            finally:
                os.close(handle)

    def write_at(self, fs: FileSystem, offset: int, data: bytes) -> int:
        if not self.may_write:
            raise FsError(errno.EROFS)
        with _host():
            if offset + len(data) > max(self.size(), fs.storage_limit):
                raise FsError(errno.EFBIG)
            handle = self._open(os.O_WRONLY)
            try:
                os.lseek(handle, offset, os.SEEK_SET)
                return os.write(handle, data)
            finally:
                os.close(handle)

    def truncate(self, fs: FileSystem, size: int) -> None:
        if not self.may_write:
            raise FsError(errno.EROFS)
        if size > max(self.size(), fs.storage_limit):
            raise FsError(errno.EFBIG)
        with _host():
            handle = self._open(os.O_WRONLY)
            try:
                os.ftruncate(handle, size)
            finally:
                os.close(handle)

    def change_mode(self, mode: int) -> None:
        """Only the execute bit reaches the host."""
        if not self.may_write:
            raise FsError(errno.EROFS)
        with _host():
            os.chmod(self.path, _permissions(mode) & ~0o022 | 0o600)
        self.mode = S_IFREG | _permissions(mode)


@dataclass(slots=True, eq=False, repr=False)
class HostDirectory(Directory):
    """A folder of the host. `entries` keeps the inodes that were looked up, so that their numbers stay the same."""

    path: str = ""
    root: str = ""
    may_write: bool = False

    @classmethod
    def of(cls, fs: FileSystem, path: str, root: str, device: tuple[int, int], writable: bool) -> HostDirectory:
        """The inode of a host folder."""
        node = cls(fs.new_ino(), S_IFDIR | 0o755, device, fs.uid, fs.gid, 2, path=path, root=root, may_write=writable)
        node.atime = node.mtime = node.ctime = HOST_TIME
        return node

    @property
    def writable_mount(self) -> bool:
        return self.may_write

    def _join(self, name: str) -> str:
        if os.sep in name or (os.altsep and os.altsep in name) or "\0" in name or name in (".", ".."):
            raise FsError(errno.EINVAL)
        return os.path.join(self.path, name)

    def find(self, fs: FileSystem, name: str) -> Inode | None:
        path = self._join(name)
        try:
            mode = _status(path, self.root).st_mode
        except FsError:
            self.entries.pop(name, None)
            return None
        known = self.entries.get(name)
        if known is not None and stat.S_IFMT(mode) == known.type and known.type != S_IFLNK:
            return known
        node: Inode
        if stat.S_ISREG(mode):
            node = HostFile.of(fs, path, self.root, self.device, self.may_write)
        elif stat.S_ISDIR(mode):
            folder = HostDirectory.of(fs, path, self.root, self.device, self.may_write)
            folder.parent, folder.name = self, name
            node = folder
        elif stat.S_ISLNK(mode):
            with _host():
                text = os.readlink(path).replace(os.sep, "/")
            if isinstance(known, Symlink) and known.text == text:
                return known
            node = Symlink(fs.new_ino(), S_IFLNK | 0o777, self.device, fs.uid, fs.gid, text=text)
            node.atime = node.mtime = node.ctime = HOST_TIME
        else:
            return None
        self.entries[name] = node
        return node

    def own_names(self, fs: FileSystem) -> list[str]:
        if self.path != self.root and os.path.realpath(self.path) != self.path:
            return []
        with _host(), os.scandir(self.path) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.is_symlink() or entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
            )

    # -- changes, made on the host ---------------------------------------------------------------------------------

    def _target(self, name: str) -> str:
        if not self.may_write:
            raise FsError(errno.EROFS)
        path = self._join(name)
        if os.path.realpath(self.path) != self.path:
            raise FsError(errno.ENOENT)
        return path

    def new_file(self, fs: FileSystem, name: str, mode: int) -> DataInode:
        path = self._target(name)
        with _host():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 | (_permissions(mode) & 0o755)))
        node = self.find(fs, name)
        if not isinstance(node, HostFile):
            raise FsError(errno.EIO)
        return node

    def new_directory(self, fs: FileSystem, name: str, mode: int) -> Directory:
        path = self._target(name)
        with _host():
            os.mkdir(path, 0o755)
        node = self.find(fs, name)
        if not isinstance(node, HostDirectory):
            raise FsError(errno.EIO)
        return node

    def new_symlink(self, fs: FileSystem, name: str, text: str) -> None:
        path = self._target(name)
        with _host():
            os.symlink(text, path)

    def new_node(self, fs: FileSystem, name: str, node: Inode) -> None:
        raise FsError(errno.EPERM)

    def add_link(self, fs: FileSystem, name: str, node: Inode) -> None:
        path = self._target(name)
        if not isinstance(node, HostFile):
            raise FsError(errno.EPERM)
        node.size()
        with _host():
            os.link(node.path, path, follow_symlinks=False)

    def remove(self, fs: FileSystem, name: str) -> None:
        path = self._target(name)
        with _host():
            os.unlink(path)
        node = self.entries.pop(name, None)
        if node is not None:
            node.nlink = 0

    def remove_directory(self, fs: FileSystem, name: str) -> None:
        path = self._target(name)
        with _host():
            os.rmdir(path)
        node = self.entries.pop(name, None)
        if node is not None:
            node.nlink = 0

    def move(self, fs: FileSystem, name: str, to: Directory, to_name: str) -> None:
        if not isinstance(to, HostDirectory):
            raise FsError(errno.EXDEV)
        source, target = self._target(name), to._target(to_name)
        with _host():
            os.rename(source, target)
        node = self.entries.pop(name, None)
        if node is None:
            return
        to.entries[to_name] = node
        if isinstance(node, HostFile):
            node.path = target
        elif isinstance(node, HostDirectory):
            node.parent, node.name, node.path = to, to_name, target
            node.entries.clear()

    def exchange(self, fs: FileSystem, name: str, to: Directory, to_name: str) -> None:
        raise FsError(errno.EINVAL)


# -- mounting -----------------------------------------------------------------------------------------------------------


def mount(fs: FileSystem, host_path: str | os.PathLike[str], guest_path: str, writable: bool = False) -> None:
    """Show a host folder, or one file, at an absolute guest path; read-only unless `writable`.

    Links inside the folder are followed in the guest's tree, so that none leads out of it on the host.
    Raises ValueError if the guest path is not absolute, FileNotFoundError if the host has no such file.
    """
    if not guest_path.startswith("/"):
        raise ValueError(f"not an absolute guest path: {guest_path}")
    real = os.path.realpath(host_path)
    if not os.path.exists(real):
        raise FileNotFoundError(f"no such file or folder: {os.fspath(host_path)}")
    fs.host_mounts += 1
    device = (8, fs.host_mounts)
    guest_path = os.path.normpath(guest_path).replace("\\", "/").rstrip("/")
    folder, _, name = guest_path.rpartition("/")
    if not os.path.isdir(real):
        node = HostFile.of(fs, real, real, device, writable)
        fs.make_path(folder or "/").mounts[name] = node
        return
    directory = HostDirectory.of(fs, real, real, device, writable)
    if not guest_path or guest_path == "/":
        _replace_root(fs, directory)
        return
    parent = fs.make_path(folder)
    directory.parent, directory.name = parent, name
    parent.mounts[name] = directory


def _replace_root(fs: FileSystem, directory: HostDirectory) -> None:
    """Mount a host folder at /. Entries of the old root that it lacks are laid over it; /proc, /sys and /dev always are."""
    old = {**fs.root.entries, **fs.root.mounts}
    files = fs.kernel.files
    if files is not None and files.cwd is fs.root:
        files.cwd = directory
    fs.root = directory
    for name, node in old.items():
        if name in ("proc", "sys", "dev") or directory.find(fs, name) is None:
            directory.mounts[name] = node
            if isinstance(node, Directory):
                node.parent = directory
