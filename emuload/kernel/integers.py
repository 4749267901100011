"""Register values as the C integers that a system call takes them for."""

from __future__ import annotations


def int32(value: int) -> int:
    """The low 32 bits, signed."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def int64(value: int) -> int:
    """The low 64 bits, signed."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
