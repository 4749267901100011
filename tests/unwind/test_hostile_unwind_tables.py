"""Unwind tables and symbol tables written to cost a reader time or memory."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emuload.machine.arm.attributes import read_attributes
from emuload.machine.unwind import row_of
from emuload.unwind import Unwinder
from emuload.unwind.dwarf import CallFrames
from emuload.unwind.expression import leb128
from emuload.unwind.reader import Reader
from emuload.unwind.symbols import SymbolTable
from loader import ByteMemory, LinkedObject
from loader import gabi as e
from loader.elf import ElfFile
from loader.image import Image
from loader.mapping import map_object
from tests.loader.elfwriter import TEXT, ElfWriter


@contextmanager
def soon() -> Iterator[None]:
    """Within 2 s of a processor."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 2


class Nothing:
    def read(self, address: int, size: int) -> bytes:
        raise OSError(address)


def frames_of(frames: bytes) -> dict[str, int] | None:
    """What a file with these bytes as .eh_frame, and no index, says of TEXT."""
    writer = ElfWriter()
    at = writer.data(frames)
    header = writer.data(struct.pack("<BBBBi", 1, 0x1B, 0xFF, 0xFF, 0), 4)
    writer.content[header - 0xA000 + 4 : header - 0xA000 + 8] = struct.pack("<i", at - header - 4)
    writer.extra_segments = [(e.PT_GNU_EH_FRAME, 4, header, header, 8, 8, 4)]
    frames_there = CallFrames(Image(ElfFile(writer.build(), "x.so")), row_of("amd64"))
    registers = dict.fromkeys(row_of("amd64").dwarf_registers, 0x7000)
    with soon():
        return frames_there.step(TEXT, registers, Reader(Nothing(), 8))


def entry(body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<I", len(body)) + body


def cie(letters: bytes = b"\0", instructions: bytes = b"\x0c\7\x08", code_align: bytes = b"\1") -> bytes:
    return entry(bytes(4) + b"\1" + letters + code_align + b"\x78\x10" + instructions)


def fde(at: int, cie_at: int, instructions: bytes) -> bytes:
    return entry(struct.pack("<IQQ", at + 4 - cie_at, TEXT, 64) + instructions)


@pytest.mark.parametrize(
    "instructions",
    [
        b"\x0a" * 200_000,  # DW_CFA_remember_state
        b"\x0f\xff\xff\x7f" + b"\x12" * 200_000,  # an expression of megabytes
        b"\x11" + b"\x80" * 200_000,  # a number without end
        b"\x41" * 200_000,
        b"\x00" * 300_000,
        b"\x16\7\4\x38\x1e\x1e\x1e",
        b"\x3f",
    ],
)
def test_instructions_that_have_no_end(instructions: bytes) -> None:
    head = cie()
    frames_of(head + fde(len(head), 0, instructions))


def test_thousands_of_entries_with_heads_of_their_own() -> None:
    """Each FDE points at another place as its CIE, all of which hold a string without end."""
    text = b"\0" * 4 + b"\1" + b"a" * 400_000
    head = entry(text)
    rows = b""
    parts = []
    at = len(head)
    for i in range(20_000):
        row = fde(at, 0x1000 + i, b"")
        parts.append(row)
        at += len(row)
    frames_of(head + rows.join(parts))


def test_heads_that_overlap_are_not_copied_thousands_of_times() -> None:
    """20,000 CIEs, four bytes apart, that all reach to the end of the section."""
    count = 20_000
    body = b"".join(struct.pack("<II", 0x7FFFFFF, 0) for _ in range(count))
    frames_of(body + b"".join(fde(len(body) + 28 * i, 8 * i, b"") for i in range(count)))


def test_numbers_without_end() -> None:
    with pytest.raises(ValueError, match="more than 64 bits"), soon():
        leb128(b"\x80" * 2_000_000, 0)
    with soon():
        read_attributes(b"A" + struct.pack("<I", 2_000_000) + b"aeabi\0\1" + struct.pack("<I", 2_000_000) + b"\x80" * 2_000_000)
        read_attributes(b"A" + bytes(2_000_000))
        read_attributes(b"A" + b"\1\0\0\0" * 500_000)


def test_names_of_a_megabyte_in_the_symbol_table() -> None:
    """As `.symtab` they are left out; as dynamic symbols the file's own checks refuse them."""
    data = bytearray(ElfWriter().build())
    names = len(data)
    data += b"\0" + b"n" * (1 << 20) + b"\0.symtab\0"
    symbols = len(data)
    count = 20_000
    data += b"".join(struct.pack("<IBBHQQ", 1 + i, 2, 0, 1, TEXT, 8) for i in range(count))
    rows = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, names, symbols - names, 0, 0, 1, 0)
    rows += struct.pack("<IIQQQQIIQQ", (1 << 20) + 2, 2, 0, 0, symbols, 24 * count, 0, 0, 8, 24)
    struct.pack_into("<Q", data, 0x28, len(data))
    struct.pack_into("<HHH", data, 0x3A, 64, 2, 0)
    with soon():
        table = SymbolTable(Image(ElfFile(bytes(data + rows), "x.so")), -1)
    found = table.find(TEXT)
    assert found is not None


def test_a_function_is_shown_on_one_line_whatever_it_is_called() -> None:
    writer = ElfWriter()
    writer.define("two\nlines\x07\u2028", TEXT, size=16)
    memory = ByteMemory()
    obj = LinkedObject(1, "x.so", "x.so", ElfFile(writer.build(), "x.so"))
    map_object(memory, obj, 0x1000)
    (frame,) = Unwinder().describe(obj.bias + TEXT, [obj])
    assert frame.function == "two\\nlines\\x07\\u2028"
