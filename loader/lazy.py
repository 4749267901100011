"""Lazy binding: PLT slots that are bound at their first call (glibc elf/dl-runtime.c, _dl_fixup)."""

from __future__ import annotations

from typing import NamedTuple

from .errors import LoadError
from .gabi import STT_GNU_IFUNC, unpack_words
from .lookup import Lookup
from .machines.base import JUMP_SLOT
from .memory import Memory
from .objects import LinkedObject, Resolved
from .owner import Owner
from .runtime import Runtime


class Slot(NamedTuple):
    """A PLT slot at its first call.

    ``place``  address of its word; ``found``: the binding of its reference; ``resolver``: that is an IFUNC's resolver
    """

    place: int
    found: Resolved
    resolver: bool


class LazyBinding:
    """Prepares objects for lazy binding, and binds their slots."""

    def __init__(self, memory: Memory, owner: Owner, runtime: Runtime, lookup: Lookup) -> None:
        self.memory = memory
        self.owner = owner
        self.runtime = runtime
        self.lookup = lookup

    def words(self, obj: LinkedObject) -> tuple[int, int] | None:
        """The words GOT[1] and GOT[2] of a lazily bound object: its identity and the resolver's entry. None: there is no
        resolver for it, so all is bound at once."""
        if self.owner.identify is None or obj.is_builtin:
            return None
        return self.owner.identify(obj), self.runtime.function(self.runtime.names.lazy_resolver, obj)

    def slot(self, obj: LinkedObject, index: int) -> Slot:
        """The binding of entry ``index`` of an object's PLT table. LoadError when nothing defines its symbol."""
        table = next((table for table in obj.elf.relocations if table.tag == "DT_JMPREL"), None)
        if table is None or index >= table.count:
            raise LoadError(obj.path, "DT_JMPREL", f"no entry {index}")
        machine = obj.elf.machine
        fields = unpack_words(obj.elf.data, table.entry(index, machine.word), table.words, obj.elf.layout.word)
        self.lookup.begin()
        found = self.lookup.resolve(obj, obj.elf.symbol(fields[1] >> machine.symbol_shift), JUMP_SLOT)
        resolver = found.symbol is not None and found.symbol.type == STT_GNU_IFUNC
        return Slot(obj.bias + fields[0] & machine.mask, found, resolver)

    def fill(self, slot: Slot, target: int) -> int:
        """Write the address to which a slot leads from now on, and return it. The entry's addend is not added, unlike when the
        object is bound at once (elf_machine_plt_value)."""
        machine = self.lookup.state.machine
        value = target & machine.mask
        self.memory.view(slot.place, machine.word)[:] = value.to_bytes(machine.word, "little")
        return value
