"""Structures and flags of the file calls that differ between architectures, as data.

Sources: include/uapi/asm-generic/{stat,statfs,fcntl}.h for what most architectures have; an architecture's own headers are
named in its `structures`. tests/kernel/fs/test_layouts.py checks sizes and offsets against a C program that prints them.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final, NamedTuple

from emuload.machine.architecture import part

NS: Final = 1_000_000_000


class Attributes(NamedTuple):
    """The facts of a file that the stat family reports. Times are ns since the epoch, `device` and `rdev` are (major, minor)."""

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


TIMES: Final = ("atime", "atime_ns", "mtime", "mtime_ns", "ctime", "ctime_ns")
WIDE: Final = (1 << 63) - 1
"""The widest st_size of 64 bits."""


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


STATFS_64: Final = "<qqQQQQQ8xqqq32x"
"""struct statfs of all 64-bit architectures."""

GENERIC_64: Final = Uapi(
    o_directory=0o200000,
    o_nofollow=0o400000,
    o_direct=0o40000,
    o_largefile=0o100000,
    force_large=True,
    stat=StatFormat(
        "<QQIIIIQ8xqi4xq6q8x",
        ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *TIMES),
        WIDE,
    ),
    stat64=None,
    statfs=STATFS_64,
    statfs64=None,
)
"""asm-generic's flags and structures on 64 bits."""


@cache
def uapi(architecture: str) -> Uapi:
    """The flags and structures of an architecture."""
    found: Uapi = part(architecture, "structures").UAPI
    return found
