"""amd64's flags and structures of the file calls: asm-generic's but for struct stat (arch/x86/include/uapi/asm/stat.h)."""

from __future__ import annotations

from typing import Final

from emuload.machine.structures import GENERIC_64, TIMES, WIDE, StatFormat, Uapi

UAPI: Final[Uapi] = GENERIC_64._replace(
    stat=StatFormat(
        "<QQQIII4xQqqq6q24x",
        ("dev", "ino", "nlink", "mode", "uid", "gid", "rdev", "size", "blksize", "blocks", *TIMES),
        WIDE,
    )
)
