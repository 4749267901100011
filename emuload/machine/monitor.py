"""The exclusive monitor of a load-exclusive/store-exclusive CPU, as Unicorn keeps it in a thread's context.

Unicorn compares the reserved address and the value at the store, so that a reservation which survived a switch of threads
would miss a change there and back. An exception return clears the local monitor (Arm ARM DDI 0487, B2.9; DDI 0406, A3.4.5).
"""

from __future__ import annotations

import ctypes

from emuload.machine.contexts import Contexts
from emuload.machine.engine import Engine
from emuload.machine.hooks import cells as c
from emuload.machine.memory import AddressSpace
from loader.memory import PROT_EXEC, PROT_READ, PROT_WRITE

NO_RESERVATION = b"\xff" * 8
_DATA = 0x7F8


def find_monitor(
    engine: Engine, memory: AddressSpace, contexts: Contexts, cells: ctypes.Array[ctypes.c_int64], load: bytes, base: int
) -> int:
    """The offset of the reserved address in a context: made visible by one exclusive load.

    `load` is that instruction, which loads from the register number `base`. The live registers stay as they are.
    """
    page = memory.find_free(4096)
    memory.mmap(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, fixed=True)
    memory.write(page, load)
    before = contexts.save()
    data = page + _DATA
    engine.write_register(base, data)
    cells[c.REMAINING] = 4096
    engine.start(page, page + len(load))
    cells[c.REMAINING] = 0
    after = contexts.save()
    contexts.restore(before)
    memory.munmap(page, 4096)
    wanted = data.to_bytes(8, "little")
    at = after.find(wanted)
    while at >= 0 and before[at : at + 8] != NO_RESERVATION:
        at = after.find(wanted, at + 1)
    assert at >= 0, "Unicorn's context does not hold the exclusive monitor"
    return at


def without_reservation(context: bytes, at: int) -> bytes:
    """A context whose reservation is lost."""
    return context[:at] + NO_RESERVATION + context[at + 8 :]
