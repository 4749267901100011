"""The rules of a dynamic linker. A profile is data and small functions; nothing outside this package asks which libc it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..elf import ElfFile
from ..errors import LoadError
from ..machines.base import INSTRUCTION, LINK_ONLY, NONE, Machine, Relocation
from ..objects import Handle, LinkedObject
from ..state import State
from ..symbols import Matching

#: page sizes by the name they have in a profile's name
PAGE_SIZES = {"4k": 0x1000, "16k": 0x4000, "64k": 0x10000}


class Locks(NamedTuple):
    """Waits between threads while constructors run.

    ``in_constructors``  dlopen's constructors run under the loader's lock, ``at_start``: those at start-up too
    ``new_threads``      a new thread takes the lock before it may run, and again when it ends
    ``iterating``        dl_iterate_phdr takes the lock
    ``at_exit``          exit takes it for a moment before it runs destructors
    ``opening_unwinder`` pthread_exit, pthread_cancel and backtrace take it, which open the unwinder's library
    ``thread_destructors``  who registers the destructor of a thread-local object takes it
    ``new_bindings``     a first call that binds to a library which is no dependency takes it
    ``iteration``        dl_iterate_phdr has a lock of its own, which is taken to change the list of objects too
    ``waits_for``        whose constructors in another thread a dlopen, and exit, wait for: "nobody", those of the
                         "same" library, or "any"
    """

    in_constructors: bool = False
    at_start: bool = False
    new_threads: bool = False
    iterating: bool = False
    at_exit: bool = False
    opening_unwinder: bool = False
    thread_destructors: bool = False
    new_bindings: bool = False
    iteration: bool = False
    waits_for: str = "nobody"


class Profile:
    """The rules of one dynamic linker; immutable, shared by copies of the state.

    ``family``, ``version``      "glibc", "2.31"; ``name``: as asked for
    ``page_size``                of the systems it is for
    ``constructor_arguments``    what DT_INIT and DT_INIT_ARRAY functions are passed
    ``passes_environ``           a dlopen passes them the environment as it is then, not that of the start
    ``surplus, optional``        bytes of static TLS kept for dlopened objects, and the share TLS descriptors may take
    ``has_libc_block``           its C library has static TLS of its own: the machine's ``libc_block``
    ``late_static_tls``          dlopened objects may have static TLS
    ``opens_again``              a dlopen of an open library runs constructors that have not run
    ``binds_lazily``             PLT slots may wait for their first call
    ``adjusts_dynamic``          pointers in the mapped dynamic sections become addresses
    ``passes_over_foreign``      a search goes on after files for other machines
    ``minds_float_abi``          files that pass floats in other registers than the process are for another machine
    ``honours_filters``          DT_FILTER and DT_AUXILIARY have an effect
    ``counts_relative``          DT_RELACOUNT and DT_RELCOUNT say how many entries are relative, whatever their types
    ``without_addend``           names of relocations whose addend is not added
    ``prints_warnings``          its warnings are printed
    ``reads_descriptors``        a TLS descriptor with a symbol has its addend in its place, if tables have none
    ``shutdown``                 when destructors run at exit: "last", after all handlers, or as one handler registered before
                                 ("early") or after ("late") the program's constructors
    ``runs_preinit``             the program's DT_PREINIT_ARRAY runs
    ``refuses_while_exiting``    dlopen is an error once the destructors of exit have begun
    ``destroys_unfinished``      at exit the destructors of objects run whose constructors have not returned
    ``applies_relr``             DT_RELR is known; else it is ignored without a message
    ``protected, unique``        STV_PROTECTED references and STB_GNU_UNIQUE symbols are treated as such
    ``matching``                 which definition of a file a reference fits
    ``locks``                    see `Locks`
    ``folders``                  the folders that are searched last
    ``elf_tls``                  ELF TLS is known
    ``reads_packed``             Android's packed relocations are read
    ``honours_stack_flags``      PT_GNU_STACK of a library has an effect
    ``by_soname_only``           loaded objects are known by their DT_SONAME only
    ``go_systems``               values of GOOS for its systems
    ``refused, ignored``         names of relocations that `loader.machines` knows how to apply and this linker refuses,
                                 or passes over in silence; ``instructions``: those of instructions' parts that it applies;
                                 ``taken_for``: those it applies as if they were another
    ``libc_names``               sonames the C library goes by; ``libc_prefixes``: how such names begin
    ``header_names``             those by which a file shows that it was compiled against this C library's headers alone;
                                 ``header_prefixes``: how such names begin
    ``linker_runs_init``         its start code leaves the program's constructors to the linker
    ``wide_offsets``             its off_t has 64 bits everywhere
    ``triple_word``              how the last part of a GNU triple for its systems begins
    ``lists_exports``            the names its C library defines are known, see `defines`
    ``static_tls_remedy``        what else helps where static TLS is used up
    """

    family = ""
    title = ""
    constructor_arguments: tuple[str, ...] = ("argc", "argv", "envp")
    surplus = 0
    optional = 0
    passes_environ = False
    has_libc_block = False
    late_static_tls = False
    opens_again = False
    binds_lazily = False
    adjusts_dynamic = False
    prints_warnings = False
    passes_over_foreign = False
    minds_float_abi = False
    honours_filters = False
    counts_relative = False
    without_addend: frozenset[str] = frozenset()
    reads_descriptors = True
    shutdown = "last"
    runs_preinit = True
    refuses_while_exiting = False
    destroys_unfinished = True
    applies_relr = True
    elf_tls = True
    reads_packed = False
    honours_stack_flags = False
    by_soname_only = False
    go_systems: tuple[str, ...] = ("linux",)
    protected = False
    unique = False
    matching: Matching = Matching()
    locks = Locks()
    folders: tuple[str, ...] = ("/lib", "/usr/lib")
    refused: frozenset[str] = frozenset()
    instructions: frozenset[str] = frozenset()
    taken_for: Mapping[str, str] = {}
    ignored: frozenset[str] = frozenset()
    libc_names: frozenset[str] = frozenset()
    libc_prefixes: tuple[str, ...] = ()
    header_names: frozenset[str] = frozenset()
    header_prefixes: tuple[str, ...] = ()
    linker_runs_init = False
    wide_offsets = False
    triple_word = ""
    lists_exports = False
    static_tls_remedy = ""
    words: Mapping[str, str | Callable[[LoadError], str]] = {}

    def __init__(self, version: str = "", page_size: int = 0x1000, name: str = "") -> None:
        self.version = version
        self.page_size = page_size
        self.name = name or self.family
        self._relocations: dict[str, Mapping[int, Relocation]] = {}

    def __deepcopy__(self, memo: object) -> Profile:
        return self

    def __repr__(self) -> str:
        return f"<Profile {self.name}>"

    def check_pages(self) -> str:
        """Why there are no such systems with pages of ``page_size``; "" when there are."""
        return ""

    def for_environment(self, environment: Mapping[str, str]) -> Profile:
        """The rules as a process's environment variables change them."""
        return self

    # -- files --------------------------------------------------------------------------------------------------------

    def era(self) -> tuple[object, ...]:
        """Cache key: version-dependent facts of linking and order that other members and `check_static` do not show. Two
        profiles of a family that agree in all of these do the same."""
        return ()

    def check_static(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """All refusals that follow from the file alone, without relocations and needed libraries."""
        return self.check_file(elf, opening=opening)

    def check_file(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """Refusals of a library as soon as this linker reads it, in the order of its checks. ``opening``: for a
        dlopen, not at start."""
        raise NotImplementedError

    def check_objects(self, objects: Sequence[LinkedObject], links: State) -> Iterator[LoadError]:
        """Refusals of newly loaded ``objects`` once all their dependencies are mapped, before relocation."""
        raise NotImplementedError

    def provides(self, version: bytes) -> bool:
        """True if its C library defines a symbol version; always, if the linker ignores versions."""
        return True

    def defines(self, symbol: str) -> bool:
        """True if its C library defines a function or a variable of that name; all, where the names are not listed."""
        return True

    def check_mode(self, name: str, flags: int) -> LoadError | None:
        """Why dlopen does not take these flags."""
        return None

    def not_loaded(self, name: str) -> LoadError | None:
        """The error of dlopen for RTLD_NOLOAD when the library is not loaded; None: it returns NULL without one."""
        return None

    def is_libc(self, name: str) -> bool:
        """True if ``name`` is one of its systems' C library."""
        return name in self.libc_names or name.startswith(self.libc_prefixes)

    def relocations(self, machine: Machine) -> Mapping[int, Relocation]:
        """The machine's relocation table as this linker reads it."""
        found = self._relocations.get(machine.name)
        if found is None:
            found = machine.relocations
            names = {row.name: row for row in found.values()}
            found = {number: self._row(names.get(self.taken_for.get(row.name, ""), row)) for number, row in found.items()}
            self._relocations[machine.name] = found
        return found

    def _row(self, row: Relocation) -> Relocation:
        if row.name in self.refused or (row.verb == INSTRUCTION and row.name not in self.instructions):
            return row._replace(verb=LINK_ONLY)
        return row._replace(verb=NONE) if row.name in self.ignored else row

    # -- names --------------------------------------------------------------------------------------------------------

    def answers_to(self, obj: LinkedObject, name: str) -> bool:
        """True if a loaded object is called ``name``, without a search for a file."""
        raise NotImplementedError

    def search(
        self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None, links: State
    ) -> Iterator[str]:
        """The paths and bare names to look for, in order. ``requester``: whose code asks (dlopen's caller, or who needs
        it); ``dependent``: the object whose DT_NEEDED it is."""
        raise NotImplementedError

    def expand(self, name: str, obj: LinkedObject) -> str:
        """A path in ``obj``'s dynamic section with what this linker puts for its tokens."""
        return name

    def expand_needed(self, name: str, obj: LinkedObject) -> str:
        """The same for the name of a library that ``obj`` needs; most linkers take it as it is."""
        return name

    # -- order --------------------------------------------------------------------------------------------------------

    def constructor_order(
        self, objects: Sequence[LinkedObject], first: LinkedObject | None, roots: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """The objects whose constructors a dlopen or start runs, in order; those already initialised may be among them.

        ``objects``: the search list, breadth first. ``first``: what is opened, or the main program, if there is one.
        ``roots``: that one, or all that is linked at start. May set the objects' ``order_links`` and ``claims``.
        """
        raise NotImplementedError

    def initialised_first(self, order: Sequence[LinkedObject]) -> list[LinkedObject]:
        """``order``, of objects whose constructors are to run, as it is when some ask to come first."""
        return list(order)

    def relocation_order(
        self, objects: Sequence[LinkedObject], constructors: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """The same objects in the order they are relocated."""
        raise NotImplementedError

    def shutdown_order(self, objects: Sequence[LinkedObject], main: LinkedObject | None) -> list[LinkedObject]:
        """The objects whose destructors run at exit, in order; those that are not initialised may be among them."""
        raise NotImplementedError

    def opened(self, root: LinkedObject, new: Sequence[LinkedObject]) -> None:
        """Count a successful dlopen of ``root`` that loaded ``new``."""

    def made_global(self, root: LinkedObject, new: Sequence[LinkedObject]) -> Sequence[LinkedObject]:
        """The objects whose symbols a dlopen of ``root`` with RTLD_GLOBAL, which loaded ``new``, offers to all."""
        return root.searchlist

    def close(self, handle: LinkedObject, links: State) -> list[LinkedObject]:
        """Drop a reference. The objects to be unloaded, in destructor order; LoadError when it is not open."""
        raise NotImplementedError

    def pin(self, obj: LinkedObject, change: int, links: State) -> list[LinkedObject]:
        """Count the destructors of thread-local objects that are to run in ``obj``, ``change`` more of them. The objects to be
        unloaded because the last one has run, in destructor order."""
        obj.thread_destructors += change
        return []

    def close_rest(self, links: State) -> list[LinkedObject]:
        """The objects to unload next, after those of `close`: destructors may have closed more."""
        return []

    # -- symbols ------------------------------------------------------------------------------------------------------

    def scopes(self, obj: LinkedObject, links: State) -> Iterator[Sequence[LinkedObject]]:
        """The search lists an object's references go through, in order."""
        raise NotImplementedError

    def dlsym_scopes(
        self, handle: Handle, caller: LinkedObject | None, links: State
    ) -> Iterable[Sequence[LinkedObject]]:
        """The search lists of dlsym."""
        raise NotImplementedError

    def miscounted(self, machine: Machine) -> str:
        """The words with which the linker ends the process for a wrong DT_RELACOUNT; "" if it does not notice."""
        return ""

    # -- words --------------------------------------------------------------------------------------------------------

    def preload_words(self, name: str, error: LoadError) -> str:
        """The message about a library in LD_PRELOAD that cannot be loaded; "" for none."""
        return ""

    def dlerror(self, error: LoadError, doing: str = "dlopen", program: str = "") -> str:
        """The text the guest's dlerror() gives for ``error``; ``doing``: "dlopen", "dlsym", "dlclose", or
        "start" for what ends ``program``."""
        words = self.words.get(error.code)
        if words is None:
            return error.linker_text
        return words(error) if callable(words) else words.format_map(_Facts(error))

    def worded(self, error: LoadError, doing: str, program: str = "") -> LoadError:
        """``error`` in this linker's words; it keeps its place."""
        if error.code not in self.words:
            return error
        words = self.dlerror(error, doing, program)
        return LoadError("", "" if error.where in words else error.where, words, error.code, **error.facts)


class _Facts(dict[str, object]):
    """An error's facts by name, for a template; "" for one that it does not have."""

    def __init__(self, error: LoadError) -> None:
        super().__init__(error.facts, path=error.path, message=error.message)

    def __missing__(self, name: str) -> str:
        return ""
