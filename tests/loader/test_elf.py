"""What the loader says about files that are broken, foreign or odd."""

from __future__ import annotations

import random
import struct
import time

import pytest

from loader import BY_NAME, RTLD_NOW, ByteMemory, ElfFile, LinkMap, LoadError
from loader import gabi as e
from tests.loader.elfwriter import DATA, FREE, TEXT, ElfWriter

MACHINES = ["amd64", "arm", "arm64"]


def library(machine: str = "amd64", **details: object) -> ElfWriter:
    """One with something of everything."""
    writer = ElfWriter(machine, soname="libx.so", hash="both", relro=True, **details)  # type: ignore[arg-type]
    writer.define("f", TEXT + 8, version="V1")
    writer.define("g", TEXT + 16, bind=e.STB_WEAK)
    writer.undefined("h", bind=e.STB_WEAK)
    slot = writer.words(0, 0, 0)
    relative = BY_NAME[machine].relative
    writer.reloc(relative, slot, None, 0x1234)
    writer.reloc(6 if machine == "amd64" else 21 if machine == "arm" else 1025, slot + writer.word, "h")
    writer.constructors(TEXT)
    writer.thread_local(b"abcd", 16)
    return writer


def load(data: bytes, machine: str | None = None) -> LinkMap:
    links = LinkMap(ByteMemory(limit=64 << 20), machine, finder=lambda name, requester: ("./x.so", data))
    links.dlopen("./x.so", RTLD_NOW)
    return links


def refusal(data: bytes, machine: str | None = None) -> str:
    with pytest.raises(LoadError) as caught:
        load(data, machine)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("./x.so: ")
    return text


def patched(data: bytes, place: int, content: bytes) -> bytes:
    return data[:place] + content + data[place + len(content) :]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_sound_file_loads(machine: str) -> None:
    links = load(library(machine).build())
    assert [s.text for s in links.objects[0].exports()] in (["f", "g"], ["g", "f"])
    assert links.objects[0].address("f") == links.objects[0].bias + TEXT + 8


@pytest.mark.parametrize(
    ("place", "content", "words"),
    [
        (0, b"MZ", "invalid ELF header"),
        (4, b"\x01", "wrong ELF class: ELFCLASS32"),
        (5, b"\x02", "ELF file data encoding not little-endian"),
        (6, b"\x02", "ELF file version ident does not match current one"),
        (7, b"\x09", "ELF file OS ABI invalid"),
        (8, b"\x01", "ELF file ABI version invalid"),
        (9, b"\x01", "nonzero padding in e_ident"),
        (16, b"\x01\x00", "only ET_DYN and ET_EXEC can be loaded"),
        (16, b"\x02\x00", "cannot dynamically load executable"),
        (18, b"\xb7\x00", "wrong ELF machine: the file is for AArch64, not Advanced Micro Devices X86-64"),
        (18, b"\xf3\x00", "wrong ELF machine: the file is for RISC-V"),
        (20, b"\x02", "ELF file version does not match current one"),
        (54, b"\x20", "ELF file's phentsize not the expected size"),
        (56, b"\x00\x00", "object file has no loadable segments"),
        (56, b"\xff\xff", "cannot read file data"),
    ],
)
def test_header_faults_in_the_linkers_words(place: int, content: bytes, words: str) -> None:
    assert words in refusal(patched(library().build(), place, content), "amd64")


def test_truncation_anywhere_is_refused_or_harmless() -> None:
    for machine in MACHINES:
        data = library(machine).build()
        for size in [*range(0, 0x300, 7), TEXT, DATA + 5, FREE + 1, len(data) - 1]:
            words = refusal(data[:size])
            assert "file too short" in words or "cannot read file data" in words or size > 64


PHDR, ROW = 64, 56


@pytest.mark.parametrize(
    ("row", "field", "value", "words"),
    [
        (2, 48, 3, "p_align 0x3 is not a power of two"),
        (2, 8, DATA - 8, "ELF load command address/offset not properly aligned"),
        (2, 32, 1 << 40, "p_filesz is larger than p_memsz"),
        (0, 32, 1 << 40, "p_filesz is larger than p_memsz"),
        (2, 40, 1, "p_filesz is larger than p_memsz"),
        (2, 40, 1 << 63, "failed to map segment from shared object"),
        (2, 40, (1 << 64) - 1, "p_memsz reaches past the end of the address space"),
        (2, 40, 40 << 30, "failed to map segment from shared object"),
        (2, 16, 0, "PT_LOAD segments overlap or are not in ascending order"),
        (3, 16, 1 << 33, "not inside the file part of any PT_LOAD segment"),
        (3, 32, 32, "dynamic section has no DT_NULL at its end"),
        (4, 40, 1 << 30, "cannot apply additional memory protection after relocation"),
        (5, 16, 1 << 30, "not inside the file part of any PT_LOAD segment"),
        (5, 48, 24, "p_align 0x18 is not a power of two"),
    ],
)
def test_program_header_faults(row: int, field: int, value: int, words: str) -> None:
    data = library().build()
    text = refusal(patched(data, PHDR + row * ROW + field, struct.pack("<Q", value)))
    assert words in text


def use(data: bytes) -> None:
    """Load and look at everything."""
    links = load(data)
    links.initializers(links.objects[0])
    for name in ("f", "g", "h"):
        links.objects[0].symbol(name)


