"""Binding: what a reference means. Search scopes, interposition, dlsym, and the TLS places relocations ask for.

Sources: glibc elf/dl-lookup.c (_dl_lookup_symbol_x), dl-object.c (_dl_new_object: scopes), dl-sym.c, dl-reloc.c (static
TLS); dlsym(3).
"""

from __future__ import annotations

from typing import NamedTuple

from . import symbols
from .errors import LoadError
from .gabi import (
    SHN_UNDEF,
    STB_GNU_UNIQUE,
    STB_LOCAL,
    STT_COMMON,
    STT_GNU_IFUNC,
    STT_OBJECT,
    STT_TLS,
    STV_HIDDEN,
    STV_INTERNAL,
    STV_PROTECTED,
    Symbol,
    unpack_words,
)
from .machines import base as verbs
from .objects import Handle as Handle
from .objects import LinkedObject, Resolved, symbol_address
from .objects import Pseudo as Pseudo
from .state import State
from .symbols import Query
from .tls import TlsModule
from .versions import Version

#: guest functions that TLS descriptors point to, looked up among the built-in objects
TLSDESC_STATIC = "__emu_tlsdesc_static"
TLSDESC_DYNAMIC = "__emu_tlsdesc_dynamic"
TLSDESC_UNDEFINED = "__emu_tlsdesc_undefweak"
#: where PLT slots lead that are bound at their first call
LAZY_RESOLVER = "__emu_lazy_resolve"

#: bytes of a name that are looked up at no charge, and what all lookups may cost beyond (some tenths of a second)
USUAL_NAME, MAX_EXCESS = 256, 1 << 19


class Slot(NamedTuple):
    """A PLT slot at its first call: the address of its word, what the reference found, whether that is an IFUNC's resolver,
    and what is added to the function's address."""

    place: int
    found: Resolved
    resolver: bool
    addend: int


DEFAULT, NEXT, MAIN = Pseudo.DEFAULT, Pseudo.NEXT, Pseudo.MAIN


