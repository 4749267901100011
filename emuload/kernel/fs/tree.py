"""The file system that a guest sees: one tree in memory; `hostmap` maps host folders into it, `defaults` fills it.

Inode numbers count up in the order in which files are made or first looked up; times come from the virtual clock. Of the host,
only the folders and files that were mapped in are visible. Permissions and lookup: path_resolution(7), Linux fs/namei.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    MAX_SYMLINKS,
    NAME_MAX,
    PATH_MAX,
    ROOT_DEVICE,
    S_IFDIR,
    S_IFLNK,
    S_IFREG,
    W_OK,
    X_OK,
)
from emuload.kernel.fs.inodes import Directory, FsError, Inode, Regular, Symlink
from emuload.kernel.fs.output import Input, Output
from emuload.machine.memory import text_bytes

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

__all__ = ["FileSystem", "FsError", "Place", "ProcessFacts"]


class Place(NamedTuple):
    """Result of a path lookup: the directory, the last name in it, and the inode of that name, if any.

    `name` is "" if the path ends in `/`, `.` or `..`, or in a link of /proc that jumps; `last` then is the name as written.
    """

    parent: Directory
    name: str
    inode: Inode | None
    slash: bool = False
    """True if the path ended in a slash."""
    last: str = ""


class ProcessFacts:
    """Facts that /proc shows of the process as a whole. `auxv` is the auxiliary vector's bytes, as on the stack."""

    __slots__ = ("arguments", "auxv", "environment", "executable")

    def __init__(self) -> None:
        self.executable = "/usr/bin/program"
        self.arguments: list[bytes] = [b"program"]
        self.environment: list[bytes] = []
        self.auxv = b""


