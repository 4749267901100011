"""arm64's flags and structures of the file calls: asm-generic's but for four open flags (arch/arm64/include/uapi/asm/fcntl.h)."""

from __future__ import annotations

from typing import Final

from emuload.machine.structures import GENERIC_64, Uapi

UAPI: Final[Uapi] = GENERIC_64._replace(o_directory=0o40000, o_nofollow=0o100000, o_direct=0o200000, o_largefile=0o400000)
