"""The link map: which objects are loaded, where they came from, and when their functions run.

Sources: glibc elf/dl-open.c, dl-close.c, dl-deps.c, rtld.c; dlopen(3). Symbol search is in `loader.binding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack

from . import closing, constructors, mapping
from .binding import DEFAULT as DEFAULT
from .binding import MAIN as MAIN
from .binding import NEXT as NEXT
from .binding import Binding, Pseudo
from .binding import Handle as Handle
from .constructors import Initializer
from .elf import DF_1_NOOPEN, DF_1_PIE, ET_EXEC, ElfFile
from .errors import LoadError
from .objects import LinkedObject
from .order import breadth_first, breadth_first_all
from .relocate import Relocator
from .search import candidates
from .tls import TCB_SIZE_SYMBOL

RTLD_LAZY, RTLD_NOW, RTLD_NOLOAD, RTLD_DEEPBIND = 1, 2, 4, 8
RTLD_LOCAL, RTLD_GLOBAL, RTLD_NODELETE = 0, 0x100, 0x1000

_NOT_FOUND = "cannot open shared object file: No such file or directory"


class LinkMap(Binding):
    """The loaded objects of one process.

    ``memory``     a `loader.memory.Memory`
    ``machine``    a `Machine`, its name, or None: that of the first file
    ``finder``     see `loader.search.Finder`; ``library_path``: directories searched before it, as LD_LIBRARY_PATH
    ``builtins``   soname → (path, content); sonames with the same path are one object
    ``missing``    called with (name, requester) for an undefined function: the address to bind it to, or None to refuse
    ``absent``     called with (name, requester) for a needed library that is not found: whether to go on without it; what
                   it would have defined, data too, is then asked of ``missing``
    ``on_event``   called with (kind, details). Kinds: object-found, object-mapped, tls-registered, static-tls,
                   object-dependencies, object-relocated, relro-protected, tls-image, object-unmapped, warning; details
                   are ints, strings, lists of strings, dicts of ints
    ``call_guest`` runs an IFUNC resolver at an address and returns its result
    ``thread_pointers``  gives the thread pointers of all running threads: when a dlopened object takes static TLS, its
                   image is written there; when an object goes, its DTV entries are cleared
    ``tcb_size``   see `loader.tls`; None: what a built-in object's ``__emu_tcb_size`` says, else 2048

    Plain state: it can be deep-copied (put ``memory`` into the memo to share it), and the callbacks are attributes
    that may be bound anew. It runs no code itself: constructors and destructors are handed out as addresses for the
    owner to call.
    """

    _next_index = 1
    _startup: Sequence[LinkedObject] = ()

    # -- at start -----------------------------------------------------------------------------------------------------

    def load_startup(
        self, main: str | tuple[str, bytes] | None = None, needed: Sequence[str] = ()
    ) -> list[LinkedObject]:
        """Link a process at its start: the main program (a path, or path and content, or None), then the libraries
        ``needed`` (as if preloaded), then all dependencies. Returns every object in load order; TLS is laid out, all is
        relocated, no constructor has run. A LoadError leaves the link map unusable.
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
        self._load_dependencies(roots, opened=self.main)
        if self.main is not None:
            self.main.needed = [*roots[1:], *(o for o in self.main.needed if o not in roots[1:])]
        everything = breadth_first_all(roots)
        for obj in everything:
            obj.is_global = obj.startup = True
        self.global_scope = everything
        if self.main is not None:
            self.main.searchlist = everything
        self._check_versions(everything)
        self._fix_static_tls()
        self._startup = self.profile.sort(everything, first=self.main, destructors=False)
        if self.main is not None:
            self.main.order_links = list(self._startup)
        for obj in reversed(self._startup):
            self._relocate(obj)
        self._write_pending_tls()
        return list(self.objects)

    def _load_main(self, main: str | tuple[str, bytes]) -> LinkedObject:
        if isinstance(main, str):
            found = self.finder(main, None) if self.finder else None
            if found is None:
                raise LoadError(main, "", _NOT_FOUND, "not-found")
            main = found
        path, data = main
        obj = LinkedObject(self._next_index, path, path, ElfFile(data, path, self._machine))
        obj.is_main = True
        obj.refs = 1
        return self._add(obj, path)

    def _fix_static_tls(self) -> None:
        if self.tls.frozen:
            return
        for obj in self.objects:
            symbol = obj.symbol(TCB_SIZE_SYMBOL) if obj.is_builtin and self.tcb_size is None else None
            if symbol is not None:
                place = obj.elf.offset_of(symbol.value, 4, TCB_SIZE_SYMBOL)
                self.tls.tcb_size = self.tcb_size = unpack("<I", obj.elf.data[place : place + 4])[0]
        self.tls.freeze()

    # -- dlopen -------------------------------------------------------------------------------------------------------

    def dlopen(
        self, name: str | None, flags: int, requester: LinkedObject | None = None
    ) -> tuple[Handle | None, list[LinkedObject]]:
        """Open a library. Returns its handle and the objects whose constructors have not run, in the order to run them;
        pass each to `start_initializers`. None as handle: RTLD_NOLOAD, and it is not loaded. After a LoadError
        everything is as it was.
        """
        if not flags & (RTLD_LAZY | RTLD_NOW):
            raise LoadError(name or "", "", "invalid mode for dlopen()", "mode")
        if not name:
            return self.main or Pseudo.MAIN, []
        if self._machine is not None:
            self._fix_static_tls()
        before = closing.Rollback(self)
        try:
            return self._open(name, flags, requester)
        except BaseException:
            before.restore()
            raise

    def _open(self, name: str, flags: int, requester: LinkedObject | None) -> tuple[Handle | None, list[LinkedObject]]:
        known = {obj.index for obj in self.objects}
        if flags & RTLD_NOLOAD:
            found = self._find_loaded(name, requester)
            if found is None:
                return None, []
            root = found
        else:
            root = self._load(name, requester, None)
            _check_may_open(root)
        root.refs += 1
        root.nodelete = root.nodelete or bool(flags & RTLD_NODELETE)
        if root.searchlist:
            if flags & RTLD_GLOBAL:
                self._make_global(root)
            return root, []
        self._load_dependencies([root], opened=root)
        root.searchlist = breadth_first(root)
        self._check_versions(root.searchlist)
        self._fix_static_tls()
        order = self.profile.sort(root.searchlist, first=root, destructors=False)
        root.order_links = order
        for obj in root.searchlist:
            if not obj.startup:
                obj.scopes.append(root)
            if obj.index not in known:
                obj.deep_bind = bool(flags & RTLD_DEEPBIND)
        if flags & RTLD_GLOBAL:
            self._make_global(root)
        for obj in reversed(order):
            if not obj.relocated:
                self._relocate(obj)
        self._write_pending_tls()
        return root, [obj for obj in reversed(order) if not obj.initialized]

    def _make_global(self, root: LinkedObject) -> None:
        for obj in root.searchlist:
            if not obj.is_global:
                obj.is_global = True
                self.global_scope = [*self.global_scope, obj]

    # -- finding and mapping ------------------------------------------------------------------------------------------

    def _find_loaded(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        for obj in self.objects:
            if obj.removed:
                continue
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
            if obj.path == path and not obj.removed:
                obj.names.append(name)
                return obj
        return None

    def _builtin(self, name: str) -> tuple[str, bytes] | None:
        return self.builtins.get(name) or self.builtins.get(name.rpartition("/")[2])

    def _load(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> LinkedObject:
        """The object called ``name``, mapped if it is not yet. ``requester``: whose search path counts;
        ``dependent``: the object whose DT_NEEDED this is."""
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
            raise LoadError(name, f"needed by {dependent.path}" if dependent else "", _NOT_FOUND, "not-found")
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
        obj.loader = dependent
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

    def _load_dependencies(self, roots: Sequence[LinkedObject], *, opened: LinkedObject | None) -> None:
        """Load what the roots need, breadth first (glibc elf/dl-deps.c). ``opened``: the one that is being opened,
        whose links for the constructor order are only known afterwards."""
        queue = list(dict.fromkeys(roots))
        seen = {obj.index for obj in queue}
        for obj in queue:  # grows while it is walked
            if not obj.dependencies_loaded:
                obj.dependencies_loaded = True
                for name in obj.elf.needed:
                    dependency = self._load_needed(name, obj)
                    if dependency is not None and dependency not in obj.needed:
                        obj.needed.append(dependency)
                if obj.needed and obj is not opened:
                    obj.order_links = [obj, *obj.needed]
            for needed in obj.needed:
                if needed.index not in seen:
                    seen.add(needed.index)
                    queue.append(needed)

    def _load_needed(self, name: str, obj: LinkedObject) -> LinkedObject | None:
        """The object of a DT_NEEDED entry; None where the owner goes on without it."""
        try:
            return self._load(name, obj, obj)
        except LoadError as error:
            if error.code != "not-found" or self.absent is None or not self.absent(name, obj):
                raise
            obj.absent.append(name)
            return None

    def _check_versions(self, objects: Sequence[LinkedObject]) -> None:
        """Every version asked for must be defined by the object it is asked of, unless that one defines none at all
        (glibc elf/dl-version.c, _dl_check_map_versions)."""
        for obj in objects:
            if obj.relocated or obj.elf.versions is None:
                continue
            for need in obj.elf.versions.needs:
                if need.file in obj.absent:
                    continue
                provider = next((o for o in self.objects if need.file in o.names or o.soname == need.file), None)
                if provider is None:
                    raise obj.elf.error(
                        "DT_VERNEED", f"version of {need.file} required, which is not needed", "version"
                    )
                versions = provider.elf.versions
                if versions is None or not versions.has_definitions or need.weak or need.name in versions.defined:
                    continue
                text = need.name.decode("utf-8", "backslashreplace")
                raise provider.elf.error("DT_VERDEF", f"version `{text}' not found (required by {obj.path})", "version")

    def _relocate(self, obj: LinkedObject) -> None:
        self.lookup_excess = 0
        self._event("object-dependencies", obj, needed=[needed.path for needed in obj.needed])
        counts = Relocator(obj, self).run()
        obj.relocated = True
        self._event("object-relocated", obj, relocations=sum(counts.values()), kinds=counts)
        relro = mapping.protect_relro(self.memory, obj)
        if relro is not None:
            self._event("relro-protected", obj, address=relro.start, size=relro.end - relro.start)

    # -- dlclose ------------------------------------------------------------------------------------------------------

    def dlclose(self, handle: Handle) -> list[LinkedObject]:
        """Drop one reference. Returns the objects nobody uses any more, in the order to run their destructors; once
        these have run (pass each to `start_finalizers`), call `release` with the list. LoadError when it is not open.
        """
        if not isinstance(handle, LinkedObject) or handle.is_main:
            return []
        if handle.removed or handle.refs == 0:
            raise LoadError(handle.path, "", "shared object not open", "not-open")
        handle.refs -= 1
        if handle.refs:
            return []
        used = closing.in_use(self.objects)
        gone = {o.index for o in self.objects if o.index not in used and not o.removed}
        if not gone:
            return []
        order = [o for o in self._destructor_order() if o.index in gone]
        for obj in order:
            obj.removed = True
        return order

    def release(self, objects: Sequence[LinkedObject]) -> None:
        """Unmap objects that `dlclose` returned, and forget their symbols, scopes and TLS."""
        closing.release(self, objects)

    def discard(self, obj: LinkedObject) -> None:
        """Remove an object's memory; it is not to be used any more."""
        obj.removed = True
        mapping.unmap_object(self.memory, obj)
        self._event("object-unmapped", obj, address=obj.start, size=obj.end - obj.start)

    # -- constructors and destructors ---------------------------------------------------------------------------------

    def startup_order(self) -> list[LinkedObject]:
        """The objects linked at start in constructor order. The main program's own come last (the C library calls
        them)."""
        return list(reversed(self._startup))

    def shutdown_order(self) -> list[LinkedObject]:
        """The initialised objects in destructor order at exit (glibc elf/dl-fini.c)."""
        return [obj for obj in self._destructor_order() if obj.initialized]

    def _destructor_order(self) -> list[LinkedObject]:
        return self.profile.sort(self.objects, first=self.main, destructors=True) if self.objects else []

    def initializers(self, obj: LinkedObject) -> list[Initializer]:
        """(index, address, kind) of DT_INIT, then of each DT_INIT_ARRAY entry; kinds "init" and "init_array"."""
        return constructors.initializers(self.memory, obj)

    def preinitializers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_PREINIT_ARRAY of the main program, which runs before every other constructor."""
        return constructors.preinitializers(self.memory, obj)

    def finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_FINI_ARRAY from its end, then DT_FINI."""
        return constructors.finalizers(self.memory, obj)

    def start_initializers(self, obj: LinkedObject) -> list[Initializer]:
        """`initializers`, once: the object counts as initialised from now on, as glibc marks it before the first
        call, so that a constructor that opens libraries itself does not run it again."""
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


def _check_may_open(obj: LinkedObject) -> None:
    if obj.is_main:
        return
    if obj.elf.type == ET_EXEC:
        raise obj.elf.error("e_type at 0x10", "cannot dynamically load executable", "executable")
    if obj.elf.dt_flags_1 & DF_1_PIE:
        message = "cannot dynamically load position-independent executable"
        raise obj.elf.error("DT_FLAGS_1", message, "executable")
    if obj.elf.dt_flags_1 & DF_1_NOOPEN:
        raise obj.elf.error("DT_FLAGS_1", "shared object cannot be dlopen()ed")
