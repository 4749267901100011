"""Real Go libraries for every target, with pyelftools as the other reader."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from emuload.samples.toolchain import TARGETS
from loader import RTLD_NOW, ByteMemory, LinkMap
from loader import gabi as e
from loader.elf import ElfFile
from loader.memory import read_memory
from tests.loader.elfwriter import ElfWriter
from tests.support.toolchain import go_library

RELATIVE = {"amd64": 8, "arm": 23, "arm64": 1027}


def linked(data: bytes) -> LinkMap:
    """The library with a C library that has only the data symbol cgo needs."""
    machine = ElfFile(data, "lib.so").machine.name
    libc = ElfWriter(machine, soname="libc.so.6")
    libc.define("stderr", libc.words(0), size=libc.word, type=e.STT_OBJECT)
    content = libc.build()
    links = LinkMap(
        ByteMemory(), machine, finder=lambda name, requester: (name, data) if name == "./lib.so" else None,
        builtins=dict.fromkeys(("libc.so.6", "libpthread.so.0", "libc.so"), ("libc.so.6", content)),
        missing=lambda name, requester: 0x1000,
    )  # fmt: skip
    links.load_startup(needed=["libc.so.6"])
    links.dlopen("./lib.so", RTLD_NOW)
    return links


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_go_library_is_mapped_and_relocated(target: str) -> None:
    data = go_library("behaviour", target).read_bytes()
    links = linked(data)
    obj = links.objects[1]
    other = ELFFile(BytesIO(data))
    machine = links.machine

    counted = 0
    relative: list[Any] = []
    for section in other.iter_sections():
        if isinstance(section, RelocationSection) and section.name in (
            ".rel.dyn",
            ".rela.dyn",
            ".rel.plt",
            ".rela.plt",
        ):
            rows = list(section.iter_relocations())
            counted += len(rows)
            relative += [r for r in rows if r["r_info_type"] == RELATIVE[machine.name]]
    assert sum(table.count for table in obj.elf.relocations) == counted
    assert len(relative) > 3000
    for row in relative:
        value = int.from_bytes(read_memory(links.memory, obj.bias + row["r_offset"], machine.word), "little")
        if row.is_RELA():
            addend = row["r_addend"]
        else:
            offset = next(iter(other.address_offsets(row["r_offset"])))
            addend = int.from_bytes(data[offset : offset + machine.word], "little")
        assert value == (obj.bias + addend) & machine.mask

    symbols = other.get_section_by_name(".dynsym")
    assert symbols is not None
    theirs = {s.name: s["st_value"] for s in symbols.iter_symbols() if s["st_shndx"] != "SHN_UNDEF" and s.name}
    assert {s.text: s.value for s in obj.exports()} == theirs
    for name, value in theirs.items():
        assert obj.address(name) == obj.bias + value

    for segment in other.iter_segments("PT_LOAD"):
        if not segment["p_flags"] & e.PF_W:
            start, size = segment["p_vaddr"], segment["p_filesz"]
            assert read_memory(links.memory, obj.bias + start, size) == segment.data()
    template = next(other.iter_segments("PT_TLS"))
    assert obj.tls is not None
    assert (obj.tls.size, obj.tls.offset is not None) == (template["p_memsz"], True)
    assert obj.nodelete
    assert obj.elf.symbolic
    assert len(links.initializers(obj)) >= 1
