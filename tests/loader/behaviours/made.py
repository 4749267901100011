"""Files for the behaviours that no compiler makes, written by `tests.loader.elfwriter`. Each function takes the
architecture, and words of the directive, and gives the file."""

from __future__ import annotations

from loader import gabi as e
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
