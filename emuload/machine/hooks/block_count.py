"""How many instructions a CPU has executed, exactly, counted block by block in native code.

The block hook of `emuload.machine.hooks.native` keeps the budget; this is a second one behind it. A table says of each block that
has run how many instructions it holds. A block that is not there goes to a Python callback, once, which counts them and writes
the entry; two blocks that want the same place take turns in it.

    if *stopped: return                      the block before which the budget ends is not executed
    key = address | size << 48;  last = key
    slot = table + (key * multiplier >> 47) * 16
    if slot[0] != key: goto *callback
    count += slot[1]

What is counted are the instructions of the blocks that run, as the emulator cuts them: an x86 string instruction with a repeat
prefix counts once for each repetition, a Thumb instruction in an IT block also when its condition fails.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from emuload.ilog import predictor
from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks import native

STOPPED, LAST, MULTIPLIER, TABLE, COUNT, CALLBACK = range(6)
_TABLE_BITS = 17
_SHIFT = 64 - _TABLE_BITS

_X86_64_SYSV = bytes.fromhex(
    "4c8b09"  # mov r9, [rcx]           (stopped)
    "49833900"  # cmp qword [r9], 0
    "752e"  # jne out
    "89d0"  # mov eax, edx
    "48c1e030"  # shl rax, 48
    "4809f0"  # or rax, rsi             (key)
    "48894108"  # mov [rcx + 8], rax      (last)
    "4989c0"  # mov r8, rax
    "4c0faf4110"  # imul r8, [rcx + 16]
    "49c1e82f"  # shr r8, 47
    "49c1e004"  # shl r8, 4
    "4c034118"  # add r8, [rcx + 24]      (table)
    "493900"  # cmp [r8], rax
    "7509"  # jne miss
    "4d8b4008"  # mov r8, [r8 + 8]
    "4c014120"  # add [rcx + 32], r8      (count)
    "c3"  # out: ret
    "ff6128"  # miss: jmp [rcx + 40]    (callback, with the same arguments)
)
_AARCH64 = bytes.fromhex(
    "690040f9"  # ldr x9, [x3]            (stopped)
    "290140f9"  # ldr x9, [x9]
    "c90100b5"  # cbnz x9, out
    "24c002aa"  # orr x4, x1, x2, lsl #48 (key)
    "640400f9"  # str x4, [x3, #8]        (last)
    "650840f9"  # ldr x5, [x3, #16]
    "a57c049b"  # mul x5, x5, x4
    "a5fc6fd3"  # lsr x5, x5, #47
    "660c40f9"  # ldr x6, [x3, #24]       (table)
    "c610058b"  # add x6, x6, x5, lsl #4
    "c72040a9"  # ldp x7, x8, [x6]
    "ff0004eb"  # cmp x7, x4
    "a1000054"  # b.ne miss
    "671040f9"  # ldr x7, [x3, #32]       (count)
    "e700088b"  # add x7, x7, x8
    "671000f9"  # str x7, [x3, #32]
    "c0035fd6"  # out: ret
    "691440f9"  # miss: ldr x9, [x3, #40]
    "20011fd6"  # br x9
)
COUNT_HOOKS = {"x86_64": _X86_64_SYSV, "aarch64": _AARCH64}
"""The hook's code by host."""

CountBlock = Callable[[int, int], int]
"""(address, size) of a block that is about to run → how many instructions it holds."""


class BlockCount:
    """Counts the instructions of every block an engine runs from now on.

    `budget` are the block hook's cells (`emuload.machine.hooks.native`), `block_size` says how many instructions a block holds.
    An exception of its is kept in `error` and counts as no instructions.
    """

    def __init__(
        self,
        engine: uc.Engine,
        budget: ctypes.Array[ctypes.c_int64],
        code: native.NativeCode | None,
        block_size: CountBlock,
    ) -> None:
        self._block_size = block_size
        self._budget = budget
        self.cells = (ctypes.c_int64 * 6)()
        self._table = (ctypes.c_uint64 * (2 << _TABLE_BITS))()
        self._known: dict[int, int] = {}
        self.running = False
        """Whether the CPU runs: then the last block may be executed in part only."""
        self.error: BaseException | None = None
        self._callback = uc.BLOCK_CALLBACK(self._count)
        self.cells[STOPPED] = ctypes.addressof(budget) + 8 * c.STOPPED
        self.cells[MULTIPLIER] = predictor.MULTIPLIER - (1 << 64)
        self.cells[TABLE] = ctypes.addressof(self._table)
        self.cells[CALLBACK] = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        hook = COUNT_HOOKS.get(native.host())
        if code is not None and hook is not None:
            engine.add_hook(uc.HOOK_BLOCK, code.place(hook), 1, 0, ctypes.addressof(self.cells))
        else:
            engine.add_hook(uc.HOOK_BLOCK, self._callback, 1, 0, 0)

    def _count(self, _: int, address: int, size: int, user: int) -> None:
        """The hook in Python: all of it on hosts without native code, elsewhere what the table does not answer."""
        if self._budget[c.STOPPED]:
            return
        key = address | size << predictor.SIZE_SHIFT
        self.cells[LAST] = key - (1 << 64) if key >> 63 else key
        found = self._known.get(key)
        if found is None:
            try:
                found = self._block_size(address, size)
            except BaseException as error:  # nothing may be raised through Unicorn
                self.error, found = error, 0
            self._known[key] = found
        self.cells[COUNT] += found
        slot = ((key * predictor.MULTIPLIER & predictor.WORD) >> _SHIFT) * 2
        self._table[slot], self._table[slot + 1] = key, found

    def host_memory(self) -> list[tuple[int, int]]:
        """(address, size) of everything the hook touches."""
        return [(ctypes.addressof(each), ctypes.sizeof(each)) for each in (self.cells, self._table, self._budget)]

    @property
    def executed(self) -> int:
        """Instructions of all blocks that have run, the one that runs now included whole."""
        return self.cells[COUNT]

    def at(self, pc: int) -> int:
        """Instructions executed before the one at `pc`, where the CPU is now."""
        return self.executed - self._rest(pc) if self.running else self.executed

    def stopped_at(self, pc: int) -> None:
        """The CPU stopped at `pc`, maybe in the middle of the last block: what is left of it does not count."""
        self.cells[COUNT] -= self._rest(pc)

    def forget(self) -> None:
        """Code may have changed: count every block again."""
        self._known.clear()
        ctypes.memset(self._table, 0, ctypes.sizeof(self._table))

    def _rest(self, pc: int) -> int:
        key = self.cells[LAST] & predictor.WORD
        address, size = key & predictor.ADDRESS, key >> predictor.SIZE_SHIFT
        left = address + size - pc
        return self._block_size(pc, left) if 0 < left <= size else 0
