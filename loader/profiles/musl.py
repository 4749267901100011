"""musl's dynamic linker, 1.1.20 to 1.2.5, as distributions such as Alpine have it.

Facts: ldso/dynlink.c (find_sym, do_relocs, load_library, fixup_rpath, load_direct_deps, queue_ctors, do_init_fini, dlopen,
do_dlsym), arch/*/reloc.h. In short: one list of global symbols, no versions but that a hidden one is not seen, no
DT_SYMBOLIC, DT_SONAME or protected visibility; a library stays for ever; nothing dlopened has static TLS.

What a relocation without a symbol names in an error is the last name its table mentioned before: do_relocs keeps it in a
variable that it does not reset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from ..elf import ElfFile
from ..errors import LoadError
from ..gabi import DT_FINI, DT_FINI_ARRAY, SHN_UNDEF, STB_GLOBAL, STB_GNU_UNIQUE, STB_WEAK, STT_TLS, Symbol
from ..objects import Handle, LinkedObject, Pseudo
from ..order import breadth_first, depth_first
from ..search import directory_of
from ..state import State
from ..symbols import Matching, Query
from ..versions import HIDDEN
from .base import Locks, Profile

VERSIONS = (
    "1.1.20", "1.1.21", "1.1.22", "1.1.23", "1.1.24", "1.2.0", "1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.5",
)  # fmt: skip

_TYPES = frozenset({0, 1, 2, 5, 6})  # NOTYPE OBJECT FUNC COMMON TLS: OK_TYPES
_BINDS = frozenset({STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE})  # OK_BINDS
_LIBC_PARTS = ("c", "pthread", "rt", "m", "dl", "util", "xnet")  # load_library, `reserved`
_NOT_ELF = "Exec format error"


class _Matching(Matching):
    """find_sym2 and the two lookups under it."""

    asserts_versions = False

    def admits(self, symbol: Symbol, query: Query) -> bool:
        """By type, binding, and whether it is defined."""
        if symbol.shndx == SHN_UNDEF and (query.for_call or symbol.type == STT_TLS):
            return False
        if symbol.value == 0 and symbol.type != STT_TLS:
            return False
        return symbol.type in _TYPES and symbol.bind in _BINDS

    def fit(self, elf: ElfFile, index: int, query: Query) -> str:
        """A hidden version is passed over, whatever version is asked for."""
        raw = elf.versions.raw(index) if elf.versions else None
        return "no" if raw is not None and raw & HIDDEN else "yes"

    def binds(self, symbol: Symbol) -> bool:
        """Of any visibility."""
        return True

    def optional(self, symbol: Symbol) -> bool:
        """Weak and undefined: one that the file defines under a hidden version is missed."""
        return symbol.bind == STB_WEAK and symbol.shndx == SHN_UNDEF


@cache
def _exports() -> frozenset[str]:
    """The functions and data of musl 1.2.3 for amd64, from

    nm -D --defined-only LIBRARY | awk '$2 ~ /[TWVDBRi]/ {print $3}' | sed 's/@.*//' | LC_ALL=C sort -u
    """
    with open(os.path.join(os.path.dirname(__file__), "musl.txt"), encoding="ascii") as file:
        return frozenset(file.read().split())


def _cannot_load(reason: str) -> Callable[[LoadError], str]:
    def words(error: LoadError) -> str:
        needed_by = error.facts.get("needed_by")
        return f"Error loading shared library {error.facts.get('name', error.path)}: {reason}" + (
            f" (needed by {needed_by})" if needed_by else ""
        )

    return words


class Musl(Profile):
    """See `Profile`."""

    family = "musl"
    title = "musl"
    constructor_arguments = ()
    opens_again = True
    destroys_unfinished = False
    runs_preinit = False
    matching = _Matching()
    folders = ("/lib", "/usr/local/lib", "/usr/lib")
    refused = frozenset(
        {
            "R_X86_64_32", "R_X86_64_SIZE32", "R_X86_64_SIZE64", "R_X86_64_IRELATIVE", "R_X86_64_RELATIVE64",
            "R_ARM_IRELATIVE", "R_ARM_REL32", "R_AARCH64_IRELATIVE", "R_AARCH64_ABS32", "R_AARCH64_ABS16",
            "R_AARCH64_PREL64", "R_AARCH64_PREL32", "R_AARCH64_PREL16",
        }
    )  # fmt: skip
    header_names = frozenset({"libc.so"})
    header_prefixes = ("libc.musl-",)
    linker_runs_init = True
    wide_offsets = True
    triple_word = "musl"
    lists_exports = True
    libc_prefixes = (*(f"lib{part}." for part in _LIBC_PARTS), "ld-musl-")
    words: Mapping[str, str | Callable[[LoadError], str]] = {
        **dict.fromkeys(("invalid", "short", "not-elf", "class", "machine", "no-dynamic"), _cannot_load(_NOT_ELF)),
        "map": _cannot_load("Out of memory"),
        "not-found": _cannot_load("No such file or directory"),
        "noload": "Library {path} is not already loaded",
        "undefined-symbol": "Error relocating {path}: {symbol}: symbol not found",
        "no-symbol": "Symbol not found: {symbol}",
        "static-tls": "Error relocating {user}: {symbol}: initial-exec TLS resolves to dynamic definition in {definer}",
        "reloc-type": "Error relocating {path}: unsupported relocation type {number}",
        "relro": "Error relocating {path}: RELRO protection failed: Out of memory",
        "exiting": "Cannot dlopen while program is exiting.",
        "not-open": "Invalid library handle {handle}",
        "handle": "Invalid library handle {handle}",
    }

    def __init__(self, version: str = VERSIONS[-1], page_size: int = 0x1000, name: str = "") -> None:
        super().__init__(version, page_size, name)
        number = tuple(int(part) for part in version.split("."))
        self.queues = number >= (1, 1, 22)
        self.applies_relr = number >= (1, 2, 4)
        self.refuses_while_exiting = self.queues
        self.locks = Locks(waits_for="same" if self.queues else "any")

    # -- files --------------------------------------------------------------------------------------------------------

    def era(self) -> tuple[object, ...]:
        """See `Profile`."""
        return (self.queues,)

    def check_file(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """Nothing that `ElfFile` would accept: map_library even maps segments whose place in the file does not fit their
        address, to their harm."""
        return iter(())

    def check_objects(self, objects: Sequence[LinkedObject], links: State) -> Iterator[LoadError]:
        """Nothing: versions are not looked at."""
        return iter(())

    def not_loaded(self, name: str) -> LoadError | None:
        """dlopen."""
        return LoadError(name, "", "is not already loaded", "noload")

    def defines(self, symbol: str) -> bool:
        """By the list of musl 1.2.3 for amd64. The 32-bit builds have others for 64-bit time, which are taken to be there."""
        return symbol in _exports() or "time64" in symbol

    # -- names --------------------------------------------------------------------------------------------------------

    def answers_to(self, obj: LinkedObject, name: str) -> bool:
        """By the name a search found it under, never by DT_SONAME; a path is opened and compared (load_library)."""
        return "/" not in name and name in obj.names and not obj.is_main

    def search(
        self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None, links: State
    ) -> Iterator[str]:
        """LD_LIBRARY_PATH, then DT_RUNPATH or DT_RPATH of the needing object and of whoever needed that, up to the program,
        then the system's folders."""
        if "/" in name:
            yield name
            return
        folders = list(links.library_path)
        above = dependent or links.main
        while above is not None:
            folders += _rpath(above)
            above = above.loader or (links.main if above is not links.main else None)
        for folder in dict.fromkeys(folders):
            yield f"{folder}/{name}"
        yield name

    # -- order --------------------------------------------------------------------------------------------------------

    def constructor_order(
        self, objects: Sequence[LinkedObject], first: LinkedObject | None, roots: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """queue_ctors, unless what is opened is constructed; before 1.1.22 everything from the last loaded to the first."""
        if not self.queues:
            return sorted(objects, key=lambda obj: -obj.index)
        return [obj for obj, _ in depth_first([root for root in roots if not root.constructed], lambda obj: False)]

    def relocation_order(
        self, objects: Sequence[LinkedObject], constructors: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """reloc_all: as they were loaded, the program last."""
        return sorted(objects, key=lambda obj: (obj.is_main, obj.index))

    def shutdown_order(self, objects: Sequence[LinkedObject], main: LinkedObject | None) -> list[LinkedObject]:
        """__libc_exit_fini: of those that have destructors, the reverse of the order in which constructors began."""
        with_destructors = [o for o in objects if DT_FINI in o.elf.dynamic or DT_FINI_ARRAY in o.elf.dynamic]
        return sorted(with_destructors, key=lambda obj: -obj.turn)

    def close(self, handle: LinkedObject, links: State) -> list[LinkedObject]:
        """dlclose checks the handle and does nothing."""
        return []

    # -- symbols ------------------------------------------------------------------------------------------------------

    def scopes(self, obj: LinkedObject, links: State) -> Iterator[Sequence[LinkedObject]]:
        """The global symbols; while a library is opened, its own and its dependencies' follow them."""
        yield links.global_scope
        for root in obj.scopes:
            yield root.searchlist

    def dlsym_scopes(
        self, handle: Handle, caller: LinkedObject | None, links: State
    ) -> Iterable[Sequence[LinkedObject]]:
        """do_dlsym. RTLD_NEXT: what was loaded after the caller, and from there on what is global."""
        if handle is Pseudo.NEXT:
            later = [o for o in links.objects if caller is None or o.index > caller.index]
            return ([*later[:1], *(o for o in later[1:] if o.is_global)],)
        if isinstance(handle, Pseudo) or handle.is_main:
            return (links.global_scope,)
        return (handle.searchlist or breadth_first(handle),)


def _rpath(obj: LinkedObject) -> list[str]:
    """fixup_rpath: DT_RUNPATH if there is one, else DT_RPATH; unusable when a $ begins anything but ORIGIN."""
    paths = obj.elf.rpath if obj.elf.runpath is None else obj.elf.runpath
    if not paths:
        return []
    origin = directory_of(obj)
    text, *rest = paths.split("$")
    for part in rest:
        for token in ("ORIGIN", "{ORIGIN}"):
            if part.startswith(token):
                text += origin + part[len(token) :]
                break
        else:
            return []
    return [folder for folder in text.replace("\n", ":").split(":") if folder]
