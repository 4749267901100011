"""Inodes of the in-memory tree.

An inode holds a file's bytes or a directory's entries, never a path or a position. Sizes are in bytes, times in nanoseconds
since the epoch. Errors are raised as `FsError` with a Linux error number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emuload.kernel import errno
from emuload.kernel.fs.constants import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from emuload.machine.memory import text_bytes
from emuload.machine.structures import Attributes

if TYPE_CHECKING:
    from emuload.kernel.fs.tree import FileSystem

BLOCK: Final = 4096
ENTRY_COST: Final = 1024
"""Bytes of the storage bound that one inode costs, so that empty files are bounded too."""


class FsError(Exception):
    """A file operation failed; `number` is the positive Linux error number."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.NAMES.get(number, str(number)))
        self.number = number


@dataclass(slots=True, eq=False, repr=False)
class Inode:
    """One file of any type. `mode` holds type and permissions, `device` and `rdev` are (major, minor)."""

    ino: int
    mode: int
    device: tuple[int, int]
    uid: int = 0
    gid: int = 0
    nlink: int = 1
    rdev: tuple[int, int] = (0, 0)
    atime: int = 0
    mtime: int = 0
    ctime: int = 0

    @property
    def type(self) -> int:
        """One of the S_IF… values."""
        return self.mode & S_IFMT

    @property
    def writable_mount(self) -> bool:
        """False if the file is on a read-only mount (-EROFS)."""
        return True

    def size(self) -> int:
        """st_size."""
        return 0

    def attributes(self) -> Attributes:
        """The values that the stat family reports."""
        size = self.size()
        return Attributes(
            self.device, self.ino, self.mode, self.nlink, self.uid, self.gid, self.rdev, size, BLOCK,
            -(-size // 512) if self.type == S_IFREG else 0, self.atime, self.mtime, self.ctime,
        )  # fmt: skip

    def change_mode(self, mode: int) -> None:
        """Set the permission bits (chmod)."""
        self.mode = self.type | (mode & 0o7777)

    def discard(self, fs: FileSystem) -> None:
        """Called when neither a name nor an open file refers to the inode any more."""


@dataclass(slots=True, eq=False, repr=False)
class DataInode(Inode):
    """A file whose bytes can be read at an offset: regular files, in memory or of the host."""

    opened: int = 0
    """Number of open file descriptions; an unlinked file lives until the last one is closed."""

    def identity(self) -> object:
        """The same for two names of one file."""
        return self.device, self.ino

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end of the file."""
        raise FsError(errno.EINVAL)

    def write_at(self, fs: FileSystem, offset: int, data: bytes) -> int:
        """Store bytes, growing the file if need be. The count stored. Raises FsError(ENOSPC, EFBIG, EROFS…)."""
        raise FsError(errno.EINVAL)

    def truncate(self, fs: FileSystem, size: int) -> None:
        """Set the size."""
        raise FsError(errno.EINVAL)


@dataclass(slots=True, eq=False, repr=False)
class Regular(DataInode):
    """A regular file in memory. Bytes between `len(content)` and `length` are a hole of zeros at the end."""

    content: bytearray = field(default_factory=bytearray)
    length: int = 0
    seals: int | None = None
    """memfd seals (F_SEAL_…); None: the file cannot be sealed."""

    def size(self) -> int:
        return self.length

    def read_at(self, offset: int, size: int) -> bytes:
        size = min(size, self.length - offset)
        if size <= 0:
            return b""
        data = bytes(self.content[offset : offset + size])
        return data if len(data) == size else data + bytes(size - len(data))

    def write_at(self, fs: FileSystem, offset: int, data: bytes) -> int:
        end = offset + len(data)
        have = len(self.content)
        if end > have:
            granted = fs.charge(end - have)
            if granted < end - have:
                end = have + granted
                data = data[: max(end - offset, 0)]
                if not data:
                    fs.charge(-granted)
                    raise FsError(errno.ENOSPC)
            if offset > have:
                self.content.extend(bytes(offset - have))
        self.content[offset : offset + len(data)] = data
        self.length = max(self.length, end)
        self.mtime = self.ctime = fs.now()
        return len(data)

    def truncate(self, fs: FileSystem, size: int) -> None:
        if size < len(self.content):
            fs.charge(size - len(self.content))
            del self.content[size:]
        self.length = size
        self.mtime = self.ctime = fs.now()

    def discard(self, fs: FileSystem) -> None:
        fs.charge(-len(self.content) - ENTRY_COST)
        self.content = bytearray()


@dataclass(slots=True, eq=False, repr=False)
class Symlink(Inode):
    """A symbolic link."""

    text: str = ""

    def size(self) -> int:
        return len(text_bytes(self.text))

    def target(self, fs: FileSystem) -> str:
        """The path it holds."""
        return self.text

    def jump(self, fs: FileSystem) -> Inode | None:
        """The target of a link that is followed without a walk (those of /proc/self/fd), or None."""
        return None


@dataclass(slots=True, eq=False, repr=False)
class Device(Inode):
    """A character device; `driver` names its behaviour: "null", "zero", "full", "random" or "tty"."""

    driver: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Generated(Inode):
    """A file of /proc or /sys whose text the generator called `generator` makes when it is read.

    `argument` is the thread id for files of a thread, `shown_size` the st_size (0 in /proc, a page in /sys).
    """

    generator: str = ""
    argument: int = 0
    shown_size: int = 0

    def size(self) -> int:
        return self.shown_size


@dataclass(slots=True, eq=False, repr=False)
class Directory(Inode):
    """A directory in memory. `mounts` are entries laid over the others; they cannot be removed."""

    name: str = ""
    parent: Directory | None = None
    entries: dict[str, Inode] = field(default_factory=dict)
    mounts: dict[str, Inode] = field(default_factory=dict)

    def size(self) -> int:
        return BLOCK

    def up(self) -> Directory:
        """The directory that `..` refers to."""
        return self.parent if self.parent is not None else self

    def lookup(self, fs: FileSystem, name: str) -> Inode | None:
        """The entry called `name`, or None."""
        return self.mounts.get(name) or self.find(fs, name)

    def find(self, fs: FileSystem, name: str) -> Inode | None:
        """The entry below any mount."""
        return self.entries.get(name)

    def names(self, fs: FileSystem) -> list[str]:
        """The names of all entries except `.` and `..`, sorted."""
        return sorted({*self.own_names(fs), *self.mounts})

    def own_names(self, fs: FileSystem) -> list[str]:
        """The names below any mount."""
        return list(self.entries)

    # -- changes -------------------------------------------------------------------------------------------------

    def new_file(self, fs: FileSystem, name: str, mode: int) -> DataInode:
        """Make an empty regular file."""
        node = Regular(fs.new_ino(), S_IFREG | mode, self.device)
        self._enter(fs, name, node)
        return node

    def new_directory(self, fs: FileSystem, name: str, mode: int) -> Directory:
        """Make an empty directory."""
        node = Directory(fs.new_ino(), S_IFDIR | mode, self.device, nlink=2)
        self._enter(fs, name, node)
        return node

    def new_symlink(self, fs: FileSystem, name: str, text: str) -> None:
        """Make a symbolic link."""
        self._enter(fs, name, Symlink(fs.new_ino(), S_IFLNK | 0o777, self.device, text=text))

    def new_node(self, fs: FileSystem, name: str, node: Inode) -> None:
        """Enter an inode made by the caller."""
        self._enter(fs, name, node)

    def _enter(self, fs: FileSystem, name: str, node: Inode) -> None:
        if fs.charge(ENTRY_COST) < ENTRY_COST:
            raise FsError(errno.ENOSPC)
        node.uid, node.gid = fs.uid, fs.gid
        node.atime = node.mtime = node.ctime = fs.now()
        self.attach(fs, name, node)

    def attach(self, fs: FileSystem, name: str, node: Inode) -> None:
        """Give `node` a name here."""
        self.entries[name] = node
        self._changed(fs)
        if isinstance(node, Directory):
            node.parent, node.name = self, name
            self.nlink += 1

    def detach(self, fs: FileSystem, name: str) -> Inode:
        """Remove a name, without changing the inode's link count."""
        node = self.entries.pop(name)
        self._changed(fs)
        if isinstance(node, Directory):
            self.nlink -= 1
        return node

    def _changed(self, fs: FileSystem) -> None:
        self.mtime = self.ctime = fs.now()

    def add_link(self, fs: FileSystem, name: str, node: Inode) -> None:
        """Add a hard link to `node`."""
        self.attach(fs, name, node)
        node.nlink += 1
        node.ctime = fs.now()

    def remove(self, fs: FileSystem, name: str) -> None:
        """Remove the name of anything but a directory (unlink)."""
        node = self.detach(fs, name)
        node.nlink -= 1
        node.ctime = fs.now()
        if node.nlink == 0 and not (isinstance(node, DataInode) and node.opened):
            node.discard(fs)

    def remove_directory(self, fs: FileSystem, name: str) -> None:
        """Remove an empty directory."""
        node = self.detach(fs, name)
        node.nlink = 0
        fs.charge(-ENTRY_COST)

    def move(self, fs: FileSystem, name: str, to: Directory, to_name: str) -> None:
        """Rename an entry; the caller has removed any entry of the new name."""
        node = self.detach(fs, name)
        to.attach(fs, to_name, node)
        node.ctime = fs.now()

    def exchange(self, fs: FileSystem, name: str, to: Directory, to_name: str) -> None:
        """Swap two entries (RENAME_EXCHANGE)."""
        first, second = self.detach(fs, name), to.detach(fs, to_name)
        self.attach(fs, name, second)
        to.attach(fs, to_name, first)
