"""Which names a real C library exports as functions, so that one missing here is told apart from a symbol missing
everywhere.

`names.txt` is what Debian 12's libc6 2.36 (libc, libm, libpthread, libdl, librt, libresolv; amd64 and armhf)
and libgcc_s, and musl 1.2.3 define as functions, one name a line, from

    nm -D --defined-only LIBRARY | awk '$2 ~ /[TWVi]/ {print $3}' | sed 's/@.*//' | LC_ALL=C sort -u
"""

from __future__ import annotations

import os
from functools import cache

_FILE = os.path.join(os.path.dirname(__file__), "names.txt")


@cache
def _names() -> frozenset[str]:
    with open(_FILE, encoding="ascii") as file:
        return frozenset(file.read().split())


def is_libc_function(name: str) -> bool:
    """Whether glibc or musl exports a function of that name."""
    return name in _names()
