"""Files for the behaviours that no compiler makes, written by `tests.loader.elfwriter`. Each function takes the
architecture, and words of the directive, and gives the file."""

from __future__ import annotations

from loader import gabi as e
from loader.hashes import sysv_hash
from loader.machines import BY_NAME
from tests.loader.elfwriter import TEXT, ElfWriter

OTHERS = {"amd64": ("arm", "arm64"), "arm": ("amd64", "amd64"), "arm64": ("arm", "amd64")}
"""A machine of the other class, and one of the same; ARM's is none, as there is no second one of 32 bits."""


def relocation(arch: str, number: str, addend: str = "0") -> bytes:
    """A library with one relocation, of variable `slot` (which holds a word of ones) against `function`, 77 bytes long."""
    writer = ElfWriter(arch)
    writer.define("function", TEXT + 0x40, size=77)
    slot = writer.words(-1 & ((1 << 8 * writer.word) - 1), 0)
    writer.define("slot", slot, size=2 * writer.word, type=e.STT_OBJECT)
    writer.reloc(int(number), slot, "function", int(addend))
    return writer.build()


def plt_relocation(arch: str, number: str) -> bytes:
    """A library whose PLT table holds such an entry."""
    writer = ElfWriter(arch)
    writer.define("function", TEXT + 0x40, size=77)
    got = writer.words(0, 0, 0, 0)
    writer.extra_dynamic.append((e.DT_PLTGOT, got))
    writer.plt.append((int(number), got + 3 * writer.word, "function", 0))
    return writer.build()


def branch(arch: str, number: str, instruction: str) -> bytes:
    """A library with an instruction in its data, `slot`, that a relocation lets go to `function`."""
    writer = ElfWriter(arch)
    writer.define("function", TEXT + 0x40, size=4)
    slot = writer.data(int(instruction, 16).to_bytes(4, "little"))
    writer.define("slot", slot, size=4, type=e.STT_OBJECT)
    writer.reloc(int(number), slot, "function")
    return writer.build()


def far(arch: str, number: str) -> bytes:
    """A library with one relocation of `slot` against an absolute symbol at the other end of the address space."""
    writer = ElfWriter(arch)
    writer.define("distant", 0x7FFF_1234_5678_9ABC, shndx=e.SHN_ABS)
    slot = writer.words(0, 0)
    writer.define("slot", slot, size=2 * writer.word, type=e.STT_OBJECT)
    writer.reloc(int(number), slot, "distant")
    return writer.build()


def other_class(arch: str) -> bytes:
    """A library for a machine of the other class."""
    return ElfWriter(OTHERS[arch][0]).build()


def other_machine(arch: str) -> bytes:
    """A library for another machine of the same class, or for 32 bits of the other class."""
    return ElfWriter(OTHERS[arch][1]).build()


def cut(arch: str, size: str) -> bytes:
    """The first bytes of a library."""
    return ElfWriter(arch).build()[: int(size)]


def slot(arch: str, now: str, addend: str, kind: str = "JUMP_SLOT") -> bytes:
    """A library whose word `slot` is filled by a PLT slot, or a GLOB_DAT entry, of `function` with an addend. ``now``: "1" if
    all is bound at once."""
    writer = ElfWriter(arch)
    number = next(number for number, row in BY_NAME[arch].relocations.items() if row.name.endswith("_" + kind))
    writer.define("function", TEXT + 0x40, size=4)
    got = writer.words(0, 0, 0, TEXT + 0x40)
    writer.define("slot", got + 3 * writer.word, size=writer.word, type=e.STT_OBJECT)
    writer.extra_dynamic.append((e.DT_PLTGOT, got))
    writer.flags = e.DF_BIND_NOW if now == "1" else 0
    entry = (number, got + 3 * writer.word, "function", int(addend))
    (writer.plt if kind == "JUMP_SLOT" else writer.relocations).append(entry)
    return writer.build()


def counted(arch: str, count: str, order: str) -> bytes:
    """A library with relative entries (r) and ones of `function` (s) in this order, filling the words of `slots`, and with
    DT_RELACOUNT or DT_RELCOUNT."""
    writer = ElfWriter(arch)
    machine = BY_NAME[arch]
    symbolic = {"amd64": 1, "arm": 2, "arm64": 257}[arch]
    writer.define("function", TEXT + 0x40, size=4)
    slots = writer.words(*([TEXT + 0x20] * len(order)))
    writer.define("slots", slots, size=len(order) * writer.word, type=e.STT_OBJECT)
    for i, letter in enumerate(order):
        place = slots + i * writer.word
        if letter == "r":
            writer.relocations.append((machine.relative, place, None, TEXT + 0x20))
        else:
            writer.relocations.append((symbolic, place, "function", 0))
    writer.extra_dynamic.append((e.DT_RELACOUNT if writer.rela else e.DT_RELCOUNT, int(count)))
    return writer.build()


def wrong_hash(arch: str) -> bytes:
    """A library that asks libv.so for version V1 of `f`, with the hash of another name."""
    writer = ElfWriter(arch, needed=("libv.so",), soname="libw.so")
    writer.undefined("f", version="V1", file="libv.so")
    data = bytearray(writer.build())
    right = sysv_hash(b"V1").to_bytes(4, "little")
    assert data.count(right) == 1
    return bytes(data.replace(right, sysv_hash(b"V2").to_bytes(4, "little")))


def relro(arch: str, size: str) -> bytes:
    """A library whose PT_GNU_RELRO has this size."""
    writer = ElfWriter(arch, relro=True)
    data = bytearray(writer.build())
    layout = e.ELF64 if writer.word == 8 else e.ELF32
    start, count = (32, 56) if writer.word == 8 else (28, 44)
    phoff = int.from_bytes(data[start : start + writer.word], "little")
    for i in range(int.from_bytes(data[count : count + 2], "little")):
        at = phoff + i * layout.phdr.size
        if int.from_bytes(data[at : at + 4], "little") == e.PT_GNU_RELRO:
            memsz = at + (40 if writer.word == 8 else 20)
            data[memsz : memsz + writer.word] = int(size, 16).to_bytes(writer.word, "little")
    return bytes(data)


def flagged(arch: str, flags: str) -> bytes:
    """A library with these e_flags."""
    return ElfWriter(arch, e_flags=int(flags, 16)).build()
