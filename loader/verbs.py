"""Applies relocation entries: one method for each verb of `loader.machines.base`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .errors import FatalLoadError, LoadError
from .gabi import STT_GNU_IFUNC
from .lazy import LazyBinding
from .lookup import Lookup
from .machines import base as verbs
from .memory import Memory
from .objects import LinkedObject, Resolved
from .owner import Owner
from .pending import Tally
from .places import Places
from .profiles.base import Profile
from .storage import ThreadStorage
from .tls import TlsModule


class Linkage(NamedTuple):
    """The parts of the link map that relocation asks."""

    memory: Memory
    profile: Profile
    owner: Owner
    lookup: Lookup
    lazy: LazyBinding
    storage: ThreadStorage


class ResolverCall(NamedTuple):
    """The IFUNC resolver at ``address`` of ``object`` has to be called for the relocation to go on."""

    object: LinkedObject
    address: int


class Pause(Exception):
    """A resolver has to be called before the entry at hand can be applied."""

    def __init__(self, call: ResolverCall) -> None:
        super().__init__(call)
        self.call = call


class Applier:
    """Applies entries of one object. Holds views of memory, so it lives no longer than a stretch of relocation."""

    def __init__(self, obj: LinkedObject, links: Linkage, tally: Tally) -> None:
        self.obj = obj
        self.elf = obj.elf
        self.links = links
        self.tally = tally
        self.machine = obj.elf.machine
        self.word = self.machine.word
        self.rows = links.profile.relocations(self.machine)
        self.bias = obj.bias
        self.places = Places(obj, links.memory)
        #: the result of the resolver asked for last, until the entry that asked has taken it
        self.answer: int | None = None
        self._resolved: dict[tuple[int, str], Resolved] = {}
        self.do: dict[str, Callable[[int, int, int, int | None], None]] = {
            verbs.NONE: self._none,
            verbs.RELATIVE: self._relative,
            verbs.SYMBOLIC: self._symbolic,
            verbs.GLOB_DAT: self._glob_dat,
            verbs.JUMP_SLOT: self._jump_slot,
            verbs.PC_RELATIVE: self._pc_relative,
            verbs.INSTRUCTION: self._instruction,
            verbs.COPY: self._copy,
            verbs.IRELATIVE: self._irelative,
            verbs.DTPMOD: self._dtpmod,
            verbs.DTPOFF: self._dtpoff,
            verbs.TPOFF: self._tpoff,
            verbs.TLSDESC: self._tlsdesc,
            verbs.SIZE: self._size,
        }

    def count(self, number: int, many: int) -> None:
        """Add to the tally."""
        if many:
            name = self.machine.relocation_name(number)
            self.tally.counts[name] = self.tally.counts.get(name, 0) + many

    def _addend(self, place: int, number: int, addend: int | None) -> int:
        """The entry's addend, or for REL the one in the place itself."""
        return self.places.get(place, self.rows[number].width) if addend is None else addend

    def _write(self, number: int, place: int, value: int) -> None:
        self.places.put(place, self.rows[number].width, value)

    def _resolve(self, index: int, verb: str) -> Resolved:
        """The binding of symbol ``index``; looked up once in a pass for each kind of use."""
        if index == 0:
            return Resolved(self.obj, None, self.bias)
        key = (index, verb)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = self.links.lookup.resolve(self.obj, self.elf.symbol(index), verb)
        return found

    def _address(self, index: int, verb: str) -> int:
        """S: the address a symbol binds to; an IFUNC's is what its resolver says, each time it is referred to."""
        found = self._resolve(index, verb)
        definer, symbol = found.object, found.symbol
        if definer is None or symbol is None or symbol.type != STT_GNU_IFUNC:
            return found.address
        if definer is not self.obj and not definer.relocated and self.machine.orders_ifunc and self.answer is None:
            self._too_early(definer, self.elf.symbol(index).text)
        return self._called(definer, found.address)

    def _too_early(self, definer: LinkedObject, name: str) -> None:
        """A resolver whose own object is not relocated yet may crash: glibc sysdeps/x86_64/dl-machine.h,
        elf_machine_rela."""
        if definer.is_main:
            raise FatalLoadError(
                "",
                "",
                f"IFUNC symbol '{name}' referenced in '{self.obj.path}' is defined in the executable and creates an "
                "unsatisfiable circular dependency.",
                "ifunc-order",
            )
        self.links.owner.warn(self.obj, f"Relink `{self.obj.path}' with `{definer.path}' for IFUNC symbol `{name}'")

    def _called(self, definer: LinkedObject, address: int) -> int:
        if self.answer is None:
            raise Pause(ResolverCall(definer, address))
        answer, self.answer = self.answer, None
        return answer

    def _none(self, number: int, index: int, place: int, addend: int | None) -> None:
        pass

    def _relative(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self.bias + self._addend(place, number, addend))

    def _symbolic(self, number: int, index: int, place: int, addend: int | None) -> None:
        value = self._address(index, verbs.SYMBOLIC) + self._addend(place, number, addend)
        self._write_checked(number, index, place, value, signed=False)

    def _write_checked(self, number: int, index: int, place: int, value: int, *, signed: bool) -> None:
        """Write what may be too wide for its place; glibc says so and goes on."""
        width = self.rows[number].width
        low, high = (-(1 << 8 * width - 1), 1 << 8 * width - 1) if signed else (0, 1 << 8 * width)
        if width < self.word and not low <= value < high:
            name = self.elf.symbol(index).text
            reloc = self.machine.relocation_name(number)
            self.links.owner.warn(self.obj, f"Symbol `{name}' causes overflow in {reloc} relocation")
        self.places.put(place, width, value)

    def _glob_dat(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self._address(index, verbs.GLOB_DAT) + self._explicit(number, addend))

    def _jump_slot(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self._address(index, verbs.JUMP_SLOT) + self._explicit(number, addend))

    def _explicit(self, number: int, addend: int | None) -> int:
        """The addend of a slot, if it stands in the table and this linker adds it."""
        return 0 if addend is None or self.rows[number].name in self.links.profile.without_addend else addend

    def _pc_relative(self, number: int, index: int, place: int, addend: int | None) -> None:
        value = self._address(index, verbs.SYMBOLIC) + self._addend(place, number, addend) - (place + self.bias)
        self._write_checked(number, index, place, value, signed=True)

    def _instruction(self, number: int, index: int, place: int, addend: int | None) -> None:
        """An address or a distance inside an instruction, whose form the machine's file knows."""
        form = self.machine.forms[number]
        word = self.places.get(place, 4)
        value = self._address(index, verbs.SYMBOLIC) + (form.addend(word) if addend is None else addend)
        if form.relative:
            value -= place + self.bias
        changed = form.encode(word, value & self.machine.mask)
        if changed is None:
            message = f"{self.machine.relocation_name(number)} relocation out of range"
            raise LoadError(self.obj.path, "", message, "reloc-range")
        self.places.put(place, 4, changed)

    def _size(self, number: int, index: int, place: int, addend: int | None) -> None:
        symbol = self._resolve(index, verbs.SIZE).symbol
        self._write(number, place, (symbol.size if symbol else 0) + self._addend(place, number, addend))

    def _copy(self, number: int, index: int, place: int, addend: int | None) -> None:
        reference = self.elf.symbol(index)
        found = self._resolve(index, verbs.COPY)
        definer, definition = found.object, found.symbol
        if definer is None or definition is None:
            return
        if definition.size > reference.size:
            self.links.owner.warn(
                self.obj, f"Symbol `{reference.text}' has different size in shared object, consider re-linking"
            )
        size = min(definition.size, reference.size)
        if not size:
            return
        self.tally.copied += size
        if self.tally.copied > self.obj.end - self.obj.start:
            message = f"COPY relocations of more bytes in all than the object has: {self.tally.copied}"
            raise LoadError(self.obj.path, "", message)
        region = next((r for r in definer.regions if r.start <= found.address and found.address + size <= r.end), None)
        if region is None:
            raise definer.elf.error(f"symbol {definition.index}", f"{size} bytes of `{definition.text}' are not mapped")
        self.places.put_bytes(place, self.links.memory.view(found.address, size))

    def _irelative(self, number: int, index: int, place: int, addend: int | None) -> None:
        resolver = self.bias + self._addend(place, number, addend) & self.machine.mask
        self._write(number, place, self._called(self.obj, resolver))

    def _tls(self, index: int) -> tuple[TlsModule | None, int]:
        """The module a TLS reference binds to and the symbol's offset in it; None for an undefined weak symbol."""
        found = self._resolve(index, verbs.TPOFF)
        if found.object is None:
            return None, 0
        if found.object.tls is None:
            raise LoadError(self.obj.path, "", f"TLS relocation against {found.object.path}, which has no TLS segment")
        return found.object.tls, found.symbol.value if found.symbol else 0

    def _dtpmod(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, _ = self._tls(index)
        if module is not None:
            self._write(number, place, module.id)

    def _dtpoff(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, value = self._tls(index)
        if module is not None:
            self._write(number, place, value + self._addend(place, number, addend) - self.machine.dtv_bias)

    def _tpoff(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, value = self._tls(index)
        if module is not None:
            storage = self.links.storage
            storage.make_static(module, required_by=self.obj)
            self._write(number, place, storage.layout.thread_offset(module, value + self._addend(place, number, addend)))

    def _tlsdesc(self, number: int, index: int, place: int, addend: int | None) -> None:
        word = self.word
        entry_at, argument_at = (0, word) if self.machine.tlsdesc_entry_first else (word, 0)
        module, value = self._tls(index)
        if addend is None:
            read = index == 0 or self.links.profile.reads_descriptors
            addend = self.places.get(place + argument_at, word) if read else 0
        value += addend
        entry, argument = self.links.storage.descriptor(self.obj, module, value)
        self.places.put(place + entry_at, word, entry)
        self.places.put(place + argument_at, word, argument)
