"""Placing a file's segments in memory, and protecting what RELRO asks for.

As glibc elf/dl-map-segments.h: the whole span is reserved first, each segment is mapped over it page by page with the
file bytes that share its pages, and what p_memsz adds is zero. Holes between segments stay reserved without access.
"""

from __future__ import annotations

from .errors import LoadError
from .gabi import (
    DT_GNU_HASH,
    DT_HASH,
    DT_JMPREL,
    DT_PLTGOT,
    DT_REL,
    DT_RELA,
    DT_RELR,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERSYM,
    ET_EXEC,
    PF_R,
    PF_W,
    PF_X,
    PT_GNU_RELRO,
    Segment,
)
from .memory import PROT_EXEC, PROT_READ, PROT_WRITE, Memory
from .objects import LinkedObject, Region

_POINTERS = (
    DT_HASH, DT_PLTGOT, DT_STRTAB, DT_SYMTAB, DT_RELR, DT_RELA, DT_REL, DT_JMPREL, DT_VERSYM, DT_GNU_HASH,
)  # fmt: skip


def map_object(memory: Memory, obj: LinkedObject, page: int) -> None:
    """Map ``obj``'s segments in pages of ``page`` bytes, whole ones of the memory's, and set its bias, span and regions.
    LoadError when it cannot be done; nothing stays mapped then."""
    elf = obj.elf
    for segment in elf.loads:
        if (segment.vaddr - segment.offset) % page:
            raise elf.error(elf.segment_place(segment), "ELF load command alignment not page-aligned", "page-size")
    low = elf.loads[0].vaddr // page * page
    high = -(-(elf.loads[-1].vaddr + elf.loads[-1].memsz) // page) * page
    try:
        if elf.type != ET_EXEC:
            align = max(page, *(s.align for s in elf.loads))
            obj.bias = _reserve(memory, high - low, align, obj.path) - low
        obj.start, obj.end = low + obj.bias, high + obj.bias
        if obj.end > elf.machine.mask:
            raise MemoryError("beyond the end of the address space")
        for segment in elf.loads:
            _map_segment(memory, obj, segment, page)
    except Exception as error:  # whatever this memory raises when it cannot map
        unmap_object(memory, obj)
        where = f"{elf.phnum} program headers at {elf.phoff:#x}, {high - low} bytes: {error}"
        raise elf.error(where, "failed to map segment from shared object", "map") from error


def _reserve(memory: Memory, span: int, align: int, name: str) -> int:
    """Reserve ``span`` bytes at a multiple of ``align``, trimming what is left over at both ends."""
    extra = align - memory.page_size
    start = memory.map(None, span + extra, 0, name)
    aligned = -(-start // align) * align
    if aligned > start:
        memory.unmap(start, aligned - start)
    if start + extra > aligned:
        memory.unmap(aligned + span, start + extra - aligned)
    return aligned


def _map_segment(memory: Memory, obj: LinkedObject, segment: Segment, page: int) -> None:
    data = obj.elf.data
    start = segment.vaddr // page * page
    end = -(-(segment.vaddr + segment.memsz) // page) * page
    prot = (
        (PROT_READ if segment.flags & PF_R else 0)
        | (PROT_WRITE if segment.flags & PF_W else 0)
        | (PROT_EXEC if segment.flags & PF_X else 0)
    )
    base = start + obj.bias
    memory.map(base, end - start, prot, obj.path)
    if prot and segment.filesz:
        lead = min(segment.vaddr - start, segment.offset)
        first = segment.offset - lead
        last = segment.offset + segment.filesz
        if segment.memsz == segment.filesz:
            last = min(len(data), first + (end - start))
        at = segment.vaddr - start - lead
        memory.view(base, end - start)[at : at + last - first] = memoryview(data)[first:last]
    if obj.regions and obj.regions[-1].end > base:  # two segments in one page: the later mapping wins
        previous = obj.regions.pop()
        if previous.start < base:
            obj.regions.append(previous._replace(end=base))
    obj.regions.append(Region(base, end + obj.bias, prot))


def adjust_dynamic(memory: Memory, obj: LinkedObject) -> None:
    """Make the pointers in the mapped dynamic section addresses, unless it is read-only (glibc elf/get-dynamic-info.h,
    ADJUST_DYN_INFO)."""
    word = obj.elf.machine.word
    for tag in _POINTERS:
        place = obj.elf.dynamic_places.get(tag)
        if place is None or not obj.writable(obj.bias + place):
            continue
        value = obj.bias + obj.elf.dynamic[tag] & obj.elf.machine.mask
        memory.view(obj.bias + place, word)[:] = value.to_bytes(word, "little")


def unmap_object(memory: Memory, obj: LinkedObject) -> None:
    """Remove everything ``obj`` mapped."""
    if obj.elf.type == ET_EXEC:
        for region in obj.regions:
            memory.unmap(region.start, region.end - region.start)
    elif obj.end > obj.start:
        memory.unmap(obj.start, obj.end - obj.start)
    obj.regions = []


def protect_relro(memory: Memory, obj: LinkedObject, page: int) -> Region | None:
    """Make PT_GNU_RELRO's whole pages of ``page`` bytes read-only (glibc elf/dl-reloc.c, _dl_protect_relro). Returns what
    was protected."""
    segment = obj.elf.segment(PT_GNU_RELRO)
    if segment is None:
        return None
    mask = obj.elf.machine.mask
    start = (segment.vaddr + obj.bias & mask) // page * page
    end = (segment.vaddr + segment.memsz + obj.bias & mask) // page * page
    if end == start:
        return None
    covered = start
    for region in obj.regions:
        if region.start <= covered < region.end:
            covered = region.end
    where = f"{obj.elf.segment_place(segment)}, {segment.memsz} bytes of address {segment.vaddr:#x}"
    message = "cannot apply additional memory protection after relocation: Cannot allocate memory"
    if covered < end or end < start:
        raise LoadError(obj.path, where, message, "relro")
    try:
        memory.protect(start, end - start, PROT_READ)
    except Exception as error:  # whatever this memory raises when it has no room for what had no access before
        raise LoadError(obj.path, f"{where}: {error}", message, "relro") from error
    obj.relro = Region(start, end, PROT_READ)
    return obj.relro