def dynamic_value(data: bytes, tag: int) -> int:
    """Place in the file of a dynamic entry's value."""
    at = DATA + 8
    while True:
        found, _ = struct.unpack_from("<QQ", data, at)
        if found == tag:
            return at + 8
        at += 16


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        (e.DT_STRTAB, 1 << 40, "DT_STRTAB"),
        (e.DT_STRSZ, 3, "string is not inside the string table of 3 bytes"),
        (e.DT_SYMTAB, 0x7FFF_FFFF_FFFF_FFFF, "DT_SYMTAB"),
        (e.DT_SYMENT, 16, "symbol entries of 16 bytes, expected 24"),
        (e.DT_SONAME, 1 << 20, "string is not inside the string table"),
        (e.DT_RELA, 1 << 20, "DT_RELA"),
        (e.DT_RELASZ, 25, "size 25 is not a multiple of 24"),
        (e.DT_RELAENT, 8, "relocation entries of 8 bytes, expected 24"),
        (e.DT_GNU_HASH, 1 << 20, "DT_GNU_HASH"),
        (e.DT_VERSYM, 1 << 20, "DT_VERSYM"),
        (e.DT_VERDEF, 3, "unsupported version"),
        (e.DT_INIT_ARRAYSZ, 1 << 20, "DT_INIT_ARRAY"),
    ],
)
def test_dynamic_section_faults(tag: int, value: int, words: str) -> None:
    data = library().build()
    data = patched(data, dynamic_value(data, tag), struct.pack("<Q", value))
    with pytest.raises(LoadError) as caught:
        use(data)
    assert words in str(caught.value)


def test_a_loop_in_a_sysv_chain_ends() -> None:
    writer = ElfWriter(hash="sysv")
    for name in ("a", "b", "c", "d", "e", "k"):
        writer.define(name)
    data = writer.build()
    at = writer.addresses["hash"]
    buckets, chains = struct.unpack_from("<II", data, at)
    loop = struct.pack(f"<{chains}I", *[1] * chains)
    with pytest.raises(LoadError, match="hash chain has a loop"):
        use(patched(data, at + 8 + 4 * buckets, loop))


def test_a_gnu_chain_without_end_ends() -> None:
    writer = ElfWriter()
    for name in ("f", "g", "h"):
        writer.define(name)
    data = writer.build()
    at = writer.addresses["gnu_hash"]
    buckets, _, bloom, _ = struct.unpack_from("<4I", data, at)
    chain = at + 16 + 8 * bloom + 4 * buckets
    with pytest.raises(LoadError, match="hash chain reaches symbol"):
        use(patched(data, chain, bytes(0x400)))


@pytest.mark.parametrize(
    ("machine", "number", "words"),
    [
        ("amd64", 24, "unexpected reloc type 0x18"),
        ("amd64", 11, "unexpected reloc type 0x0b"),
        ("arm", 3, "unexpected reloc type 0x03"),
        ("arm", 10, "unexpected reloc type 0x0a"),
        ("arm64", 263, "R_AARCH64_MOVW_UABS_G0"),
        ("amd64", 99, "unknown relocation 0x63"),
    ],
)
def test_relocations_no_linker_takes_are_named(machine: str, number: int, words: str) -> None:
    writer = ElfWriter(machine)
    writer.reloc(number, writer.words(0))
    assert words in refusal(writer.build())
    assert "entry 0 at 0x" in refusal(writer.build())


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("place", [TEXT, 0x7FFF_0000, DATA - 2])
def test_relocations_outside_writable_segments_are_refused(machine: str, place: int) -> None:
    writer = ElfWriter(machine)
    writer.reloc(BY_NAME[machine].relative, place)
    assert "relocation of address" in refusal(writer.build())


def test_text_relocations_are_applied_where_the_file_announces_them() -> None:
    writer = ElfWriter(extra_dynamic=[(e.DT_TEXTREL, 0)])
    writer.reloc(8, TEXT + 8, None, 0x77)
    links = load(writer.build())
    obj = links.objects[0]
    assert int.from_bytes(links.memory.view(obj.bias + TEXT + 8, 8), "little") == obj.bias + 0x77


def test_every_row_of_the_tables_has_a_name_of_its_machine() -> None:
    for machine, prefix, least in (("amd64", "R_X86_64_", 45), ("arm", "R_ARM_", 140), ("arm64", "R_AARCH64_", 130)):
        rows = BY_NAME[machine].relocations
        assert len(rows) >= least
        assert all(row.name.startswith(prefix) for row in rows.values())


def test_mutated_files_end_cleanly_and_soon() -> None:
    rng = random.Random(2)
    sound = {machine: library(machine).build() for machine in MACHINES}
    used = [*range(0, 0x600), *range(DATA, DATA + 0x240), *range(FREE, FREE + 12)]
    refused = 0
    words: set[str] = set()
    for _ in range(600):
        data = bytearray(sound[rng.choice(MACHINES)])
        for _ in range(rng.randint(1, 6)):
            data[rng.choice(used)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        started = time.monotonic()
        try:
            links = load(bytes(data))
            for obj in links.objects:
                obj.exports()
                links.initializers(obj)
                obj.elf.notes()
        except LoadError as error:
            refused += 1
            words.add(str(error))
        assert time.monotonic() - started < 2
    assert 50 < refused < 600
    assert not any("\n" in text for text in words)


def test_elf_file_is_shared_by_copies() -> None:
    from copy import deepcopy

    elf = ElfFile(library().build(), "x")
    assert deepcopy([elf])[0] is elf
