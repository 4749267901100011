"""Broken files made from sound ones, the same for the same seed: a mutator that knows where a file keeps what.

A base file is cut into regions — headers, dynamic section, symbols, hash tables, versions, relocations, Go's tables, unwind
tables — with the fields of their entries. A mutation sets a field to a value that is likely to hurt, copies one entry over
another, scatters bytes, cuts the file, or splices a piece of another file in.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from emuload import samples
from emuload.golang.tables import find_table
from loader import gabi as e
from loader.elf import ElfFile
from loader.image import Image
from loader.sections import read_sections
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.support import toolchain
from tests.support.targets import GNU


class Base(NamedTuple):
    """A sound file: ``call`` is a function of it to call, ``program`` says that it is one, ``needs`` the folders it needs."""

    name: str
    data: bytes
    call: str = ""
    program: bool = False
    needs: tuple[str, ...] = ()


class Region(NamedTuple):
    """A table of entries whose fields have the sizes ``fields``, in bytes."""

    name: str
    offset: int
    size: int
    fields: tuple[int, ...]


class Mutant(NamedTuple):
    """A broken file, and what was done to it."""

    base: Base
    data: bytes
    steps: tuple[str, ...]


# -- sound files ---------------------------------------------------------------------------------------------------------

#: kind of base file → how often it is taken
WEIGHTS = {"go": 4, "odd": 5, "program": 2, "written": 6, "behaviour": 1}


@cache
def bases(kind: str) -> tuple[Base, ...]:
    """The sound files of one kind."""
    return tuple(_KINDS[kind]())


def _go() -> list[Base]:
    return [Base(f"go-{name}", samples.read(name), "add") for name in samples.SAMPLES]


def _behaviour() -> list[Base]:
    """Go libraries with symbol tables and DWARF, of an old version and of another libc."""
    made = (("amd64-gnu", "1.22"), ("arm64-musl", "1.27"))
    return [Base(f"behaviour-{t}", toolchain.go_library("behaviour", t, go).read_bytes(), "add") for t, go in made]


def _odd() -> list[Base]:
    return [Base(f"odd-{target}", toolchain.c_library("odd", target).read_bytes(), "add") for target in GNU]


def _program() -> list[Base]:
    found = []
    for target in GNU:
        needs = tuple(str(toolchain.c_library(f"chain_{letter}", target).parent) for letter in "abc")
        for name in ("chain_host", "chain_host_fixed"):
            found.append(Base(f"{name}-{target}", toolchain.c_program(name, target).read_bytes(), "", True, needs))
    return found


def _written() -> list[Base]:
    """Small files with rare features, of `tests.loader.elfwriter`."""
    found = []
    for machine in ("amd64", "arm", "arm64"):
        for style in ("gnu", "sysv", "both"):
            found.append(Base(f"written-{machine}-{style}", written(machine, style).build(), "f"))
    return found


def written(machine: str, style: str) -> ElfWriter:
    """A library with something of everything that a linker reads."""
    writer = ElfWriter(machine, soname="libx.so", needed=("libc.so.6",), hash=style, relro=True, runpath="$ORIGIN:/lib")
    word = writer.word
    for i in range(6):
        writer.define(f"f{i}" if i else "f", TEXT + 16 * i, version=f"V{1 + i % 2}", hidden=i == 3)
    writer.define("chosen", TEXT + 0x80, type=e.STT_GNU_IFUNC)
    writer.define("variable", writer.words(1, 2), size=2 * word, type=e.STT_OBJECT)
    writer.define("unique", writer.words(3), size=word, bind=e.STB_GNU_UNIQUE, type=e.STT_OBJECT)
    writer.thread_local(b"abcdefgh", 40, 16)
    writer.define("local", 8, size=8, type=e.STT_TLS)
    writer.undefined("weak", bind=e.STB_WEAK)
    writer.undefined("malloc", type=e.STT_FUNC)
    numbers = {  # symbolic, GLOB_DAT, JUMP_SLOT, DTPMOD, DTPOFF, TPOFF
        "amd64": (1, 6, 7, 16, 17, 18),
        "arm": (2, 21, 22, 17, 18, 19),
        "arm64": (257, 1025, 1026, 1028, 1029, 1030),
    }[machine]
    slots = writer.words(*range(12))
    names = ("f1", "variable", "malloc", "local", "local", "local")
    for i, (number, name) in enumerate(zip(numbers, names, strict=True)):
        (writer.plt if name == "malloc" else writer.relocations).append((number, slots + i * word, name, 0))
    writer.reloc(numbers[1], slots + 6 * word, "weak")
    packed = writer.words(*[0x10 * i for i in range(70)])
    writer.relr = [packed, 0b1011, 0b11]
    writer.constructors(TEXT, TEXT + 16)
    writer.destructors(TEXT + 32)
    writer.text = {"amd64": b"\xc3", "arm": b"\x1e\xff\x2f\xe1", "arm64": b"\xc0\x03\x5f\xd6"}[machine] * 64
    return writer


_KINDS: dict[str, Callable[[], list[Base]]] = {
    "go": _go, "odd": _odd, "program": _program, "written": _written, "behaviour": _behaviour,
}  # fmt: skip


# -- regions -------------------------------------------------------------------------------------------------------------


def _sizes(layout: struct.Struct) -> tuple[int, ...]:
    """Sizes of a struct's fields; a string's bytes count singly."""
    found: list[int] = []
    count = ""
    for letter in layout.format.lstrip("<"):
        if letter.isdigit():
            count += letter
            continue
        size = struct.calcsize(f"<{letter}")
        found += [size] * int(count or 1)
        count = ""
    return tuple(found)


@cache
def regions(base: Base) -> tuple[Region, ...]:
    """Everything in a sound file that some reader looks at."""
    elf = ElfFile(base.data, base.name)
    word, layout = elf.machine.word, elf.layout
    phdr = layout.phdr.size
    found = [
        Region("e_ident", 0, 16, (1,)),
        Region("ELF header", 16, layout.ehdr.size - 16, _sizes(layout.ehdr)[16:]),
        Region("program headers", elf.phoff, elf.phnum * phdr, _sizes(layout.phdr)),
    ]
    for segment in elf.segments:
        name = f"segment of type {segment.type:#x}"
        if segment.type == e.PT_DYNAMIC:
            found.append(Region("dynamic section", segment.offset, len(elf.dynamic) * 2 * word + 2 * word, (word, word)))
        elif segment.filesz and segment.type != e.PT_LOAD:
            found.append(Region(name, segment.offset, segment.filesz, (4,)))
    found += _tables(elf)
    for section in read_sections(elf):
        if section.size and section.name not in (".dynamic", ".dynsym", ".rodata", ".data.rel.ro"):
            found.append(Region(section.name, section.offset, section.size, (4,)))
    if elf.shoff:
        fields = (4,) * 10 if word == 4 else (4, 4, 8, 8, 8, 8, 4, 4, 8, 8)
        found.append(Region("section headers", elf.shoff, elf.shnum * elf.shentsize, fields))
    table = find_table(Image(elf))
    if table is not None:
        found.append(Region("Go function table's header", table.offset, 8 + 8 * word, (1,) * 8 + (word,) * 8))
        place = table._functions_at
        found.append(Region("Go function table", place, min(8 * table.count, len(base.data) - place), (4,)))
        record = place + table._records[0]
        found.append(Region("Go function records", record, min(0x4000, len(base.data) - record), (4,)))
    return tuple(region for region in found if 0 < region.size <= len(base.data) - region.offset)


def _tables(elf: ElfFile) -> list[Region]:
    """What the dynamic section points at."""
    word, layout, dynamic = elf.machine.word, elf.layout, elf.dynamic
    found: list[Region] = []

    def add(name: str, tag: int, size: int, fields: Sequence[int]) -> None:
        if tag in dynamic and size:
            found.append(Region(name, elf.offset_of(dynamic[tag], 1, name), size, tuple(fields)))

    count = elf.symbol_count()
    add("symbols", e.DT_SYMTAB, count * layout.sym.size, _sizes(layout.sym))
    add("strings", e.DT_STRTAB, dynamic.get(e.DT_STRSZ, 0), (1,))
    add("GNU hash header", e.DT_GNU_HASH, 16, (4,))
    add("GNU hash table", e.DT_GNU_HASH, 16 + 8 * count, (4,))
    add("SysV hash table", e.DT_HASH, 8 + 4 * count, (4,))
    add("version indexes", e.DT_VERSYM, 2 * count, (2,))
    add("version needs", e.DT_VERNEED, 16 * dynamic.get(e.DT_VERNEEDNUM, 0), (2, 2, 4, 4, 4))
    add("version definitions", e.DT_VERDEF, 28 * dynamic.get(e.DT_VERDEFNUM, 0), (2, 2, 2, 2, 4, 4, 4, 4, 4))
    for table in elf.relocations:
        fields = {"RELR": 1, "REL": 2, "RELA": 3}[table.kind]
        found.append(Region(f"{table.tag} entries", table.offset, table.count * fields * word, (word,) * fields))
    add("init_array", e.DT_INIT_ARRAY, dynamic.get(e.DT_INIT_ARRAYSZ, 0), (word,))
    add("fini_array", e.DT_FINI_ARRAY, dynamic.get(e.DT_FINI_ARRAYSZ, 0), (word,))
    return found


# -- mutations -----------------------------------------------------------------------------------------------------------


def mutant(seed: int, number: int) -> Mutant:
    """The file of that number in the series of that seed."""
    rng = random.Random(f"{seed}/{number}")
    base = rng.choice(bases(rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]))
    data = bytearray(base.data)
    steps: list[str] = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        change = rng.choices(list(_CHANGES), list(_CHANGES.values()))[0]
        steps.append(change(rng, base, data))
    return Mutant(base, bytes(data), tuple(steps))


def _field(rng: random.Random, region: Region) -> tuple[int, int, str]:
    """(place, size, name) of a field of some entry, the first and the last ones preferred."""
    entry = sum(region.fields)
    count = max(region.size // entry, 1)
    row = rng.choice((rng.randrange(count), rng.randrange(count), min(rng.randrange(4), count - 1), count - 1))
    column = rng.randrange(len(region.fields))
    place = region.offset + row * entry + sum(region.fields[:column])
    return place, region.fields[column], f"{region.name}[{row}] field {column} at {place:#x}"


def _value(rng: random.Random, old: int, size: int, length: int) -> int:
    bits = 8 * size
    top = 1 << bits
    choices = (
        0, 1, 2, 3, 7, 8, 15, 16, 0x40, 0xFF, 0xFFFF, old + 1, old - 1, old + 8, old - 8, old * 2, old // 2,
        old ^ (1 << rng.randrange(bits)), old ^ (1 << rng.randrange(bits)), top - 1, top - 2, top // 2, top // 2 - 1,
        length, length - 1, length + 1, length // 2, 0x1000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40,
        256 << 20, 1 << 30, rng.getrandbits(bits), rng.randrange(0x100), rng.randrange(max(length, 1)),
    )  # fmt: skip
    return rng.choice(choices) % top


def _set_field(rng: random.Random, base: Base, data: bytearray) -> str:
    place, size, name = _field(rng, rng.choice(regions(base)))
    old = int.from_bytes(data[place : place + size], "little")
    new = _value(rng, old, size, len(data))
    data[place : place + size] = new.to_bytes(size, "little")
    return f"{name}: {old:#x} becomes {new:#x}"


def _exchange(rng: random.Random, base: Base, data: bytearray) -> str:
    region = rng.choice(regions(base))
    (a, size, first), (b, other, second) = _field(rng, region), _field(rng, region)
    size = min(size, other)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return f"{first} and {second} change places"


def _copy_entry(rng: random.Random, base: Base, data: bytearray) -> str:
    region = rng.choice(regions(base))
    entry = sum(region.fields)
    count = max(region.size // entry, 1)
    source, target = rng.randrange(count), rng.randrange(count)
    many = rng.choice((1, 1, 1, max(count - max(source, target), 1)))
    block = data[region.offset + source * entry : region.offset + (source + many) * entry]
    data[region.offset + target * entry : region.offset + target * entry + len(block)] = block
    return f"{region.name}[{source}] over [{target}], {many} entries"


def _scatter(rng: random.Random, base: Base, data: bytearray) -> str:
    region = rng.choice(regions(base))
    for _ in range(rng.choice((1, 4, 30))):
        place = region.offset + rng.randrange(region.size)
        if place < len(data):
            data[place] = rng.randrange(256)
    return f"random bytes in {region.name}"


def _fill(rng: random.Random, base: Base, data: bytearray) -> str:
    region = rng.choice(regions(base))
    start = region.offset + rng.randrange(region.size)
    end = min(region.offset + region.size, len(data))
    byte = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    data[start:end] = bytes([byte]) * max(end - start, 0)
    return f"{region.name} from {start:#x} on becomes {byte:#x}"


def _splice(rng: random.Random, base: Base, data: bytearray) -> str:
    other = rng.choice(bases(rng.choice(("written", "go", "odd"))))
    source, target = rng.choice(regions(other)), rng.choice(regions(base))
    size = min(source.size, target.size, 1 << rng.randrange(16), len(data) - target.offset)
    if size > 0:
        data[target.offset : target.offset + size] = other.data[source.offset : source.offset + size]
    return f"{size} bytes of {other.name}'s {source.name} over {target.name}"


def _cut(rng: random.Random, base: Base, data: bytearray) -> str:
    region = rng.choice(regions(base))
    inside = region.offset + rng.randrange(region.size)
    place = rng.choice((rng.randrange(len(data) + 1), inside, region.offset + region.size - 1))
    del data[place:]
    return f"cut at {place:#x}"


def _shift(rng: random.Random, base: Base, data: bytearray) -> str:
    place, size, _ = _field(rng, rng.choice(regions(base)))
    if rng.random() < 0.5:
        del data[place : place + size]
        return f"{size} bytes at {place:#x} left out"
    data[place:place] = bytes(rng.randrange(256) for _ in range(size))
    return f"{size} bytes put in at {place:#x}"


def _append(rng: random.Random, base: Base, data: bytearray) -> str:
    size = 1 << rng.randrange(18)
    data += rng.choice((bytes(size), rng.randbytes(size)))
    return f"{size} bytes appended"


_CHANGES: dict[Callable[[random.Random, Base, bytearray], str], int] = {
    _set_field: 60, _exchange: 6, _copy_entry: 8, _scatter: 10, _fill: 4, _splice: 5, _cut: 4, _shift: 2, _append: 1,
}  # fmt: skip

