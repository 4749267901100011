"""The ARM exception tables' unwind instructions, one by one, from the table in IHI0038 section 10.3."""

from __future__ import annotations

import struct

import pytest

from emuload.unwind.ehabi import ExceptionIndex, step
from emuload.unwind.reader import Reader
from loader.image import Image
from tests.golang.files import read
from tests.support.toolchain import c_library

STACK = 0x8000


class _Stack:
    """Memory in which the word at STACK + 4 * n is 0x1000 + n."""

    def read(self, address: int, size: int) -> bytes:
        if not STACK <= address < STACK + 0x1000:
            raise OSError(address)
        first = (address - STACK) // 4
        return struct.pack(f"<{size // 4}I", *range(0x1000 + first, 0x1000 + first + size // 4))


def _unwind(code: str, **registers: int) -> dict[str, int] | None:
    values = {"sp": STACK, "lr": 0xAAAA, "pc": 0, "r7": STACK + 0x40, "r11": STACK + 0x80, **registers}
    return step(bytes.fromhex(code), values, Reader(_Stack(), 4))


@pytest.mark.parametrize(
    ("code", "moved"),
    [
        ("00b0", 4),
        ("3fb0", 0x100),
        ("05b0", 24),
        ("b20 4".replace(" ", ""), 0x204 + 16),
        ("b28101", 0x204 + (129 << 2)),
        ("b380", 12),
        ("b801", 12 + 8),
        ("bf", 8 * 8 + 4),
        ("c843", 32),
        ("c987", 64),
        ("d0", 8),
        ("d7", 64),
        ("c0", 8),
        ("c601", 16),
        ("c703", 8),
        ("b4", 4),
        ("97", 0x40),
        ("9b", 0x80),
        ("9b4 1".replace(" ", ""), 0x80 - 8),
        ("b0", 0),
        ("", 0),
    ],
)
def test_stack_pointer(code: str, moved: int) -> None:
    found = _unwind(code)
    assert found is not None
    assert found["sp"] == STACK + moved
    assert found["pc"] == 0xAAAA  # not restored: the link register's value


@pytest.mark.parametrize(
    ("code", "restored"),
    [
        ("a0", {"r4": 0x1000}),
        ("a3", {"r4": 0x1000, "r5": 0x1001, "r6": 0x1002, "r7": 0x1003}),
        ("a8", {"r4": 0x1000, "lr": 0x1001, "pc": 0x1001}),
        ("8400", {"lr": 0x1000, "pc": 0x1000}),
        ("8800", {"pc": 0x1000}),
        ("80f1", {"r4": 0x1000, "r8": 0x1001, "r9": 0x1002, "r10": 0x1003, "r11": 0x1004}),
        ("b103", {"r0": 0x1000, "r1": 0x1001, "pc": 0xAAAA}),
        ("01a8", {"r4": 0x1002, "pc": 0x1003}),
    ],
)
def test_registers(code: str, restored: dict[str, int]) -> None:
    found = _unwind(code)
    assert found is not None
    assert {name: found[name] for name in restored} == restored


@pytest.mark.parametrize("code", ["8000", "9d", "9f", "b100", "b110", "ca", "d8", "ff", "93"])
def test_refused_and_spare_instructions(code: str) -> None:
    assert _unwind(code) is None


def test_unreadable_stack() -> None:
    assert _unwind("a8", sp=0x100) is None


def test_index_of_a_real_library() -> None:
    elf = read(c_library("faulty", "armv7-gnueabihf"))
    index = ExceptionIndex(Image(elf))
    instructions = {
        symbol.text: index.instructions(symbol.value & ~1)
        for symbol in elf.symbols()
        if symbol.shndx and symbol.type == 2
    }
    # A frame by r11: sp = r11, then r11 and lr are popped, whatever else was saved.
    framed = instructions["wait_for_ever"]
    assert framed is not None
    assert framed.startswith(b"\x9b")
    assert index.instructions(0) is None
