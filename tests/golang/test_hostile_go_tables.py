"""Go tables written to cost a reader time or memory: reading them ends soon, and says nothing rather than too much."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emuload.golang.buildinfo import MAGIC, parse, read_build_info
from emuload.golang.library import open_library
from emuload.golang.pclntab import MAGIC_120, GoTable
from emuload.golang.tables import find_table
from emuload.golang.tracker import package_of
from emuload.golang.watch_points import watch_points
from emuload.report.inspection import inspect_elf
from loader import gabi as e
from loader.elf import ElfFile
from loader.image import Image
from loader.sections import read_sections
from tests.loader.elfwriter import TEXT, ElfWriter


@contextmanager
def soon() -> Iterator[None]:
    """Within 2 s of a processor."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 2


def table(names: bytes, functions: int, name: int = 0, steps: bytes = b"\0\0\0\0", line: int = 1) -> bytes:
    """A function table whose functions, a byte of code each, have all the same name and the same line table."""
    head = 8 + 8 * 8
    units, files = head + len(names), head + len(names) + 4
    pctab = files + 8
    at = pctab + len(steps)
    fields = (functions, 1, TEXT, head, units, files, pctab, at)
    index = b"".join(struct.pack("<II", i % 256, 8 * functions + 4) for i in range(functions)) + struct.pack("<I", 256)
    record = struct.pack("<I9i", 0, name, 0, 0, line, line, line, 4, 0, 1) + struct.pack("<I", 4 << 24) + bytes(64)
    header = struct.pack("<IHBB", MAGIC_120, 0, 1, 8) + struct.pack("<8Q", *fields)
    return header + names + bytes(4) + b"/a.go\0\0\0" + steps + index + record + bytes(64)


def file_with(content: bytes, align: int = 16) -> ElfFile:
    writer = ElfWriter()
    writer.data(content, align)
    return ElfFile(writer.build(), "x.so")


def test_the_table_of_these_tests_is_one() -> None:
    found = find_table(Image(file_with(table(b"\0main.one\0", 20, 1))))
    assert found is not None
    assert found.by_name("main.one") == TEXT
    assert found.find(TEXT + 3) == ("main.one", TEXT + 3, 3)


def test_a_hundred_thousand_functions_of_one_name() -> None:
    for name in (b"runtime.main", b"_cgoexp_0_add"):
        steps = b"\2\1" * 100_000
        elf = file_with(table(b"\0" + name + b"\0", 100_000, 1, steps))
        with soon():
            library = open_library(elf)
            assert library is not None
            points = watch_points(library, lambda symbol: None)
            inspect_elf(elf)
        assert len(points) <= 4096 + 100


def test_names_of_a_megabyte() -> None:
    elf = file_with(table(b"\0_cgoexp_" + b"a" * (1 << 20) + b"\0", 50_000, 1))
    with soon():
        library = open_library(elf)
        assert library is not None
        assert len(library.table.name(7)) <= 8192
        inspect_elf(elf)


def test_line_tables_without_end_and_inlined_calls_in_circles() -> None:
    data = table(b"\0main.one\0", 50, 1, b"\2\0" * 500_000, 1)
    found = GoTable(data, 0, TEXT)
    with soon():
        for pc in range(TEXT, TEXT + 50):
            found.line(pc)
            found.frame_size(pc)
            found.inlined(pc, 0)
            found.lines(pc - TEXT)


@pytest.mark.parametrize("field", range(9))
@pytest.mark.parametrize("value", [-1, -(1 << 31), (1 << 31) - 1, 100_000])
def test_records_that_point_anywhere(field: int, value: int) -> None:
    data = bytearray(table(b"\0main.one\0", 20, 1))
    place = struct.unpack_from("<Q", data, 64)[0] + 8 * 20 + 4 + 4
    struct.pack_into("<i", data, place + 4 * field, value)
    found = GoTable(bytes(data), 0, TEXT)
    for pc in (TEXT, TEXT + 19):
        assert isinstance(found.find(pc), tuple)
        found.line(pc)
        found.frame_size(pc)
        found.inlined(pc, 0)
        found.lines(pc - TEXT)
        found.flags(pc - TEXT)


def test_a_hundred_thousand_beginnings_of_tables() -> None:
    header = struct.pack("<IHBB", MAGIC_120, 0, 1, 8) + struct.pack("<8Q", 10, 1, 0, 80, 90, 100, 110, 120)
    for content in (struct.pack("<IHBB", MAGIC_120, 0, 1, 8) * 100_000, header * 20_000):
        with soon():
            assert find_table(Image(file_with(content))) is None


def test_a_hundred_thousand_pointers_to_the_table() -> None:
    writer = ElfWriter()
    at = writer.data(table(b"\0main.one\0", 20, 1))
    writer.data(struct.pack("<Q", at) * 100_000)
    for _ in range(300):
        writer.reloc(8, at, None, 0)
    with soon():
        library = open_library(ElfFile(writer.build(), "x.so"))
        assert library is not None
        assert library.go_func is None


def test_build_information_that_begins_thousands_of_times() -> None:
    blob = MAGIC.ljust(32, b"\0")[:15] + b"\2" + bytes(16) + b"\0" + b"\xff\xff\xff\x7f"
    with soon():
        assert read_build_info(Image(file_with(blob.ljust(64, b"\0") * 20_000))) is None


@pytest.mark.parametrize("version", ["go1." + "9" * 5000, "go1.²", "go1.", "go²", ""])
def test_versions_that_are_none(version: str) -> None:
    assert parse(version, "").minor in (0, 999_999_999)


@pytest.mark.parametrize("function", ["a%zz.init", "a%.init", "%", "a%2", "%%%.x", "a%2/b.c"])
def test_escapes_in_function_names_that_are_none(function: str) -> None:
    assert package_of(function)


def test_constructors_by_the_hundred_thousand_are_listed() -> None:
    writer = ElfWriter()
    at = writer.words(*[TEXT] * 60_000)
    for i in range(800):
        writer.reloc(8, at + 8 * i, None, TEXT + 1)
    writer.extra_dynamic = [(e.DT_INIT_ARRAY, at), (e.DT_INIT_ARRAYSZ, 8 * 60_000)]
    elf = ElfFile(writer.build(), "x.so")
    with soon():
        found = inspect_elf(elf).constructors
    assert [f.address for f in found[798:802]] == [TEXT + 1, TEXT + 1, TEXT, TEXT]


def test_section_names_of_a_megabyte() -> None:
    writer = ElfWriter()
    data = bytearray(writer.build())
    names = len(data)
    data += b"\0" + b"n" * (1 << 20) + b"\0"
    rows = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, names, (1 << 20) + 2, 0, 0, 1, 0)
    rows += b"".join(struct.pack("<IIQQQQIIQQ", 1 + i, 1, 0, 0, 0, 0, 0, 0, 1, 0) for i in range(60_000))
    struct.pack_into("<Q", data, 0x28, len(data))
    struct.pack_into("<HHH", data, 0x3A, 64, 60_001, 0)
    with soon():
        sections = read_sections(ElfFile(bytes(data + rows), "x.so"))
    assert len(sections) == 60_001
    assert {len(section.name) for section in sections} == {0}
