"""Guest memory that belongs to the host: strings and buffers that calls pass to the guest."""

from __future__ import annotations

from emuload.machine.memory import AddressSpace, page_up
from loader.memory import PROT_READ, PROT_WRITE

CHUNK = 256 << 10
"""Bytes that are mapped at once, at least."""

_GRAIN = 16


class HostMemory:
    """First-fit allocation in mappings named "[host]". Addresses are aligned to 16 bytes."""

    def __init__(self, memory: AddressSpace) -> None:
        self.memory = memory
        self.free_blocks: list[tuple[int, int]] = []
        self.sizes: dict[int, int] = {}

    def allocate(self, size: int) -> int:
        """Allocate `size` bytes, not cleared: their address. Raises OutOfMemory."""
        size = max(size + _GRAIN - 1 & -_GRAIN, _GRAIN)
        for index, (start, room) in enumerate(self.free_blocks):
            if room >= size:
                if room == size:
                    del self.free_blocks[index]
                else:
                    self.free_blocks[index] = (start + size, room - size)
                self.sizes[start] = size
                return start
        length = page_up(max(size, CHUNK))
        start = self.memory.mmap(0, length, PROT_READ | PROT_WRITE, fixed=False, name="[host]")
        self.free_blocks.append((start, length))
        return self.allocate(size)

    def store(self, data: bytes | bytearray) -> int:
        """Allocate memory and fill it: its address. Raises OutOfMemory."""
        address = self.allocate(len(data))
        self.memory.write(address, data)
        return address

    def free(self, address: int) -> None:
        """Give a block back. KeyError for an address that was not allocated."""
        size = self.sizes.pop(address)
        self.free_blocks.append((address, size))
        self.free_blocks.sort()
        merged: list[tuple[int, int]] = []
        for start, room in self.free_blocks:
            if merged and merged[-1][0] + merged[-1][1] == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + room)
            else:
                merged.append((start, room))
        self.free_blocks = merged
