"""A thin binding to libunicorn: the dozen calls a run needs, without the cost of importing Unicorn's Python package.

`import unicorn` costs several times what a whole Go runtime initialisation takes, and its wrappers cost more per call
than the calls themselves. The shared library inside the wheel is the same; only the prototypes below are ours.
Source of the prototypes and constants: unicorn/unicorn.h (2.1).
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap as host_mmap
import os
from collections.abc import Sequence
from typing import Any

HOOK_INTR, HOOK_INSN, HOOK_CODE, HOOK_BLOCK = 1, 2, 4, 8
HOOK_MEM_WRITE = 1 << 11
HOOK_MEM_INVALID = 0x3F0
HOOK_INSN_INVALID = 1 << 14
HOOK_TLB_FILL = 1 << 17

MEM_READ_UNMAPPED, MEM_WRITE_UNMAPPED, MEM_FETCH_UNMAPPED, MEM_WRITE_PROT, MEM_FETCH_PROT = 19, 20, 21, 22, 24

CTL_CPU_MODEL, CTL_TB_REMOVE_CACHE, CTL_TLB_FLUSH, CTL_TLB_TYPE = 7, 9, 11, 12
TLB_VIRTUAL = 1

ERR_OK = 0

ROOM = (1 << 30) + (64 << 20)
"""Bytes of address space that an instance takes when it is made: the buffer for translated code (DEFAULT_CODE_GEN_BUFFER_SIZE of
Unicorn's qemu/accel/tcg/translate-all.c), and some more."""

BLOCK_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)
INTERRUPT_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
SYSCALL_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
INSTRUCTION_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
INVALID_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
MEMORY_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
)
WRITE_CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p
)
TLB_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p
)


class EngineError(Exception):
    """Unicorn refused a request that this program should not have made."""


_loaded: ctypes.CDLL | None = None


def library() -> ctypes.CDLL:
    """libunicorn, loaded once per host process, with its prototypes set."""
    global _loaded
    if _loaded is not None:
        return _loaded
    spec = importlib.util.find_spec("unicorn")
    if spec is None or spec.origin is None:
        raise EngineError("the unicorn package is not installed")
    folder = os.path.join(os.path.dirname(spec.origin), "lib")
    found = sorted(name for name in os.listdir(folder) if "unicorn" in name and not name.endswith(".a"))
    if not found:
        raise EngineError(f"no Unicorn library in {folder}")
    lib = ctypes.CDLL(os.path.join(folder, found[0]))
    handle, u64, size, pointer = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p
    prototypes: dict[str, Sequence[Any]] = {
        "uc_open": (ctypes.c_int, ctypes.c_int, pointer),
        "uc_close": (handle,),
        "uc_mem_map_ptr": (handle, u64, u64, ctypes.c_uint32, pointer),
        "uc_mem_unmap": (handle, u64, u64),
        "uc_mem_protect": (handle, u64, u64, ctypes.c_uint32),
        "uc_emu_start": (handle, u64, u64, u64, size),
        "uc_emu_stop": (handle,),
        "uc_reg_read": (handle, ctypes.c_int, pointer),
        "uc_reg_write": (handle, ctypes.c_int, pointer),
        "uc_reg_read_batch": (handle, pointer, pointer, ctypes.c_int),
        "uc_reg_write_batch": (handle, pointer, pointer, ctypes.c_int),
        "uc_hook_add": (handle, pointer, ctypes.c_int, pointer, pointer, u64, u64),
        "uc_hook_del": (handle, size),
        "uc_context_alloc": (handle, pointer),
        "uc_context_free": (pointer,),
        "uc_context_save": (handle, pointer),
        "uc_context_restore": (handle, pointer),
        "uc_ctl": (handle, ctypes.c_int),
    }
    for name, argtypes in prototypes.items():
        function = getattr(lib, name)
        function.argtypes = argtypes
        function.restype = ctypes.c_int
    lib.uc_context_size.argtypes = (handle,)
    lib.uc_context_size.restype = size
    _loaded = lib
    return lib


def _control(kind: int, arguments: int) -> int:
    """The request word of uc_ctl for a write with `arguments` values (unicorn.h, UC_CTL_WRITE)."""
    return kind | arguments << 26 | 1 << 30


class RegisterGroup:
    """A fixed list of registers of up to 64 bits, read or written with one library call."""

    __slots__ = ("count", "ids", "pointers", "values")

    def __init__(self, ids: Sequence[int]) -> None:
        self.count = len(ids)
        self.ids = (ctypes.c_int * self.count)(*ids)
        self.values = (ctypes.c_uint64 * self.count)()
        base = ctypes.addressof(self.values)
        self.pointers = (ctypes.c_void_p * self.count)(*(base + 8 * i for i in range(self.count)))


def _check_room() -> None:
    """Raise MemoryError where Unicorn would end the host's process: it asks for one large buffer, and exits if it gets none."""
    if hasattr(host_mmap, "MAP_PRIVATE"):
        flags = host_mmap.MAP_PRIVATE | host_mmap.MAP_ANONYMOUS | getattr(host_mmap, "MAP_NORESERVE", 0)
        try:
            host_mmap.mmap(-1, ROOM, flags=flags).close()
        except (OSError, ValueError):
            raise MemoryError(f"the emulator needs {ROOM >> 20} MB of address space for each guest") from None


