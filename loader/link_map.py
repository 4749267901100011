"""The link map: which objects are loaded, where they came from, and when their functions run.

`LinkMap` is the face of the loader's parts and keeps their order: mapping (`load`), thread-local storage (`storage`),
relocation (`relocate`, `lookup`, `lazy`), constructors, unloading (`unload`); all share one `state`.
Sources: glibc elf/dl-open.c, dl-close.c, dl-deps.c, rtld.c; dlopen(3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import constructors, mapping
from .constructors import Initializer
from .dlfcn import RTLD_DEEPBIND, RTLD_GLOBAL, RTLD_LAZY, RTLD_NODELETE, RTLD_NOLOAD
from .errors import LoadError
from .gabi import STT_GNU_IFUNC, STT_TLS
from .lazy import LazyBinding, Slot
from .load import Loader
from .lookup import DEFAULT as DEFAULT
from .lookup import MAIN as MAIN
from .lookup import NEXT as NEXT
from .lookup import Lookup
from .machines import BY_NAME, Machine
from .memory import Memory
from .objects import Handle as Handle
from .objects import LinkedObject, Pseudo, Resolved
from .order import breadth_first, breadth_first_all
from .owner import Owner
from .pending import Linking, Progress
from .profiles import Profile
from .profiles import profile as profile_by_name
from .relocate import Relocator
from .runtime import Runtime, RuntimeNames
from .search import Finder
from .state import State
from .storage import ThreadStorage
from .tls import TlsLayout
from .unload import Rollback, Unloader
from .verbs import Linkage
from .verbs import ResolverCall as ResolverCall


class LinkMap:
    """The loaded objects of one process.

    ``memory``     a `loader.memory.Memory`
    ``machine``    a `Machine`, its name, or None: that of the first file
    ``finder``     see `loader.search.Finder`; ``library_path``: directories searched before it, as LD_LIBRARY_PATH
    ``builtins``   soname → (path, content), one object for each path; ``fallbacks``: the same, for names without a file
    ``runtime``    names of the functions and data of the built-in C library that relocation uses
    ``missing``    called with (name, requester) for an undefined function: the address to bind it to, or None to refuse
    ``absent``     called with (name, requester) for a needed library that is not found: True to go on without it, with its
                   symbols, data too, asked of ``missing``
    ``on_event``   called with (kind, details). Kinds: object-found, object-mapped, tls-registered, static-tls,
                   object-dependencies, object-relocated, relro-protected, tls-image, object-unmapped, warning,
                   preload-refused; details are ints, strings, lists of strings, dicts of ints
    ``call_guest`` runs an IFUNC resolver, for `dlopen`, `load_startup`, `dlsym`; callers of `open` and `start` do it themselves
    ``identify``   the word by which the C library's resolver knows an object whose PLT slots are bound at their first
                   call; None: all is bound at once. ``bind_now``: so it is anyway, as LD_BIND_NOW asks
    ``program``    the name of the main program in the linker's words; "": its path
    ``thread_pointers``  gives the thread pointers of all running threads: when a dlopened object takes static TLS, its
                   image is written there; when an object goes, its DTV entries are cleared
    ``tcb_size``   see `loader.tls`; None: the value of the C library's ``runtime.tcb_size``, else 2048

    Plain state: it can be deep-copied (put ``memory`` into the memo to share it), and the callbacks are attributes of
    `owner` that may be bound anew. It runs no code itself: constructors and destructors are handed out as addresses for
    the owner to call.
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
        fallbacks: Mapping[str, tuple[str, bytes]] | None = None,
        runtime: RuntimeNames | None = None,
        missing: Callable[[str, LinkedObject], int | None] | None = None,
        absent: Callable[[str, LinkedObject], bool] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        call_guest: Callable[[int], int] | None = None,
        identify: Callable[[LinkedObject], int] | None = None,
        bind_now: bool = False,
        program: str = "",
        thread_pointers: Callable[[], Sequence[int]] | None = None,
        tcb_size: int | None = None,
    ) -> None:
        self.memory = memory
        self.profile = rules = profile_by_name(profile) if isinstance(profile, str) else profile
        self.bind_now = bind_now
        self.owner = owner = Owner(finder, missing, absent, on_event, call_guest, identify, thread_pointers)
        known = BY_NAME[machine] if isinstance(machine, str) else machine
        self.state = state = State(owner, known, library_path, program)
        library = Runtime(state, runtime or RuntimeNames())
        self._storage = ThreadStorage(state, memory, rules, owner, library, tcb_size)
        self._loader = Loader(state, memory, rules, owner, self._storage, builtins or {}, fallbacks or {})
        self._lookup = Lookup(state, rules, owner)
        self._lazy = LazyBinding(memory, owner, library, self._lookup)
        self._unloader = Unloader(state, memory, rules, owner, self._storage)
        self._linkage = Linkage(memory, rules, owner, self._lookup, self._lazy, self._storage)
        self.turns = 0  #: how many objects' constructors have begun
        self._startup: Sequence[LinkedObject] = ()

    # -- state --------------------------------------------------------------------------------------------------------

    @property
    def objects(self) -> list[LinkedObject]:
        """Every loaded object in load order."""
        return self.state.objects

    @property
    def main(self) -> LinkedObject | None:
        """The main program, if there is one."""
        return self.state.main

    @property
    def machine(self) -> Machine:
        """The machine of this process; known once given or once a file is loaded."""
        return self.state.machine

    @property
    def tls(self) -> TlsLayout:
        """The TLS layout of this process."""
        return self._storage.layout

    @property
    def page_size(self) -> int:
        """Bytes in a page of the profile's system."""
        return self._loader.page_size

    @property
    def loads(self) -> int:
        """How many objects have been mapped so far."""
        return self._loader.loads

    def object_at(self, address: int) -> LinkedObject | None:
        """The object whose segments hold ``address``."""
        return self.state.object_at(address)

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
        state = self.state
        assert not state.objects, "start-up linking comes first, and once"
        roots: list[LinkedObject] = []
        if main is not None:
            state.main = self._loader.load_main(main)
            roots.append(state.main)
        for name in needed:
            roots.append(self._loader.load(name, None, None))
        for name in preload:
            try:
                roots.append(self._loader.load(name, state.main, None))
            except LoadError as error:
                self.owner.emit("preload-refused", name, message=self.profile.preload_words(name, error))
        roots = list(dict.fromkeys(roots))
        for obj in roots:
            obj.refs = 1
        self._loader.load_dependencies(roots, opened=state.main)
        if state.main is not None:
            state.main.needed = [*roots[1:], *(o for o in state.main.needed if o not in roots[1:])]
        everything = breadth_first_all(roots)
        for obj in everything:
            obj.is_global = obj.startup = True
            obj.group = roots[0] if roots else None
        state.global_scope = everything
        if state.main is not None:
            state.main.searchlist = everything
        profile = self.profile
        for refusal in profile.check_objects([o for o in everything if not o.is_builtin], self.state):
            raise refusal
        self._storage.fix()
        self._startup = profile.constructor_order(everything, state.main, [state.main] if state.main else roots)
        order = profile.relocation_order(everything, self._startup)
        return Linking(state.main, self._startup, everything, list(order), lazy=self._may_bind_lazily(RTLD_LAZY))

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
            if self.main is not None:
                self.main.refs += 1
            return Linking(self.main or Pseudo.MAIN)
        if self.state.known_machine is not None:
            self._storage.fix()
        before = Rollback(self._unloader)
        self._loader.opening = True
        try:
            linking = self._open(name, flags, requester)
        except BaseException:
            before.restore()
            raise
        linking.undo = before.restore
        return linking

    def _open(self, name: str, flags: int, requester: LinkedObject | None) -> Linking:
        profile = self.profile
        known = {obj.index for obj in self.objects}
        if flags & RTLD_NOLOAD:
            loaded = self._loader.find_loaded(name, requester) or self._loader.find_same_file(name, requester)
            if loaded is None:
                refusal = profile.not_loaded(name)
                if refusal is not None:
                    raise refusal
                return Linking()
            root = loaded
        else:
            root = self._loader.load(name, requester, None)
        root.refs += 1
        root.nodelete = root.nodelete or bool(flags & RTLD_NODELETE)
        if root.searchlist:
            if flags & RTLD_GLOBAL:
                self.state.make_global(profile.made_global(root, ()))
            return Linking(root, profile.constructor_order(root.searchlist, root, [root]) if profile.opens_again else ())
        self._loader.load_dependencies([root], opened=root)
        root.searchlist = breadth_first(root)
        new = [obj for obj in root.searchlist if obj.index not in known]
        for obj in new:
            obj.group = root
            obj.deep_bind = bool(flags & RTLD_DEEPBIND)
        for refusal in profile.check_objects([o for o in new if not o.is_builtin], self.state):
            raise refusal
        self._storage.fix()
        order = profile.constructor_order(root.searchlist, root, [root])
        for obj in root.searchlist:
            if not obj.startup:
                obj.scopes.append(root)
        if flags & RTLD_GLOBAL:
            self.state.make_global(profile.made_global(root, new))
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
            self._storage.write_pending()
        except BaseException:
            if linking.undo is not None:
                linking.undo()
            raise
        if linking.undo is not None and isinstance(linking.handle, LinkedObject):
            self.profile.opened(linking.handle, linking.new)
        linking.undo = None
        return None

    def _carry_on(self, linking: Linking) -> None:
        answer = None
        while call := self.relocate(linking, answer):
            answer = self.owner.call_resolver(*call)

    def _relocate(self, obj: LinkedObject, progress: Progress, answer: int | None) -> ResolverCall | None:
        """Relocate one object, or go on with it."""
        self._lookup.begin()
        if not progress.begun:
            self.owner.emit("object-dependencies", obj, needed=[needed.path for needed in obj.needed])
        call = Relocator(obj, self._linkage, progress).run(answer)
        if call is not None:
            return call
        obj.relocated = True
        counts = progress.tally.counts
        self.owner.emit("object-relocated", obj, relocations=sum(counts.values()), kinds=counts)
        relro = mapping.protect_relro(self.memory, obj, self._loader.page_of(obj))
        if relro is not None:
            self.owner.emit("relro-protected", obj, address=relro.start, size=relro.end - relro.start)
        return None

    def to_construct(self, linking: Linking) -> list[LinkedObject]:
        """Objects whose constructors must still run. An object is skipped once its constructors have started or, if this
        linker's dlopen waits for other threads, once they have returned."""
        if self.profile.locks.waits_for == "nobody":
            order = [obj for obj in linking.constructors if not obj.initialized]
        else:
            order = [obj for obj in linking.constructors if not obj.constructed]
        return self.profile.initialised_first(order)

    def defer_tls_images(self) -> None:
        """Let `relocate` write the TLS images of start-up objects that it has not relocated yet, once it has: threads that
        are made meanwhile get none."""
        self._storage.defer_images()

    # -- symbols ------------------------------------------------------------------------------------------------------

    def dlsym(
        self,
        handle: Handle,
        name: str,
        version: str | None = None,
        caller: LinkedObject | None = None,
        thread_pointer: int | None = None,
    ) -> int:
        """The address of a symbol: of an object and its dependencies, or with DEFAULT, NEXT or MAIN of the caller's
        scope, of the objects after the caller, or of the global scope. LoadError when there is none. A thread-local
        variable's address is that in the thread at ``thread_pointer``, whose block must exist.
        """
        found = self.lookup(handle, name, version, caller)
        obj, symbol = found.object, found.symbol
        assert obj is not None
        assert symbol is not None
        if symbol.type == STT_GNU_IFUNC:
            return self.owner.call_resolver(obj, found.address)
        if symbol.type == STT_TLS:
            block = self.tls.find_block(self.memory, thread_pointer, obj.tls) if thread_pointer and obj.tls else 0
            if not block:
                raise LoadError(obj.path, "", f"no block of thread-local `{name}' in this thread yet", "tls-block")
            return block + symbol.value & self.machine.mask
        return found.address

    def lookup(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved:
        """The definition that dlsym finds; TLS and IFUNC symbols are not resolved further. Raises LoadError without one."""
        return self._lookup.lookup(handle, name, version, caller)

    def find_symbol(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved | None:
        """As `lookup`, but None without a definition."""
        return self._lookup.find_symbol(handle, name, version, caller)

    def slot(self, obj: LinkedObject, index: int) -> Slot:
        """The binding of entry ``index`` of an object's PLT table, for its first call. LoadError when nothing defines it."""
        return self._lazy.slot(obj, index)

    def fill_slot(self, slot: Slot, target: int) -> int:
        """Write the address to which a slot leads from now on, and return it."""
        return self._lazy.fill(slot, target)

    # -- dlclose ------------------------------------------------------------------------------------------------------

    def dlclose(self, handle: Handle) -> list[LinkedObject]:
        """Drop one reference. Returns the objects nobody uses any more, in the order to run their destructors; once
        these have run (pass each to `start_finalizers`), call `release` with the list. LoadError when it is not open.
        """
        if not isinstance(handle, LinkedObject):
            return []
        return self._unloader.close(handle)

    def pin(self, obj: LinkedObject, change: int) -> list[LinkedObject]:
        """Count thread-local objects with a destructor in ``obj``; returns objects to unload, as `dlclose`."""
        return self._unloader.pin(obj, change)

    def close_rest(self) -> list[LinkedObject]:
        """As `dlclose`, after `release`: the objects that destructors have closed meanwhile."""
        return self._unloader.close_rest()

    def release(self, objects: Sequence[LinkedObject]) -> None:
        """Unmap objects that `dlclose` returned, and forget their symbols, scopes and TLS."""
        self._unloader.release(objects)

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
        """`initializers`, once. The object counts as initialised from now on: glibc marks it before the first call, so that a
        constructor that opens libraries itself does not run it again."""
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
        """Note that all functions that `start_initializers` gave have returned."""
        obj.constructed = True

    def start_finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """`finalizers`, once, and only of an object that was initialised."""
        if not (obj.initialized if self.profile.destroys_unfinished else obj.constructed):
            return []
        obj.initialized = obj.constructed = False
        return self.finalizers(obj)