class FileSystem:
    """The tree and the standard streams. `storage_limit` bounds the bytes kept in memory."""

    def __init__(self, kernel: Kernel, storage_limit: int = 256 << 20) -> None:
        self.kernel = kernel
        self.storage = 0
        self.storage_limit = storage_limit
        self.process = ProcessFacts()
        self.output = Output()
        self.stdin = Input()
        self._last_ino = 1
        self.host_mounts = 0
        self.root = Directory(self._last_ino, S_IFDIR | 0o755, ROOT_DEVICE, nlink=2)
        self.root.atime = self.root.mtime = self.root.ctime = self.now()

    # -- bookkeeping ---------------------------------------------------------------------------------------------

    @property
    def uid(self) -> int:
        """The user id whose permissions are checked (fsuid)."""
        return self.kernel.credentials.euid

    @property
    def gid(self) -> int:
        """The group id whose permissions are checked (fsgid)."""
        return self.kernel.credentials.egid

    def now(self) -> int:
        """Time stamp for files: the virtual real time in nanoseconds."""
        return self.kernel.clock.realtime()

    def new_ino(self) -> int:
        """The next inode number."""
        self._last_ino += 1
        return self._last_ino

    def charge(self, size: int) -> int:
        """Take up to `size` bytes of the storage bound, or give bytes back if negative. The bytes taken."""
        granted = min(size, self.storage_limit - self.storage)
        self.storage += granted
        return granted

    def permitted(self, inode: Inode, wanted: int) -> bool:
        """True if the guest's user may do `wanted` (R_OK | W_OK | X_OK), by the mode bits (path_resolution(7))."""
        if self.uid == 0:
            return not wanted & X_OK or inode.type == S_IFDIR or bool(inode.mode & 0o111)
        if inode.uid == self.uid:
            bits = inode.mode >> 6
        elif inode.gid == self.gid:
            bits = inode.mode >> 3
        else:
            bits = inode.mode
        return not wanted & ~bits & 7

    def require(self, inode: Inode, wanted: int) -> None:
        """Raise FsError(EACCES) unless permitted; FsError(EROFS) for writing on a read-only mount."""
        if wanted & W_OK and not inode.writable_mount:
            raise FsError(errno.EROFS)
        if not self.permitted(inode, wanted):
            raise FsError(errno.EACCES)

    # -- paths ---------------------------------------------------------------------------------------------------

    def walk(self, path: str, start: Directory | None = None, *, follow: bool = True) -> Place:
        """Resolve a path from `start` (None: the root) as path_resolution(7) says.

        With `follow`, a symbolic link at the end is followed. Raises FsError (ENOENT for a missing folder on the way,
        ENOTDIR, ELOOP, EACCES, ENAMETOOLONG); a missing last name is not an error.
        """
        if not path:
            raise FsError(errno.ENOENT)
        if len(text_bytes(path)) >= PATH_MAX:
            raise FsError(errno.ENAMETOOLONG)
        here = self.root if start is None or path.startswith("/") else start
        slash = path.endswith("/")
        names = [part for part in reversed(path.split("/")) if part]
        links = 0
        place = Place(here.up(), "", here)
        while names:
            name = names.pop()
            last = not names
            if name == ".":
                place = Place(here.up(), "", here)
                continue
            if not self.permitted(here, X_OK):
                raise FsError(errno.EACCES)
            if name == "..":
                here = here.up()
                place = Place(here.up(), "", here)
                continue
            if len(name) * 4 > NAME_MAX and len(text_bytes(name)) > NAME_MAX:
                raise FsError(errno.ENAMETOOLONG)
            node = here.lookup(self, name)
            if isinstance(node, Symlink) and (not last or follow or slash):
                links += 1
                if links > MAX_SYMLINKS:
                    raise FsError(errno.ELOOP)
                jump = node.jump(self)
                if jump is not None:
                    node, name = jump, ""
                else:
                    text = node.target(self)
                    if text.startswith("/"):
                        here = self.root
                    if last:
                        slash = slash or text.endswith("/")
                    names.extend(part for part in reversed(text.split("/")) if part)
                    place = Place(here.up(), "", here)
                    continue
            place = Place(here, name, node, slash)
            if last:
                break
            if node is None:
                raise FsError(errno.ENOENT)
            if not isinstance(node, Directory):
                raise FsError(errno.ENOTDIR)
            here = node
        if slash and place.inode is not None and not isinstance(place.inode, Directory):
            raise FsError(errno.ENOTDIR)
        return place

    def locate(self, path: str, start: Directory | None = None) -> Place:
        """Resolve a path whose last name is to be made, removed or renamed: it is not followed, even before a slash.

        Raises FsError like `walk` (fs/namei.c: LOOKUP_PARENT).
        """
        head, slash, last = path.rstrip("/").rpartition("/")
        if not path or (not last and not path.startswith("/")):
            raise FsError(errno.ENOENT)
        if len(text_bytes(path)) >= PATH_MAX:
            raise FsError(errno.ENAMETOOLONG)
        if not last:
            return Place(self.root, "", self.root, True, "/")
        folder = self.find(f"{head}/" if slash else ".", start)
        if not isinstance(folder, Directory):
            raise FsError(errno.ENOTDIR)
        if last in (".", ".."):
            return Place(folder.up(), "", folder, path.endswith("/"), last)
        if len(text_bytes(last)) > NAME_MAX:
            raise FsError(errno.ENAMETOOLONG)
        if not self.permitted(folder, X_OK):
            raise FsError(errno.EACCES)
        return Place(folder, last, folder.lookup(self, last), path.endswith("/"))

    def find(self, path: str, start: Directory | None = None, *, follow: bool = True) -> Inode:
        """The inode at a path. Raises FsError, with ENOENT for a missing file."""
        inode = self.walk(path, start, follow=follow).inode
        if inode is None:
            raise FsError(errno.ENOENT)
        return inode

    def path_of(self, directory: Directory) -> str:
        """A directory's absolute path, as getcwd(2) gives it. Raises FsError(ENOENT) if it was removed."""
        parts: list[str] = []
        here = directory
        while here is not self.root:
            if here.nlink == 0 or here.parent is None:
                raise FsError(errno.ENOENT)
            parts.append(here.name)
            here = here.parent
        return "/" + "/".join(reversed(parts))

    # -- from the host's side ------------------------------------------------------------------------------------

    def make_path(self, path: str, mode: int = 0o755) -> Directory:
        """The directory at an absolute path. Missing directories are made, without permission checks."""
        here = self.root
        for name in path.split("/"):
            if not name:
                continue
            node = here.lookup(self, name)
            if isinstance(node, Symlink):
                node = self.find(node.target(self), here)
            if node is None:
                node = Directory(self.new_ino(), S_IFDIR | mode, ROOT_DEVICE, nlink=2, parent=here, name=name)
                node.atime = node.mtime = node.ctime = self.now()
                if here.device == ROOT_DEVICE:
                    here.entries[name] = node
                    here.nlink += 1
                else:
                    here.mounts[name] = node
            if not isinstance(node, Directory):
                raise FsError(errno.ENOTDIR)
            here = node
        return here

    def put(self, path: str, data: bytes, mode: int = 0o644, *, owned: bool = False) -> Regular:
        """Place a regular file in memory at an absolute path; `owned` by the guest's user, else by root."""
        folder, _, name = path.rpartition("/")
        parent = self.make_path(folder)
        node = Regular(self.new_ino(), S_IFREG | mode, ROOT_DEVICE, content=bytearray(data), length=len(data))
        if owned:
            node.uid, node.gid = self.uid, self.gid
        node.atime = node.mtime = node.ctime = self.now()
        self.charge(len(data))
        self._lay(parent, name, node)
        return node

    def put_link(self, path: str, text: str) -> None:
        """Place a symbolic link at an absolute path."""
        folder, _, name = path.rpartition("/")
        node = Symlink(self.new_ino(), S_IFLNK | 0o777, ROOT_DEVICE, text=text)
        node.atime = node.mtime = node.ctime = self.now()
        self._lay(self.make_path(folder), name, node)

    def _lay(self, parent: Directory, name: str, node: Inode) -> None:
        if parent.device == node.device:
            parent.entries[name] = node
        else:
            parent.mounts[name] = node
