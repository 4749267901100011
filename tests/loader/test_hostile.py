"""Files written to cost a reader time or memory, or to lead it outside: each ends with an error of one line, and soon."""

from __future__ import annotations

import resource
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loader import BY_NAME, RTLD_NOW, ByteMemory, DirectoryFinder, ElfFile, LinkedObject, LinkMap, LoadError
from loader import gabi as e
from loader.versions import MAX_ENTRIES
from tests.loader.elfwriter import DATA, TEXT, ElfWriter

MACHINES = ["amd64", "arm", "arm64"]
SYMBOLIC = {"amd64": 1, "arm": 2, "arm64": 257}
LIMIT = 64 << 20


@contextmanager
def cheaply(megabytes: int = 128) -> Iterator[None]:
    """At most 2 s of a processor and so much more memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), hard))
    try:
        start = time.process_time()
        yield
        seconds = time.process_time() - start
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert seconds < 2, seconds


def opened(data: bytes) -> LinkedObject:
    links = LinkMap(ByteMemory(limit=LIMIT), finder=lambda name, _: ("./x.so", data) if name == "./x.so" else None)
    handle, _ = links.dlopen("./x.so", RTLD_NOW)
    assert isinstance(handle, LinkedObject)
    links.initializers(handle)
    return handle


def refused(data: bytes, words: str, use: Callable[[bytes], object] = opened) -> None:
    with cheaply(), pytest.raises(LoadError) as caught:
        use(data)
    text = str(caught.value)
    assert words in text
    assert text.isprintable()
    assert caught.value.where


def with_bulk(writer: ElfWriter, **tables: bytes) -> tuple[bytes, dict[str, int]]:
    """The file with big tables behind its data segment, each at an address that a test then names in the dynamic
    section."""
    at = {name: writer.data(content, 8) for name, content in tables.items()}
    return writer.build(), at


def set_dynamic(writer: ElfWriter, data: bytes, **values: int) -> bytes:
    """The file with other values of dynamic tags (named without DT_)."""
    word = writer.word
    letter = "Q" if word == 8 else "I"
    out = bytearray(data)
    place = writer.addresses["dynamic"] - writer.base
    wanted = {getattr(e, f"DT_{name}"): value for name, value in values.items()}
    while True:
        tag, _ = struct.unpack_from(f"<2{letter}", out, place)
        if tag in wanted:
            struct.pack_into(f"<{letter}", out, place + word, wanted.pop(tag))
        if tag == e.DT_NULL:
            break
        place += 2 * word
    assert not wanted, "tags that the file has not"
    return bytes(out)


# -- segments ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("count", [2000, 60000])
def test_thousands_of_segments(machine: str, count: int) -> None:
    writer = ElfWriter(machine)
    data = bytearray(writer.build())
    word = writer.word
    ehdr, phdr = (64, 56) if word == 8 else (52, 32)
    places = range(0x10_0000, 0x10_0000 + count * 0x1000, 0x1000)
    if word == 8:
        rows = b"".join(struct.pack("<IIQQQQQQ", 1, 4, 0, at, at, 0, 8, 0x1000) for at in places)
    else:
        rows = b"".join(struct.pack("<8I", 1, 0, at, at, 0, 8, 4, 0x1000) for at in places)
    assert len(rows) == count * phdr
    struct.pack_into("<Q" if word == 8 else "<I", data, 32 if word == 8 else 28, len(data))
    struct.pack_into("<H", data, 56 if word == 8 else 44, count)
    assert ehdr < len(data)
    refused(bytes(data) + rows, f"{count} PT_LOAD segments; at most 1024 are accepted")


@pytest.mark.parametrize("base", [(1 << 64) - 0x10000, 1 << 63, 1 << 48])
def test_addresses_near_the_end_of_the_address_space(base: int) -> None:
    """A library is moved to where there is room, but its addresses may not wrap around."""
    writer = ElfWriter(base=base)
    writer.define("f")
    obj = opened(writer.build())
    assert obj.address("f") == obj.start + TEXT
    writer = ElfWriter(base=base, bss=(1 << 64) - base)
    refused(writer.build(), "p_memsz reaches past the end of the address space")


def test_a_program_at_the_very_end_of_the_address_space() -> None:
    writer = ElfWriter(base=(1 << 64) - 0x10000, bss=0x5F00, type=e.ET_EXEC)
    with pytest.raises(LoadError, match="failed to map segment"):
        LinkMap(ByteMemory(limit=LIMIT)).load_startup(("prog", writer.build()))


def test_a_span_and_an_alignment_of_exabytes() -> None:
    writer = ElfWriter()
    writer.extra_segments = [(e.PT_LOAD, e.PF_R, 0, 1 << 62, 0, 0x1000, 1 << 61)]
    refused(writer.build(), "failed to map segment from shared object")


def test_segments_without_access_hold_nothing_that_is_read() -> None:
    """The data segment gets no flags: its constructors, TLS image and relocated words cannot be had."""
    for arrange, words in (
        (lambda w: w.constructors(TEXT), "relocation of address"),
        (lambda w: w.init_array.append(TEXT), "in a segment without access"),
        (lambda w: w.thread_local(b"image"), "its image is in a segment without access"),
    ):
        writer = ElfWriter()
        arrange(writer)
        data = bytearray(writer.build())
        struct.pack_into("<I", data, 64 + 2 * 56 + 4, 0)
        refused(bytes(data), words)


def test_relro_of_what_there_is_no_memory_for() -> None:
    writer = ElfWriter(relro=True)
    writer.extra_segments = [(e.PT_LOAD, 0, 0, 0x10_0000, 0, 1 << 40, 0x1000)]
    data = bytearray(writer.build())
    relro = 64 + 4 * 56
    struct.pack_into("<Q", data, relro + 16, 0x10_0000)
    struct.pack_into("<Q", data, relro + 40, 1 << 40)
    refused(bytes(data), "cannot apply additional memory protection after relocation")


def test_memory_that_is_cut_is_not_copied() -> None:
    memory = ByteMemory(limit=256 << 20)
    memory.map(0x1000_0000, 200 << 20, 3, "big")
    memory.view(0x1000_0000 + (150 << 20), 4)[:] = b"abcd"
    with cheaply(16):
        memory.protect(0x1000_0000 + (100 << 20), 0x1000, 1)
    assert memory.read(0x1000_0000 + (150 << 20), 4) == b"abcd"
    assert [end - start for start, end, _, _ in memory.regions()] == [100 << 20, 0x1000, (100 << 20) - 0x1000]


# -- dynamic section and strings -------------------------------------------------------------------------------------------


def test_a_dynamic_section_of_a_hundred_thousand_entries() -> None:
    writer = ElfWriter()
    data, at = with_bulk(writer, table=struct.pack("<QQ", e.DT_DEBUG, 0) * 100_000)
    out = bytearray(data)
    size = 16 * 100_000
    row = 64 + 3 * 56
    struct.pack_into("<4Q", out, row + 8, at["table"], at["table"], at["table"], size)
    struct.pack_into("<Q", out, row + 40, size)
    refused(bytes(out), "more than 65536 entries")


def test_thousands_of_needed_libraries() -> None:
    writer = ElfWriter(soname="liba.so")
    data, at = with_bulk(writer, table=struct.pack("<QQ", e.DT_NEEDED, 1) * 5000 + bytes(16))
    out = bytearray(data)
    row = 64 + 3 * 56
    struct.pack_into("<4Q", out, row + 8, at["table"], at["table"], at["table"], 16 * 5001)
    struct.pack_into("<Q", out, row + 40, 16 * 5001)
    refused(bytes(out), "more than 4096 DT_NEEDED entries")


LONG = b"\0" + b"a" * (1 << 20) + b"\0"


def symbols(count: int, name: int = 1, shndx: int = 1, bind: int = e.STB_GLOBAL) -> bytes:
    """A symbol table of which each entry has the same name."""
    return bytes(24) + b"".join(struct.pack("<IBBHQQ", name + i % 3, bind << 4, 0, shndx, 0x8000, 0) for i in range(count))


def one_long_name(count: int, shndx: int = 1, bind: int = e.STB_GLOBAL, relocations: int = 0) -> bytes:
    """Thousands of symbols whose name is the same megabyte."""
    writer = ElfWriter(hash="sysv", relocations=[(1, DATA, None, 0)])
    relocation = b"".join(struct.pack("<QQq", DATA + 0x800, (i + 1) << 32 | 1, 0) for i in range(relocations))
    table = struct.pack(f"<{2 + 1 + count + 1}I", 1, count + 1, 1, *(0 if i == count else i + 1 for i in range(count + 1)))
    data, at = with_bulk(writer, strings=LONG, symbols=symbols(count, shndx=shndx, bind=bind), hash=table, rel=relocation)
    values = {"STRTAB": at["strings"], "STRSZ": len(LONG), "SYMTAB": at["symbols"], "HASH": at["hash"]}
    return set_dynamic(writer, data, **values, RELA=at["rel"], RELASZ=len(relocation))


def test_a_long_name_that_thousands_of_symbols_have() -> None:
    refused(one_long_name(20_000), "names of more than", lambda data: opened(data).exports())


@pytest.mark.parametrize("bind", [e.STB_GLOBAL, e.STB_WEAK, e.STB_LOCAL])
def test_a_long_name_that_thousands_of_relocations_look_up(bind: int) -> None:
    words = "symbol names or hash chains are too long"
    refused(one_long_name(5000, shndx=0, bind=bind, relocations=5000), words)


def test_a_long_name_that_thousands_of_versions_have() -> None:
    needs = struct.pack("<HHIII", 1, 5000, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 2, 1, 16) * 5000
    writer = ElfWriter(needed=("libc.so.6",))
    writer.undefined("f", version="V", file="libc.so.6")
    data, at = with_bulk(writer, strings=LONG, needs=needs)
    data = set_dynamic(writer, data, STRTAB=at["strings"], STRSZ=len(LONG), VERNEED=at["needs"], NEEDED=1)
    refused(data, "names of more than")


def test_a_long_name_that_thousands_of_needed_entries_have() -> None:
    writer = ElfWriter(needed=tuple(f"lib{i}.so" for i in range(150)))
    data, at = with_bulk(writer, strings=LONG)
    out = bytearray(set_dynamic(writer, data, STRTAB=at["strings"], STRSZ=len(LONG)))
    for i in range(150):
        struct.pack_into("<Q", out, writer.addresses["dynamic"] + 16 * i + 8, 1 + i)
    refused(bytes(out), "names of more than")


def test_a_runpath_of_a_hundred_thousand_directories() -> None:
    writer = ElfWriter(needed=("libgone.so",), runpath="a")
    strings = b"\0libgone.so\0" + b"d:" * 200_000 + b"\0"
    data, at = with_bulk(writer, strings=strings)
    data = set_dynamic(writer, data, STRTAB=at["strings"], STRSZ=len(strings), NEEDED=1, RUNPATH=12)
    asked: list[str] = []

    def finder(name: str, requester: object) -> tuple[str, bytes] | None:
        asked.append(name)
        return ("./x.so", data) if name == "./x.so" else None

    links = LinkMap(ByteMemory(), finder=finder)
    with cheaply(), pytest.raises(LoadError, match=r"libgone\.so: cannot open shared object file"):
        links.dlopen("./x.so", RTLD_NOW)
    assert asked[2:] == ["d/libgone.so", "./libgone.so", "libgone.so"]


def test_a_library_that_needs_itself_by_other_paths(tmp_path: Path) -> None:
    """One file is one object, however it is spelled (glibc compares device and inode)."""
    path = tmp_path / "x.so"
    spelled = [f"{tmp_path}/{'./' * i}x.so" for i in range(1, 60)]
    path.write_bytes(ElfWriter(needed=tuple(spelled)).build())
    links = LinkMap(ByteMemory(), finder=DirectoryFinder())
    with cheaply():
        links.dlopen(str(path), RTLD_NOW)
    assert [obj.path for obj in links.objects] == [str(path)]


# -- hash tables and versions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3000, 30_000])
def test_a_sysv_chain_that_holds_every_symbol(count: int) -> None:
    """A file of which each lookup passes thousands of entries, thousands of times."""
    writer = ElfWriter(hash="sysv", relocations=[(1, DATA, None, 0)])
    strings = b"\0no\0" + b"".join(b"n%d\0" % i for i in range(count))
    names = [4]
    for i in range(count - 1):
        names.append(names[-1] + len(b"n%d\0" % i))
    table = bytes(24) + b"".join(struct.pack("<IBBHQQ", name, 0x20, 0, 0, 0, 0) for name in names)
    hashes = struct.pack(f"<{3 + count + 1}I", 1, count + 1, 1, *(0 if i == count else i + 1 for i in range(count + 1)))
    relocation = b"".join(struct.pack("<QQq", DATA + 0x800, (i + 1) << 32 | 1, 0) for i in range(count))
    data, at = with_bulk(writer, strings=strings, symbols=table, hash=hashes, rel=relocation)
    values = {"STRTAB": at["strings"], "STRSZ": len(strings), "SYMTAB": at["symbols"], "HASH": at["hash"]}
    data = set_dynamic(writer, data, **values, RELA=at["rel"], RELASZ=len(relocation))
    refused(data, "symbol names or hash chains are too long")


def test_a_gnu_chain_of_which_all_hashes_are_the_same() -> None:
    """30,000 symbols of one name that no reference may bind to, and as many references."""
    from loader.hashes import gnu_hash

    count = 30_000
    writer = ElfWriter(hash="gnu", relocations=[(1, DATA, None, 0)])
    strings = b"\0name\0"
    table = bytes(24) + struct.pack("<IBBHQQ", 1, 0x20, 0, 0, 0, 0) * (2 * count)
    chain = [gnu_hash(b"name") & ~1] * (count - 1) + [gnu_hash(b"name") | 1]
    hashes = struct.pack("<4IQI", 1, count + 1, 1, 6, (1 << 64) - 1, count + 1) + struct.pack(f"<{count}I", *chain)
    relocation = b"".join(struct.pack("<QQq", DATA + 0x800, (i + 1) << 32 | 1, 0) for i in range(count))
    data, at = with_bulk(writer, strings=strings, symbols=table, hash=hashes, rel=relocation)
    values = {"STRTAB": at["strings"], "STRSZ": len(strings), "SYMTAB": at["symbols"], "GNU_HASH": at["hash"]}
    data = set_dynamic(writer, data, **values, RELA=at["rel"], RELASZ=len(relocation))
    refused(data, "symbol names or hash chains are too long")


def test_versions_without_end() -> None:
    """Records that lie in one another, each sixteen bytes behind the last: the count of versions ends it."""
    entry = struct.pack("<HHIII", 1, 0xFFFF, 1, 0, 16)
    writer = ElfWriter(needed=("libc.so.6",))
    writer.undefined("f", version="V", file="libc.so.6")
    data, at = with_bulk(writer, needs=entry * 70_000)
    data = set_dynamic(writer, data, VERNEED=at["needs"], VERNEEDNUM=1 << 62)
    refused(data, f"more than {MAX_ENTRIES} versions")
    definition = struct.pack("<HHHHIII", 1, 0, 2, 0, 0, 0, 20)
    other = ElfWriter()
    other.define("f", version="V")
    data, at = with_bulk(other, definitions=definition * 70_000)
    data = set_dynamic(other, data, VERDEF=at["definitions"], VERDEFNUM=1 << 62)
    refused(data, f"more than {MAX_ENTRIES} versions")


def test_thousands_of_versions_asked_of_thousands() -> None:
    count = 20_000
    strings = b"\0libb.so\0" + b"".join(b"V%d\0" % i for i in range(count))
    names = [9]
    for i in range(count - 1):
        names.append(names[-1] + len(b"V%d\0" % i))
    needs = struct.pack("<HHIII", 1, count, 1, 16, 0)
    needs += b"".join(struct.pack("<IHHII", 0, 0, 2 + i, name, 16) for i, name in enumerate(names))
    user = ElfWriter(needed=("libb.so",))
    user.undefined("f", version="V", file="libb.so")
    data, at = with_bulk(user, strings=strings, needs=needs)
    data = set_dynamic(user, data, STRTAB=at["strings"], STRSZ=len(strings), VERNEED=at["needs"], NEEDED=1)
    definitions = b"".join(
        struct.pack("<HHHHIIIII", 1, 0, 2 + i, 1, 0, 20, 28, name, 0) for i, name in enumerate(reversed(names))
    )
    definer = ElfWriter(soname="libb.so")
    definer.define("f", version="V")
    library, at = with_bulk(definer, strings=strings, definitions=definitions + bytes(28))
    library = set_dynamic(
        definer, library, STRTAB=at["strings"], STRSZ=len(strings), VERDEF=at["definitions"], VERDEFNUM=count, SONAME=1
    )
    files = {"./x.so": data, "libb.so": library}
    links = LinkMap(ByteMemory(), finder=lambda name, _: (name, files[name]) if name in files else None)
    with cheaply():
        links.dlopen("./x.so", RTLD_NOW)


# -- relocations, TLS, notes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
def test_relr_bitmaps_over_memory_that_the_file_does_not_hold(machine: str) -> None:
    writer = ElfWriter(machine, bss=60 << 20)
    ones = (1 << 8 * writer.word) - 1
    writer.relr = [writer.words(0), *[ones] * 1000]
    refused(writer.build(), "more places than the file has words")


def test_copy_relocations_of_the_same_megabytes_again_and_again() -> None:
    size = 50 << 20
    library = ElfWriter(soname="liba.so", bss=size)
    library.define("big", library.words(1), size=size, type=e.STT_OBJECT)
    program = ElfWriter(type=e.ET_EXEC, base=0x400000, needed=("liba.so",), bss=size)
    program.define("big", program.words(0), size=size, type=e.STT_OBJECT)
    for _ in range(300):
        program.reloc(5, program.symbols[0].value, "big")
    links = LinkMap(ByteMemory(), finder=lambda name, _: (name, library.build()))
    with cheaply(), pytest.raises(LoadError, match="COPY relocations of more bytes in all than the object has"):
        links.load_startup(("prog", program.build()))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_relocation_table_is_not_held_in_whole(machine: str) -> None:
    """200,000 relocations, in a file of four megabytes, take a few more of memory."""
    writer = ElfWriter(machine, relocations=[(BY_NAME[machine].relative, DATA, None, 0)])
    entry = struct.pack("<QQq", DATA + 0x800, BY_NAME[machine].relative, 0)
    if writer.word == 4:
        entry = struct.pack("<II", DATA + 0x800, BY_NAME[machine].relative)
    data, at = with_bulk(writer, rel=entry * 200_000)
    kind = "REL" if writer.word == 4 else "RELA"
    data = set_dynamic(writer, data, **{kind: at["rel"], f"{kind}SZ": len(entry) * 200_000})
    with cheaply(40):
        opened(data)


def test_thread_local_data_of_gigabytes_is_only_a_number() -> None:
    writer = ElfWriter()
    writer.thread_local(b"x", 3 << 30, 1 << 40)
    obj = opened(writer.build())
    assert obj.tls is not None
    assert obj.tls.size == 3 << 30


def test_a_threads_area_is_cleared_without_a_copy() -> None:
    from loader import TlsLayout

    layout = TlsLayout(BY_NAME["amd64"], surplus=100 << 20)
    layout.freeze()
    memory = ByteMemory()
    area = memory.map(0x1000_0000, layout.area_size, 3, "tls")
    with cheaply(8):
        layout.init_thread(memory, area)


def test_note_segments_that_hold_the_same_notes() -> None:
    writer = ElfWriter()
    notes = struct.pack("<III4s", 4, 0, 1, b"GNU\0") * 50_000
    at = writer.data(notes)
    writer.extra_segments = [(e.PT_NOTE, e.PF_R, at, at, len(notes), len(notes), 4)] * 400
    refused(writer.build(), "they hold more bytes than the file", lambda data: ElfFile(data, "./x.so").notes())


@pytest.mark.parametrize("machine", MACHINES)
def test_an_array_of_constructors_over_two_segments_or_none(machine: str) -> None:
    writer = ElfWriter(machine)
    writer.constructors(TEXT)
    data = writer.build()
    outside = 0x7FFF_F000
    for values in ({"INIT_ARRAY": outside}, {"INIT_ARRAYSZ": 1 << 24}, {"INIT_ARRAY": DATA - writer.word, "INIT_ARRAYSZ": 64}):
        refused(set_dynamic(writer, data, **values), "DT_INIT_ARRAY")
