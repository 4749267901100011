"""The guest's address space: regions backed by host memory that Unicorn and Python see alike.

Every accessible region is host memory of ours, handed to Unicorn by pointer, so that reading or writing guest memory
from Python is a slice, not a library call. Regions without access (PROT_NONE reservations, of which Go makes gigabytes)
live only in the table here: Unicorn's own list of regions grows slow, see uc_mem_map_ptr's cost.
"""

from __future__ import annotations

import mmap as host_mmap
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emuload.machine.backing import Backing
from emuload.machine.engine import Engine
from loader.memory import PROT_EXEC, PROT_READ, PROT_WRITE

PAGE = 4096
_WRITE_EXEC = PROT_WRITE | PROT_EXEC


class MemoryFault(Exception):
    """An access that the guest's own CPU could not make; `address` is the first byte that failed."""

    def __init__(self, address: int, access: str = "read") -> None:
        super().__init__(f"no {access} access at {address:#x}")
        self.address = address
        self.access = access


class OutOfMemory(MemoryError):
    """No free range, or the bound on accessible memory was reached."""


@dataclass(slots=True, eq=False, repr=False)
class Region:
    """[start, end) with one protection and one name; `offset` is the place of `start` in `backing` (None: reserved only)."""

    start: int
    end: int
    prot: int
    name: str
    backing: Backing | None
    offset: int
    shared: bool = False

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start


def page_down(value: int) -> int:
    """Round down to a page."""
    return value & -PAGE


def page_up(value: int) -> int:
    """Round up to a page."""
    return (value + PAGE - 1) & -PAGE


