"""The link map: which objects are loaded, where they came from, and who may see whose symbols.

Sources: glibc elf/dl-open.c, dl-close.c, dl-deps.c, dl-object.c (scopes), dl-lookup.c, rtld.c; dlopen(3), dlsym(3).

A `LinkMap` is plain state: with its memory it can be deep-copied, and its callbacks (``finder``, ``missing``, ``on_event``, ``call_guest``,
``thread_pointers``) are attributes that may be bound anew. It runs no code: constructors and destructors are handed out as lists of
addresses for the owner to call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from struct import unpack
from typing import Any

from . import mapping, symbols
from .elf import (
    DF_1_NOOPEN,
    DF_1_PIE,
    DT_FINI,
    DT_FINI_ARRAY,
    DT_FINI_ARRAYSZ,
    DT_INIT,
    DT_INIT_ARRAY,
    DT_INIT_ARRAYSZ,
    DT_PREINIT_ARRAY,
    DT_PREINIT_ARRAYSZ,
    ET_EXEC,
    SHN_UNDEF,
    STB_GNU_UNIQUE,
    STB_LOCAL,
    STB_WEAK,
    STT_COMMON,
    STT_GNU_IFUNC,
    STT_OBJECT,
    STT_TLS,
    STV_HIDDEN,
    STV_INTERNAL,
    STV_PROTECTED,
    ElfFile,
    Symbol,
)
from .errors import LoadError
from .machines import BY_NAME, Machine
from .machines import base as verbs
from .memory import PROT_READ, PROT_WRITE, Memory
from .objects import LinkedObject, Resolved, symbol_address
from .order import breadth_first, breadth_first_all
from .profiles import Profile
from .profiles import profile as profile_by_name
from .relocate import Relocator
from .search import Finder, candidates
from .symbols import Query, Version
from .tls import DEFAULT_TCB_SIZE, TCB_SIZE_SYMBOL, TlsLayout, TlsModule

RTLD_LAZY, RTLD_NOW, RTLD_NOLOAD, RTLD_DEEPBIND = 1, 2, 4, 8
RTLD_LOCAL, RTLD_GLOBAL, RTLD_NODELETE = 0, 0x100, 0x1000

#: guest functions that TLS descriptors point to, looked up among the built-in objects
TLSDESC_STATIC = "__emu_tlsdesc_static"
TLSDESC_DYNAMIC = "__emu_tlsdesc_dynamic"
TLSDESC_UNDEFINED = "__emu_tlsdesc_undefweak"

Initializer = tuple[int, int, str]


class Pseudo(Enum):
    """Handles that are no object: RTLD_DEFAULT, RTLD_NEXT, and dlopen(NULL) where there is no main program."""

    DEFAULT = 0
    NEXT = -1
    MAIN = 1


DEFAULT, NEXT, MAIN = Pseudo.DEFAULT, Pseudo.NEXT, Pseudo.MAIN
Handle = LinkedObject | Pseudo


class LinkMap:
    """The loaded objects of one process.

    ``machine``    a `Machine`, its name, or None: that of the first file
    ``finder``     see `loader.search.Finder`; ``library_path``: directories searched before it, as LD_LIBRARY_PATH
    ``builtins``   soname → (path, content); sonames with the same path are one object
    ``missing``    called with (name, requester) for an undefined function: the address to bind it to, or None to refuse
    ``on_event``   called with (kind, details); kinds: object-found, object-mapped, tls-registered, static-tls, object-relocated,
                   relro-protected, tls-image, object-unmapped, warning. Details are ints, strings and lists.
    ``call_guest`` runs an IFUNC resolver at an address and returns its result
    ``thread_pointers``  the thread pointers of all running threads, whose static TLS is written when a dlopened object takes some
    ``tcb_size``   see `loader.tls`; None: what a built-in object's ``__emu_tcb_size`` says, else 2048
    """

    def __init__(
        self,
        memory: Memory,
        machine: Machine | str | None = None,
        profile: Profile | str = "glibc",
        *,
        finder: Finder | None = None,
        library_path: Sequence[str] = (),
        builtins: Mapping[str, tuple[str, bytes]] | None = None,
        missing: Callable[[str, LinkedObject], int | None] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        call_guest: Callable[[int], int] | None = None,
        thread_pointers: Callable[[], Sequence[int]] | None = None,
        tcb_size: int | None = None,
    ) -> None:
        self.memory = memory
        self.profile = profile_by_name(profile) if isinstance(profile, str) else profile
        self.finder = finder
        self.library_path = list(library_path)
        self.builtins = dict(builtins or {})
        self.missing = missing
        self.on_event = on_event
        self.call_guest = call_guest
        self.thread_pointers = thread_pointers
        self.tcb_size = tcb_size
        #: every loaded object in load order
        self.objects: list[LinkedObject] = []
        #: the main program's search list, with what RTLD_GLOBAL added
        self.global_scope: list[LinkedObject] = []
        #: the main program, if there is one
        self.main: LinkedObject | None = None
        #: objects opened by dlopen and closed, whose `release` is outstanding
        self.unique: dict[bytes, tuple[LinkedObject, Symbol]] = {}
        self._machine = BY_NAME[machine] if isinstance(machine, str) else machine
        self._tls: TlsLayout | None = None
        self._next_index = 1
        self._startup: list[LinkedObject] = []
        self._tls_pending: list[TlsModule] = []
        self._scratch = (0, 0)

    @property
    def machine(self) -> Machine:
        """The machine of this process; known once given or once a file is loaded."""
        assert self._machine is not None, "no machine given and nothing loaded yet"
        return self._machine

    @property
    def tls(self) -> TlsLayout:
        """The TLS layout of this process."""
        if self._tls is None:
            size = DEFAULT_TCB_SIZE if self.tcb_size is None else self.tcb_size
            self._tls = TlsLayout(
                self.machine, surplus=self.profile.surplus, optional=self.profile.optional, tcb_size=size
            )
        return self._tls

    # -- loading ------------------------------------------------------------------------------------------------------

    def load_startup(
        self, main: str | tuple[str, bytes] | None = None, needed: Sequence[str] = ()
    ) -> list[LinkedObject]:
        """Link a process at its start: the main program (a path, or path and content, or None), then the libraries ``needed``
        (as if preloaded), then all dependencies. Returns every object in load order; TLS is laid out, all is relocated, no
        constructor has run. LoadError leaves the link map unusable.
        """
        assert not self.objects, "start-up linking comes first, and once"
        roots: list[LinkedObject] = []
        if main is not None:
            self.main = self._load_main(main)
            roots.append(self.main)
        for name in needed:
            obj = self._load(name, None, None)
            obj.refs += 1
            roots.append(obj)
        self._load_dependencies(roots)
        if self.main is not None:
            self.main.needed = [*roots[1:], *(o for o in self.main.needed if o not in roots[1:])]
        everything = breadth_first_all(roots)
        for obj in everything:
            obj.is_global = True
            obj.startup = True
        self.global_scope = everything
        if self.main is not None:
            self.main.searchlist = everything
        self._check_versions(everything)
        self._read_tcb_size()
        self.tls.freeze()
        self._startup = self.profile.sort(everything, first=self.main, destructors=False)
        if self.main is not None:
            self.main.order_links = self._startup
        for obj in reversed(self._startup):
            self._relocate(obj)
        self._write_pending_tls()
        return list(self.objects)

    def dlopen(
        self, name: str | None, flags: int, requester: LinkedObject | None = None
    ) -> tuple[Handle | None, list[LinkedObject]]:
        """Open a library. Returns its handle and the objects whose constructors have not run, in the order to run them; pass
        each to `start_initializers`. None as handle: RTLD_NOLOAD and it is not loaded. On LoadError nothing has changed.
        """
        if not flags & (RTLD_LAZY | RTLD_NOW):
            raise LoadError(name or "", "", "invalid mode for dlopen()", "mode")
        if not name:
            return self.main or MAIN, []
        if not self._tls:
            self._read_tcb_size()
        if self._machine is not None and not self.tls.frozen:
            self.tls.freeze()
        state = _Rollback(self)
        try:
            return self._open(name, flags, requester)
        except LoadError:
            state.restore()
            raise

    def _open(
        self, name: str, flags: int, requester: LinkedObject | None
    ) -> tuple[Handle | None, list[LinkedObject]]:
        known = len(self.objects)
        if flags & RTLD_NOLOAD:
            found = self._find_loaded(name, requester)
            if found is None:
                return None, []
            root = found
        else:
            root = self._load(name, requester, None)
            self._check_may_open(root)
        root.refs += 1
        root.nodelete = root.nodelete or bool(flags & RTLD_NODELETE)
        if root.searchlist:
            if flags & RTLD_GLOBAL:
                self._make_global(root)
            return root, []
        self._load_dependencies([root])
        root.searchlist = breadth_first(root)
        new = self.objects[known:]
        if not self.tls.frozen:
            self.tls.freeze()
        self._check_versions(root.searchlist)
        order = self.profile.sort(root.searchlist, first=root, destructors=False)
        root.order_links = order
        for obj in root.searchlist:
            if root not in obj.scopes and not (obj.startup and self.main is root):
                obj.scopes.append(root)
        for obj in new:
            obj.deep_bind = bool(flags & RTLD_DEEPBIND)
        if flags & RTLD_GLOBAL:
            self._make_global(root)
        for obj in reversed(order):
            if not obj.relocated:
                self._relocate(obj)
        self._write_pending_tls()
        return root, [obj for obj in reversed(order) if not obj.initialized]

    def _check_may_open(self, obj: LinkedObject) -> None:
        if obj.is_main:
            return
        if obj.elf.type == ET_EXEC:
            raise obj.elf.error("e_type at 0x10", "cannot dynamically load executable", "executable")
        if obj.elf.dt_flags_1 & DF_1_PIE:
            raise obj.elf.error("DT_FLAGS_1", "cannot dynamically load position-independent executable", "executable")
        if obj.elf.dt_flags_1 & DF_1_NOOPEN:
            raise obj.elf.error("DT_FLAGS_1", "shared object cannot be dlopen()ed")

    def _make_global(self, root: LinkedObject) -> None:
        for obj in root.searchlist:
            if not obj.is_global:
                obj.is_global = True
                self.global_scope = [*self.global_scope, obj]

    def _load_main(self, main: str | tuple[str, bytes]) -> LinkedObject:
        if isinstance(main, str):
            found = self.finder(main, None) if self.finder else None
            if found is None:
                raise LoadError(main, "", "cannot open shared object file: No such file or directory", "not-found")
            path, data = found
        else:
            path, data = main
        elf = ElfFile(data, path, self._machine)
        obj = LinkedObject(self._next_index, path, path, elf)
        obj.is_main = True
        obj.refs = 1
        return self._add(obj, path)

    def _find_loaded(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        for obj in self.objects:
            if name in obj.names:
                return obj
            if obj.soname == name and not obj.is_main:
                obj.names.append(name)
                return obj
        source = self._builtin(name)
        if source is None and self.finder is not None and "/" in name:
            source = self.finder(name, requester)
        return self._at_path(source[0], name) if source else None

    def _at_path(self, path: str, name: str) -> LinkedObject | None:
        for obj in self.objects:
            if obj.path == path:
                obj.names.append(name)
                return obj
        return None

    def _builtin(self, name: str) -> tuple[str, bytes] | None:
        return self.builtins.get(name) or self.builtins.get(name.rpartition("/")[2])

    def _load(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> LinkedObject:
        """The object called ``name``, mapped if it is not yet. ``requester``: whose search path counts; ``dependent``: the object
        whose DT_NEEDED this is."""
        known = self._find_loaded(name, requester)
        if known is not None:
            return known
        source = builtin = self._builtin(name)
        if source is None and self.finder is not None:
            for candidate in candidates(name, requester, self.library_path):
                source = self.finder(candidate, requester)
                if source is not None:
                    break
        if source is None:
            where = f"needed by {dependent.path}" if dependent else ""
            raise LoadError(name, where, "cannot open shared object file: No such file or directory", "not-found")
        path, data = source
        same = self._at_path(path, name)
        if same is not None:
            return same
        elf = ElfFile(data, path, self._machine)
        if not elf.dynamic_vaddr:
            raise elf.error("program headers", "object file has no dynamic section", "no-dynamic")
        if dependent is not None and elf.type == ET_EXEC:
            raise elf.error("e_type at 0x10", "cannot dynamically load executable", "executable")
        obj = LinkedObject(self._next_index, path, name, elf)
        obj.loader = requester
        obj.is_builtin = builtin is not None
        if builtin:
            obj.names = [soname for soname, (other, _) in self.builtins.items() if other == path]
        return self._add(obj, name)

    def _add(self, obj: LinkedObject, name: str) -> LinkedObject:
        for each in (name, obj.path):
            if each not in obj.names:
                obj.names.append(each)
        self._event("object-found", obj, name=name, machine=obj.elf.machine.name)
        self._machine = self._machine or obj.elf.machine
        mapping.map_object(self.memory, obj)
        self._next_index += 1
        self.objects.append(obj)
        self._event("object-mapped", obj, address=obj.start, size=obj.end - obj.start, bias=obj.bias)
        obj.tls = self.tls.register(obj)
        if obj.tls is not None:
            self._event("tls-registered", obj, module=obj.tls.id, size=obj.tls.size, align=obj.tls.align)
        return obj

    def _load_dependencies(self, roots: Sequence[LinkedObject]) -> None:
        """Load what the roots need, breadth first (glibc elf/dl-deps.c)."""
        queue = list(dict.fromkeys(roots))
        seen = {obj.index for obj in queue}
        for obj in queue:  # grows while it is walked
            if not obj.dependencies_loaded:
                obj.dependencies_loaded = True
                obj.needed = []
                for name in obj.elf.needed:
                    obj.needed.append(self._load(name, obj, obj))
                if obj.needed and obj.order_links is None and obj not in roots:
                    obj.order_links = [obj, *obj.needed]
            for needed in obj.needed:
                if needed.index not in seen:
                    seen.add(needed.index)
                    queue.append(needed)

    def _check_versions(self, objects: Sequence[LinkedObject]) -> None:
        """Every version asked for must be defined by the object it is asked of, unless that one defines none at all
        (glibc elf/dl-version.c, _dl_check_map_versions)."""
        for obj in objects:
            if obj.relocated or obj.elf.versions is None:
                continue
            for need in obj.elf.versions.needs:
                provider = next((o for o in self.objects if need.file in o.names or o.soname == need.file), None)
                if provider is None:
                    raise obj.elf.error("DT_VERNEED", f"version of {need.file} required, which is not needed", "version")
                versions = provider.elf.versions
                if versions is None or not versions.has_definitions or need.weak or need.name in versions.defined:
                    continue
                text = need.name.decode("utf-8", "backslashreplace")
                raise provider.elf.error("DT_VERDEF", f"version `{text}' not found (required by {obj.path})", "version")

    def _read_tcb_size(self) -> None:
        for obj in self.objects:
            symbol = obj.symbol(TCB_SIZE_SYMBOL) if obj.is_builtin and self.tcb_size is None else None
            if symbol is not None:
                place = obj.elf.offset_of(symbol.value, 4, TCB_SIZE_SYMBOL)
                self.tls.tcb_size = self.tcb_size = unpack("<I", obj.elf.data[place : place + 4])[0]

    def _relocate(self, obj: LinkedObject) -> None:
        counts = Relocator(obj, self).run()
        obj.relocated = True
        self._event("object-relocated", obj, relocations=sum(counts.values()), kinds=counts)
        relro = mapping.protect_relro(self.memory, obj)
        if relro is not None:
            self._event("relro-protected", obj, address=relro.start, size=relro.end - relro.start)

    # -- symbols ------------------------------------------------------------------------------------------------------

    def scope_of(self, obj: LinkedObject) -> Iterator[list[LinkedObject]]:
        """The search lists an object's references go through, in order (glibc elf/dl-object.c, _dl_new_object)."""
        if obj.elf.symbolic and not obj.is_main:
            yield [obj]
        own = [root.searchlist for root in obj.scopes]
        if obj.deep_bind:
            yield from own
            yield self.global_scope
        else:
            yield self.global_scope
            yield from own

    def resolve(self, obj: LinkedObject, symbol: Symbol, verb: str) -> Resolved:
        """What ``obj``'s reference ``symbol`` binds to when relocated by ``verb`` (glibc elf/dl-lookup.c, _dl_lookup_symbol_x).
        LoadError when nothing does and it is neither weak nor given a gate by ``missing``."""
        if symbol.bind == STB_LOCAL or symbol.visibility in (STV_HIDDEN, STV_INTERNAL):
            return Resolved(obj, symbol, symbol_address(obj, symbol))
        for_call = verb in (verbs.JUMP_SLOT, verbs.TPOFF)
        version = obj.elf.versions.of_symbol(symbol.index) if obj.elf.versions else None
        query = Query(symbol.name, version, for_call=for_call)
        found = symbols.find(self.scope_of(obj), query, skip_executables=verb == verbs.COPY)
        if symbol.visibility == STV_PROTECTED and symbol.shndx != SHN_UNDEF and found is not None:
            definition = found
            if not for_call:
                again = symbols.find(self.scope_of(obj), Query(symbol.name, version, for_call=True))
                definition = again or found
            if definition[0] is not obj:
                found = obj, symbol
        if found is None:
            return self._undefined(obj, symbol, version, verb)
        definer, definition_symbol = self._unique(*found)
        self._note_binding(obj, definer)
        return Resolved(definer, definition_symbol, symbol_address(definer, definition_symbol))

    def _undefined(self, obj: LinkedObject, symbol: Symbol, version: Version | None, verb: str) -> Resolved:
        if symbol.bind == STB_WEAK:
            return Resolved(None, None, 0)
        data = symbol.type in (STT_OBJECT, STT_COMMON, STT_TLS)
        if self.missing is not None and not data and verb in (verbs.JUMP_SLOT, verbs.GLOB_DAT, verbs.SYMBOLIC):
            address = self.missing(symbol.text, obj)
            if address is not None:
                return Resolved(None, None, address)
        raise _undefined_symbol(obj.path, symbol.text, version, f"symbol {symbol.index} of DT_SYMTAB")

    def _unique(self, obj: LinkedObject, symbol: Symbol) -> tuple[LinkedObject, Symbol]:
        """STB_GNU_UNIQUE: the first definition of the process serves everybody, and its object stays loaded."""
        if symbol.bind != STB_GNU_UNIQUE:
            return obj, symbol
        obj, symbol = self.unique.setdefault(symbol.name, (obj, symbol))
        obj.nodelete = True
        return obj, symbol

    def _note_binding(self, obj: LinkedObject, definer: LinkedObject) -> None:
        """Remember that ``obj`` must not outlive ``definer`` when no DT_NEEDED says so (glibc's relocation dependencies)."""
        if definer is obj or definer.startup or definer in obj.bound_to:
            return
        if definer not in breadth_first(obj):
            obj.bound_to.append(definer)

    def call_resolver(self, obj: LinkedObject, address: int) -> int:
        """See `loader.relocate.Linkage`."""
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
        """The address of a symbol: of an object and its dependencies, or with DEFAULT, NEXT or MAIN of the caller's scope, of what
        comes after the caller, or of the global scope. LoadError when there is none. A thread-local variable's
        address is that in the thread at ``thread_pointer``, whose block must exist.
        """
        found = self.find_symbol(handle, name, version, caller)
        if found is None or found.symbol is None or found.object is None:
            where = handle if isinstance(handle, LinkedObject) else caller or self.main
            asked = Version(version.encode()) if version else None
            raise _undefined_symbol(where.path if where else "", name, asked, "")
        obj, symbol = found.object, found.symbol
        if symbol.type == STT_GNU_IFUNC:
            return self.call_resolver(obj, found.address)
        if symbol.type == STT_TLS:
            block = self.tls.block(self.memory, thread_pointer, obj.tls_module) if thread_pointer and obj.tls else 0
            if not block:
                raise LoadError(obj.path, "", f"no block of thread-local `{name}' in this thread yet", "tls-block")
            return block + symbol.value & self.machine.mask
        return found.address

    def find_symbol(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved | None:
        """As `dlsym`, but the object and symbol found, or None. TLS and IFUNC symbols are not resolved further."""
        wanted = Version(name=version.encode(), hidden=True) if version is not None else None
        query = Query(name.encode(), wanted, newest=version is None, for_call=True)
        after = None
        scopes: list[list[LinkedObject]]
        if isinstance(handle, LinkedObject):
            scopes = [handle.searchlist or breadth_first(handle)]
        elif handle is MAIN or caller is None:
            scopes = [self.global_scope]
        elif handle is DEFAULT:
            scopes = list(self.scope_of(caller))
        else:
            after = caller
            scopes = [self.global_scope if caller.is_global else root.searchlist for root in caller.scopes[:1] or [caller]]
        found = symbols.find(scopes, query, after=after)
        if found is None:
            return None
        obj, symbol = self._unique(*found)
        return Resolved(obj, symbol, symbol_address(obj, symbol))

    # -- closing ------------------------------------------------------------------------------------------------------

    def dlclose(self, handle: Handle) -> list[LinkedObject]:
        """Drop one reference. Returns the objects nobody uses any more, in the order to run their destructors; once these have
        run (pass each to `start_finalizers`), call `release` with the list.
        """
        if not isinstance(handle, LinkedObject):
            return []
        if handle.removed or handle not in self.objects:
            raise LoadError(handle.path, "", "shared object not open", "not-open")
        if handle.refs == 0:
            raise LoadError(handle.path, "", "shared object not open", "not-open")
        handle.refs -= 1
        if handle.refs:
            return []
        used = self._used()
        unused = [o for o in self.objects if o.index not in used and not o.removed]
        if not unused:
            return []
        order = self.profile.sort(self.objects, first=self.main, destructors=True)
        gone = {o.index for o in unused}
        for obj in unused:
            obj.removed = True
        return [o for o in order if o.index in gone]

    def _used(self) -> set[int]:
        """Indexes of the objects reachable from what is open, needed at start or never deleted."""
        queue = [o for o in self.objects if not o.removed and (o.refs or o.nodelete or o.startup or o.is_main)]
        used = {o.index for o in queue}
        for obj in queue:  # grows while it is walked
            for other in [*obj.needed, *obj.bound_to, *obj.searchlist]:
                if other.index not in used:
                    used.add(other.index)
                    queue.append(other)
        return used

    def release(self, objects: Sequence[LinkedObject]) -> None:
        """Unmap closed objects and forget their symbols, scopes and TLS."""
        gone = {o.index for o in objects}
        if not gone:
            return
        self.objects = [o for o in self.objects if o.index not in gone]
        self.global_scope = [o for o in self.global_scope if o.index not in gone]
        for obj in self.objects:
            obj.scopes = [o for o in obj.scopes if o.index not in gone]
            obj.bound_to = [o for o in obj.bound_to if o.index not in gone]
        for obj in objects:
            obj.removed = True
            if obj.tls is not None:
                for tp in self.thread_pointers() if self.thread_pointers else ():
                    self.tls.set_block(self.memory, tp, obj.tls.id, 0)
                self.tls.unregister(obj.tls)
                obj.tls = None
            mapping.unmap_object(self.memory, obj)
            self._event("object-unmapped", obj, address=obj.start, size=obj.end - obj.start)

    # -- constructors and destructors ---------------------------------------------------------------------------------

    def startup_order(self) -> list[LinkedObject]:
        """The objects linked at start in constructor order. The main program's own come last (the C library calls them)."""
        return list(reversed(self._startup))

    def shutdown_order(self) -> list[LinkedObject]:
        """The initialised objects in destructor order at exit (glibc elf/dl-fini.c)."""
        order = self.profile.sort(self.objects, first=self.main, destructors=True) if self.objects else []
        return [obj for obj in order if obj.initialized]

    def initializers(self, obj: LinkedObject) -> list[Initializer]:
        """(index, address, kind) of DT_INIT, then of each DT_INIT_ARRAY entry; kinds ``"init"`` and ``"init_array"``."""
        return self._function(obj, DT_INIT, "init") + self._array(obj, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, "init_array")

    def preinitializers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_PREINIT_ARRAY of the main program, which runs before every other constructor."""
        return self._array(obj, DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ, "preinit_array") if obj.is_main else []

    def finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_FINI_ARRAY from its end, then DT_FINI."""
        array = self._array(obj, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, "fini_array")
        return array[::-1] + self._function(obj, DT_FINI, "fini")

    def start_initializers(self, obj: LinkedObject) -> list[Initializer]:
        """`initializers`, once: the object counts as initialised from now on, as glibc marks it before the first call, so that a
        constructor that opens libraries itself does not run it again."""
        if obj.initialized or obj.removed:
            return []
        obj.initialized = True
        return self.initializers(obj)

    def start_finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """`finalizers`, once, and only of an object that was initialised."""
        if not obj.initialized:
            return []
        obj.initialized = False
        return self.finalizers(obj)

    def _function(self, obj: LinkedObject, tag: int, kind: str) -> list[Initializer]:
        value = obj.elf.dynamic.get(tag)
        return [] if value is None else [(0, obj.bias + value & self.machine.mask, kind)]

    def _array(self, obj: LinkedObject, tag: int, size_tag: int, kind: str) -> list[Initializer]:
        vaddr, count = obj.elf.array(tag, size_tag, kind)
        if not count:
            return []
        word = self.machine.word
        content = self.memory.view(obj.bias + vaddr, count * word)
        return [(i, int.from_bytes(content[i * word : (i + 1) * word], "little"), kind) for i in range(count)]

    # -- TLS ----------------------------------------------------------------------------------------------------------

    def static_tls(self, module: TlsModule, *, required_by: LinkedObject | None) -> bool:
        """See `loader.relocate.Linkage`."""
        if module.offset is not None:
            return True
        if not self.tls.reserve(module, optional=required_by is None):
            if required_by is None:
                return False
            message = "cannot allocate memory in static TLS block"
            raise LoadError(module.object.path, "PT_TLS", message, "static-tls")
        self._tls_pending.append(module)
        self._event(
            "static-tls", module.object, module=module.id, offset=module.offset, size=module.size,
            surplus_left=self.tls.surplus_left,
        )  # fmt: skip
        return True

    def _write_pending_tls(self) -> None:
        """Give running threads the images of modules that took static TLS since they started."""
        pending, self._tls_pending = self._tls_pending, []
        threads = list(self.thread_pointers()) if self.thread_pointers else []
        for module in pending:
            for tp in threads:
                self.tls.write_module(self.memory, module, tp)
            self._event("tls-image", module.object, module=module.id, threads=len(threads))

    def tlsdesc(self, obj: LinkedObject, module: TlsModule | None, value: int) -> tuple[int, int]:
        """See `loader.relocate.Linkage`. A dynamic descriptor's argument points to two words: module id and offset."""
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

    def _builtin_function(self, name: str, obj: LinkedObject) -> int:
        for other in self.objects:
            if other.is_builtin and other.symbol(name) is not None:
                return other.address(name)
        raise LoadError(obj.path, "", f"TLS descriptor: the C library has no `{name}'", "tlsdesc")

    def _scratch_words(self, count: int) -> int:
        """A little guest memory of the loader's own, given out word by word."""
        size, (place, end) = count * self.machine.word, self._scratch
        if end - place < size:
            page = self.memory.page_size
            place = self.memory.map(None, page, PROT_READ | PROT_WRITE, "[loader]")
            end = place + page
        self._scratch = (place + size, end)
        return place

    # -- asking -------------------------------------------------------------------------------------------------------

    def object_at(self, address: int) -> LinkedObject | None:
        """The object whose segments hold ``address``."""
        for obj in self.objects:
            if obj.start <= address < obj.end and obj.contains(address):
                return obj
        return None

    def warn(self, obj: LinkedObject, message: str) -> None:
        """See `loader.relocate.Linkage`."""
        self._event("warning", obj, message=message)

    def _event(self, kind: str, obj: LinkedObject, **details: Any) -> None:
        if self.on_event is not None:
            self.on_event(kind, {"object": obj.path, **details})


class _Rollback:
    """The link map before a dlopen, to go back to when it fails."""

    def __init__(self, links: LinkMap) -> None:
        self.links = links
        self.objects = list(links.objects)
        self.global_scope = links.global_scope
        self.unique = dict(links.unique)
        self.states = [
            (o, o.refs, o.nodelete, o.is_global, o.searchlist, list(o.scopes), list(o.bound_to), o.order_links, list(o.names),
             list(o.needed), o.dependencies_loaded)
            for o in links.objects
        ]  # fmt: skip
        tls = links.tls if links._machine is not None else None
        self.tls = (tls.used, tls.optional, {m.id: m.offset for m in tls.modules.values()}) if tls else None

    def restore(self) -> None:
        links = self.links
        known = {o.index for o in self.objects}
        for obj in links.objects:
            if obj.index not in known:
                obj.removed = True
                if obj.tls is not None:
                    del links.tls.modules[obj.tls.id]
                mapping.unmap_object(links.memory, obj)
                links._event("object-unmapped", obj, address=obj.start, size=obj.end - obj.start)
        links.objects, links.global_scope, links.unique = self.objects, self.global_scope, self.unique
        for (obj, obj.refs, obj.nodelete, obj.is_global, obj.searchlist, obj.scopes, obj.bound_to, obj.order_links, obj.names,
             obj.needed, obj.dependencies_loaded) in self.states:  # fmt: skip
            pass
        links._tls_pending = []
        if self.tls is not None:
            links.tls.used, links.tls.optional, offsets = self.tls
            for number, offset in offsets.items():
                links.tls.modules[number].offset = offset


def _undefined_symbol(path: str, name: str, version: Version | None, where: str) -> LoadError:
    suffix = f", version {version.name.decode('utf-8', 'backslashreplace')}" if version else ""
    return LoadError(path, where, f"undefined symbol: {name}{suffix}", "undefined-symbol")
