"""Finding a symbol in one file.

A `Matching` says which definition fits a reference; the one here is glibc's, others are in `loader.profiles`.
Source: glibc elf/dl-lookup.c, do_lookup_x and check_match. Its rules in short: a versioned reference binds to that
version, or to an unversioned definition that is not hidden; an unversioned one binds to the base or oldest version
(index 0, 1, 2), dlsym to the default one; if neither is there, a sole other visible version will do.
"""

from __future__ import annotations

from collections.abc import Sequence

from .elf import ElfFile
from .errors import FatalLoadError
from .gabi import (
    SHN_ABS,
    SHN_UNDEF,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_WEAK,
    STT_TLS,
    STV_HIDDEN,
    STV_INTERNAL,
    Symbol,
)
from .hashes import gnu_hash, sysv_hash
from .versions import HIDDEN, Version

_LINKABLE_TYPES = frozenset({0, 1, 2, 5, 6, 10})  # NOTYPE OBJECT FUNC COMMON TLS GNU_IFUNC: check_match
_LINKABLE_BINDS = frozenset({STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE})
_LOCAL_VISIBILITIES = frozenset({STV_INTERNAL, STV_HIDDEN})


class Matching:
    """The symbols of a file to which a reference may bind, by glibc's rules."""

    #: true if a file that is asked for a version must have some (see `check`)
    asserts_versions = True

    def __init__(self, *, strong_first: bool = False) -> None:
        #: a weak definition is passed over where a later one is not weak (LD_DYNAMIC_WEAK)
        self.strong_first = strong_first

    def admits(self, symbol: Symbol, query: Query) -> bool:
        """True if a symbol of that name counts at all."""
        if symbol.value == 0 and symbol.shndx != SHN_ABS and symbol.type != STT_TLS:
            return False
        if symbol.shndx == SHN_UNDEF and (query.for_call or symbol.type == STT_TLS):
            return False
        return symbol.type in _LINKABLE_TYPES

    def fit(self, elf: ElfFile, index: int, query: Query) -> str:
        """Compare its version: "yes", "no", or "other": good only if it is the sole one."""
        versions = elf.versions
        raw = versions.raw(index) if versions else None
        if versions is None or raw is None:
            return "yes"
        if query.version is not None:
            defined = versions.by_index.get(raw & 0x7FFF)
            if defined is not None:
                return "yes" if defined.name == query.version.name else "no"
            return "no" if query.version.hidden or raw & HIDDEN else "yes"
        if raw & 0x7FFF >= (2 if query.newest else 3):
            return "no" if raw & HIDDEN else "other"
        return "yes"

    def check(self, elf: ElfFile, names: Sequence[str], query: Query) -> None:
        """FatalLoadError for a definition in the very file of which a version is asked, if that has lost all its versions
        (check_match). ``names``: all the names that it was found by."""
        version = query.version
        versioned = elf.versions is not None and elf.versions.raw(0) is not None
        if not self.asserts_versions or version is None or not version.file or versioned:
            return
        if version.file in names or version.file == elf.soname:
            raise FatalLoadError(
                "",
                "",
                "Inconsistency detected by ld.so: dl-lookup.c: check_match: Assertion `version->filename == NULL || "
                "! _dl_name_match_p (version->filename, map)' failed!",
                "inconsistency",
            )

    def binds(self, symbol: Symbol) -> bool:
        """True if the symbol found serves others; if not, the search goes on in the next object."""
        return symbol.bind in _LINKABLE_BINDS and symbol.visibility not in _LOCAL_VISIBILITIES

    def optional(self, symbol: Symbol) -> bool:
        """True if a reference by this symbol may find nothing: it is 0 then."""
        return symbol.bind == STB_WEAK


GNU = Matching()


class Query:
    """A symbol to look for. ``newest``: as dlsym, the default version. ``for_call``: the reference is a PLT slot (or
    TLS), for which an executable's own undefined entry with an address does not count. ``matching``: whose rules."""

    __slots__ = ("_gnu", "_sysv", "excess", "for_call", "key", "matching", "name", "newest", "version")

    def __init__(
        self,
        name: bytes,
        version: Version | None = None,
        *,
        newest: bool = False,
        for_call: bool = False,
        matching: Matching = GNU,
    ) -> None:
        self.name = name
        self.key = name + b"\0"
        self.version = version
        self.newest = newest
        self.for_call = for_call
        self.matching = matching
        self.excess = 0
        self._gnu = -1
        self._sysv = -1

    @property
    def gnu_hash(self) -> int:
        """Computed once."""
        if self._gnu < 0:
            self._gnu = gnu_hash(self.name)
        return self._gnu

    @property
    def sysv_hash(self) -> int:
        """Computed once."""
        if self._sysv < 0:
            self._sysv = sysv_hash(self.name)
        return self._sysv


def find_in(elf: ElfFile, query: Query) -> Symbol | None:
    """The definition in one file that the query binds to, before binding and visibility are looked at."""
    table = elf.hash
    if table is None:
        return None
    candidates = table.candidates(query)
    if not candidates:
        return None
    others: list[Symbol] = []
    for index in candidates:
        if not elf.symbol_has_name(index, query.key):
            continue
        symbol = elf.symbol(index)
        if not query.matching.admits(symbol, query):
            continue
        match query.matching.fit(elf, index, query):
            case "yes":
                return symbol
            case "other":
                others.append(symbol)
    return others[0] if len(others) == 1 else None
