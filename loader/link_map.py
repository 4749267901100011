"""The link map: which objects are loaded, where they came from, and when their functions run.

Sources: glibc elf/dl-open.c, dl-close.c, dl-deps.c, rtld.c; dlopen(3). Symbol search is in `loader.lookup`.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack

from . import constructors, mapping
from . import unload as closing
from .constructors import Initializer
from .dlfcn import RTLD_DEEPBIND, RTLD_GLOBAL, RTLD_LAZY, RTLD_NODELETE, RTLD_NOLOAD
from .errors import LoadError
from .load import Loading
from .lookup import DEFAULT as DEFAULT
from .lookup import MAIN as MAIN
from .lookup import NEXT as NEXT
from .lookup import Handle as Handle
from .lookup import Pseudo
from .objects import LinkedObject
from .order import breadth_first, breadth_first_all
from .pending import Linking
from .relocate import Progress, Relocator
from .tls import TCB_SIZE_SYMBOL
from .verbs import ResolverCall as ResolverCall


class LinkMap(Loading):
    """The loaded objects of one process.

    ``memory``     a `loader.memory.Memory`
    ``machine``    a `Machine`, its name, or None: that of the first file
    ``finder``     see `loader.search.Finder`; ``library_path``: directories searched before it, as LD_LIBRARY_PATH
    ``builtins``   soname → (path, content); sonames with the same path are one object
    ``missing``    called with (name, requester) for an undefined function: the address to bind it to, or None to refuse
    ``absent``     called with (name, requester) for a needed library that is not found: whether to go on without it; what
                   it would have defined, data too, is then asked of ``missing``
    ``on_event``   called with (kind, details). Kinds: object-found, object-mapped, tls-registered, static-tls,
                   object-dependencies, object-relocated, relro-protected, tls-image, object-unmapped, warning,
                   preload-refused; details are ints, strings, lists of strings, dicts of ints
    ``call_guest`` runs an IFUNC resolver at an address and returns its result: for `dlopen`, `load_startup` and `dlsym`;
                   who uses `open`, `start` and `relocate` calls them itself
    ``identify``   the word by which the C library's resolver knows an object whose PLT slots are bound at their first
                   call; None: all is bound at once. ``bind_now``: so it is anyway, as LD_BIND_NOW asks
    ``program``    how the main program is called in the linker's words; "": by its path
    ``thread_pointers``  gives the thread pointers of all running threads: when a dlopened object takes static TLS, its
                   image is written there; when an object goes, its DTV entries are cleared
    ``tcb_size``   see `loader.tls`; None: what a built-in object's ``__emu_tcb_size`` says, else 2048

    Plain state: it can be deep-copied (put ``memory`` into the memo to share it), and the callbacks are attributes
    that may be bound anew. It runs no code itself: constructors and destructors are handed out as addresses for the
    owner to call.
    """

    #: how many objects' constructors have begun
    turns = 0
    _startup: Sequence[LinkedObject] = ()

    # -- at start -----------------------------------------------------------------------------------------------------

    def load_startup(
        self, main: str | tuple[str, bytes] | None = None, needed: Sequence[str] = ()
    ) -> list[LinkedObject]:
        """Link a process at its start (see `start`) and relocate all of it. Returns every object in load order; no
        constructor has run. A LoadError leaves the link map unusable.
        """
        self._carry_on(self.start(main, needed))
        return list(self.objects)

    def start(
        self,
        main: str | tuple[str, bytes] | None = None,
        needed: Sequence[str] = (),
        preload: Sequence[str] = (),
    ) -> Linking:
        """Map a process at its start: the main program (a path, or path and content, or None), then the libraries
        ``needed`` (as if preloaded), those of ``preload`` that can be loaded, and all dependencies; TLS is laid out.
        `relocate` carries it on.
        """
        assert not self.objects, "start-up linking comes first, and once"
        roots: list[LinkedObject] = []
        if main is not None:
            self.main = self._load_main(main)
            roots.append(self.main)
        for name in needed:
            roots.append(self._load(name, None, None))
        for name in preload:
            try:
                roots.append(self._load(name, self.main, None))
            except LoadError as error:
                self._event("preload-refused", name, message=self.profile.preload_words(name, error))
        roots = list(dict.fromkeys(roots))
        for obj in roots:
            obj.refs = 1
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
        order = profile.relocation_order(everything, self._startup)
        return Linking(self.main, self._startup, everything, list(order), lazy=self._may_bind_lazily(RTLD_LAZY))

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
        linking = self.open(name, flags, requester)
        self._carry_on(linking)
        return linking.handle, self.to_construct(linking)

    def open(self, name: str | None, flags: int, requester: LinkedObject | None = None) -> Linking:
        """The first half of `dlopen`: all is mapped; `relocate` carries it on."""
        refusal = self.profile.check_mode(name or "", flags)
        if refusal is not None:
            raise refusal
        if not name:
            return Linking(self.main or Pseudo.MAIN)
        if self._machine is not None:
            self._fix_static_tls()
        before = closing.Rollback(self)
        self._opening = True
        try:
            linking = self._open(name, flags, requester)
        except BaseException:
            before.restore()
            raise
        linking.before = before
        return linking

    def _open(self, name: str, flags: int, requester: LinkedObject | None) -> Linking:
        profile = self.profile
        known = {obj.index for obj in self.objects}
        if flags & RTLD_NOLOAD:
            loaded = self._find_loaded(name, requester)
            if loaded is None:
                found = self._search(name, requester, None)
                loaded = self._same_file(found, name) if found is not None else None
            if loaded is None:
                refusal = profile.not_loaded(name)
                if refusal is not None:
                    raise refusal
                return Linking()
            root = loaded
        else:
            root = self._load(name, requester, None)
            for refusal in profile.check_open(root.elf):
                raise refusal
        root.refs += 1
        root.nodelete = root.nodelete or bool(flags & RTLD_NODELETE)
        if root.searchlist:
            if flags & RTLD_GLOBAL:
                self._make_global(profile.made_global(root, ()))
            return Linking(root, profile.constructor_order(root.searchlist, root, [root]) if profile.opens_again else ())
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
        waiting = profile.relocation_order(root.searchlist, order)
        return Linking(root, order, new, list(waiting), lazy=self._may_bind_lazily(flags))

    def _may_bind_lazily(self, flags: int) -> bool:
        return bool(flags & RTLD_LAZY) and self.profile.binds_lazily and not self.bind_now

    # -- relocating ---------------------------------------------------------------------------------------------------

    def relocate(self, linking: Linking, answer: int | None = None) -> ResolverCall | None:
        """Relocate what a `start` or `open` mapped, to the end (None) or to where the guest has to call an IFUNC's
        resolver; come back with its ``answer`` then. After a LoadError everything is as it was before the `open`."""
        try:
            while linking.waiting:
                obj = linking.waiting[0]
                if not obj.relocated:
                    linking.progress = linking.progress or Progress(lazy=linking.lazy and not obj.elf.bind_now)
                    call = self._relocate(obj, linking.progress, answer)
                    if call is not None:
                        return call
                del linking.waiting[0]
                linking.progress = answer = None
            self._write_pending_tls()
        except BaseException:
            if linking.before is not None:
                linking.before.restore()
            raise
        if linking.before is not None and isinstance(linking.handle, LinkedObject):
            self.profile.opened(linking.handle, linking.new)
        linking.before = None
        return None

    def _carry_on(self, linking: Linking) -> None:
        call = self.relocate(linking)
        while call is not None:
            call = self.relocate(linking, self.call_resolver(*call))

    def _relocate(self, obj: LinkedObject, progress: Progress, answer: int | None) -> ResolverCall | None:
        """Relocate one object, or go on with it."""
        self.lookup_excess = 0
        if not progress.begun:
            self._event("object-dependencies", obj, needed=[needed.path for needed in obj.needed])
        call = Relocator(obj, self, progress).run(answer)
        if call is not None:
            return call
        obj.relocated = True
        counts = progress.tally.counts
        self._event("object-relocated", obj, relocations=sum(counts.values()), kinds=counts)
        relro = mapping.protect_relro(self.memory, obj, self._page_of(obj))
        if relro is not None:
            self._event("relro-protected", obj, address=relro.start, size=relro.end - relro.start)
        return None

    def to_construct(self, linking: Linking) -> list[LinkedObject]:
        """The objects whose constructors are still to run: without those whose have begun; where a dlopen waits for others'
        constructors, have returned."""
        if self.profile.locks.waits_for == "nobody":
            order = [obj for obj in linking.constructors if not obj.initialized]
        else:
            order = [obj for obj in linking.constructors if not obj.constructed]
        return self.profile.initialised_first(order)

    def _make_global(self, objects: Sequence[LinkedObject]) -> None:
        for obj in objects:
            if not obj.is_global:
                obj.is_global = True
                self.global_scope = [*self.global_scope, obj]

    # -- dlclose ------------------------------------------------------------------------------------------------------

    def dlclose(self, handle: Handle) -> list[LinkedObject]:
        """Drop one reference. Returns the objects nobody uses any more, in the order to run their destructors; once
        these have run (pass each to `start_finalizers`), call `release` with the list. LoadError when it is not open.
        """
        if not isinstance(handle, LinkedObject) or handle.is_main:
            return []
        return self._closed(self.profile.close(handle, self))

    def close_rest(self) -> list[LinkedObject]:
        """As `dlclose`, after `release`: what destructors have closed meanwhile."""
        return self._closed(self.profile.close_rest(self))

    def _closed(self, order: list[LinkedObject]) -> list[LinkedObject]:
        for obj in order:
            obj.removed = True
        self.closing = self.closing or bool(order)
        return order

    def release(self, objects: Sequence[LinkedObject]) -> None:
        """Unmap objects that `dlclose` returned, and forget their symbols, scopes and TLS."""
        closing.release(self, objects)
        self.closing = False

    def discard(self, obj: LinkedObject) -> None:
        """Remove an object's memory; it is not to be used any more."""
        obj.removed = True
        mapping.unmap_object(self.memory, obj)
        self._event("object-unmapped", obj, address=obj.start, size=obj.end - obj.start)

    # -- constructors and destructors ---------------------------------------------------------------------------------

    def startup_order(self) -> list[LinkedObject]:
        """The objects linked at start in constructor order. The main program's own come last (the C library calls
        them)."""
        return self.profile.initialised_first(self._startup)

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
