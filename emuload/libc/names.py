"""Which names a real C library exports as functions, so that one missing here is told apart from a symbol missing
everywhere.

`names.txt` is what Debian 12's libc6 2.36 (libc, libm, libpthread, libdl, librt, libresolv; amd64 and armhf) and
musl 1.2.3 define as functions, one name a line, from

    nm -D --defined-only LIBRARY | awk '$2 ~ /[TWVi]/ {print $3}' | sed 's/@.*//' | LC_ALL=C sort -u
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def _names() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("names.txt").read_text().split())


def is_libc_function(name: str) -> bool:
    """Whether glibc or musl exports a function of that name."""
    return name in _names()
