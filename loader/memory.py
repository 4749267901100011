"""The address space the loader writes into: a small protocol, and one made of bytearrays.

The loader reserves an object's whole span with ``map(None, span, 0, path)``, then maps each segment over it with
``map(address, size, prot, path)``, fills it through ``view`` and changes protections with ``protect`` (RELRO).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Protocol

PROT_NONE = 0
PROT_READ = 1
PROT_WRITE = 2
PROT_EXEC = 4


class Memory(Protocol):
    """An address space as the loader needs it. Addresses and sizes are bytes, mapped ones whole pages."""

    page_size: int

    def map(self, address: int | None, size: int, prot: int, name: str) -> int:
        """Map ``size`` zero bytes and return where. ``None``: a free place of the memory's choice; otherwise exactly
        there, replacing what was mapped. ``prot``: PROT_* bits. Raises MemoryError (or OSError) when there is no room.
        """
        ...

    def unmap(self, address: int, size: int) -> None:
        """Remove the mapping of these pages; pages that are not mapped are passed over."""
        ...

    def protect(self, address: int, size: int, prot: int) -> None:
        """Change the protection of mapped pages."""
        ...

    def view(self, address: int, size: int) -> memoryview:
        """A writable view (format ``"B"``) of mapped memory whatever its protection; it lies within one mapping."""
        ...


class ByteMemory:
    """A `Memory` of bytearrays, for tests and for use without a CPU. Plain data: it can be deep-copied.

    ``base``: lowest address handed out. ``limit``: how many bytes of readable memory may exist at once
    (reservations without access cost nothing).
    """

    def __init__(self, base: int = 0x4000_0000, page_size: int = 0x1000, limit: int = 256 << 20) -> None:
        self.page_size = page_size
        self.base = base
        self.limit = limit
        self.used = 0
        self._starts: list[int] = []
        self._areas: list[_Area] = []

    def map(self, address: int | None, size: int, prot: int, name: str) -> int:
        """See `Memory.map`."""
        page = self.page_size
        size = -(-size // page) * page
        if size <= 0 or size > 1 << 56:
            raise MemoryError(f"cannot map {size} bytes")
        if address is None:
            address = self._free(size)
        elif address % page:
            raise MemoryError(f"address {address:#x} is not page-aligned")
        else:
            self.unmap(address, size)
        self._insert(_Area(address, size, prot, name, self._bytes(size) if prot else None))
        return address

    def unmap(self, address: int, size: int) -> None:
        """See `Memory.unmap`."""
        for area in self._cut(address, address + size):
            if area.data is not None:
                self.used -= area.size
            index = bisect_left(self._starts, area.address)
            del self._areas[index], self._starts[index]

    def protect(self, address: int, size: int, prot: int) -> None:
        """See `Memory.protect`."""
        for area in self._cut(address, address + size):
            if prot and area.data is None:
                area.data, area.offset = self._bytes(area.size), 0
            area.prot = prot

    def forget(self) -> None:
        """Let go of everything that is mapped, for memory that somebody may still refer to."""
        self._starts.clear()
        self._areas.clear()
        self.used = 0

    def view(self, address: int, size: int) -> memoryview:
        """See `Memory.view`; raises ValueError outside of mapped, ever accessible memory."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            area = self._areas[index]
            start = address - area.address
            if start + size <= area.size and area.data is not None:
                start += area.offset
                return memoryview(area.data)[start : start + size]
        raise ValueError(f"no mapping holds {size} bytes at {address:#x}")

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address`` (one mapping)."""
        return bytes(self.view(address, size))

    def regions(self) -> list[tuple[int, int, int, str]]:
        """(start, end, prot, name) of every mapping, by address."""
        return [(a.address, a.address + a.size, a.prot, a.name) for a in self._areas]

    def _bytes(self, size: int) -> bytearray:
        if self.used + size > self.limit:
            raise MemoryError(f"more than {self.limit} bytes mapped")
        self.used += size
        return bytearray(size)

    def _free(self, size: int) -> int:
        place = self.base
        for area in self._areas:
            if area.address - place >= size:
                break
            place = max(place, area.address + area.size)
        return place

    def _insert(self, area: _Area) -> None:
        index = bisect_right(self._starts, area.address)
        self._starts.insert(index, area.address)
        self._areas.insert(index, area)

    def _cut(self, start: int, end: int) -> list[_Area]:
        """The areas that cover exactly what is mapped of [start, end), after splitting at both ends."""
        for edge in (start, end):
            index = bisect_right(self._starts, edge) - 1
            if index >= 0:
                area = self._areas[index]
                if area.address < edge < area.address + area.size:
                    self._insert(area.split(edge))
        return self._areas[bisect_left(self._starts, start) : bisect_left(self._starts, end)]


def read_memory(memory: Memory, address: int, size: int) -> bytes:
    """``size`` bytes at ``address``, which may lie in several mappings (RELRO cuts one in two)."""
    page, pieces = memory.page_size, []
    while size > 0:
        piece = min(size, page - address % page)
        pieces.append(bytes(memory.view(address, piece)))
        address += piece
        size -= piece
    return b"".join(pieces)


def clear_memory(memory: Memory, address: int, size: int) -> None:
    """Zero ``size`` bytes at ``address`` (one mapping) without making as many of Python's own."""
    for start in range(0, size, _STRETCH):
        stretch = min(_STRETCH, size - start)
        memory.view(address + start, stretch)[:] = bytes(stretch)


_STRETCH = 1 << 20


class _Area:
    """A mapping. Those that were cut from one share its bytes: ``data`` from ``offset`` on."""

    __slots__ = ("address", "data", "name", "offset", "prot", "size")

    def __init__(self, address: int, size: int, prot: int, name: str, data: bytearray | None, offset: int = 0) -> None:
        self.address = address
        self.size = size
        self.prot = prot
        self.name = name
        self.data = data
        self.offset = offset

    def split(self, edge: int) -> _Area:
        """Cut at ``edge``; this area keeps the lower part and the upper one is returned."""
        keep = edge - self.address
        upper = _Area(edge, self.size - keep, self.prot, self.name, self.data, self.offset + keep)
        self.size = keep
        return upper
