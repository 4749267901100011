"""Relocations of ARM and Thumb instructions, read back by a disassembler; no Linux linker but glibc's applies one of them."""

from __future__ import annotations

import capstone
import pytest

from loader import BY_NAME, RTLD_NOW, ByteMemory, LinkMap, LoadError
from loader import gabi as e
from loader.machines.base import INSTRUCTION, LINK_ONLY
from loader.memory import read_memory
from loader.profiles import profile as profile_by_name
from loader.profiles.glibc import Glibc
from tests.loader.elfwriter import TEXT, ElfWriter

ROWS = BY_NAME["arm"].relocations
ALL = {row.name: number for number, row in ROWS.items() if row.verb == INSTRUCTION}
ARM, THUMB = capstone.CS_MODE_ARM, capstone.CS_MODE_THUMB
FUNCTION = 0x40


class AppliesAll(Glibc):
    """glibc, and every instruction's relocation."""

    instructions = frozenset(ALL)


def relocated(name: str, words: list[int], *, thumb: bool = False, numbers: list[int] | None = None) -> tuple[bytes, int, int]:
    """The instructions after relocation against `function`, where they are, and the function's address."""
    writer = ElfWriter("arm")
    writer.define("function", TEXT + FUNCTION + thumb, size=4)
    slot = writer.data(b"".join(word.to_bytes(4, "little") for word in words))
    for i, number in enumerate(numbers or [ALL[name]]):
        writer.reloc(number, slot + 4 * i, "function")
    memory = ByteMemory()
    links = LinkMap(memory, "arm", AppliesAll(), finder=lambda *_: ("libx.so", writer.build()))
    obj, _ = links.dlopen("./libx.so", RTLD_NOW)
    assert not isinstance(obj, int)
    place = obj.bias + slot  # type: ignore[union-attr]
    return read_memory(memory, place, 4 * len(words)), place, obj.bias + TEXT + FUNCTION  # type: ignore[union-attr]


def disassembled(code: bytes, place: int, mode: int) -> list[tuple[str, str]]:
    return [(one.mnemonic, one.op_str) for one in capstone.Cs(capstone.CS_ARCH_ARM, mode).disasm(code, place)]


@pytest.mark.parametrize(
    ("name", "word", "mnemonic", "mode", "thumb"),
    [
        ("R_ARM_PC24", 0xEAFFFFFE, "b", ARM, False),
        ("R_ARM_PC24", 0x1BFFFFFE, "blne", ARM, False),
        ("R_ARM_CALL", 0xEBFFFFFE, "bl", ARM, False),
        ("R_ARM_CALL", 0xEBFFFFFE, "blx", ARM, True),
        ("R_ARM_JUMP24", 0x0AFFFFFE, "beq", ARM, False),
        ("R_ARM_THM_CALL", 0xF7FF | 0xFFFE << 16, "bl", THUMB, True),
        ("R_ARM_THM_CALL", 0xF7FF | 0xFFFE << 16, "blx", THUMB, False),
        ("R_ARM_THM_JUMP24", 0xF7FF | 0xBFFE << 16, "b.w", THUMB, True),
    ],
)
def test_a_branch_goes_to_the_function(name: str, word: int, mnemonic: str, mode: int, thumb: bool) -> None:
    code, place, function = relocated(name, [word], thumb=thumb)
    assert disassembled(code, place, mode) == [(mnemonic, f"#{function:#x}")]


@pytest.mark.parametrize(
    ("names", "words", "mode"),
    [
        (("R_ARM_MOVW_ABS_NC", "R_ARM_MOVT_ABS"), [0xE3003000, 0xE3403000], ARM),
        (("R_ARM_THM_MOVW_ABS_NC", "R_ARM_THM_MOVT_ABS"), [0xF240 | 0x0300 << 16, 0xF2C0 | 0x0300 << 16], THUMB),
    ],
)
def test_two_halves_make_an_address(names: tuple[str, str], words: list[int], mode: int) -> None:
    code, place, function = relocated(names[0], words, numbers=[ALL[name] for name in names])
    low, high = disassembled(code, place, mode)
    assert (low[0], high[0]) == ("movw", "movt")
    halves = [int(operands.partition("#")[2], 0) for _, operands in (low, high)]
    assert halves[0] | halves[1] << 16 == function


@pytest.mark.parametrize(
    ("name", "word", "high"),
    [
        ("R_ARM_MOVW_PREL_NC", 0xE3000000, False),
        ("R_ARM_MOVT_PREL", 0xE3400000, True),
        ("R_ARM_THM_MOVW_PREL_NC", 0xF240, False),
        ("R_ARM_THM_MOVT_PREL", 0xF2C0, True),
    ],
)
def test_half_of_a_distance(name: str, word: int, high: bool) -> None:
    code, place, function = relocated(name, [word])
    ((_, operands),) = disassembled(code, place, THUMB if "THM" in name else ARM)
    assert int(operands.partition("#")[2], 0) == (function - place >> (16 if high else 0)) & 0xFFFF


def test_what_is_too_far_is_refused() -> None:
    writer = ElfWriter("arm")
    writer.define("function", 0x1000, shndx=e.SHN_ABS)
    writer.reloc(1, writer.words(0xEAFFFFFE), "function")
    links = LinkMap(ByteMemory(), "arm", finder=lambda *_: ("libx.so", writer.build()))
    with pytest.raises(LoadError, match=r"^libx.so: R_ARM_PC24 relocation out of range \(DT_REL entry 0 at"):
        links.dlopen("./libx.so", RTLD_NOW)


@pytest.mark.parametrize("profile", ["glibc", "musl", "bionic", "bionic:21"])
def test_real_linkers_refuse_the_others(profile: str) -> None:
    rows = profile_by_name(profile).relocations(BY_NAME["arm"])
    applied = {rows[number].name for number in ALL.values() if rows[number].verb != LINK_ONLY}
    assert applied == ({"R_ARM_PC24"} if profile == "glibc" else set())
