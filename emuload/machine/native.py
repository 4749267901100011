"""The hooks that run often enough to need native code: the block hook, with or without a log, and amd64's TLB fill.

No compiler is needed at run time: the instructions are below, assembled, and go into an executable mapping. Where the
host forbids that or is of another kind, the same work is done by a Python callback: slower, with the same trace.
`tests/machine/test_native.py` disassembles the bytes and compares the two ways.

The block hook keeps the time budget (cells: remaining bytes, address of uc_emu_stop, stopped flag):

    remaining -= size of block;  if that went below zero: put it back, stopped = 1, uc_emu_stop(uc)

A block at which the budget ends is not executed (Unicorn looks for a stop request after the hook), so the bytes counted are
exactly the bytes run.

The logging block hook keeps the budget in the same way, and then writes the block down if it is not the one that was to be
expected after the block before (`emuload.trace.predictor`, `emuload.machine.block_log`):

    cursor >= limit:  remaining += size, stopped = 2, uc_emu_stop(uc): there is no room, the block is not executed
    key = address | size << 48;  blocks += 1;  last = key
    if *slot != key:  *slot = key;  cursor[0] = key, cursor[1] = blocks - missed_at;  cursor += 2;  missed_at = blocks
    slot = table + (key * multiplier >> 49)
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable

from emuload.machine import engine as uc
from emuload.trace import predictor

CELLS = ctypes.c_int64 * 11
REMAINING, STOP_FUNCTION, STOPPED = 0, 1, 2
CURSOR, LIMIT, TABLE, SLOT, MULTIPLIER, LAST, BLOCKS, MISSED_AT = range(3, 11)

BUDGET_USED, LOG_FULL = 1, 2
"""Values of STOPPED."""

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

_LOG_X86_64_SYSV = bytes.fromhex(
    "89d0"  # mov eax, edx
    "482901"  # sub [rcx], rax
    "785b"  # js stop
    "4c8b4118"  # mov r8, [rcx + 24]      (cursor)
    "4c3b4120"  # cmp r8, [rcx + 32]      (limit)
    "735f"  # jae full
    "48c1e030"  # shl rax, 48
    "4809f0"  # or rax, rsi              (key)
    "48ff4148"  # inc qword [rcx + 72]    (blocks)
    "48894140"  # mov [rcx + 64], rax     (last)
    "4c8b4930"  # mov r9, [rcx + 48]      (slot)
    "493901"  # cmp [r9], rax
    "7516"  # jne missed
    "480faf4138"  # next: imul rax, [rcx + 56]
    "48c1e831"  # shr rax, 49
    "4c8b5128"  # mov r10, [rcx + 40]     (table)
    "4d8d14c2"  # lea r10, [r10 + rax * 8]
    "4c895130"  # mov [rcx + 48], r10
    "c3"  # ret
    "498901"  # missed: mov [r9], rax
    "498900"  # mov [r8], rax
    "4c8b5948"  # mov r11, [rcx + 72]
    "4d89da"  # mov r10, r11
    "4c2b5950"  # sub r11, [rcx + 80]     (missed_at)
    "4c895150"  # mov [rcx + 80], r10
    "4d895808"  # mov [r8 + 8], r11
    "4983c010"  # add r8, 16
    "4c894118"  # mov [rcx + 24], r8
    "ebc7"  # jmp next
    "480101"  # stop: add [rcx], rax
    "48c7411001000000"  # mov qword [rcx + 16], 1
    "ff6108"  # jmp [rcx + 8]        (rdi still holds uc)
    "480101"  # full: add [rcx], rax
    "48c7411002000000"  # mov qword [rcx + 16], 2
    "ff6108"  # jmp [rcx + 8]
)
_LOG_AARCH64 = bytes.fromhex(
    "640040f9"  # ldr x4, [x3]
    "844022eb"  # subs x4, x4, w2, uxtw
    "64030054"  # b.mi stop
    "659841a9"  # ldp x5, x6, [x3, #24]   (cursor, limit)
    "bf0006eb"  # cmp x5, x6
    "42030054"  # b.hs full
    "640000f9"  # str x4, [x3]
    "27c002aa"  # orr x7, x1, x2, lsl #48 (key)
    "682440f9"  # ldr x8, [x3, #72]
    "08050091"  # add x8, x8, #1
    "672004a9"  # stp x7, x8, [x3, #64]   (last, blocks)
    "691840f9"  # ldr x9, [x3, #48]       (slot)
    "2a0140f9"  # ldr x10, [x9]
    "5f0107eb"  # cmp x10, x7
    "01010054"  # b.ne missed
    "6a1c40f9"  # next: ldr x10, [x3, #56]
    "4a7d079b"  # mul x10, x10, x7
    "4afd71d3"  # lsr x10, x10, #49
    "6b1440f9"  # ldr x11, [x3, #40]      (table)
    "6b0d0a8b"  # add x11, x11, x10, lsl #3
    "6b1800f9"  # str x11, [x3, #48]
    "c0035fd6"  # ret
    "270100f9"  # missed: str x7, [x9]
    "6c2840f9"  # ldr x12, [x3, #80]      (missed_at)
    "0d010ccb"  # sub x13, x8, x12
    "682800f9"  # str x8, [x3, #80]
    "a73481a8"  # stp x7, x13, [x5], #16
    "650c00f9"  # str x5, [x3, #24]
    "f3ffff17"  # b next
    "26008052"  # stop: mov w6, #1
    "02000014"  # b end
    "46008052"  # full: mov w6, #2
    "660800f9"  # end: str x6, [x3, #16]
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


def host() -> str:
    """What the host's machine code is called here."""
    machine = os.uname().machine.lower() if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    if machine in ("x86_64", "amd64"):
        return "x86_64-windows" if sys.platform == "win32" else "x86_64"
    return "aarch64" if machine in ("aarch64", "arm64") else machine


