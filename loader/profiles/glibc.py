"""glibc's dynamic linker (2.36 and later). Facts: elf/dl-init.c, elf/dl-sort-maps.c, elf/dl-tls.c, elf/dl-load.c.

Surplus static TLS (_dl_tls_static_surplus_init): 3 * 192 + 4 * 144 + 512 = 1664 bytes with default tunables.
A file for another machine is passed over in the search, so that dlopen says it found none.
"""

from __future__ import annotations

from ..order import sort_dfs
from .base import Profile

PROFILE = Profile(
    name="glibc",
    sort=sort_dfs,
    constructor_arguments=("argc", "argv", "envp"),
    surplus=1664,
    optional=512,
    lock_in_constructors=True,
    words={"machine": "cannot open shared object file: No such file or directory"},
)
