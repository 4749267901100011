"""Places of a file's Go tables: the function table, the text it describes, and the module data.

The function table is the section `.gopclntab` if there is one. Before Go 1.26 a shared library's table needed relocations
and linkers put it into `.data.rel.ro`; there, and in files without section headers, it is found by its magic number and
accepted only if its functions lie in executable segments. `moduledata` (runtime/symtab.go) is the record that points at the
function table; it gives the start of the text, which the table itself lacks since Go 1.26.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from emuload.golang.pclntab import MAGIC_116, MAGICS, GoTable, GoTableError, is_table
from loader.gabi import PF_W, PF_X
from loader.image import Image

_MOST_CANDIDATES = 64
"""Bound on places tried as a table or as module data. Honest files have one table and a few pointers to it."""
_MODULE_TEXT = 22
"""Word index of `text` in moduledata, for Go 1.16 to 1.27: pcHeader, six slices, findfunctab, minpc and maxpc come before."""
_MODULE_NAMES = 1
"""Word index of the first slice, funcnametab, which follows the pointer to the header."""
_MODULE_GOFUNC = ((26, 43), (20, 40), (18, 38))
"""(first Go 1.x, word index of `gofunc` in moduledata), newest first."""


def _candidates(image: Image) -> Iterator[int]:
    """Places in the file where a function table may begin, the likely ones first."""
    section = image.section(".gopclntab") or image.section(".data.rel.ro.gopclntab")
    if section is not None:
        yield section.offset
        return
    segments = [*image.loaded(without=PF_X), *image.loaded(PF_X)]
    for magic in MAGICS:
        pattern = struct.pack("<IH", magic, 0)
        for segment in segments:
            at, end = segment.offset - 1, segment.offset + segment.filesz
            while (at := image.data.find(pattern, at + 1, end)) >= 0:
                if at % 4 == 0:
                    yield at


def find_table(image: Image) -> GoTable | None:
    """The file's Go function table, or None when it has none that can be read."""
    plausible = (offset for offset in _candidates(image) if is_table(image.data, offset))
    for offset in islice(plausible, _MOST_CANDIDATES):
        address = image.address(offset)
        if address is None:
            continue
        start = text_start(image, offset, address)
        try:
            table = GoTable(image.data, offset, start)
        except GoTableError:
            continue
        if all(image.executable(at) for at in (table.start, table.end - 1)):
            return table
    return None


def text_start(image: Image, offset: int, address: int) -> int:
    """Address of `runtime.text`, to which the function table at `offset` refers; 0 when nothing says it.

    Taken from the table's header, from the module data, or from the section or segment that holds the code.
    """
    magic = struct.unpack_from("<I", image.data, offset)[0]
    if magic != MAGIC_116:
        stored = image.word_at(address + 8 + 2 * image.word)
        if stored:
            return stored
    module = module_data(image, address)
    if module is not None:
        return image.word_at(module + _MODULE_TEXT * image.word)
    section = image.section(".text")
    if section is not None:
        return section.address
    return next((segment.vaddr for segment in image.loaded(PF_X)), 0)


def module_data(image: Image, table_address: int) -> int | None:
    """Address of the `moduledata` that describes the function table at `table_address`, or None.

    It is the pointer to the table that is followed by a pointer to the table's names.
    """
    word = image.word
    at = image.offset(table_address)
    if at is None:
        return None
    names_field = 8 + (2 if struct.unpack_from("<I", image.data, at)[0] == MAGIC_116 else 3) * word
    raw = image.data[at + names_field : at + names_field + word]
    names = table_address + int.from_bytes(raw, "little")
    for place in islice(_pointers_to(image, table_address), _MOST_CANDIDATES):
        if image.word_at(place + _MODULE_NAMES * word) == names:
            return place
    return None


def _pointers_to(image: Image, address: int) -> Iterator[int]:
    """Aligned addresses of writable data that hold a pointer to `address`."""
    yield from image.addresses_with_addend(address)
    target = address.to_bytes(image.word, "little")
    for segment in image.loaded(PF_W):
        at, end = segment.offset - 1, segment.offset + segment.filesz
        while (at := image.data.find(target, at + 1, end)) >= 0:
            place = segment.vaddr + at - segment.offset
            if place % image.word == 0:
                yield place


def go_func(image: Image, table_address: int, minor: int) -> int | None:
    """Place in the file of `go:func.*`, where Go 1.`minor` keeps inline trees, or None."""
    module = module_data(image, table_address)
    index = next((index for first, index in _MODULE_GOFUNC if minor >= first), None)
    if module is None or index is None:
        return None
    address = image.word_at(module + index * image.word)
    return image.offset(address) if address else None
