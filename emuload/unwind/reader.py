"""Reads a guest's memory for a report: None for bytes that cannot be read, never an exception."""

from __future__ import annotations

from emuload.unwind.frames import Memory


class Reader:
    """Words and bytes of guest memory; `size` is a word's size in bytes."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._memory = memory
        self.size = size

    def bytes(self, address: int, size: int) -> bytes | None:
        """`size` bytes, or None when they are not all mapped."""
        if not 0 <= address <= (1 << 8 * self.size) - size:
            return None
        try:
            data = self._memory.read(address, size)
        except Exception:
            return None
        return data if len(data) == size else None

    def word(self, address: int) -> int | None:
        """One word, or None."""
        data = self.bytes(address, self.size)
        return None if data is None else int.from_bytes(data, "little")

    def words(self, address: int, count: int) -> list[int]:
        """Up to `count` words, fewer where memory ends."""
        data = self.bytes(address, count * self.size)
        if data is None:
            return self.words(address, count // 2) if count > 1 else []
        return [int.from_bytes(data[at : at + self.size], "little") for at in range(0, len(data), self.size)]
