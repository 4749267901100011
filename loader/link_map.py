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
from .elf import ElfFile
from .errors import LoadError
from .objects import LinkedObject
from .order import breadth_first, breadth_first_all
from .relocate import Relocator
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
    _opening = False
    #: how many objects' constructors have begun
    turns = 0
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
            obj.group = roots[0] if roots else None
        self.global_scope = everything
        if self.main is not None:
            self.main.searchlist = everything
        profile = self.profile
        for refusal in profile.check_objects([o for o in everything if not o.is_builtin], self):
            raise refusal
        self._fix_static_tls()
        self._startup = profile.constructor_order(everything, self.main, [self.main] if self.main else roots)
        for obj in profile.relocation_order(everything, self._startup):
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
        refusal = self.profile.check_mode(name or "", flags)
        if refusal is not None:
            raise refusal
        if not name:
            return self.main or Pseudo.MAIN, []
        if self._machine is not None:
            self._fix_static_tls()
        before = closing.Rollback(self)
        self._opening = True
        try:
            return self._open(name, flags, requester)
        except BaseException:
            before.restore()
            raise

    def _open(self, name: str, flags: int, requester: LinkedObject | None) -> tuple[Handle | None, list[LinkedObject]]:
        profile = self.profile
        known = {obj.index for obj in self.objects}
        if flags & RTLD_NOLOAD:
            found = self._find_loaded(name, requester)
            if found is None:
                refusal = profile.not_loaded(name)
                if refusal is not None:
                    raise refusal
                return None, []
            root = found
        else:
            root = self._load(name, requester, None)
            for refusal in () if root.is_main else profile.check_open(root.elf):
                raise refusal
        root.refs += 1
        root.nodelete = root.nodelete or bool(flags & RTLD_NODELETE)
        if root.searchlist:
            profile.opened(root, ())
            if flags & RTLD_GLOBAL:
                self._make_global(profile.made_global(root, ()))
            order = profile.constructor_order(root.searchlist, root, [root]) if profile.opens_again else []
            return root, self._to_run(order)
        self._load_dependencies([root], opened=root)
        root.searchlist = breadth_first(root)
        new = [obj for obj in root.searchlist if obj.index not in known]
        for obj in new:
            obj.group = root
            obj.deep_bind = bool(flags & RTLD_DEEPBIND)
        for refusal in profile.check_objects([o for o in new if not o.is_builtin], self):
            raise refusal
        self._fix_static_tls()
        order = profile.constructor_order(root.searchlist, root, [root])
        for obj in root.searchlist:
            if not obj.startup:
                obj.scopes.append(root)
        if flags & RTLD_GLOBAL:
            self._make_global(profile.made_global(root, new))
        for obj in profile.relocation_order(root.searchlist, order):
            if not obj.relocated:
                self._relocate(obj)
        self._write_pending_tls()
        profile.opened(root, new)
        return root, self._to_run(order)

    def _to_run(self, order: Sequence[LinkedObject]) -> list[LinkedObject]:
        """Without those whose constructors have begun; where a dlopen waits for others' constructors, have returned."""
        if self.profile.locks.waits_for == "nobody":
            return [obj for obj in order if not obj.initialized]
        return [obj for obj in order if not obj.constructed]

    def _make_global(self, objects: Sequence[LinkedObject]) -> None:
        for obj in objects:
            if not obj.is_global:
                obj.is_global = True
                self.global_scope = [*self.global_scope, obj]

    # -- finding and mapping ------------------------------------------------------------------------------------------

    def _find_loaded(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        for obj in self.objects:
            if obj.removed:
                continue
            if self.profile.answers_to(obj, name):
                if name not in obj.names:
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
            for candidate in self.profile.search(name, requester, dependent, self):
                source = self.finder(candidate, requester)
                if source is not None:
                    break
        if source is None:
            where = f"needed by {dependent.path}" if dependent else ""
            raise LoadError(name, where, _NOT_FOUND, "not-found", **self._asked(name, dependent))
        path, data = source
        same = self._at_path(path, name)
        if same is not None:
            return same
        try:
            elf = ElfFile(data, path, self._machine)
            if not elf.dynamic_vaddr:
                raise elf.error("program headers", "object file has no dynamic section", "no-dynamic")
            for refusal in () if builtin else self.profile.check_file(elf, opening=self._opening):
                raise refusal
            obj = LinkedObject(self._next_index, path, name, elf)
            obj.loader = dependent
            obj.is_builtin = builtin is not None
            if builtin:
                obj.names = [soname for soname, (other, _) in self.builtins.items() if other == path]
            return self._add(obj, name)
        except LoadError as error:
            error.facts.update(self._asked(name, dependent))
            raise

    @staticmethod
    def _asked(name: str, dependent: LinkedObject | None) -> dict[str, str]:
        return {"name": name, **({"needed_by": dependent.path} if dependent else {})}

    def _add(self, obj: LinkedObject, name: str) -> LinkedObject:
        for each in (name, obj.path):
            if each not in obj.names:
                obj.names.append(each)
        self._event("object-found", obj, name=name, machine=obj.elf.machine.name)
        self._machine = self._machine or obj.elf.machine
        mapping.map_object(self.memory, obj, self._page_of(obj))
        self._next_index += 1
        self.objects.append(obj)
        self._event("object-mapped", obj, address=obj.start, size=obj.end - obj.start, bias=obj.bias)
        obj.tls = self.tls.register(obj)
        if obj.tls is not None:
            self._event("tls-registered", obj, module=obj.tls.id, size=obj.tls.size, align=obj.tls.align)
        return obj

    def _page_of(self, obj: LinkedObject) -> int:
        """The pages an object is mapped in: the system's. Smaller ones for a built-in, and for what does not fit them: a
        linker that minds has refused it, or will before any of it runs."""
        page = self.page_size
        fits = all((segment.vaddr - segment.offset) % page == 0 for segment in obj.elf.loads)
        return page if fits and not obj.is_builtin else self.memory.page_size

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

    def _relocate(self, obj: LinkedObject) -> None:
        self.lookup_excess = 0
        self._event("object-dependencies", obj, needed=[needed.path for needed in obj.needed])
        counts = Relocator(obj, self).run()
        obj.relocated = True
        self._event("object-relocated", obj, relocations=sum(counts.values()), kinds=counts)
        relro = mapping.protect_relro(self.memory, obj, self._page_of(obj))
        if relro is not None:
            self._event("relro-protected", obj, address=relro.start, size=relro.end - relro.start)

    # -- dlclose ------------------------------------------------------------------------------------------------------

    def dlclose(self, handle: Handle) -> list[LinkedObject]:
        """Drop one reference. Returns the objects nobody uses any more, in the order to run their destructors; once
        these have run (pass each to `start_finalizers`), call `release` with the list. LoadError when it is not open.
        """
        if not isinstance(handle, LinkedObject) or handle.is_main:
            return []
        order = self.profile.close(handle, self)
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
        return list(self._startup)

    def shutdown_order(self) -> list[LinkedObject]:
        """The initialised objects in destructor order at exit."""
        order = self.profile.shutdown_order(self.objects, self.main) if self.objects else []
        return [obj for obj in order if obj.initialized]

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
        self.turns += 1
        obj.turn = self.turns
        for other in obj.claims:
            other.claimed = True
        obj.claims = []
        rows = self.initializers(obj)
        obj.constructed = not rows
        return rows

    def finish_initializers(self, obj: LinkedObject) -> None:
        """What `start_initializers` answered has all returned."""
        obj.constructed = True

    def start_finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """`finalizers`, once, and only of an object that was initialised."""
        if not (obj.initialized if self.profile.destroys_unfinished else obj.constructed):
            return []
        obj.initialized = obj.constructed = False
        return self.finalizers(obj)
