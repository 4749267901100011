"""arm's flags and structures of the file calls (arch/arm/include/uapi/asm/{fcntl,stat,statfs}.h)."""

from __future__ import annotations

from typing import Final

from emuload.machine.structures import TIMES, WIDE, StatFormat, Uapi

UAPI: Final = Uapi(
    o_directory=0o40000,
    o_nofollow=0o100000,
    o_direct=0o200000,
    o_largefile=0o400000,
    force_large=False,
    stat=StatFormat(
        "<IIHHHHIIII6I8x",
        ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *TIMES),
        (1 << 31) - 1,
    ),
    stat64=StatFormat(
        "<Q4xIIIIIQ8xqI4xQ6IQ",
        ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", *TIMES, "ino"),
        WIDE,
    ),
    statfs="<IIIIIII8xIII16x",
    statfs64="<IIQQQQQ8xIII16x",
)
