"""Call frame information is read as pyelftools reads it, and found as the tables' own index says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from elftools.dwarf.callframe import FDE, CallFrameInfo
from elftools.dwarf.structs import DWARFStructs

from emuload.machine.unwind import UnwindRow, row_of
from emuload.unwind.dwarf import CallFrames, _run
from emuload.unwind.expression import evaluate
from emuload.unwind.reader import Reader
from loader.elf import ElfFile
from loader.image import Image
from tests.golang.files import read, without_sections
from tests.support.toolchain import c_library, go_library

AMD64, ARM64 = row_of("amd64"), row_of("arm64")

LIBC = Path(__file__).parents[2] / "emuload" / "libc" / "built"
KINDS = {
    "OFFSET": "offset",
    "VAL_OFFSET": "value",
    "REGISTER": "register",
    "EXPRESSION": "at",
    "VAL_EXPRESSION": "is",
}


def _files() -> list[tuple[str, UnwindRow]]:
    return [("libc", AMD64), ("libc", ARM64), ("faulty", AMD64), ("faulty", ARM64), ("behaviour", ARM64)]


def _file(name: str, row: UnwindRow) -> ElfFile:
    if name == "libc":
        return read(LIBC / f"{row.name}.so")
    build = go_library if name == "behaviour" else c_library
    return read(build(name, f"{row.name}-gnu"))


def _pyelftools(rule: Any) -> tuple[str, object] | None:
    if rule.type == "UNDEFINED":
        return None
    return KINDS[rule.type], bytes(rule.arg) if isinstance(rule.arg, list) else rule.arg


class _Nothing:
    def read(self, address: int, size: int) -> bytes:
        raise OSError(address)


@pytest.mark.parametrize(("name", "row"), _files())
def test_every_entry_is_decoded_as_pyelftools_does(name: str, row: UnwindRow) -> None:
    image = Image(_file(name, row))
    section = image.section(".eh_frame")
    assert section is not None
    data = image.data[section.offset : section.offset + section.size]
    structs = DWARFStructs(little_endian=True, dwarf_format=32, address_size=row.word)
    parsed = CallFrameInfo(io.BytesIO(data), len(data), section.address, structs, True).get_entries()
    frames, checked = CallFrames(image, row), 0
    for entry in parsed:
        if not isinstance(entry, FDE):
            continue
        for line in entry.get_decoded().table:
            pc = line["pc"]
            if pc >= entry["initial_location"] + entry["address_range"]:
                continue
            found = frames._find(pc)
            assert found is not None
            assert (found.start, found.end - found.start) == (
                entry["initial_location"],
                entry["address_range"],
            )
            state = _run(found, pc)
            if line["cfa"].expr is not None:
                assert state.cfa == bytes(line["cfa"].expr)
            else:
                assert state.cfa == (line["cfa"].reg, line["cfa"].offset)
            expected = {number: _pyelftools(rule) for number, rule in line.items() if isinstance(number, int)}
            given = {
                number: None if rule is None else (rule.kind, rule.code or rule.number)
                for number, rule in state.registers.items()
            }
            assert given == expected
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("row", [AMD64, ARM64], ids=lambda row: row.name)
def test_entries_are_found_without_section_headers(row: UnwindRow) -> None:
    elf = _file("faulty", row)
    whole, bare = CallFrames(Image(elf), row), CallFrames(Image(without_sections(elf)), row)
    image = Image(elf)
    for symbol in elf.symbols():
        if symbol.shndx and symbol.type == 2:
            assert bare._find(symbol.value) == whole._find(symbol.value) is not None
    assert bare._find(image.elf.loads[-1].vaddr) is None


def test_a_frame_without_readable_stack_ends_unwinding() -> None:
    elf = _file("faulty", AMD64)
    frames, start = CallFrames(Image(elf), AMD64), Image(elf).symbol("add")
    assert start is not None
    registers = {"rip": start, "rsp": 0x1000, "rbp": 0}
    assert frames.step(start, registers, Reader(_Nothing(), 8)) is None
    assert frames.step(0x10, registers, Reader(_Nothing(), 8)) is None


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("7708", 0x1008),  # breg7 (rsp) + 8
        ("77083f1a3b2a", 0),  # ((rsp + 8) & 15) >= 11, as in a PLT's entry
        ("80003f1a3b2a3324", 0),  # the same of rip's low bits, << 3
        ("0c7856341223ff01", 0x12345678 + 255),  # const4u, plus_uconst
        ("0bfeff3122", (1 << 64) - 1),  # const2s -2, lit1, plus
        ("3533141e", 15),  # lit5, lit3, over, mul
        ("3216", None),  # swap with one value
        ("77", None),  # cut short
        ("06", None),  # deref of nothing
        ("ff", None),
    ],
)
def test_expressions(code: str, value: int | None) -> None:
    registers = {"rsp": 0x1000, "rip": 0x4000}
    names = AMD64.dwarf_registers
    assert evaluate(bytes.fromhex(code), registers, names, Reader(_Nothing(), 8)) == value
