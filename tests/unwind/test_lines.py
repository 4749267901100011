"""Source lines of C code are those that pyelftools reads, for compilers and versions of DWARF there are."""

from __future__ import annotations

import io
import posixpath
import shutil
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from emuload.unwind.debug_info import section_data
from emuload.unwind.lines import Lines
from loader.elf import ElfFile
from loader.image import Image
from tests.loader.elfwriter import ElfWriter
from tests.support.toolchain import c_library, go_library

GO = 0x16


def pyelftools_rows(data: bytes) -> dict[int, tuple[str, int]]:
    """address → (path, line) of the last row there, in units that are not Go's."""
    dwarf = ELFFile(io.BytesIO(data)).get_dwarf_info(relocate_dwarf_sections=False)
    found: dict[int, tuple[str, int]] = {}
    for unit in dwarf.iter_CUs():
        top = unit.get_top_DIE()
        language = top.attributes.get("DW_AT_language")
        if (language is not None and language.value == GO) or not {"DW_AT_ranges", "DW_AT_high_pc"} & set(top.attributes):
            continue
        program = dwarf.line_program_for_CU(unit)
        first = 0 if program.header.version >= 5 else 1
        for entry in program.get_entries():
            state = entry.state
            if state is None or state.end_sequence:
                continue
            file = program.header.file_entry[state.file - first]
            at = file.dir_index - first
            folder = program.header.include_directory[at].decode() if at >= 0 else ""
            found[state.address] = posixpath.join(folder, file.name.decode()), state.line
    return found


def compare(data: bytes) -> None:
    expected = pyelftools_rows(data)
    image = Image(ElfFile(data, "x.so"))
    lines = Lines(image)
    expected = {pc: row for pc, row in expected.items() if image.executable(pc) and row[1]}  # the linker left others out
    assert len(expected) > 20
    different = [(hex(pc), lines.find(pc), row) for pc, row in expected.items() if tuple(lines.find(pc)) != row]
    assert len(different) <= len(expected) // 50, different[:5]  # where two rows stand at one address in one unit


@pytest.mark.parametrize("target", ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"])
@pytest.mark.parametrize("version", [3, 4, 5])
def test_lines_of_a_c_library(target: str, version: int) -> None:
    compare(c_library("odd", target, flags=["-g", f"-gdwarf-{version}"]).read_bytes())


@pytest.mark.parametrize("target", ["amd64-gnu", "armv5-gnueabi"])
def test_lines_of_the_c_code_in_a_go_library(target: str) -> None:
    """Whose sections are compressed."""
    compare(go_library("behaviour", target).read_bytes())


@pytest.mark.parametrize("flags", [["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gz=zlib"], ["-gdwarf-4", "-gz=zlib-gnu"]])
def test_lines_of_gcc(tmp_path: Path, flags: list[str]) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc here")
    source = Path(__file__).parents[1] / "guests" / "threads_stdio" / "main.c"
    made = tmp_path / "x.so"
    subprocess.run([gcc, "-O2", "-shared", "-fPIC", "-pthread", *flags, str(source), "-o", str(made)], check=True)
    compare(made.read_bytes())


def with_sections(**sections: tuple[int, bytes]) -> Image:
    """A file with these debug sections: flags, content."""
    data = bytearray(ElfWriter().build())
    names, rows = b"\0.names\0", b""
    places = []
    for name, (flags, content) in sections.items():
        places.append((len(names), flags, len(data), len(content)))
        names += b"." + name.encode() + b"\0"
        data += content
    rows += struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, len(data), len(names), 0, 0, 1, 0)
    data += names
    for at, flags, place, size in places:
        rows += struct.pack("<IIQQQQIIQQ", at, 1, flags, 0, place, size, 0, 0, 1, 0)
    struct.pack_into("<Q", data, 0x28, len(data))
    struct.pack_into("<HHH", data, 0x3A, 64, len(places) + 1, 0)
    return Image(ElfFile(bytes(data + rows), "x.so"))


@pytest.mark.parametrize("claimed", [0, 1, 1 << 20, 1 << 40])
def test_sections_that_unpack_to_gigabytes(claimed: int) -> None:
    bomb = zlib.compress(bytes(50 << 20), 9)
    image = with_sections(
        debug_line=(0x800, struct.pack("<IIQQ", 1, 0, claimed, 1) + bomb),
        zdebug_info=(0, b"ZLIB" + struct.pack(">Q", claimed) + bomb),
    )
    assert len(section_data(image, ".debug_line")) == (claimed if claimed <= 1 << 20 else 0)
    assert len(section_data(image, ".debug_info")) == (claimed if claimed <= 1 << 20 else 0)


def unit(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "program", [b"\1" * 900_000, b"\5\0" * 400_000, b"\x0a" * 900_000, b"\0\0" * 400_000, b"\0\xff\xff\xff\x7f"]
)
def test_units_tables_and_programs_without_end(program: bytes) -> None:
    """60,000 units that share an abbreviation table of thousands, and a program of a megabyte for each."""
    table = b"".join(b"\2\x11\0" + b"\x03\x08" * 20 + b"\0\0" for _ in range(5000))
    table += b"\1\x11\0\x11\x01\x12\x07\x10\x17\0\0\0"
    one = unit(struct.pack("<HIBB", 4, 0, 8, 1) + struct.pack("<QQI", 0x8000, 0x100, 0))
    near = unit(struct.pack("<HIBB", 4, len(table) - 12, 8, 1) + struct.pack("<QQI", 0x8000, 0x100, 0))
    header = struct.pack("<BBBbBB", 1, 1, 1, -5, 14, 10) + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1]) + b"\0" + b"a.c\0\0\0\0\0"
    lines = unit(struct.pack("<HI", 4, len(header)) + header + program)
    image = with_sections(debug_info=(0, near + one * 60_000), debug_abbrev=(0, table), debug_line=(0, lines))
    start = time.process_time()
    found = Lines(image)
    for pc in (0x8000, 0x8080, 0x9000):
        found.find(pc)
    assert time.process_time() - start < 2
