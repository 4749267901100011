"""The hooks that run often enough to need native code: budget, log, registers, memory writes, amd64's TLB fill.

No compiler is needed at run time: the instructions are in `hooks_x86_64` and `hooks_aarch64`, assembled, and go into an
executable mapping. Where the host forbids that or is of another kind, `hooks_python` does the same: slower, with
the same trace. Tests disassemble the bytes and compare the two ways.

**BLOCK**, on each block, keeps the time budget:

    remaining <= 0, and the block was jumped to:  stopped = 1, uc_emu_stop(uc)
    else:  remaining -= size;  start, end = the block's

A block at which the budget ends is not executed (Unicorn looks for a stop request after the hook), so the bytes counted are
exactly the bytes run. Where code runs on from the end of the block before, it is not stopped: such places are also where
Unicorn cuts long runs of instructions, which depends on the hooks there are (it ends a block after 4,000 operations of
its own, and a hook on each instruction takes some). So a slice ends at the same instruction whatever is hooked.

**LOG** in its place also writes the block down if it is not the one that was to be expected after the block before
(`emuload.ilog.predictor`, `block_log`):

    full:  stopped = 2, uc_emu_stop(uc): there is no room, the block is not executed
    not in a chosen range:  skipped += size;  inside = away if inside else 0
    else:  inside = 1;  log GAP | skipped if that is not 0;  log address | size << 48
    to log a key:  blocks += 1;  if *slot != key:  *slot = key;  cursor[0] = key, cursor[1] = blocks - missed_at;  cursor += 2;
                   missed_at = blocks;  full = cursor >= limit
                   slot = table + (key * multiplier >> 49)

**STEP**, on each instruction, writes down the registers that changed, as (block << 24 | offset << 8 | register, value), where
offset is the instruction's in the block: they hold before it. The first instruction behind the chosen ranges does so too, with
AFTER as its offset. Then it looks for the address in the table of watched ones, and calls their callback: hooks
for single addresses would make Unicorn walk their list at each instruction.

**WRITE**, before each write to memory, notes (block << 24 | offset << 8 | WRITE | size, address, value), the offset from the
program counter, which Unicorn has made exact. Unicorn does not call it for arm64's DC ZVA, which this CPU does not have either.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any

from emuload.machine import engine as uc
from emuload.machine.hooks import aarch64 as hooks_aarch64
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import python as hooks_python
from emuload.machine.hooks import x86_64 as hooks_x86_64

HOOKS = {
    "x86_64": {name: getattr(hooks_x86_64, name) for name in ("BLOCK", "LOG", "STEP", "WRITE", "TLB")},
    "x86_64-windows": {"BLOCK": hooks_x86_64.BLOCK_WINDOWS},
    "aarch64": {name: getattr(hooks_aarch64, name) for name in ("BLOCK", "LOG", "STEP", "WRITE")},
}
"""Machine code by host and hook."""


def host() -> str:
    """What the host's machine code is called here."""
    machine = os.uname().machine.lower() if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    if machine in ("x86_64", "amd64"):
        return "x86_64-windows" if sys.platform == "win32" else "x86_64"
    return "aarch64" if machine in ("aarch64", "arm64") else machine


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


def _place(code: NativeCode | None, hook: str) -> int | None:
    """The host address of a hook's machine code; None where there is none."""
    return code.place(HOOKS[host()][hook]) if code is not None and hook in HOOKS[host()] else None


def function_address(function: Any) -> int:
    """The host address of a function of libunicorn's, or of a ctypes callback."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


class Hooks:
    """Puts hooks on an engine that work on one set of cells, native ones where there is native code."""

    def __init__(self, engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], code: NativeCode | None) -> None:
        self._engine = engine
        self._cells = cells
        self._code = code
        cells[c.STOP_FUNCTION] = function_address(engine.lib.uc_emu_stop)

    def _callback(self, hook: str, prototype: Any, python: Callable[..., object]) -> int | object:
        """The address of a hook's machine code, or a callback of its Python form."""
        return _place(self._code, hook) or prototype(python)

    def _add(self, kind: int, callback: int | object) -> int:
        return self._engine.add_hook(kind, callback, 1, 0, ctypes.addressof(self._cells))

    def block(self) -> int:
        """Count executed code bytes down in cells[REMAINING], stopping when they run out. Returns the hook."""
        python = hooks_python.block(self._cells, self._engine.stop)
        return self._add(uc.HOOK_BLOCK, self._callback("BLOCK", uc.BLOCK_CALLBACK, python))

    def log(self) -> int:
        """`block` with a log, whose cells are set (`block_log`)."""
        python = hooks_python.log(self._cells, self._engine.stop)
        return self._add(uc.HOOK_BLOCK, self._callback("LOG", uc.BLOCK_CALLBACK, python))

    def step(self, group: uc.RegisterGroup, watched: object) -> None:
        """Log registers at each instruction, and call `watched`, a BLOCK_CALLBACK, at each of the watched addresses."""
        engine, cells = self._engine, self._cells
        cells[c.READ_MANY] = function_address(engine.lib.uc_reg_read_batch)
        cells[c.WATCH_FUNCTION] = function_address(watched)
        python = hooks_python.step(cells, lambda: engine.fill_group(group), watched)  # type: ignore[arg-type]
        self._add(uc.HOOK_CODE, self._callback("STEP", uc.BLOCK_CALLBACK, python))

    def write(self, pc: int) -> None:
        """Log memory writes; `pc` is the program counter's number."""
        cells, engine = self._cells, self._engine
        cells[c.READ_ONE] = function_address(engine.lib.uc_reg_read)
        cells[c.PC_ID] = pc
        python = hooks_python.write(cells, lambda: engine.read_register(pc))
        self._add(uc.HOOK_MEM_WRITE, self._callback("WRITE", uc.WRITE_CALLBACK, python))


class _TlbEntry(ctypes.Structure):
    _fields_ = (("paddr", ctypes.c_uint64), ("perms", ctypes.c_int))


def install_canonical_tlb(engine: uc.Engine, code: NativeCode | None) -> None:
    """amd64: refuse addresses whose bits 63..47 differ, which Unicorn's own TLB would cut to 52 bits and alias."""
    engine.control(uc.CTL_TLB_TYPE, uc.TLB_VIRTUAL)
    native = _place(code, "TLB")
    if native is not None:
        engine.hook(uc.HOOK_TLB_FILL, native)
        return

    def fill(_: int, address: int, access: int, entry: int, user: int) -> bool:
        if address >> 47 not in (0, 0x1FFFF):
            return False
        slot = _TlbEntry.from_address(entry)
        slot.paddr, slot.perms = address, 7
        return True

    engine.hook(uc.HOOK_TLB_FILL, uc.TLB_CALLBACK(fill))
