"""The places that relocations write to: an object's mapped segments, as bytes and as packed machine words."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Sequence
from functools import reduce
from operator import or_

from .errors import LoadError
from .memory import PROT_WRITE, Memory
from .objects import LinkedObject


class _Window:
    """A mapped region while it is being relocated: its bytes, and the same bytes as machine words."""

    __slots__ = ("end", "start", "view", "words", "writable")

    def __init__(self, start: int, end: int, view: memoryview, letter: str, writable: bool) -> None:
        self.start = start
        self.end = end
        self.view = view
        self.words = view.cast(letter) if sys.byteorder == "little" else None  # type: ignore[call-overload]
        self.writable = writable


class Places:
    """An object's memory by unbiased address. Holds views, so it lives no longer than a stretch of relocation."""

    def __init__(self, obj: LinkedObject, memory: Memory) -> None:
        self.path = obj.path
        self.bias = obj.bias
        self.mask = obj.elf.machine.mask
        self.word = obj.elf.machine.word
        letter = obj.elf.layout.word
        self._windows = [
            _Window(
                r.start,
                r.end,
                memory.view(r.start, r.end - r.start),
                letter,
                bool(r.prot & PROT_WRITE) or obj.elf.textrel,
            )
            for r in obj.regions
            if r.prot
        ]

    def get(self, place: int, size: int) -> int:
        """The ``size`` bytes at ``place`` as a number."""
        window, at = self._window(place, size, write=False)
        return int.from_bytes(window.view[at : at + size], "little")

    def put(self, place: int, size: int, value: int) -> None:
        """Write the low ``size`` bytes of ``value``. LoadError for a place that may not be written."""
        self.put_bytes(place, (value & ((1 << size * 8) - 1)).to_bytes(size, "little"))

    def put_bytes(self, place: int, content: bytes | memoryview) -> None:
        """Write bytes. LoadError for a place that may not be written."""
        window, at = self._window(place, len(content), write=True)
        window.view[at : at + len(content)] = content

    def _window(self, place: int, size: int, *, write: bool) -> tuple[_Window, int]:
        address = place + self.bias & self.mask
        for window in self._windows:
            if window.start <= address and address + size <= window.end:
                if write and not window.writable:
                    raise self._read_only("", place)
                return window, address - window.start
        raise self._outside("", place)

    def add_bias(self, where: str, places: Sequence[int], addends: Sequence[int] | None) -> None:
        """Write bias + addend at every place; without addends, add the bias to what is there. ``where``: the table, for
        errors."""
        if not places:
            return
        ordered = sorted(places)
        if ordered != list(places):
            if addends is not None:
                pairs = sorted(zip(places, addends, strict=True), key=lambda pair: pair[0])
                addends = [addend for _, addend in pairs]
            places = ordered
        bias, mask, word = self.bias, self.mask, self.word
        low = 0
        for window in self._windows:
            start, end = window.start - bias, window.end - bias
            if low == len(places) or places[low] < start:
                break
            high = bisect_left(places, end - word + 1, low)
            if high == low:
                continue
            part = places[low:high]
            if not window.writable:
                raise self._read_only(where, part[0])
            words = window.words
            if words is None or reduce(or_, part, start) & (word - 1):
                for i in range(low, high):
                    value = self.get(places[i], word) if addends is None else addends[i]
                    self.put(places[i], word, bias + value)
            elif addends is None:
                shift = word.bit_length() - 1
                for place in part:
                    i = (place - start) >> shift
                    words[i] = (words[i] + bias) & mask
            else:
                shift = word.bit_length() - 1
                for place, addend in zip(part, addends[low:high], strict=True):
                    words[(place - start) >> shift] = (bias + addend) & mask
            low = high
        if low != len(places):
            raise self._outside(where, places[low])

    def _outside(self, where: str, place: int) -> LoadError:
        message = f"relocation of address {place:#x}, which is outside the object's segments"
        return LoadError(self.path, where, message)

    def _read_only(self, where: str, place: int) -> LoadError:
        message = f"relocation of address {place:#x} in a read-only segment without DT_TEXTREL"
        return LoadError(self.path, where, message, "textrel")
