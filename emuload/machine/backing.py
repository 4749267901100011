"""Host memory behind the guest's: what Unicorn gets by pointer and Python slices."""

from __future__ import annotations

import ctypes
import mmap as host_mmap


def host_memory(size: int) -> host_mmap.mmap:
    """Zeroed private memory, whose pages the host need not reserve before they are touched."""
    if not hasattr(host_mmap, "MAP_PRIVATE"):
        return host_mmap.mmap(-1, size)
    flags = host_mmap.MAP_PRIVATE | host_mmap.MAP_ANONYMOUS | getattr(host_mmap, "MAP_NORESERVE", 0)
    return host_mmap.mmap(-1, size, flags=flags)


class Backing:
    """Host memory of one or more regions. Its pages are taken by the host only when touched."""

    __slots__ = ("address", "data", "view")

    def __init__(self, size: int) -> None:
        self.data = host_memory(size)
        self.view = memoryview(self.data)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.data))