def text_bytes(value: str | bytes) -> bytes:
    """UTF-8, in which Python's surrogate escapes are raw bytes. Other surrogates become the three bytes that UTF-8 would
    have for them, so that every text has bytes."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        errors = ("surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass" for character in value)
        return b"".join(character.encode("utf-8", how) for character, how in zip(value, errors, strict=True))


class AddressSpace:
    """Regions, mmap's rules on them, and access to their bytes.

    `low` and `high` bound what the guest may map; `top` is where the search for free room starts, going down
    (Linux's top-down layout). `limit` bounds the accessible bytes.
    """

    page_size = PAGE

    def __init__(self, engine: Engine, low: int, high: int, top: int, limit: int = 2 << 30) -> None:
        self._engine = engine
        self._low = low
        self._high = high
        self._top = top
        self.limit = limit
        self.grain = PAGE
        """The page size of the emulated system: addresses and sizes of the memory's own choice are multiples of it.
        Protections go by 4 KB whatever it is."""
        self.accessible = 0
        self.observer: Callable[[int, bytes | bytearray | memoryview], None] | None = None
        """Sees each `write` and `user_write`: what the kernel and the C library do in the guest's name."""
        self._starts: list[int] = []
        self._regions: list[Region] = []

    # -- the table -------------------------------------------------------------------------------------------

    def regions(self) -> Iterator[Region]:
        """All regions, lowest first."""
        return iter(self._regions)

    def region_at(self, address: int) -> Region | None:
        """The region that holds `address`."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            region = self._regions[index]
            if address < region.end:
                return region
        return None

    def _insert(self, region: Region) -> None:
        index = bisect_right(self._starts, region.start)
        self._starts.insert(index, region.start)
        self._regions.insert(index, region)

    def _remove(self, index: int) -> None:
        del self._starts[index]
        del self._regions[index]

    def _split(self, address: int) -> None:
        """Make `address` a region boundary if it lies inside a region (table only; Unicorn splits its own)."""
        region = self.region_at(address)
        if region is None or region.start == address:
            return
        tail = Region(
            address, region.end, region.prot, region.name, region.backing,
            region.offset + address - region.start, region.shared,
        )  # fmt: skip
        region.end = address
        self._insert(tail)

    def _within(self, start: int, end: int) -> list[Region]:
        """Regions that overlap [start, end), after splitting at both ends."""
        self._split(start)
        self._split(end)
        first = bisect_right(self._starts, start) - 1
        if first < 0 or self._regions[first].end <= start:
            first += 1
        found = []
        while first < len(self._regions) and self._regions[first].start < end:
            found.append(self._regions[first])
            first += 1
        return found

    def find_free(self, size: int, hint: int = 0) -> int:
        """A free range of `size` bytes, aligned to the grain: at `hint` if that is free, else the highest below the top.

        Raises OutOfMemory if no range is free.
        """
        grain = self.grain
        hint &= -grain
        if hint >= self._low and hint + size <= self._high and self._is_free(hint, hint + size):
            return hint
        end = self._top
        for index in range(bisect_right(self._starts, self._top) - 1, -1, -1):
            region = self._regions[index]
            if region.end <= (end - size) & -grain:
                break
            end = min(end, region.start)
        address = (end - size) & -grain
        if address < self._low:
            raise OutOfMemory(f"no free range of {size:#x} bytes")
        return address

    def _is_free(self, start: int, end: int) -> bool:
        index = bisect_right(self._starts, start) - 1
        if index >= 0 and self._regions[index].end > start:
            return False
        return index + 1 >= len(self._starts) or self._starts[index + 1] >= end

    # -- mmap and friends ------------------------------------------------------------------------------------

    def map(self, address: int | None, size: int, prot: int, name: str) -> int:
        """The loader's memory protocol: zero-filled memory at `address`, or anywhere when None.

        At an address it replaces what has the same name, an object's own reservation, and nothing else: raises
        MemoryFault there.
        """
        if address is not None:
            for region in self._within(address, address + page_up(size)):
                if region.name != name:
                    raise MemoryFault(region.start, "map")
        return self.mmap(address or 0, size, prot, fixed=address is not None, name=name)

    def mmap(
        self, address: int, size: int, prot: int, *, fixed: bool, name: str = "", no_replace: bool = False, shared: bool = False
    ) -> int:
        """Anonymous zero-filled memory, with mmap(2)'s placement rules.

        Raises OutOfMemory, and MemoryFault when `no_replace` (MAP_FIXED_NOREPLACE) meets an existing region or the
        fixed range lies outside what the guest may map.
        """
        size = page_up(size)
        if fixed:
            if address % PAGE or address < self._low or address + size > self._high:
                raise MemoryFault(address, "map")
            if no_replace and not self._is_free(address, address + size):
                raise MemoryFault(address, "map")
        else:
            size = -(-size // self.grain) * self.grain
            address = self.find_free(size, address)
        if prot and self.accessible + size > self.limit:
            raise OutOfMemory(f"the bound of {self.limit} accessible bytes is reached")
        if fixed:
            self.munmap(address, size)
        region = Region(address, address + size, prot, name, None, 0, shared)
        self._insert(region)
        if prot:
            self._back(region)
        return address

    def mmap_kernel(self, address: int, size: int, prot: int, name: str) -> None:
        """A page of the kernel's own, also outside what the guest may map."""
        region = Region(address, address + size, prot, name, None, 0)
        self._insert(region)
        self._back(region)

    def _back(self, region: Region) -> None:
        region.backing = Backing(region.size)
        region.offset = 0
        self.accessible += region.size
        self._engine.map(region.start, region.size, region.prot, region.backing.address)
        if region.prot & PROT_EXEC:
            self._engine.forget_code(region.start, region.end)

    def unmap(self, address: int, size: int) -> None:
        """The loader's memory protocol."""
        self.munmap(address, size)

    def munmap(self, address: int, size: int) -> None:
        """Forget every region, and part of one, in the range. Holes are fine, as for munmap(2)."""
        end = address + page_up(size)
        for region in self._within(address, end):
            self._remove(bisect_right(self._starts, region.start) - 1)
            if region.backing is not None:
                self._engine.unmap(region.start, region.size)
                self.accessible -= region.size
                if region.prot & PROT_EXEC:
                    self._engine.forget_code(region.start, region.end)

    def protect(self, address: int, size: int, prot: int) -> None:
        """The loader's memory protocol."""
        self.mprotect(address, size, prot)

    def mprotect(self, address: int, size: int, prot: int) -> None:
        """Change protection. Raises MemoryFault at the first hole (mprotect(2): ENOMEM)."""
        end = address + page_up(size)
        hole = address
        regions = self._within(address, end)
        for region in regions:
            if region.start > hole:
                break
            hole = region.end
        if hole < end:
            raise MemoryFault(hole, "protect")
        for region in regions:
            if region.prot == prot:
                continue
            gained, lost = prot & ~region.prot, region.prot & ~prot
            region.prot = prot
            if region.backing is not None:
                self._engine.protect(region.start, region.size, prot)
                if gained & PROT_EXEC:
                    self._engine.forget_code(region.start, region.end)  # it may have been written while it was data
                if lost & PROT_READ:
                    self._engine.forget_translations()
            elif prot:
                if self.accessible + region.size > self.limit:
                    raise OutOfMemory(f"the bound of {self.limit} accessible bytes is reached")
                self._back(region)
        self._merge(address, end)

    def _merge(self, start: int, end: int) -> None:
        """Join neighbours that became alike, so that the table stays short."""
        index = max(bisect_right(self._starts, start) - 2, 0)
        while index + 1 < len(self._regions) and self._regions[index].start <= end:
            left, right = self._regions[index], self._regions[index + 1]
            if (
                left.end == right.start
                and left.prot == right.prot
                and left.name == right.name
                and left.backing is right.backing
                and (left.backing is None or left.offset + left.size == right.offset)
            ):
                left.end = right.end
                self._remove(index + 1)
            else:
                index += 1

    def mremap(self, address: int, old_size: int, new_size: int, may_move: bool, to: int | None = None) -> int:
        """Grow, shrink or move a mapping (mremap(2)). Raises MemoryFault (EFAULT) or OutOfMemory (ENOMEM)."""
        old_size, new_size = page_up(old_size), page_up(new_size)
        region = self.region_at(address)
        if region is None or address + old_size > region.end:
            raise MemoryFault(address, "remap")
        if to is None and new_size <= old_size:
            if new_size < old_size:
                self.munmap(address + new_size, old_size - new_size)
            return address
        prot, name = region.prot, region.name
        grown = new_size - old_size
        if to is None and self._is_free(address + old_size, address + new_size) and address + new_size <= self._high:
            self.mmap(address + old_size, grown, prot, fixed=True, name=name)
            return address
        if not may_move:
            raise OutOfMemory("no room to grow in place")
        kept = min(old_size, new_size)
        data = self.read(address, kept) if region.backing is not None else b""
        target = self.mmap(to or 0, new_size, prot, fixed=to is not None, name=name)
        if data:
            self.write(target, data)
        self.munmap(address, old_size)
        return target

    def discard(self, address: int, size: int) -> None:
        """Zero the backed bytes of a range (madvise MADV_DONTNEED on anonymous memory)."""
        for region in self._within(address, address + page_up(size)):
            if region.backing is not None:
                data, offset, length = region.backing.data, region.offset, region.size
                if hasattr(data, "madvise"):
                    data.madvise(host_mmap.MADV_DONTNEED, offset, length)
                else:
                    data[offset : offset + length] = bytes(length)
                if region.prot & PROT_EXEC:
                    self._engine.forget_code(region.start, region.end)
        self._merge(address, address + size)

    def rename(self, address: int, size: int, name: str) -> None:
        """Give the regions of a range a name (prctl PR_SET_VMA)."""
        for region in self._within(address, address + page_up(size)):
            region.name = name

    # -- access ----------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Let go of all host memory. The engine must be closed: it holds the addresses."""
        self._starts.clear()
        self._regions.clear()
        self.accessible = 0

    def view(self, address: int, size: int) -> memoryview:
        """A writable view of mapped bytes, whatever their protection. Raises MemoryFault across a region's end."""
        region = self.region_at(address)
        if region is None or region.backing is None or address + size > region.end:
            raise MemoryFault(address if region is None or region.backing is None else region.end)
        start = region.offset + address - region.start
        return region.backing.view[start : start + size]

    def read(self, address: int, size: int) -> bytes:
        """Bytes as a debugger reads them: protection does not matter. Raises MemoryFault."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            region = self._regions[index]
            if address + size <= region.end and region.backing is not None:
                start = region.offset + address - region.start
                return region.backing.data[start : start + size]
        return b"".join(bytes(self._piece(at, n, 0, "read")) for at, n in self._pieces(address, size))

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write as a debugger does: protection does not matter. Raises MemoryFault, having written nothing."""
        self._store(address, data, 0)

    def user_read(self, address: int, size: int) -> bytes:
        """Bytes as the kernel copies them from user memory. Raises MemoryFault where the guest may not read."""
        region = self.region_at(address)
        if region is not None and address + size <= region.end and region.prot & PROT_READ:
            assert region.backing is not None
            start = region.offset + address - region.start
            return region.backing.data[start : start + size]
        return b"".join(bytes(self._piece(at, n, PROT_READ, "read")) for at, n in self._pieces(address, size))

    def user_write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write as the kernel copies to user memory. Raises MemoryFault where the guest may not write."""
        region = self.region_at(address)
        if region is not None and address + len(data) <= region.end and region.prot & _WRITE_EXEC == PROT_WRITE:
            assert region.backing is not None
            start = region.offset + address - region.start
            region.backing.view[start : start + len(data)] = data
            if self.observer is not None:
                self.observer(address, data)
            return
        self._store(address, data, PROT_WRITE)

    def _pieces(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """[address, address + size) cut at region boundaries. Raises MemoryFault at a hole."""
        while size > 0:
            region = self.region_at(address)
            if region is None:
                raise MemoryFault(address)
            length = min(size, region.end - address)
            yield address, length
            address += length
            size -= length

    def _piece(self, address: int, size: int, need: int, access: str) -> memoryview:
        region = self.region_at(address)
        if region is None or region.backing is None or (need and not region.prot & need):
            raise MemoryFault(address, access)
        start = region.offset + address - region.start
        return region.backing.view[start : start + size]

    def _store(self, address: int, data: bytes | bytearray | memoryview, need: int) -> None:
        size = len(data)
        pieces = list(self._pieces(address, size))
        views = [self._piece(at, length, need, "write") for at, length in pieces]
        done, whole = 0, memoryview(data)  # slices of bytes would be copies
        for (at, length), view in zip(pieces, views, strict=True):
            view[:] = whole[done : done + length]
            done += length
            region = self.region_at(at)
            if region is not None and region.prot & PROT_EXEC:
                self._engine.forget_code(at, at + length)
        if self.observer is not None:
            self.observer(address, data)

    def read_cstring(self, address: int, limit: int = 1 << 20) -> bytes:
        """Bytes up to a NUL, which is not included. Raises MemoryFault when memory or `limit` ends before it."""
        parts: list[bytes] = []
        total = 0
        while total < limit:
            region = self.region_at(address)
            if region is None or region.backing is None:
                raise MemoryFault(address)
            start = region.offset + address - region.start
            stop = start + min(region.end - address, limit - total)
            end = region.backing.data.find(b"\0", start, stop)
            if end >= 0:
                parts.append(region.backing.data[start:end])
                return b"".join(parts)
            parts.append(region.backing.data[start:stop])
            total += stop - start
            address += stop - start
        raise MemoryFault(address)

    def read_int(self, address: int, size: int, signed: bool = False) -> int:
        """A little-endian integer of `size` bytes."""
        return int.from_bytes(self.read(address, size), "little", signed=signed)

    def write_int(self, address: int, value: int, size: int) -> None:
        """A little-endian integer of `size` bytes; the value is wrapped."""
        self.write(address, (value & ((1 << size * 8) - 1)).to_bytes(size, "little"))
