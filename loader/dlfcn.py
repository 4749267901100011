"""The flags of dlopen, with the values of Linux's <dlfcn.h> (glibc bits/dlfcn.h, musl include/dlfcn.h)."""

from __future__ import annotations

RTLD_LAZY, RTLD_NOW, RTLD_NOLOAD, RTLD_DEEPBIND = 1, 2, 4, 8
RTLD_LOCAL, RTLD_GLOBAL, RTLD_NODELETE = 0, 0x100, 0x1000
