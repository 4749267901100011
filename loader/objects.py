"""A loaded object and what a reference to it resolves to."""

from __future__ import annotations

from copy import deepcopy
from enum import Enum
from typing import Any, NamedTuple

from .elf import ElfFile
from .gabi import DT_SYMTAB, SHN_ABS, STB_LOCAL, STT_TLS, Symbol
from .memory import PROT_WRITE
from .symbols import Query, find_in
from .tls import TlsModule


class Region(NamedTuple):
    """A mapped stretch of an object: biased [start, end) in whole pages, ``prot`` PROT_* bits as the file asks."""

    start: int
    end: int
    prot: int


class LinkedObject:
    """One object in the link map. Everything here is plain state; identity is the object itself.

    ``index``        1, 2, 3 ... in the order of mapping, never used twice: a handle's number
    ``path``         where it was found; ``name``: as it was first asked for
    ``names``        every name it answers to (soname, DT_NEEDED names, path), in order of discovery
    ``bias``         load bias: what is added to the file's virtual addresses
    ``start, end``   the mapped span
    ``needed``       the objects of its DT_NEEDED entries, in order, and those of DT_FILTER and DT_AUXILIARY, which are
                     also its ``filters``: their symbols are found before its own
    ``absent``       its DT_NEEDED names that were not found and that the link map's owner does without
    ``searchlist``   breadth-first list of itself and its dependencies, once it was opened directly; else empty
    ``scopes``       roots whose search lists its references search after the global one
    ``bound_to``     objects that must outlive it though it does not need them, because its references bind to theirs;
                     ``has_bound``: there was one once
    ``refs``         how many dlopen (or start-up) references are open
    ``group``        what was opened when it was loaded: bionic's local group, counted in ``group_refs`` of that one
    ``claims``       objects that count as called once its constructors are (bionic); ``claimed``: this one does
    ``initialized``  its constructors have begun, ``constructed``: and returned
    ``turn``         how many objects' constructors had begun when its own did, from 1 on; 0: they have not
    """

    def __init__(self, index: int, path: str, name: str, elf: ElfFile) -> None:
        self.index = index
        self.path = path
        self.name = name
        self.elf = elf
        self.names: list[str] = []
        self.bias = 0
        self.start = 0
        self.end = 0
        self.regions: list[Region] = []
        self.relro: Region | None = None
        self.needed: list[LinkedObject] = []
        self.filters: list[LinkedObject] = []
        self.absent: list[str] = []
        self.order_links: list[LinkedObject] | None = None
        self.searchlist: list[LinkedObject] = []
        self.scopes: list[LinkedObject] = []
        self.bound_to: list[LinkedObject] = []
        self.has_bound = False
        self.refs = 0
        self.group: LinkedObject | None = None
        self.group_refs = 0
        self.claims: list[LinkedObject] = []
        self.claimed = False
        self.turn = 0
        self.is_main = False
        self.is_builtin = False
        self.is_global = False
        self.startup = False
        self.dependencies_loaded = False
        self.deep_bind = False
        self.nodelete = elf.nodelete
        #: destructors of thread-local objects that threads still have to run: it stays as long
        self.thread_destructors = 0
        #: identity of its file, whatever name it was found by; None: not known
        self.identity: object = None
        self.relocated = False
        self.initialized = False
        self.constructed = False
        self.removed = False
        self.loader: LinkedObject | None = None
        self.tls: TlsModule | None = None

    def __repr__(self) -> str:
        return f"<LinkedObject {self.index} {self.path} at {self.bias:#x}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> LinkedObject:
        """All objects reachable from this one are copied side by side, not in depth, so that a long chain of
        dependencies does not exhaust the stack."""
        reached: list[LinkedObject] = []
        found: list[LinkedObject] = [self]
        while found:
            obj = found.pop()
            if id(obj) not in memo:
                memo[id(obj)] = LinkedObject.__new__(LinkedObject)
                reached.append(obj)
                lists = (obj.needed, obj.order_links or (), obj.searchlist, obj.scopes, obj.bound_to, obj.claims)
                for neighbours in lists:
                    found.extend(neighbours)
                found.extend(other for other in (obj.loader, obj.group) if other is not None)
        for obj in reached:
            memo[id(obj)].__dict__.update((name, deepcopy(value, memo)) for name, value in obj.__dict__.items())
        copied: LinkedObject = memo[id(self)]
        return copied

    @property
    def soname(self) -> str | None:
        """DT_SONAME"""
        return self.elf.soname

    @property
    def tls_module(self) -> int:
        """The TLS module id, 0 for none."""
        return self.tls.id if self.tls else 0

    @property
    def entry(self) -> int:
        """e_entry, biased."""
        address: int = (self.bias + self.elf.entry) & self.elf.machine.mask
        return address

    @property
    def phdr(self) -> int:
        """Address of the program headers in memory, 0 when they are not loaded."""
        return self.bias + self.elf.phdr_vaddr if self.elf.phdr_vaddr else 0

    def symbol(self, name: str) -> Symbol | None:
        """This object's own exported definition of ``name`` (its default version)."""
        return find_in(self.elf, Query(name.encode("utf-8", "surrogateescape"), newest=True))

    def symbol_entry(self, symbol: Symbol) -> int:
        """Address of the symbol's entry in the mapped DT_SYMTAB."""
        layout = self.elf.layout
        return self.bias + self.elf.dynamic.get(DT_SYMTAB, 0) + symbol.index * layout.sym.size

    def address(self, symbol: str | Symbol) -> int:
        """The biased address of an exported symbol. Raises KeyError for an unknown name, and for a TLS symbol, which has an
        address in each thread."""
        found = self.symbol(symbol) if isinstance(symbol, str) else symbol
        if found is None or found.type == STT_TLS:
            raise KeyError(symbol)
        return symbol_address(self, found)

    def exports(self) -> list[Symbol]:
        """Every defined, non-local dynamic symbol, in table order."""
        return [s for s in self.elf.symbols() if s.shndx and s.bind != STB_LOCAL]

    def accessible(self, start: int, size: int) -> bool:
        """True if all of [start, start + size) lies in segments that were given any access."""
        for region in self.regions:
            if region.prot and region.start <= start < region.end:
                start, size = region.end, size - (region.end - start)
        return size <= 0

    def writable(self, address: int) -> bool:
        """True if ``address`` lies in a segment that may be written."""
        return any(r.prot & PROT_WRITE and r.start <= address < r.end for r in self.regions)

    def contains(self, address: int) -> bool:
        """True if ``address`` lies in one of the mapped segments."""
        return any(r.start <= address < r.end for r in self.regions)


class Pseudo(Enum):
    """Handles that are no object: RTLD_DEFAULT, RTLD_NEXT, and dlopen(NULL) where there is no main program."""

    DEFAULT = 0
    NEXT = -1
    MAIN = 1


Handle = LinkedObject | Pseudo


def symbol_address(obj: LinkedObject, symbol: Symbol) -> int:
    """S: the biased value; SHN_ABS symbols are not biased (glibc sysdeps/generic/ldsodefs.h, SYMBOL_ADDRESS)."""
    bias = 0 if symbol.shndx == SHN_ABS else obj.bias
    address: int = (bias + symbol.value) & obj.elf.machine.mask
    return address


class Resolved(NamedTuple):
    """The definition that a reference binds to.

    ``object`` is None for an undefined weak symbol (address 0), and for a missing function for which the owner gave an
    address.
    """

    object: LinkedObject | None
    symbol: Symbol | None
    address: int
