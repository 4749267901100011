"""The compiled hooks in this process's memory, ready to be called; None on hosts without them.

`src/hooks.c` explains each hook, `build` compiles it. A built file is six offsets and code that runs at any address
without relocation, so mapping the file is all there is to loading it. Where that is not possible `python` does the same as the
code: slower, with the same trace.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from functools import cache
from struct import Struct

HOOKS = ("block", "log_block", "step", "write", "count", "fill_tlb")
"""The functions of hooks.c, in the order of their offsets."""

OFFSETS = Struct(f"<{len(HOOKS)}I")
"""A built file's head: where each function begins, from the file's start."""

BUILT = os.path.join(os.path.dirname(__file__), "built")


def offsets(data: bytes) -> dict[str, int]:
    """Where each hook is in a built file."""
    return dict(zip(HOOKS, OFFSETS.unpack_from(data), strict=True))


def convention() -> str | None:
    """The host's calling convention, as the file in `built` is called; None on a host without a file."""
    machine = os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    if machine.lower() in ("x86_64", "amd64"):
        return "x86_64-windows" if sys.platform == "win32" else "x86_64-sysv"
    if machine.lower() in ("aarch64", "arm64") and sys.platform != "darwin":
        # macOS lets a thread either write or execute such memory (pthread_jit_write_protect_np), and Unicorn, which
        # switches that too, keeps its own account of the state.
        return "aarch64"
    return None


class NativeCode:
    """A built file mapped for execution."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as stream:
            self._offsets = offsets(stream.read(OFFSETS.size))
            if sys.platform == "win32":
                stream.seek(0)
                self._base = _virtual_alloc(stream.read())
            else:
                # Writable only because ctypes gives no address of a read-only buffer. Nothing is written: the kernel has
                # made the file's pages coherent for execution, which on AArch64 a copy would not be.
                prot = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
                self._pages = mmap.mmap(stream.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=prot)
                self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))

    def address(self, hook: str) -> int:
        """The host address of a hook."""
        return self._base + self._offsets[hook]


def _virtual_alloc(data: bytes) -> int:
    """The address of a copy of `data` that Windows lets run, for the life of the process; raises OSError."""
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    size, pointer, word = ctypes.c_size_t(len(data)), ctypes.c_void_p, ctypes.c_uint32
    kernel32.VirtualAlloc.restype = kernel32.GetCurrentProcess.restype = pointer
    base = kernel32.VirtualAlloc(None, size, word(0x3000), word(4))  # MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE
    if base is None:
        raise OSError("VirtualAlloc")
    ctypes.memmove(base, data, len(data))
    if not kernel32.VirtualProtect(pointer(base), size, word(0x20), ctypes.byref(word())):  # PAGE_EXECUTE_READ
        raise OSError("VirtualProtect")
    kernel32.FlushInstructionCache(pointer(kernel32.GetCurrentProcess()), pointer(base), size)
    return int(base)


@cache
def native_code() -> NativeCode | None:
    """The compiled hooks, mapped once per process; None if the host forbids that or is of a kind without code."""
    name = convention()
    try:
        return None if name is None else NativeCode(os.path.join(BUILT, f"{name}.bin"))
    except OSError:
        return None
