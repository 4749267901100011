"""What each relocation writes, against the formulas of the psABIs."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from loader import BY_NAME, RTLD_NOW, ByteMemory, LinkedObject, LinkMap, LoadError, RuntimeNames
from loader import gabi as e
from loader.memory import read_memory
from tests.loader.elfwriter import TEXT, ElfWriter

MACHINES = ["amd64", "arm", "arm64"]
NUMBERS: dict[str, dict[str, int]] = {
    "amd64": {"symbolic": 1, "copy": 5, "glob": 6, "jump": 7, "relative": 8, "mod": 16, "off": 17, "tp": 18, "desc": 36,
              "irelative": 37},
    "arm": {"symbolic": 2, "desc": 13, "mod": 17, "off": 18, "tp": 19, "copy": 20, "glob": 21, "jump": 22, "relative":
    23,
            "irelative": 160},
    "arm64": {"symbolic": 257, "copy": 1024, "glob": 1025, "jump": 1026, "relative": 1027, "mod": 1028, "off": 1029,
              "tp": 1030, "desc": 1031, "irelative": 1032},
}  # fmt: skip

RUNTIME_NAMES = RuntimeNames("static_descriptor", "dynamic_descriptor", "undefined_descriptor", "resolve_slot", "own_size")


class Bench:
    """A few libraries by name, linked in one memory."""

    def __init__(self, machine: str, **files: ElfWriter) -> None:
        self.machine = BY_NAME[machine]
        self.memory = ByteMemory()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.missing: list[str] = []
        built = {f"lib{name}.so": writer.build() for name, writer in files.items()}

        def finder(name: str, requester: object) -> tuple[str, bytes] | None:
            return (name, built[name]) if name in built else None

        def missing(name: str, requester: object) -> int:
            self.missing.append(name)
            return 0x7000 + 16 * len(self.missing)

        def event(kind: str, details: dict[str, Any]) -> None:
            self.events.append((kind, details))

        resolvers = ElfWriter(machine, soname="libc.so.6")
        for i, name in enumerate(RUNTIME_NAMES[:3]):
            resolvers.define(name, TEXT + 16 * i + 16)
        resolvers.define(RUNTIME_NAMES.tcb_size, resolvers.data(struct.pack("<I", 512)), size=4, type=e.STT_OBJECT)
        self.links = LinkMap(
            self.memory,
            machine,
            finder=finder,
            missing=missing,
            on_event=event,
            call_guest=lambda at: at + 0x1000_0000,
            builtins={"libc.so.6": ("libc.so.6", resolvers.build())},
            runtime=RUNTIME_NAMES,
        )

    def open(self, name: str, flags: int = RTLD_NOW) -> LinkedObject:
        """dlopen, where it is known to give an object."""
        handle, _ = self.links.dlopen(name, flags)
        assert isinstance(handle, LinkedObject)
        return handle

    def word(self, address: int) -> int:
        return int.from_bytes(read_memory(self.memory, address, self.machine.word), "little")


def place(writer: ElfWriter, kind: str, symbol: str | None = None, addend: int = 0, words: int = 1) -> int:
    """A slot with one relocation."""
    slot = writer.words(*[0] * words)
    number = NUMBERS[writer.machine][kind]
    if kind == "jump":
        writer.plt.append((number, slot, symbol, addend))
    else:
        writer.reloc(number, slot, symbol, addend)
    return slot


@pytest.mark.parametrize("machine", MACHINES)
def test_symbolic_and_relative_values(machine: str) -> None:
    writer = ElfWriter(machine)
    writer.define("f", TEXT + 5)
    writer.define("absolute", 0x1234, shndx=e.SHN_ABS)
    writer.undefined("weak", bind=e.STB_WEAK)
    writer.undefined("gone")
    slots = {
        "symbolic": place(writer, "symbolic", "f", 0x20),
        "glob": place(writer, "glob", "f"),
        "jump": place(writer, "jump", "f"),
        "relative": place(writer, "relative", None, 0x456),
        "absolute": place(writer, "symbolic", "absolute", 1),
        "weak": place(writer, "jump", "weak"),
        "gone": place(writer, "jump", "gone"),
        "irelative": place(writer, "irelative", None, TEXT + 64),
    }
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    base = obj.bias
    got = {name: bench.word(base + slot) for name, slot in slots.items()}
    assert got == {
        "symbolic": base + TEXT + 5 + 0x20,
        "glob": base + TEXT + 5,
        "jump": base + TEXT + 5,
        "relative": base + 0x456,
        "absolute": 0x1235,
        "weak": 0,
        "gone": 0x7010,
        "irelative": base + TEXT + 64 + 0x1000_0000,
    }
    assert bench.missing == ["gone"]


@pytest.mark.parametrize("machine", MACHINES)
def test_negative_addends_and_unaligned_places(machine: str) -> None:
    writer = ElfWriter(machine)
    writer.define("f", TEXT + 5)
    slot = writer.data(bytes(32))
    writer.reloc(NUMBERS[machine]["symbolic"], slot + 3, "f", -4)
    writer.reloc(NUMBERS[machine]["relative"], slot + 17, None, 0x99)
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    assert bench.word(obj.bias + slot + 3) == obj.bias + TEXT + 1
    assert bench.word(obj.bias + slot + 17) == obj.bias + 0x99


@pytest.mark.parametrize("machine", MACHINES)
def test_relr_addresses_and_bitmaps(machine: str) -> None:
    writer = ElfWriter(machine)
    values = [0x10 * i for i in range(200)]
    slot = writer.words(*values)
    word = writer.word
    bits = 8 * word - 1
    # the first place, then a bitmap for every second of the words behind it, then one for the first of the next ones
    writer.relr = [slot, sum(1 << (i + 1) for i in range(0, bits, 2)) | 1, 0b11]
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    biased = {0, *range(1, bits + 1, 2), bits + 1}
    for i, value in enumerate(values):
        assert bench.word(obj.bias + slot + i * word) == value + (obj.bias if i in biased else 0)


@pytest.mark.parametrize("machine", MACHINES)
def test_relative_relocations_in_any_order_and_over_two_segments(machine: str) -> None:
    writer = ElfWriter(machine)
    slot = writer.words(*[0] * 64)
    places = [slot + writer.word * i for i in (5, 3, 63, 0, 17)]
    for i, at in enumerate(places):
        writer.reloc(NUMBERS[machine]["relative"], at, None, 0x100 + i)
    writer.constructors(TEXT + 12)
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    for i, at in enumerate(places):
        assert bench.word(obj.bias + at) == obj.bias + 0x100 + i
    assert bench.links.initializers(obj) == [(0, obj.bias + TEXT + 12, "init_array")]


@pytest.mark.parametrize("machine", MACHINES)
def test_copy_takes_the_librarys_bytes_and_the_library_uses_the_copy(machine: str) -> None:
    library = ElfWriter(machine, soname="liba.so")
    library.define("shared", library.data(b"12345678"), size=8, type=e.STT_OBJECT)
    seen = place(library, "glob", "shared")
    program = ElfWriter(machine, needed=("liba.so",), type=e.ET_EXEC, base=0x400000)
    slot = program.data(bytes(8))
    program.define("shared", slot, size=8, type=e.STT_OBJECT)
    program.reloc(NUMBERS[machine]["copy"], slot, "shared")
    bench = Bench(machine, a=library)
    main, a = bench.links.load_startup(("prog", program.build()))
    assert read_memory(bench.memory, slot, 8) == b"12345678"
    assert bench.word(a.bias + seen) == slot
    assert main.is_main
    assert bench.links.startup_order() == [a, main]


@pytest.mark.parametrize("machine", MACHINES)
def test_ifunc_symbols_are_what_their_resolver_returns(machine: str) -> None:
    writer = ElfWriter(machine)
    writer.define("f", TEXT + 8, type=e.STT_GNU_IFUNC)
    slot = place(writer, "jump", "f")
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    assert bench.word(obj.bias + slot) == obj.bias + TEXT + 8 + 0x1000_0000
    assert bench.links.dlsym(obj, "f") == obj.bias + TEXT + 8 + 0x1000_0000


@pytest.mark.parametrize("machine", MACHINES)
def test_tls_relocations_of_a_library_linked_at_start(machine: str) -> None:
    writer = ElfWriter(machine, soname="libx.so", needed=("libc.so.6",))
    writer.thread_local(b"ABCDEFGH", 24, 8)
    writer.define("v", 4, type=e.STT_TLS)
    module, offset, tp = place(writer, "mod", "v"), place(writer, "off", "v"), place(writer, "tp", "v", 2)
    anonymous = place(writer, "tp")
    descriptor = place(writer, "desc", "v", words=2)
    bench = Bench(machine, x=writer)
    links = bench.links
    obj = links.load_startup(needed=["libx.so"])[0]
    assert obj.tls is not None
    assert obj.tls.id == 1
    mask = bench.machine.mask
    start = {"amd64": -24, "arm": 8, "arm64": 16}[machine]
    assert bench.word(obj.bias + module) == 1
    assert bench.word(obj.bias + offset) == 4
    assert bench.word(obj.bias + tp) == (start + 4 + 2) & mask
    assert bench.word(obj.bias + anonymous) == start & mask
    words = bench.word(obj.bias + descriptor), bench.word(obj.bias + descriptor + bench.machine.word)
    libc = links.objects[1]
    expected = (libc.address("static_descriptor"), (start + 4) & mask)
    assert words == (expected[::-1] if machine == "arm" else expected)


@pytest.mark.parametrize("machine", MACHINES)
def test_descriptors_of_dlopened_libraries_are_dynamic_when_the_surplus_is_spent(machine: str) -> None:
    writer = ElfWriter(machine, soname="libx.so", needed=("libc.so.6",))
    writer.thread_local(b"A", 600, 8)  # more than the 512 bytes optional users may take
    writer.define("v", 16, type=e.STT_TLS)
    descriptor = place(writer, "desc", "v", words=2)
    bench = Bench(machine, x=writer)
    bench.links.load_startup(needed=["libc.so.6"])
    obj = bench.open("libx.so")
    words = [bench.word(obj.bias + descriptor), bench.word(obj.bias + descriptor + bench.machine.word)]
    if machine == "arm":
        words.reverse()
    assert words[0] == bench.links.objects[0].address("dynamic_descriptor")
    assert [bench.word(words[1]), bench.word(words[1] + bench.machine.word)] == [obj.tls_module, 16]
    assert obj.tls is not None
    assert obj.tls.offset is None


def test_an_undefined_symbol_is_refused_in_glibcs_words() -> None:
    writer = ElfWriter(needed=("liba.so",))
    writer.undefined("data", type=e.STT_OBJECT, version="V3", file="liba.so")
    place(writer, "glob", "data")
    bench = Bench("amd64", x=writer, a=ElfWriter(soname="liba.so"))
    with pytest.raises(LoadError) as caught:
        bench.links.dlopen("libx.so", RTLD_NOW)
    assert bench.links.profile.dlerror(caught.value) == "libx.so: undefined symbol: data, version V3"
    assert "symbol 1" in caught.value.where


@pytest.mark.parametrize("machine", MACHINES)
def test_relro_is_read_only_afterwards(machine: str) -> None:
    writer = ElfWriter(machine, relro=True)
    place(writer, "relative", None, 1)
    bench = Bench(machine, x=writer)
    obj = bench.open("libx.so")
    prots = {start - obj.bias: prot for start, _, prot, name in bench.memory.regions() if name == "libx.so"}
    assert prots == {0: 1, 0x1000: 0, 0x8000: 5, 0x9000: 1, 0xA000: 3}
