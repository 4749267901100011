"""Finding a symbol: the two hash tables, versions, and the search through a scope.

Sources: gABI chapter 5 (DT_HASH), the GNU hash table as glibc elf/dl-lookup.c reads it (do_lookup_x, check_match), and for versions
"ELF Symbol Versioning" (Drepper) with glibc elf/dl-version.c. glibc's rules in short: a versioned reference binds to that version,
or to an unversioned definition that is not hidden; an unversioned reference binds to the base or oldest version (index 0, 1, 2), dlsym
to the default one; if neither is there, a sole other visible version will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple

from .elf import (
    DT_GNU_HASH,
    DT_HASH,
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    DT_VERSYM,
    ET_EXEC,
    SHN_ABS,
    SHN_UNDEF,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_WEAK,
    STT_TLS,
    STV_HIDDEN,
    STV_INTERNAL,
    ElfFile,
    Symbol,
)

if TYPE_CHECKING:
    from .objects import LinkedObject

_LINKABLE_TYPES = frozenset({0, 1, 2, 5, 6, 10})  # NOTYPE OBJECT FUNC COMMON TLS GNU_IFUNC: check_match's ALLOWED_STT
_LINKABLE_BINDS = frozenset({STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE})
_LOCAL_VISIBILITIES = frozenset({STV_INTERNAL, STV_HIDDEN})
_HIDDEN_VERSION = 0x8000


def gnu_hash(name: bytes) -> int:
    """The hash of DT_GNU_HASH: h = h * 33 + c from 5381, 32 bits."""
    value = 5381
    for c in name:
        value = (value * 33 + c) & 0xFFFFFFFF
    return value


def sysv_hash(name: bytes) -> int:
    """The hash of DT_HASH (gABI, figure 5-13)."""
    value = 0
    for c in name:
        value = (value << 4) + c
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


class GnuHash:
    """DT_GNU_HASH: a Bloom filter, buckets, and chains that end at a set low bit."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        vaddr = elf.dynamic[DT_GNU_HASH]
        self.offset = elf.offset_of(vaddr, 16, "DT_GNU_HASH")
        self.buckets, self.first, self.bloom, self.shift = unpack_from("<4I", elf.data, self.offset)
        if self.buckets and (self.bloom == 0 or self.bloom & (self.bloom - 1)):
            raise self._error(f"Bloom filter size {self.bloom} is not a power of two")
        word = elf.machine.word
        head = 16 + self.bloom * word + self.buckets * 4
        elf.offset_of(vaddr, head, "DT_GNU_HASH")
        self._bloom_at = self.offset + 16
        self._buckets_at = self._bloom_at + self.bloom * word
        self._chains_at = self._buckets_at + self.buckets * 4
        load = next(s for s in elf.loads if s.offset <= self.offset < s.offset + s.filesz)
        self._end = load.offset + load.filesz

    def _error(self, message: str) -> Exception:
        return self.elf.error(f"DT_GNU_HASH at {self.offset:#x}", message)

    def candidates(self, query: Query) -> list[int]:
        """Indexes of the symbols whose hash is the query's."""
        if not self.buckets:
            return []
        elf, hashed = self.elf, query.gnu_hash
        data, bits = elf.data, elf.machine.elf_class
        place = self._bloom_at + (hashed // bits & (self.bloom - 1)) * elf.machine.word
        (bloom,) = unpack_from("<" + elf.layout.word, data, place)
        if not (bloom >> (hashed % bits)) & (bloom >> ((hashed >> (self.shift & 31)) % bits)) & 1:
            return []
        (index,) = unpack_from("<I", data, self._buckets_at + hashed % self.buckets * 4)
        found: list[int] = []
        if index == 0:
            return found
        while True:
            chained = self._chain(index)
            if (chained ^ hashed) >> 1 == 0:
                found.append(index)
            if chained & 1:
                return found
            index += 1

    def _chain(self, index: int) -> int:
        place = self._chains_at + (index - self.first) * 4
        if index < self.first or place + 4 > self._end or index >= self.elf.symbol_limit:
            raise self._error(f"hash chain reaches symbol {index}, outside the table")
        value: int = unpack_from("<I", self.elf.data, place)[0]
        return value

    def symbol_count(self, elf: ElfFile) -> int:
        """One more than the highest index a chain reaches."""
        buckets = unpack_from(f"<{self.buckets}I", elf.data, self._buckets_at)
        index = max(buckets, default=0)
        if index == 0:
            return min(self.first, elf.symbol_limit)
        while not self._chain(index) & 1:
            index += 1
        return index + 1


class SysvHash:
    """DT_HASH: buckets and chains of symbol indexes, ended by 0."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        vaddr = elf.dynamic[DT_HASH]
        self.offset = elf.offset_of(vaddr, 8, "DT_HASH")
        self.buckets, self.chains = unpack_from("<2I", elf.data, self.offset)
        elf.offset_of(vaddr, 8 + 4 * (self.buckets + self.chains), "DT_HASH")
        if self.chains > elf.symbol_limit:
            raise elf.error(
                f"DT_HASH at {self.offset:#x}", f"{self.chains} symbols, but the symbol table has room for {elf.symbol_limit}"
            )

    def candidates(self, query: Query) -> list[int]:
        """Indexes of the symbols in the query's bucket."""
        if not self.buckets:
            return []
        data = self.elf.data
        (index,) = unpack_from("<I", data, self.offset + 8 + query.sysv_hash % self.buckets * 4)
        chains_at = self.offset + 8 + self.buckets * 4
        found: list[int] = []
        while index:
            if index >= self.chains:
                raise self.elf.error(f"DT_HASH at {self.offset:#x}", f"hash chain reaches symbol {index} of {self.chains}")
            if len(found) >= self.chains:
                raise self.elf.error(f"DT_HASH at {self.offset:#x}", "hash chain has a loop")
            found.append(index)
            (index,) = unpack_from("<I", data, chains_at + index * 4)
        return found

    def symbol_count(self, elf: ElfFile) -> int:
        """nchain: there is one chain entry for each symbol."""
        return self.chains


def read_hash_table(elf: ElfFile) -> GnuHash | SysvHash | None:
    """The table a dynamic linker would use: the GNU one when there are both."""
    if DT_GNU_HASH in elf.dynamic:
        return GnuHash(elf)
    return SysvHash(elf) if DT_HASH in elf.dynamic else None


class Version(NamedTuple):
    """A version asked for or defined. ``hidden``: only exactly this version will do."""

    name: bytes
    hidden: bool = False


class VersionNeed(NamedTuple):
    """One version a file asks of another: ``file`` is a DT_NEEDED name, ``weak`` permits its absence."""

    file: str
    name: bytes
    weak: bool


class Versions:
    """DT_VERSYM with what DT_VERNEED asks for and DT_VERDEF defines."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self.needs: list[VersionNeed] = []
        #: names defined, the base excluded
        self.defined: list[bytes] = []
        self.has_definitions = DT_VERDEF in elf.dynamic
        self.by_index: dict[int, Version] = {}
        self._indexes: set[int] = {0, 1}
        self._symbols_at: int | None = None
        if DT_VERSYM in elf.dynamic:
            self._symbols_at = elf.offset_of(elf.dynamic[DT_VERSYM], 2, "DT_VERSYM")
            load = next(s for s in elf.loads if s.offset <= self._symbols_at < s.offset + s.filesz)
            self._end = load.offset + load.filesz
        if DT_VERNEED in elf.dynamic:
            self._read_needs()
        if DT_VERDEF in elf.dynamic:
            self._read_definitions()

    def _read_needs(self) -> None:
        elf, vaddr = self.elf, self.elf.dynamic[DT_VERNEED]
        for _ in range(elf.dynamic.get(DT_VERNEEDNUM, 0)):
            at = elf.offset_of(vaddr, 16, "DT_VERNEED")
            version, count, file, aux, following = unpack_from("<HHIII", elf.data, at)
            if version != 1:
                raise elf.error(f"DT_VERNEED entry at {at:#x}", f"unsupported version {version} of Verneed record")
            name = elf.string(file, f"DT_VERNEED entry at {at:#x}")
            place = vaddr + aux
            for _ in range(count):
                at = elf.offset_of(place, 16, "DT_VERNEED entry")
                _, flags, other, text, step = unpack_from("<IHHII", elf.data, at)
                wanted = elf.string_bytes(text, f"DT_VERNEED entry at {at:#x}")
                self.needs.append(VersionNeed(name, wanted, bool(flags & 2)))
                self.by_index[other & 0x7FFF] = Version(wanted, bool(other & _HIDDEN_VERSION))
                self._indexes.add(other & 0x7FFF)
                if step == 0:
                    break
                place += step
            if following == 0:
                break
            vaddr += following

    def _read_definitions(self) -> None:
        elf, vaddr = self.elf, self.elf.dynamic[DT_VERDEF]
        for _ in range(elf.dynamic.get(DT_VERDEFNUM, 0)):
            at = elf.offset_of(vaddr, 20, "DT_VERDEF")
            version, flags, index, count, _, aux, following = unpack_from("<HHHHIII", elf.data, at)
            if version != 1:
                raise elf.error(f"DT_VERDEF entry at {at:#x}", f"unsupported version {version} of Verdef record")
            self._indexes.add(index & 0x7FFF)
            if not flags & 1 and count:  # VER_FLG_BASE names the file itself
                at = elf.offset_of(vaddr + aux, 8, "DT_VERDEF entry")
                name = elf.string_bytes(unpack_from("<I", elf.data, at)[0], f"DT_VERDEF entry at {at:#x}")
                self.defined.append(name)
                self.by_index[index & 0x7FFF] = Version(name)
            if following == 0:
                break
            vaddr += following

    def raw(self, index: int) -> int | None:
        """The DT_VERSYM entry of symbol ``index``; None when the file has no DT_VERSYM."""
        if self._symbols_at is None:
            return None
        place = self._symbols_at + 2 * index
        if place + 2 > self._end:
            raise self.elf.error(f"DT_VERSYM at {self._symbols_at:#x}", f"no entry for symbol {index}")
        value: int = unpack_from("<H", self.elf.data, place)[0]
        if value & 0x7FFF not in self._indexes:
            raise self.elf.error(
                f"DT_VERSYM at {self._symbols_at:#x}", f"symbol {index} has version index {value & 0x7FFF}, which is not defined"
            )
        return value

    def of_symbol(self, index: int) -> Version | None:
        """The version symbol ``index`` asks for or is defined with; None when it has none."""
        raw = self.raw(index)
        return None if raw is None else self.by_index.get(raw & 0x7FFF)


def read_versions(elf: ElfFile) -> Versions | None:
    """The file's versions, None when it has no version tables."""
    if DT_VERSYM in elf.dynamic or DT_VERNEED in elf.dynamic or DT_VERDEF in elf.dynamic:
        return Versions(elf)
    return None


class Query:
    """What is looked for. ``newest``: as dlsym, the default version. ``for_call``: the reference is a PLT slot (or
    TLS), for which an executable's own undefined entry with an address does not count."""

    __slots__ = ("_gnu", "_sysv", "for_call", "key", "name", "newest", "version")

    def __init__(
        self, name: bytes, version: Version | None = None, *, newest: bool = False, for_call: bool = False
    ) -> None:
        self.name = name
        self.key = name + b"\0"
        self.version = version
        self.newest = newest
        self.for_call = for_call
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
        if symbol.value == 0 and symbol.shndx != SHN_ABS and symbol.type != STT_TLS:
            continue
        if symbol.shndx == SHN_UNDEF and (query.for_call or symbol.type == STT_TLS):
            continue
        if symbol.type not in _LINKABLE_TYPES:
            continue
        match _version_fit(elf, index, query):
            case "yes":
                return symbol
            case "other":
                others.append(symbol)
    return others[0] if len(others) == 1 else None


def _version_fit(elf: ElfFile, index: int, query: Query) -> str:
    """ "yes", "no", or "other": good only if it is the sole one."""
    versions = elf.versions
    raw = versions.raw(index) if versions else None
    if versions is None or raw is None:
        return "yes"
    if query.version is not None:
        defined = versions.by_index.get(raw & 0x7FFF)
        if defined is not None:
            return "yes" if defined.name == query.version.name else "no"
        return "no" if query.version.hidden or raw & _HIDDEN_VERSION else "yes"
    if raw & 0x7FFF >= (2 if query.newest else 3):
        return "no" if raw & _HIDDEN_VERSION else "other"
    return "yes"


def find(
    scopes: Iterable[Iterable[LinkedObject]],
    query: Query,
    *,
    after: LinkedObject | None = None,
    skip_executables: bool = False,
) -> tuple[LinkedObject, Symbol] | None:
    """The first definition along the scopes (lists of objects), and its object.

    ``after``: start behind this object in the first scope that holds it (RTLD_NEXT). ``skip_executables``: for COPY.
    """
    for scope in scopes:
        for candidate in scope:
            if after is not None:
                if candidate is after:
                    after = None
                continue
            if skip_executables and (candidate.is_main or candidate.elf.type == ET_EXEC):
                continue
            symbol = find_in(candidate.elf, query)
            if symbol is None or symbol.bind not in _LINKABLE_BINDS or symbol.visibility in _LOCAL_VISIBILITIES:
                continue
            return candidate, symbol
    return None
