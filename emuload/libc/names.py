"""The functions that real C libraries export: a function missing here is thereby told apart from one missing everywhere.

`names.txt` holds the names that Debian 12's libc6 2.36 (libc, libm, libpthread, libdl, librt, libresolv; amd64 and armhf)
and libgcc_s, and musl 1.2.3 define as functions, one name a line, from

    nm -D --defined-only LIBRARY | awk '$2 ~ /[TWVi]/ {print $3}' | sed 's/@.*//' | LC_ALL=C sort -u
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
    """True if glibc or musl exports a function of that name."""
    return name in _names("names.txt")
