"""The functions an object wants called when it is loaded and unloaded (gABI chapter 5, "Initialization and
Termination")."""

from __future__ import annotations

from .errors import LoadError
from .gabi import (
    DT_FINI,
    DT_FINI_ARRAY,
    DT_FINI_ARRAYSZ,
    DT_INIT,
    DT_INIT_ARRAY,
    DT_INIT_ARRAYSZ,
    DT_PREINIT_ARRAY,
    DT_PREINIT_ARRAYSZ,
)
from .memory import Memory, read_memory
from .objects import LinkedObject

#: (index in its array, address, kind); kinds: "init", "init_array", "preinit_array", "fini_array", "fini"
Initializer = tuple[int, int, str]


def initializers(memory: Memory, obj: LinkedObject) -> list[Initializer]:
    """DT_INIT, then DT_INIT_ARRAY."""
    return _function(obj, DT_INIT, "init") + _array(memory, obj, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, "init_array")


def preinitializers(memory: Memory, obj: LinkedObject) -> list[Initializer]:
    """DT_PREINIT_ARRAY, which only a main program may have."""
    return _array(memory, obj, DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ, "preinit_array") if obj.is_main else []


def finalizers(memory: Memory, obj: LinkedObject) -> list[Initializer]:
    """DT_FINI_ARRAY from its end, then DT_FINI."""
    return _array(memory, obj, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, "fini_array")[::-1] + _function(obj, DT_FINI, "fini")


def _function(obj: LinkedObject, tag: int, kind: str) -> list[Initializer]:
    value = obj.elf.dynamic.get(tag)
    return [] if value is None else [(0, obj.bias + value & obj.elf.machine.mask, kind)]


def _array(memory: Memory, obj: LinkedObject, tag: int, size_tag: int, kind: str) -> list[Initializer]:
    vaddr, count = obj.elf.array(tag, size_tag, f"DT_{kind.upper()}")
    if not count:
        return []
    word = obj.elf.machine.word
    start = obj.bias + vaddr
    if not obj.accessible(start, count * word):
        raise LoadError(obj.path, f"DT_{kind.upper()} at {vaddr:#x}", "in a segment without access")
    content = read_memory(memory, start, count * word)
    return [(i, int.from_bytes(content[i * word : (i + 1) * word], "little"), kind) for i in range(count)]