class Binding(State):
    """Answers references, as `loader.verbs.Linkage` asks them, and dlsym."""

    def resolve(self, obj: LinkedObject, symbol: Symbol, verb: str) -> Resolved:
        """What ``obj``'s reference ``symbol`` binds to when relocated by ``verb`` (glibc elf/dl-lookup.c,
        _dl_lookup_symbol_x). LoadError when nothing does and it is neither weak nor given a gate by ``missing``."""
        profile = self.profile
        self._spend(obj, symbol, len(symbol.name) - USUAL_NAME)
        if symbol.bind == STB_LOCAL or symbol.visibility in (STV_HIDDEN, STV_INTERNAL):
            return Resolved(obj, symbol, symbol_address(obj, symbol))
        for_call = verb in (verbs.JUMP_SLOT, verbs.TPOFF)
        version = obj.elf.versions.of_symbol(symbol.index) if obj.elf.versions else None
        query = Query(symbol.name, version, for_call=for_call, matching=profile.matching)
        found = symbols.find(profile.scopes(obj, self), query, skip_executables=verb == verbs.COPY)
        self._spend(obj, symbol, query.excess)
        if symbol.visibility == STV_PROTECTED and symbol.shndx != SHN_UNDEF and found is not None and profile.protected:
            definition = found
            if not for_call:
                again = symbols.find(
                    profile.scopes(obj, self),
                    Query(symbol.name, version, for_call=True, matching=profile.matching),
                )
                definition = again or found
            if definition[0] is not obj:
                found = obj, symbol
        if found is None:
            return self._undefined(obj, symbol, version, verb)
        definer, definition_symbol = self._unique(*found)
        self._note_binding(obj, definer)
        return Resolved(definer, definition_symbol, symbol_address(definer, definition_symbol))

    def _spend(self, obj: LinkedObject, symbol: Symbol, excess: int) -> None:
        """Bound what lookups cost in all while one object is relocated: some names and hash chains may be long, not
        all of them."""
        self.lookup_excess += max(0, excess)
        if self.lookup_excess > MAX_EXCESS:
            where = f"symbol {symbol.index} of DT_SYMTAB"
            raise LoadError(obj.path, where, "symbol names or hash chains are too long to look all of them up", "lookup")

    def _undefined(self, obj: LinkedObject, symbol: Symbol, version: Version | None, verb: str) -> Resolved:
        if self.profile.matching.optional(symbol):
            return Resolved(None, None, 0)
        data = symbol.type == STT_TLS or (symbol.type in (STT_OBJECT, STT_COMMON) and not obj.absent)
        if self.missing is not None and not data and verb in (verbs.JUMP_SLOT, verbs.GLOB_DAT, verbs.SYMBOLIC):
            address = self.missing(symbol.text, obj)
            if address is not None:
                return Resolved(None, None, address)
        raise _undefined_symbol(obj.path, symbol.text, version, f"symbol {symbol.index} of DT_SYMTAB")

    def _unique(self, obj: LinkedObject, symbol: Symbol) -> tuple[LinkedObject, Symbol]:
        """STB_GNU_UNIQUE: the first definition of the process serves everybody, and its object stays loaded."""
        if symbol.bind != STB_GNU_UNIQUE or not self.profile.unique:
            return obj, symbol
        obj, symbol = self.unique.setdefault(symbol.name, (obj, symbol))
        obj.nodelete = True
        return obj, symbol

    def _note_binding(self, obj: LinkedObject, definer: LinkedObject) -> None:
        """Remember that ``obj`` must not outlive ``definer`` when none of its links says so (glibc elf/dl-lookup.c,
        add_dependency)."""
        if definer is obj or definer.startup or definer.nodelete or definer in obj.bound_to:
            return
        if definer not in (obj.order_links or ()):
            obj.bound_to.append(definer)
            obj.has_bound = True

    # -- dlsym --------------------------------------------------------------------------------------------------------

    def call_resolver(self, obj: LinkedObject, address: int) -> int:
        """What the IFUNC resolver at ``address`` of ``obj`` returns. LoadError when it cannot be called."""
        if self.call_guest is None:
            raise LoadError(obj.path, "", f"IFUNC resolver at {address:#x} cannot be called here", "ifunc")
        return self.call_guest(address)

    def dlsym(
        self,
        handle: Handle,
        name: str,
        version: str | None = None,
        caller: LinkedObject | None = None,
        thread_pointer: int | None = None,
    ) -> int:
        """The address of a symbol: of an object and its dependencies, or with DEFAULT, NEXT or MAIN of the caller's
        scope, of what comes after the caller, or of the global scope. LoadError when there is none. A thread-local
        variable's address is that in the thread at ``thread_pointer``, whose block must exist.
        """
        found = self.lookup(handle, name, version, caller)
        obj, symbol = found.object, found.symbol
        assert obj is not None
        assert symbol is not None
        if symbol.type == STT_GNU_IFUNC:
            return self.call_resolver(obj, found.address)
        if symbol.type == STT_TLS:
            block = self.tls.find_block(self.memory, thread_pointer, obj.tls) if thread_pointer and obj.tls else 0
            if not block:
                raise LoadError(obj.path, "", f"no block of thread-local `{name}' in this thread yet", "tls-block")
            return block + symbol.value & self.machine.mask
        return found.address

    def lookup(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved:
        """As `dlsym`, but the object and symbol found. TLS and IFUNC symbols are not resolved further. LoadError when there
        is none."""
        found = self.find_symbol(handle, name, version, caller)
        if found is None:
            where = handle if isinstance(handle, LinkedObject) else caller or self.main
            asked = Version(version.encode()) if version else None
            raise _undefined_symbol(where.path if where else "", name, asked, "", "no-symbol")
        return found

    def find_symbol(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved | None:
        """As `lookup`, but None when there is none."""
        wanted = Version(name=version.encode("utf-8", "surrogateescape"), hidden=True) if version is not None else None
        profile, key = self.profile, name.encode("utf-8", "surrogateescape")
        query = Query(key, wanted, newest=version is None, for_call=True, matching=profile.matching)
        found = symbols.find(profile.dlsym_scopes(handle, caller, self), query)
        if found is None:
            return None
        obj, symbol = self._unique(*found)
        return Resolved(obj, symbol, symbol_address(obj, symbol))

    # -- TLS ----------------------------------------------------------------------------------------------------------

    def static_tls(self, module: TlsModule, *, required_by: LinkedObject | None) -> bool:
        """See `loader.verbs.Linkage`."""
        if module.offset is not None:
            return True
        if not (self.profile.late_static_tls and self.tls.reserve(module, optional=required_by is None)):
            if required_by is None:
                return False
            message = "cannot allocate memory in static TLS block"
            facts = {"definer": module.object.path, "user": required_by.path}
            raise LoadError(module.object.path, "", message, "static-tls", **facts)
        self.tls_pending.append(module)
        place = {"module": module.id, "offset": module.offset, "size": module.size}
        self._event("static-tls", module.object, **place, surplus_left=self.tls.surplus_left)
        return True

    def _write_pending_tls(self) -> None:
        """Give running threads the images of modules that took static TLS since they started."""
        pending, self.tls_pending = self.tls_pending, []
        threads = list(self.thread_pointers()) if self.thread_pointers else []
        for module in pending:
            for tp in threads:
                self.tls.write_module(self.memory, module, tp)
            self._event("tls-image", module.object, module=module.id, threads=len(threads))

    def tlsdesc(self, obj: LinkedObject, module: TlsModule | None, value: int) -> tuple[int, int]:
        """See `loader.verbs.Linkage`. A dynamic descriptor's argument points to two words: module id and offset."""
        if module is None:
            return self._builtin_function(TLSDESC_UNDEFINED, obj), value
        if self.static_tls(module, required_by=None):
            return self._builtin_function(TLSDESC_STATIC, obj), self.tls.thread_offset(module, value)
        entry = self._builtin_function(TLSDESC_DYNAMIC, obj)
        word = self.machine.word
        place = self._scratch_words(2)
        self.memory.view(place, 2 * word)[:] = b"".join(
            (v & self.machine.mask).to_bytes(word, "little") for v in (module.id, value)
        )
        return entry, place

    # -- lazy binding -------------------------------------------------------------------------------------------------

    def lazy_words(self, obj: LinkedObject) -> tuple[int, int] | None:
        """See `loader.verbs.Linkage`."""
        if self.identify is None or obj.is_builtin:
            return None
        return self.identify(obj), self._builtin_function(LAZY_RESOLVER, obj)

    def slot(self, obj: LinkedObject, index: int) -> Slot:
        """What entry ``index`` of an object's PLT table binds to, for its first call (glibc elf/dl-runtime.c, _dl_fixup).
        LoadError when nothing does."""
        table = next((table for table in obj.elf.relocations if table.tag == "DT_JMPREL"), None)
        if table is None or index >= table.count:
            raise LoadError(obj.path, "DT_JMPREL", f"no entry {index}")
        machine = self.machine
        fields = unpack_words(obj.elf.data, table.entry(index, machine.word), table.words, obj.elf.layout.word)
        self.lookup_excess = 0
        found = self.resolve(obj, obj.elf.symbol(fields[1] >> machine.symbol_shift), verbs.JUMP_SLOT)
        resolver = found.symbol is not None and found.symbol.type == STT_GNU_IFUNC
        addend = fields[2] if table.kind == "RELA" else 0
        return Slot(obj.bias + fields[0] & machine.mask, found, resolver, addend)

    def fill_slot(self, slot: Slot, target: int) -> int:
        """Write the address a slot leads to from now on; returns it."""
        value = target + slot.addend & self.machine.mask
        self.memory.view(slot.place, self.machine.word)[:] = value.to_bytes(self.machine.word, "little")
        return value

    def _builtin_function(self, name: str, obj: LinkedObject) -> int:
        for other in self.objects:
            if other.is_builtin and other.symbol(name) is not None:
                return other.address(name)
        raise LoadError(obj.path, "", f"TLS descriptor: the C library has no `{name}'", "tlsdesc")


def _undefined_symbol(
    path: str, name: str, version: Version | None, where: str, code: str = "undefined-symbol"
) -> LoadError:
    suffix = f", version {version.name.decode('utf-8', 'backslashreplace')}" if version else ""
    return LoadError(path, where, f"undefined symbol: {name}{suffix}", code, symbol=name, versioned=name + suffix)
