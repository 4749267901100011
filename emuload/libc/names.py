"""Which names a real C library exports as functions, so that one missing here is told apart from a symbol missing
everywhere.

`names.txt` is what Debian 12's libc6 2.36 (libc, libm, libpthread, libdl, librt, libresolv; amd64 and armhf)
and libgcc_s, and musl 1.2.3 define as functions, one name a line, from

    nm -D --defined-only LIBRARY | awk '$2 ~ /[TWVi]/ {print $3}' | sed 's/@.*//' | LC_ALL=C sort -u

`musl.txt` is the same of musl 1.2.3 for amd64, its data too ([TWVDBRi]).
"""

from __future__ import annotations

import os
from functools import cache

_FOLDER = os.path.dirname(__file__)


@cache
def _names(file_name: str) -> frozenset[str]:
    with open(os.path.join(_FOLDER, file_name), encoding="ascii") as file:
        return frozenset(file.read().split())


def is_libc_function(name: str) -> bool:
    """Whether glibc or musl exports a function of that name."""
    return name in _names("names.txt")


def musl_exports(name: str) -> bool:
    """Whether musl exports that name. Its 32-bit builds have others for 64-bit time, which are taken to be there."""
    return name in _names("musl.txt") or "time64" in name
