"""Puts the hooks on an engine: the compiled ones where the host runs them, else their Python forms.

Unicorn gets the address of the code, compiled or a ctypes callback, and passes the cells' address to it. All hooks here cover
all addresses (to Unicorn: begin 1, end 0).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import python
from emuload.machine.hooks.native import NativeCode


def function_address(function: Any) -> int:
    """The host address of a function of libunicorn's, or of a ctypes callback."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


class Hooks:
    """Puts hooks on an engine that work on one set of cells."""

    def __init__(self, engine: uc.Engine, cells: ctypes.Array[ctypes.c_int64], code: NativeCode | None) -> None:
        self._engine = engine
        self._cells = cells
        self._code = code
        cells[c.STOP_FUNCTION] = function_address(engine.lib.uc_emu_stop)

    def _add(self, kind: int, name: str, prototype: Any, form: Callable[..., object]) -> int:
        """Add the hook `name`, whose Python form has `prototype`. Returns the hook's handle."""
        callback = prototype(form) if self._code is None else self._code.address(name)
        return self._engine.add_hook(kind, callback, 1, 0, ctypes.addressof(self._cells))

    def block(self) -> int:
        """On each block: count executed code bytes down in cells[REMAINING], stop when they run out. Returns the hook."""
        return self._add(uc.HOOK_BLOCK, "block", uc.BLOCK_CALLBACK, python.block(self._cells, self._engine.stop))

    def log_block(self) -> int:
        """`block` with a log, whose cells are set (`block_log`)."""
        return self._add(uc.HOOK_BLOCK, "log_block", uc.BLOCK_CALLBACK, python.log_block(self._cells, self._engine.stop))

    def step(self, group: uc.RegisterGroup, watched: object) -> None:
        """On each instruction: log registers, then call `watched`, a BLOCK_CALLBACK, if the address is watched."""
        engine, cells = self._engine, self._cells
        cells[c.READ_MANY] = function_address(engine.lib.uc_reg_read_batch)
        cells[c.WATCH_FUNCTION] = function_address(watched)
        form = python.step(cells, lambda: engine.fill_group(group), watched)  # type: ignore[arg-type]
        self._add(uc.HOOK_CODE, "step", uc.BLOCK_CALLBACK, form)

    def write(self, pc: int) -> None:
        """Before each write to memory: log it. `pc` is the program counter's number."""
        cells, engine = self._cells, self._engine
        cells[c.READ_ONE] = function_address(engine.lib.uc_reg_read)
        cells[c.PC_ID] = pc
        form = python.write(cells, lambda: engine.read_register(pc))
        self._add(uc.HOOK_MEM_WRITE, "write", uc.WRITE_CALLBACK, form)


def install_canonical_tlb(engine: uc.Engine, code: NativeCode | None) -> None:
    """amd64: refuse addresses whose bits 63..47 differ, which Unicorn's own TLB would cut to 52 bits and alias."""
    engine.control(uc.CTL_TLB_TYPE, uc.TLB_VIRTUAL)
    engine.hook(uc.HOOK_TLB_FILL, uc.TLB_CALLBACK(python.fill_tlb) if code is None else code.address("fill_tlb"))