BLOCK_HOOKS = {
    "x86_64": _BLOCK_X86_64_SYSV,
    "x86_64-windows": _BLOCK_X86_64_WINDOWS,
    "aarch64": _BLOCK_AARCH64,
}
LOG_HOOKS = {"x86_64": _LOG_X86_64_SYSV, "aarch64": _LOG_AARCH64}
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
    if host() not in ("x86_64", "aarch64") or sys.platform == "darwin":
        return None
    try:
        return NativeCode()
    except (OSError, ValueError, AttributeError):
        return None


def install_block_hook(engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], code: NativeCode | None) -> int:
    """Let the engine count executed code bytes down in cells[REMAINING], stopping when they run out. Returns the hook."""
    stop = ctypes.cast(engine.lib.uc_emu_stop, ctypes.c_void_p).value
    assert stop is not None
    cells[STOP_FUNCTION] = stop
    if code is not None:
        return _install_native(engine, cells, code.place(BLOCK_HOOKS[host()]))

    def count(_: int, address: int, size: int, user: int) -> None:
        cells[REMAINING] -= size
        if cells[REMAINING] < 0:
            cells[REMAINING] += size
            cells[STOPPED] = BUDGET_USED
            engine.stop()

    return engine.add_hook(uc.HOOK_BLOCK, uc.BLOCK_CALLBACK(count), 1, 0, 0)


def install_log_hook(engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], code: NativeCode | None) -> int:
    """`install_block_hook` with a log, whose cells are set (`emuload.machine.block_log`)."""
    if code is not None:
        return _install_native(engine, cells, code.place(LOG_HOOKS[host()]))
    return engine.add_hook(uc.HOOK_BLOCK, uc.BLOCK_CALLBACK(logging_callback(cells, engine.stop)), 1, 0, 0)


def _install_native(engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], address: int) -> int:
    return engine.add_hook(uc.HOOK_BLOCK, address, 1, 0, ctypes.addressof(cells))


def logging_callback(cells: ctypes.Array[ctypes.c_int64], stop: Callable[[], None]) -> Callable[[int, int, int, int], None]:
    """What LOG_HOOKS do, in Python."""
    word = ctypes.c_uint64.from_address

    def log(_: int, address: int, size: int, user: int) -> None:
        cursor = cells[CURSOR]
        short = cells[REMAINING] < size
        if short or cursor >= cells[LIMIT]:
            cells[STOPPED] = BUDGET_USED if short else LOG_FULL
            stop()
            return
        cells[REMAINING] -= size
        cells[BLOCKS] += 1
        key = (address | size << predictor.SIZE_SHIFT) & predictor.WORD
        cells[LAST] = key
        slot = word(cells[SLOT])
        if slot.value != key:
            slot.value = word(cursor).value = key
            word(cursor + 8).value = cells[BLOCKS] - cells[MISSED_AT]
            cells[MISSED_AT] = cells[BLOCKS]
            cells[CURSOR] = cursor + 16
        cells[SLOT] = cells[TABLE] + predictor.place(key) * 8

    return log


class _TlbEntry(ctypes.Structure):
    _fields_ = (("paddr", ctypes.c_uint64), ("perms", ctypes.c_int))


def install_canonical_tlb(engine: uc.Engine, code: NativeCode | None) -> None:
    """amd64: refuse addresses whose bits 63..47 differ, which Unicorn's own TLB would cut to 52 bits and alias."""
    engine.control(uc.CTL_TLB_TYPE, uc.TLB_VIRTUAL)
    if code is not None and host() in TLB_HOOKS:
        engine.hook(uc.HOOK_TLB_FILL, code.place(TLB_HOOKS[host()]))
        return

    def fill(_: int, address: int, access: int, entry: int, user: int) -> bool:
        if address >> 47 not in (0, 0x1FFFF):
            return False
        slot = _TlbEntry.from_address(entry)
        slot.paddr, slot.perms = address, 7
        return True

    engine.hook(uc.HOOK_TLB_FILL, uc.TLB_CALLBACK(fill))

