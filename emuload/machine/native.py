"""The two hooks that run often enough to need native code: the block hook and amd64's TLB fill.

No compiler is needed at run time: the instructions are below, assembled, and go into an executable mapping. Where the
host forbids that or is of another kind, the same work is done by a Python callback: slower, with the same trace.
`tests/machine/test_native.py` disassembles the bytes and compares the two ways.

The block hook keeps the time budget (cells: remaining bytes, address of uc_emu_stop, stopped flag):

    remaining -= size of block;  if that went below zero: put it back, stopped = 1, uc_emu_stop(uc)

A block at which the budget ends is not executed (Unicorn looks for a stop request after the hook), so the bytes counted are
exactly the bytes run.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

from emuload.machine import engine as uc

CELLS = ctypes.c_int64 * 4
REMAINING, STOP_FUNCTION, STOPPED = 0, 1, 2

# sub [rcx], rdx (edx is zero-extended) / js / ret ; stop: add back, flag, jmp uc_emu_stop
_BLOCK_X86_64_SYSV = bytes.fromhex(
    "89d2"  # mov edx, edx
    "482911"  # sub [rcx], rdx
    "7801"  # js +1
    "c3"  # ret
    "480111"  # add [rcx], rdx
    "48c7411001000000"  # mov qword [rcx + 16], 1
    "ff6108"  # jmp [rcx + 8]        (rdi still holds uc)
)
_BLOCK_X86_64_WINDOWS = bytes.fromhex(
    "4589c0"  # mov r8d, r8d
    "4d2901"  # sub [r9], r8
    "7801"  # js +1
    "c3"  # ret
    "4d0101"  # add [r9], r8
    "49c7411001000000"  # mov qword [r9 + 16], 1
    "41ff6108"  # jmp [r9 + 8]
)
_BLOCK_AARCH64 = bytes.fromhex(
    "640040f9"  # ldr x4, [x3]
    "844022eb"  # subs x4, x4, w2, uxtw
    "64000054"  # b.mi +12
    "640000f9"  # str x4, [x3]
    "c0035fd6"  # ret
    "26008052"  # mov w6, #1
    "660800f9"  # str x6, [x3, #16]
    "650440f9"  # ldr x5, [x3, #8]
    "a0001fd6"  # br x5
)

# bool fill(uc, vaddr, type, uc_tlb_entry *result, user): identity for canonical addresses, refuse the others
_TLB_X86_64_SYSV = bytes.fromhex(
    "4889f0"  # mov rax, rsi
    "48c1f82f"  # sar rax, 47
    "7409"  # jz ok
    "4883f8ff"  # cmp rax, -1
    "7403"  # je ok
    "31c0"  # xor eax, eax
    "c3"  # ret
    "488931"  # ok: mov [rcx], rsi
    "c7410807000000"  # mov dword [rcx + 8], 7
    "b801000000"  # mov eax, 1
    "c3"  # ret
)


def _host() -> str:
    machine = os.uname().machine.lower() if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    if machine in ("x86_64", "amd64"):
        return "x86_64-windows" if sys.platform == "win32" else "x86_64"
    return "aarch64" if machine in ("aarch64", "arm64") else machine


BLOCK_HOOKS = {
    "x86_64": _BLOCK_X86_64_SYSV,
    "x86_64-windows": _BLOCK_X86_64_WINDOWS,
    "aarch64": _BLOCK_AARCH64,
}
TLB_HOOKS = {"x86_64": _TLB_X86_64_SYSV}


class NativeCode:
    """An executable mapping that holds native hooks."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(
            -1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        )
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        self._used = 0

    def place(self, code: bytes) -> int:
        """Copy `code` in and return its host address."""
        start = self._used
        self._pages[start : start + len(code)] = code
        self._used = (start + len(code) + 15) & ~15
        return self._base + start


def native_code() -> NativeCode | None:
    """An executable mapping, or None where the host forbids one or is of a kind we have no code for."""
    if _host() not in ("x86_64", "aarch64") or sys.platform == "darwin":
        return None
    try:
        return NativeCode()
    except (OSError, ValueError, AttributeError):
        return None


def install_block_hook(engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], code: NativeCode | None) -> None:
    """Let the engine count executed code bytes down in cells[REMAINING], stopping when they run out."""
    stop = ctypes.cast(engine.lib.uc_emu_stop, ctypes.c_void_p).value
    assert stop is not None
    cells[STOP_FUNCTION] = stop
    if code is not None:
        engine.hook(uc.HOOK_BLOCK, code.place(BLOCK_HOOKS[_host()]), user=ctypes.addressof(cells))
        return

    def count(_: int, address: int, size: int, user: int) -> None:
        cells[REMAINING] -= size
        if cells[REMAINING] < 0:
            cells[REMAINING] += size
            cells[STOPPED] = 1
            engine.stop()

    engine.hook(uc.HOOK_BLOCK, uc.BLOCK_CALLBACK(count))


class _TlbEntry(ctypes.Structure):
    _fields_ = (("paddr", ctypes.c_uint64), ("perms", ctypes.c_int))


def install_canonical_tlb(engine: uc.Engine, code: NativeCode | None) -> None:
    """amd64: refuse addresses whose bits 63..47 differ, which Unicorn's own TLB would cut to 52 bits and alias."""
    engine.control(uc.CTL_TLB_TYPE, uc.TLB_VIRTUAL)
    if code is not None and _host() in TLB_HOOKS:
        engine.hook(uc.HOOK_TLB_FILL, code.place(TLB_HOOKS[_host()]))
        return

    def fill(_: int, address: int, access: int, entry: int, user: int) -> bool:
        if address >> 47 not in (0, 0x1FFFF):
            return False
        slot = _TlbEntry.from_address(entry)
        slot.paddr, slot.perms = address, 7
        return True

    engine.hook(uc.HOOK_TLB_FILL, uc.TLB_CALLBACK(fill))

