"""Names of C code and data: `.symtab` or the dynamic symbols."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterator

from loader.errors import LoadError
from loader.gabi import STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_OBJECT
from loader.image import Image
from loader.sections import SHT_SYMTAB

CODE_TYPES = (STT_FUNC, STT_NOTYPE, STT_GNU_IFUNC)
DATA_TYPES = (STT_OBJECT,)


class SymbolTable:
    """Functions, or symbols of other `types`, by address. Addresses are the file's own (no load bias), of Thumb code without bit
    0: `mask` takes it off.
    """

    def __init__(self, image: Image, mask: int, types: Collection[int] = CODE_TYPES) -> None:
        rows = _local_symbols(image, mask, types) or _dynamic_symbols(image, mask, types)
        if types is not CODE_TYPES:
            rows = [row for row in rows if row[1]]
        rows.sort(key=lambda row: (row[0], row[2] != STT_NOTYPE, row[1]))
        self._starts = array("Q", [row[0] for row in rows])
        self._sizes = array("Q", [row[1] for row in rows])
        self._names = [row[3] for row in rows]

    def find(self, pc: int) -> tuple[str, int] | None:
        """(name, start) of the function that holds `pc`, or of the nearest one before it if symbols have no sizes."""
        at = bisect_right(self._starts, pc) - 1
        if at < 0:
            return None
        start, size = self._starts[at], self._sizes[at]
        if size and pc >= start + size:
            return None
        return self._names[at], start

    def ranges(self) -> Iterator[tuple[str, int, int]]:
        """(name, start, end) of every symbol. For a symbol without a size the end is the next one's start, 0 for the last."""
        for at, name in enumerate(self._names):
            start, size = self._starts[at], self._sizes[at]
            following = bisect_right(self._starts, start)
            next_start = self._starts[following] if following < len(self._starts) else 0
            yield name, start, start + size if size else next_start

    def names(self, start: int) -> str | None:
        """Name of the function that starts at `start`, or None."""
        at = bisect_right(self._starts, start) - 1
        return self._names[at] if at >= 0 and self._starts[at] == start else None


_Row = tuple[int, int, int, str]
"""(start, size, STT_*, name)"""


def _local_symbols(image: Image, mask: int, types: Collection[int]) -> list[_Row]:
    """The symbols of `types` in `.symtab`; empty for a stripped file."""
    table = next((section for section in image.sections.values() if section.type == SHT_SYMTAB), None)
    if table is None or table.link >= len(image.section_list):
        return []
    strings = image.section_list[table.link]
    text = image.data[strings.offset : strings.offset + strings.size]
    layout, wide = image.elf.layout.sym, image.word == 8
    raw = image.data[table.offset : table.offset + table.size // layout.size * layout.size]
    rows = []
    room = (1 << 16) + 4 * len(text)
    for fields in layout.iter_unpack(raw):
        if wide:
            name, info, _, shndx, value, size = fields
        else:
            name, value, size, info, _, shndx = fields
        if info & 15 not in types or not shndx or not name:
            continue
        start = value & mask
        if text[name : name + 1] == b"$" or (types is CODE_TYPES and not image.executable(start)):
            continue  # ARM's mapping symbols: $a, $t, $d, $x
        end = text.find(b"\0", name)
        end = end if end >= 0 else len(text)
        room -= end - name
        if room < 0:
            break  # no honest names are so long together
        rows.append((start, size, info & 15, text[name:end].decode("utf-8", "replace")))
    return rows


def _dynamic_symbols(image: Image, mask: int, types: Collection[int]) -> list[_Row]:
    rows = []
    try:
        symbols = image.elf.symbols()
    except LoadError:
        return []
    for symbol in symbols:
        start = symbol.value & mask
        if symbol.type not in types or not symbol.shndx or not symbol.name:
            continue
        if types is not CODE_TYPES or image.executable(start):
            rows.append((start, symbol.size, symbol.type, symbol.text))
    return rows
