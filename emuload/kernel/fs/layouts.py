"""Structures and flags of the file calls that differ between architectures, as data.

Sources: arch/{x86,arm,arm64}/include/uapi/asm/{stat,statfs,fcntl}.h, include/uapi/asm-generic/{stat,statfs,fcntl}.h
and include/uapi/linux/{eventpoll,stat,time_types}.h. tests/kernel/fs/test_layouts.py checks sizes and offsets against
a C program that prints them.

`Uapi` rows are chosen by `Abi.stat_layout`: "x86_64", "arm" or "generic64" (arm64).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple


class Attributes(NamedTuple):
    """What the stat family reports of a file. Times are ns since the epoch, `device` and `rdev` are (major, minor)."""

    device: tuple[int, int]
    ino: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: tuple[int, int]
    size: int
    block_size: int
    blocks: int
    atime: int
    mtime: int
    ctime: int


class FileSystemFigures(NamedTuple):
    """What statfs(2) reports. `block_size` is bytes, the others are counts of blocks and files."""

    magic: int
    block_size: int
    blocks: int
    free: int
    files: int
    files_free: int
    name_length: int
    flags: int


NS: Final = 1_000_000_000


def _dev(device: tuple[int, int]) -> int:
    """A device number as user space sees it (include/linux/kdev_t.h: new_encode_dev)."""
    major, minor = device
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


class StatFormat(NamedTuple):
    """One `struct stat`: a `struct` format, the names of its values in order, and the widest st_size it can hold."""

    format: str
    names: tuple[str, ...]
    size_limit: int

    def pack(self, attributes: Attributes) -> bytes | None:
        """The structure's bytes, or None if the size does not fit (-EOVERFLOW)."""
        a = attributes
        if a.size > self.size_limit:
            return None
        values = {
            "dev": _dev(a.device), "ino": a.ino, "mode": a.mode, "nlink": a.nlink, "uid": a.uid, "gid": a.gid,
            "rdev": _dev(a.rdev), "size": a.size, "blksize": a.block_size, "blocks": a.blocks,
            "atime": a.atime // NS, "atime_ns": a.atime % NS, "mtime": a.mtime // NS, "mtime_ns": a.mtime % NS,
            "ctime": a.ctime // NS, "ctime_ns": a.ctime % NS,
        }  # fmt: skip
        return struct.pack(self.format, *[values[name] for name in self.names])


_TIMES: Final = ("atime", "atime_ns", "mtime", "mtime_ns", "ctime", "ctime_ns")
_WIDE: Final = (1 << 63) - 1


class Uapi(NamedTuple):
    """One architecture's flags and structures.

    stat        struct stat, of stat, fstat, lstat and newfstatat
    stat64      struct stat64, of stat64, fstat64, lstat64 and fstatat64; None where there are no such calls
    statfs      format of struct statfs
    statfs64    format of struct statfs64, or None
    force_large O_LARGEFILE is set by every open (64-bit: force_o_largefile)
    """

    o_directory: int
    o_nofollow: int
    o_direct: int
    o_largefile: int
    force_large: bool
    stat: StatFormat
    stat64: StatFormat | None
    statfs: str
    statfs64: str | None


_GENERIC_STAT: Final = StatFormat(
    "<QQIIIIQ8xqi4xq6q8x",
    ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *_TIMES),
    _WIDE,
)
_X86_64_STAT: Final = StatFormat(
    "<QQQIII4xQqqq6q24x",
    ("dev", "ino", "nlink", "mode", "uid", "gid", "rdev", "size", "blksize", "blocks", *_TIMES),
    _WIDE,
)
_ARM_STAT: Final = StatFormat(
    "<IIHHHHIIII6I8x",
    ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *_TIMES),
    (1 << 31) - 1,
)
_ARM_STAT64: Final = StatFormat(
    "<Q4xIIIIIQ8xqI4xQ6IQ",
    ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *_TIMES, "ino"),
    _WIDE,
)

UAPI: Final[dict[str, Uapi]] = {
    "x86_64": Uapi(
        0o200000, 0o400000, 0o40000, 0o100000, True, _X86_64_STAT, None, "<qqQQQQQ8xqqq32x", None
    ),
    "arm": Uapi(
        0o40000, 0o100000, 0o200000, 0o400000, False, _ARM_STAT, _ARM_STAT64,
        "<IIIIIII8xIII16x", "<IIQQQQQ8xIII16x",
    ),
    "generic64": Uapi(
        0o40000, 0o100000, 0o200000, 0o400000, True, _GENERIC_STAT, None, "<qqQQQQQ8xqqq32x", None
    ),
}  # fmt: skip


def pack_statfs(format: str, figures: FileSystemFigures) -> bytes:
    """struct statfs or statfs64, by one of `Uapi`'s formats."""
    f = figures
    return struct.pack(
        format, f.magic, f.block_size, f.blocks, f.free, f.free, f.files, f.files_free,
        f.name_length, f.block_size, f.flags,
    )  # fmt: skip


STATX_BASIC_STATS: Final = 0x7FF
STATX_BTIME: Final = 0x800
STATX_MNT_ID: Final = 0x1000
_STATX: Final = struct.Struct("<IIQIIIHxxQQQQqIxxxxqIxxxxqIxxxxqIxxxxIIIIQ104x")


def pack_statx(a: Attributes) -> bytes:
    """struct statx (256 bytes, the same everywhere), with the basic fields and the birth time filled."""
    return _STATX.pack(
        STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, a.block_size, 0, a.nlink, a.uid, a.gid, a.mode, a.ino, a.size,
        a.blocks, 0, a.atime // NS, a.atime % NS, a.ctime // NS, a.ctime % NS, a.ctime // NS, a.ctime % NS,
        a.mtime // NS, a.mtime % NS, *a.rdev, *a.device, 1,
    )  # fmt: skip


EPOLL_PACKED: Final = struct.Struct("<IQ")
EPOLL_ALIGNED: Final = struct.Struct("<I4xQ")
"""struct epoll_event: packed on amd64 only (include/uapi/linux/eventpoll.h: EPOLL_PACKED)."""

TIMESPEC: Final = {4: struct.Struct("<ii"), 8: struct.Struct("<qq")}
"""struct timespec (and timeval) by the size of its fields."""

FLOCK: Final = {4: struct.Struct("<hhiii"), 8: struct.Struct("<hh4xqqi4x")}
"""struct flock by the size of off_t; 8 is struct flock64 too."""

IOVEC: Final = {4: struct.Struct("<II"), 8: struct.Struct("<QQ")}
POLLFD: Final = struct.Struct("<ihh")
DIRENT64: Final = struct.Struct("<QqHB")
"""ino, offset of the next record, record length, type; the name follows."""