class Engine:
    """One Unicorn instance. Not copyable: what must survive a snapshot is memory and contexts."""

    def __init__(self, arch: int, mode: int, cpu_model: int | None = None) -> None:
        """Raises MemoryError if there is no room for it."""
        self.lib = library()
        _check_room()
        handle = ctypes.c_void_p()
        self._check("uc_open", self.lib.uc_open(arch, mode, ctypes.byref(handle)))
        self.handle = handle
        self._kept: list[object] = []
        self._scratch = ctypes.c_uint64()
        self._scratch_pointer = ctypes.addressof(self._scratch)
        if cpu_model is not None:
            self.control(CTL_CPU_MODEL, cpu_model)

    def _check(self, what: str, error: int) -> None:
        if error != ERR_OK:
            raise EngineError(f"{what}: Unicorn error {error}")

    def close(self) -> None:
        """Free the instance; further use is an error."""
        if self.handle:
            self.lib.uc_close(self.handle)
            self.handle = ctypes.c_void_p()
            self._kept.clear()

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.close()

    def control(self, kind: int, *values: int) -> None:
        """uc_ctl with integer values, each passed as the C type uc_ctl reads (int below 2**31, else uint64)."""
        arguments = [ctypes.c_uint64(v) if kind == CTL_TB_REMOVE_CACHE else ctypes.c_int(v) for v in values]
        self._check("uc_ctl", self.lib.uc_ctl(self.handle, _control(kind, len(values)), *arguments))

    def map(self, address: int, size: int, prot: int, host_address: int) -> None:
        """Back [address, address + size) with host memory."""
        self._check("uc_mem_map_ptr", self.lib.uc_mem_map_ptr(self.handle, address, size, prot, host_address))

    def unmap(self, address: int, size: int) -> None:
        """Forget [address, address + size); parts of regions are split off."""
        self._check("uc_mem_unmap", self.lib.uc_mem_unmap(self.handle, address, size))

    def protect(self, address: int, size: int, prot: int) -> None:
        """Change the protection of [address, address + size)."""
        self._check("uc_mem_protect", self.lib.uc_mem_protect(self.handle, address, size, prot))

    def forget_code(self, start: int, end: int) -> None:
        """Drop what was translated from [start, end)."""
        self.control(CTL_TB_REMOVE_CACHE, start, end)

    def forget_translations(self) -> None:
        """Drop the TLB: an entry lets reads pass that a change of protection has forbidden since."""
        self.control(CTL_TLB_FLUSH)

    def read_register(self, register: int) -> int:
        """One register of up to 64 bits."""
        self._scratch.value = 0
        self.lib.uc_reg_read(self.handle, register, self._scratch_pointer)
        return self._scratch.value

    def write_register(self, register: int, value: int) -> None:
        """One register of up to 64 bits; the value is wrapped."""
        self._scratch.value = value
        self.lib.uc_reg_write(self.handle, register, self._scratch_pointer)

    def read_wide(self, register: int, size: int) -> bytes:
        """A register wider than 64 bits (SSE, x87, NEON), `size` bytes."""
        buffer = ctypes.create_string_buffer(max(size, 16))
        self.lib.uc_reg_read(self.handle, register, ctypes.addressof(buffer))
        return buffer.raw[:size]

    def write_wide(self, register: int, data: bytes) -> None:
        """A register wider than 64 bits."""
        buffer = ctypes.create_string_buffer(data, max(len(data), 16))
        self.lib.uc_reg_write(self.handle, register, ctypes.addressof(buffer))

    def fill_group(self, group: RegisterGroup) -> None:
        """Read all registers of a group into its `values`."""
        self.lib.uc_reg_read_batch(self.handle, group.ids, group.pointers, group.count)

    def read_group(self, group: RegisterGroup) -> list[int]:
        """All registers of a group."""
        self.lib.uc_reg_read_batch(self.handle, group.ids, group.pointers, group.count)
        return group.values[:]

    def write_group(self, group: RegisterGroup, values: Sequence[int]) -> None:
        """All registers of a group; values must already fit 64 bits."""
        group.values[:] = list(values)
        self.lib.uc_reg_write_batch(self.handle, group.ids, group.pointers, group.count)

    def hook(self, kind: int, callback: object, begin: int = 1, end: int = 0, user: int = 0) -> None:
        """Install a hook for the life of the instance. `callback` is a ctypes callback or the address of native code."""
        self.add_hook(kind, callback, begin, end, user)

    def hook_instruction(self, instruction: int, callback: object) -> None:
        """A UC_HOOK_INSN hook, whose instruction id is one more argument."""
        self.add_hook(HOOK_INSN, callback, 1, 0, 0, ctypes.c_int(instruction))

    def add_hook(self, kind: int, callback: object, begin: int, end: int, user: int, *extra: object) -> int:
        """Install a hook and return Unicorn's handle for it."""
        self._kept.append(callback)
        handle = ctypes.c_size_t()
        address = callback if isinstance(callback, int) else ctypes.cast(callback, ctypes.c_void_p)  # type: ignore[arg-type]
        error = self.lib.uc_hook_add(
            self.handle, ctypes.byref(handle), kind, address, user or None, begin, end, *extra
        )
        self._check("uc_hook_add", error)
        return handle.value

    def remove_hook(self, handle: int) -> None:
        """Take out a hook that add_hook installed."""
        self._check("uc_hook_del", self.lib.uc_hook_del(self.handle, handle))

    def start(self, begin: int, until: int) -> int:
        """Run until `until`, a stop or an error; returns Unicorn's error number."""
        result: int = self.lib.uc_emu_start(self.handle, begin, until, 0, 0)
        return result

    def stop(self) -> None:
        """Ask the running instance to stop at the next block."""
        self.lib.uc_emu_stop(self.handle)

    def context_template(self) -> bytes:
        """The bytes of a fresh context: contexts made from it can be copied and kept as plain bytes."""
        pointer = ctypes.c_void_p()
        self._check("uc_context_alloc", self.lib.uc_context_alloc(self.handle, ctypes.byref(pointer)))
        size = self.lib.uc_context_size(self.handle)
        template = ctypes.string_at(pointer, size)
        self.lib.uc_context_free(pointer)
        return template

