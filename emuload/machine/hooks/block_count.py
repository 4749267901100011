"""The number of instructions a CPU has executed, exactly, counted block by block.

A second block hook, after the budget's, adds up the blocks' instructions from a table (`count` in src/hooks.c). For a block
that is not in the table it calls Python, which counts the instructions and fills the entry; two blocks with the same place in
the table evict each other.

The count is of the blocks that run, as the emulator cuts them: an x86 string instruction with a repeat prefix counts once for
each repetition, a Thumb instruction in an IT block also if its condition fails.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from emuload.ilog import predictor
from emuload.machine import engine as uc
from emuload.machine.hooks import cells as c
from emuload.machine.hooks.native import NativeCode

STOPPED, LAST, TABLE, COUNT, CALLBACK = range(5)
"""The hook's own cells (struct count_cells in src/cells.h)."""

TABLE_BITS = 17
_SHIFT = 64 - TABLE_BITS

CountBlock = Callable[[int, int], int]
"""(address, size) of a block that is about to run → its number of instructions."""


class BlockCount:
    """Counts the instructions of every block an engine runs from now on.

    `budget` are the CPU's cells; `block_size` counts a block's instructions. If it raises, the exception is kept in `error`,
    and the block counts as empty.
    """

    def __init__(
        self,
        engine: uc.Engine,
        budget: ctypes.Array[ctypes.c_int64],
        code: NativeCode | None,
        block_size: CountBlock,
    ) -> None:
        self._block_size = block_size
        self._budget = budget
        self.cells = (ctypes.c_int64 * 5)()
        self._table = (ctypes.c_uint64 * (2 << TABLE_BITS))()
        self._known: dict[int, int] = {}
        self.running = False
        """True while the CPU runs: then the last block may be executed only in part."""
        self.error: BaseException | None = None
        self._callback = uc.BLOCK_CALLBACK(self._count)
        self.cells[STOPPED] = ctypes.addressof(budget) + 8 * c.STOPPED
        self.cells[TABLE] = ctypes.addressof(self._table)
        self.cells[CALLBACK] = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        native = None if code is None else code.address("count")
        engine.add_hook(uc.HOOK_BLOCK, native or self._callback, 1, 0, ctypes.addressof(self.cells))

    def _count(self, _: int, address: int, size: int, user: int) -> None:
        """The hook in Python. The compiled one calls it for blocks that are not in the table."""
        if self._budget[c.STOPPED]:
            return
        key = address | size << predictor.SIZE_SHIFT
        self.cells[LAST] = c.signed(key)
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
        """(address, size) of all memory that the hook touches."""
        return [(ctypes.addressof(each), ctypes.sizeof(each)) for each in (self.cells, self._table, self._budget)]

    @property
    def executed(self) -> int:
        """Instructions of all blocks that have begun, including the rest of the last one."""
        return self.cells[COUNT]

    def at(self, pc: int) -> int:
        """Instructions executed before the one at `pc`, where the CPU is now."""
        return self.executed - self._rest(pc) if self.running else self.executed

    def stopped_at(self, pc: int) -> None:
        """The CPU stopped at `pc`, maybe in the middle of the last block: take back the instructions from there on."""
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
