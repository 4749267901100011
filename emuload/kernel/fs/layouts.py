"""Structures of the file calls that are the same everywhere, or differ by the size of a word only.

Sources: include/uapi/linux/{eventpoll,stat,time_types}.h. The others are in `emuload.machine.structures` and in the
architectures' folders. tests/kernel/fs/test_layouts.py checks sizes and offsets against a C program that prints them.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from emuload.machine.structures import NS, Attributes


class FileSystemFigures(NamedTuple):
    """Values that statfs(2) reports. `block_size` is bytes, the others are counts of blocks and files."""

    magic: int
    block_size: int
    blocks: int
    free: int
    files: int
    files_free: int
    name_length: int
    flags: int


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
"""struct epoll_event: packed where `Abi.epoll_packed` says so (include/uapi/linux/eventpoll.h: EPOLL_PACKED)."""

TIMESPEC: Final = {4: struct.Struct("<ii"), 8: struct.Struct("<qq")}
"""struct timespec (and timeval) by the size of its fields."""

FLOCK: Final = {4: struct.Struct("<hhiii"), 8: struct.Struct("<hh4xqqi4x")}
"""struct flock by the size of off_t; 8 is struct flock64 too."""

IOVEC: Final = {4: struct.Struct("<II"), 8: struct.Struct("<QQ")}
POLLFD: Final = struct.Struct("<ihh")
DIRENT64: Final = struct.Struct("<QqHB")
"""ino, offset of the next record, record length, type; the name follows."""
