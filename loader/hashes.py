"""The two hash tables of dynamic symbols.

Sources: gABI chapter 5 (DT_HASH); the GNU table as glibc elf/dl-lookup.c reads it (do_lookup_x).
"""

from __future__ import annotations

from struct import unpack_from
from typing import Protocol

from .errors import LoadError
from .gabi import Layout
from .machines import Machine

#: no honest chain is longer
MAX_CHAIN = 1 << 16
#: the free cost of a lookup, in entries passed: linkers make chains of one to four on average
USUAL_CHAIN = 16


class HashedFile(Protocol):
    """A file as a hash table needs it: see `loader.elf.ElfFile`."""

    data: bytes
    machine: Machine
    layout: Layout
    symbol_limit: int

    def error(self, where: str, message: str) -> LoadError: ...

    def offset_of(self, vaddr: int, size: int, what: str) -> int: ...

    def file_end(self, vaddr: int) -> int: ...


class Hashed(Protocol):
    """A name, its two hashes, and ``excess``: by how much the chains it was looked for in were longer than usual."""

    excess: int

    @property
    def gnu_hash(self) -> int: ...

    @property
    def sysv_hash(self) -> int: ...


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

    def __init__(self, elf: HashedFile, vaddr: int) -> None:
        self.elf = elf
        self.offset = elf.offset_of(vaddr, 16, "DT_GNU_HASH")
        self.first: int
        self.buckets, self.first, self.bloom, self.shift = unpack_from("<4I", elf.data, self.offset)
        if self.buckets and (self.bloom == 0 or self.bloom & (self.bloom - 1)):
            raise self._error(f"Bloom filter size {self.bloom} is not a power of two")
        word = elf.machine.word
        head = 16 + self.bloom * word + self.buckets * 4
        elf.offset_of(vaddr, head, "DT_GNU_HASH")
        self._bloom_at = self.offset + 16
        self._buckets_at = self._bloom_at + self.bloom * word
        self._chains_at = self._buckets_at + self.buckets * 4
        self._end = elf.file_end(vaddr)

    def _error(self, message: str) -> LoadError:
        return self.elf.error(f"DT_GNU_HASH at {self.offset:#x}", message)

    def candidates(self, query: Hashed) -> list[int]:
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
        for passed in range(MAX_CHAIN):
            chained = self._chain(index)
            if (chained ^ hashed) >> 1 == 0:
                found.append(index)
            if chained & 1:
                query.excess += max(0, passed + 4 * len(found) - USUAL_CHAIN)
                return found
            index += 1
        raise self._error(f"hash chain longer than {MAX_CHAIN}")

    def _chain(self, index: int) -> int:
        place = self._chains_at + (index - self.first) * 4
        if index < self.first or place + 4 > self._end or index >= self.elf.symbol_limit:
            raise self._error(f"hash chain reaches symbol {index}, outside the table")
        value: int = unpack_from("<I", self.elf.data, place)[0]
        return value

    def symbol_count(self) -> int:
        """One more than the highest index a chain reaches."""
        buckets = unpack_from(f"<{self.buckets}I", self.elf.data, self._buckets_at)
        index: int = max(buckets, default=0)
        if index == 0:
            return min(self.first, self.elf.symbol_limit)
        while not self._chain(index) & 1:
            index += 1
        return index + 1


class SysvHash:
    """DT_HASH: buckets and chains of symbol indexes, ended by 0."""

    def __init__(self, elf: HashedFile, vaddr: int) -> None:
        self.elf = elf
        self.offset = elf.offset_of(vaddr, 8, "DT_HASH")
        self.buckets: int
        self.chains: int
        self.buckets, self.chains = unpack_from("<2I", elf.data, self.offset)
        elf.offset_of(vaddr, 8 + 4 * (self.buckets + self.chains), "DT_HASH")
        if self.chains > elf.symbol_limit:
            message = f"{self.chains} symbols, but the symbol table has room for {elf.symbol_limit}"
            raise elf.error(f"DT_HASH at {self.offset:#x}", message)

    def _error(self, message: str) -> LoadError:
        return self.elf.error(f"DT_HASH at {self.offset:#x}", message)

    def candidates(self, query: Hashed) -> list[int]:
        """Indexes of the symbols in the query's bucket."""
        if not self.buckets:
            return []
        data = self.elf.data
        (index,) = unpack_from("<I", data, self.offset + 8 + query.sysv_hash % self.buckets * 4)
        chains_at = self.offset + 8 + self.buckets * 4
        found: list[int] = []
        while index:
            if index >= self.chains:
                raise self._error(f"hash chain reaches symbol {index} of {self.chains}")
            if len(found) >= min(self.chains, MAX_CHAIN):
                raise self._error("hash chain has a loop")
            found.append(index)
            (index,) = unpack_from("<I", data, chains_at + index * 4)
        query.excess += max(0, 2 * len(found) - USUAL_CHAIN)
        return found

    def symbol_count(self) -> int:
        """nchain: there is one chain entry for each symbol."""
        return self.chains
