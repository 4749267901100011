"""bionic's linker by API level: what it refuses, in the words of each release's linker/*.cpp."""

from __future__ import annotations

import pytest

from loader import (
    RTLD_DEEPBIND,
    RTLD_GLOBAL,
    RTLD_NODELETE,
    RTLD_NOLOAD,
    RTLD_NOW,
    ByteMemory,
    LinkedObject,
    LinkMap,
    LoadError,
    profile,
)
from loader import gabi as e
from tests.loader.elfwriter import TEXT, ElfWriter

LEVELS = range(21, 37)


class Phone:
    """An app's process at one API level."""

    def __init__(self, level: str | int, machine: str = "arm64", **files: ElfWriter) -> None:
        built = {f"lib{name}.so": writer.build() for name, writer in files.items()}
        libc = ElfWriter(machine, soname="libc.so", sections=True).build()
        self.links = LinkMap(
            ByteMemory(), machine, f"bionic:{level}", builtins={"libc.so": ("libc.so", libc)},
            finder=lambda name, obj: (name, built[name]) if name in built else None,
        )  # fmt: skip
        self.links.load_startup(None, ["libc.so"])

    def says(self, name: str = "liba.so", flags: int = RTLD_NOW) -> str:
        """dlerror's text, "" when the library opens."""
        try:
            self.links.dlopen(name, flags)
        except LoadError as error:
            return self.links.profile.dlerror(error)
        return ""


def lib(machine: str = "arm64", **details: object) -> ElfWriter:
    return ElfWriter(machine, **{"soname": "liba.so", "sections": True, "hash": "both", **details})  # type: ignore[arg-type]


def levels_that_refuse(writer: ElfWriter, machine: str = "arm64", pages: str = "") -> dict[int, str]:
    found = {}
    for level in LEVELS:
        if pages and level < 35:
            continue
        words = Phone(f"{level}{pages}", machine, a=writer).says()
        if words:
            found[level] = words.removeprefix("dlopen failed: ")
    return found


@pytest.mark.parametrize("machine", ["amd64", "arm", "arm64"])
def test_a_plain_library_opens_at_every_level(machine: str) -> None:
    assert levels_that_refuse(lib(machine), machine) == {}


def test_gnu_hashes_came_with_23() -> None:
    words = 'empty/missing DT_HASH in "liba.so" (built with --hash-style=gnu?)'
    assert levels_that_refuse(lib(hash="gnu")) == {21: words, 22: words}
    assert levels_that_refuse(lib(hash="sysv")) == {}


def test_section_headers_are_needed_from_24_on() -> None:
    refused = levels_that_refuse(lib(sections=False))
    assert {level: words for level, words in refused.items() if level < 26} == dict.fromkeys(
        (24, 25), '"liba.so" has no section headers'
    )
    assert set(refused) == set(range(24, 37))
    assert refused[26] == '"liba.so" has unsupported e_shentsize: 0x0 (expected 0x40)'


def test_text_relocations_in_64_bits_are_refused_always() -> None:
    refused = levels_that_refuse(lib(extra_dynamic=[(e.DT_TEXTREL, 0)]))
    assert set(refused) == set(LEVELS)
    assert refused[25] == 'text relocations (DT_TEXTREL) found in 64-bit ELF file "liba.so"'
    assert refused[26] == '"liba.so" has text relocations'
    by_flag = levels_that_refuse(lib(flags=e.DF_TEXTREL))
    assert by_flag[21] == 'text relocations (DF_TEXTREL) found in 64-bit ELF file "liba.so"'


def test_text_relocations_in_32_bits_are_refused_from_23_on() -> None:
    refused = levels_that_refuse(lib("arm", extra_dynamic=[(e.DT_TEXTREL, 0)]), "arm")
    assert set(refused) == set(range(23, 37))
    assert refused[23] == "liba.so: has text relocations"
    assert refused[27] == '"liba.so" has text relocations'
    assert refused[28].startswith('"liba.so" has text relocations (https://android.googlesource.com/')


def test_writable_and_executable_segments_are_refused_from_26_on() -> None:
    writer = lib(extra_segments=[(e.PT_LOAD, 7, 0xA000, 0x40000, 0, 0x1000, 0x1000)])
    refused = levels_that_refuse(writer)
    assert set(refused) == set(range(26, 37))
    assert refused[26] == '"liba.so": W+E load segments are not allowed'
    assert refused[36] == '"liba.so" has load segments that are both writable and executable'


def test_16_kb_pages_need_segments_aligned_so() -> None:
    words = '"liba.so" program alignment (4096) cannot be smaller than system page size (16384)'
    assert levels_that_refuse(lib(), pages="/16k") == {35: words, 36: words}
    assert levels_that_refuse(lib(align=0x4000), pages="/16k") == {}


def tls(machine: str, number: int, symbol: str | None) -> ElfWriter:
    writer = lib(machine)
    writer.thread_local(bytes(8))
    if symbol:
        writer.define(symbol, 0, type=e.STT_TLS)
    writer.reloc(number, writer.words(0, 0), symbol)
    return writer


@pytest.mark.parametrize(("machine", "number"), [("amd64", 18), ("arm", 19), ("arm64", 1030)])
def test_initial_exec_in_a_dlopened_library(machine: str, number: int) -> None:
    """From 29 on ELF TLS is there, but not for this; before, the relocation is unknown, and on AArch64 passed over."""
    words = 'TLS symbol "{}" in dlopened "liba.so" referenced from "liba.so" using IE access model'
    for symbol in (None, "mine"):
        refused = levels_that_refuse(tls(machine, number, symbol), machine)
        assert {level for level in refused if level >= 29} == set(range(29, 37))
        assert refused[29] == words.format(symbol or "(null)")
        before = {level: said for level, said in refused.items() if level < 29}
        if machine == "arm64":
            assert before == {}
        else:
            assert set(before) == set(range(21, 29))
            assert before[27].startswith(f"unknown reloc type {number} @ 0x")
    if machine != "arm64":
        assert refused[28] == 'unsupported ELF TLS symbol "mine" referenced by "liba.so"'


def test_general_dynamic_tls_came_with_29() -> None:
    assert set(levels_that_refuse(tls("arm64", 1028, None))) == set(range(21, 29))


def test_tls_descriptors_are_for_64_bit_arm_only() -> None:
    assert levels_that_refuse(tls("amd64", 36, None), "amd64")[30] == 'unknown reloc type 36 in "liba.so"'


def test_initial_exec_is_fine_in_what_is_linked_at_start() -> None:
    built = tls("arm64", 1030, None).build()
    libc = ElfWriter("arm64", soname="libc.so", sections=True).build()
    links = LinkMap(
        ByteMemory(), "arm64", "bionic:29", builtins={"libc.so": ("libc.so", libc)},
        finder=lambda name, obj: (name, built),
    )  # fmt: skip
    links.load_startup(None, ["liba.so", "libc.so"])
    assert [obj.path for obj in links.objects] == ["liba.so", "libc.so"]


def test_what_is_not_found_and_who_needs_it() -> None:
    needing = lib(needed=("libgone.so",))
    assert Phone(29, a=needing).says() == 'dlopen failed: library "libgone.so" not found'
    words = 'dlopen failed: library "libgone.so" not found: needed by liba.so in namespace (default)'
    assert Phone(30, a=needing).says() == words
    assert Phone(30).says("libx.so") == 'dlopen failed: library "libx.so" not found'


def test_undefined_symbols() -> None:
    writer = lib()
    writer.undefined("nowhere")
    writer.reloc(1025, writer.words(0), "nowhere")
    assert Phone(30, a=writer).says() == 'dlopen failed: cannot locate symbol "nowhere" referenced by "liba.so"...'
    phone = Phone(30, a=lib())
    assert phone.says() == ""
    with pytest.raises(LoadError) as caught:
        phone.links.dlsym(phone.links.objects[-1], "nosuch")
    assert phone.links.profile.dlerror(caught.value, "dlsym") == "undefined symbol: nosuch"


def test_flags() -> None:
    assert Phone(30, a=lib()).says(flags=RTLD_NOW | RTLD_DEEPBIND) == "dlopen failed: invalid flags to dlopen: a"
    words = 'dlopen failed: library "liba.so" wasn\'t loaded and RTLD_NOLOAD prevented it'
    assert Phone(30, a=lib()).says(flags=RTLD_NOW | RTLD_NOLOAD) == words


def test_the_words_at_start_name_the_program() -> None:
    error = LoadError("libgone.so", "", "not found", "not-found")
    rules = profile("bionic:29")
    assert str(rules.worded(error, "start", "app")) == 'CANNOT LINK EXECUTABLE "app": library "libgone.so" not found'


def test_libraries_are_known_by_soname_from_23_on_and_by_file_name_before() -> None:
    files = {"a": lib(needed=("other.so",)), "file": lib(soname="other.so")}
    phone = Phone(23, **files)
    assert phone.says("libfile.so") == ""
    assert phone.says() == ""
    phone = Phone(22, **files)
    assert phone.says("libfile.so") == ""
    assert phone.says() == 'dlopen failed: library "other.so" not found'


def test_a_group_stays_when_its_root_is_global_or_nodelete() -> None:
    for flags, stays in ((0, False), (RTLD_GLOBAL, True), (RTLD_NODELETE, True)):
        phone = Phone(30, a=lib(needed=("libb.so",)), b=lib(soname="libb.so"))
        handle, order = phone.links.dlopen("liba.so", RTLD_NOW | flags)
        for obj in order:
            phone.links.start_initializers(obj)
        assert isinstance(handle, LinkedObject)
        gone = phone.links.dlclose(handle)
        assert [obj.path for obj in gone] == ([] if stays else ["liba.so", "libb.so"])


def test_a_group_looks_among_itself_not_in_what_others_opened_globally() -> None:
    """linker.cpp: the global group is the program and what is marked DF_1_GLOBAL."""
    definer = lib(soname="libdef.so")
    definer.define("f", TEXT)
    marked = lib(soname="libmarked.so", flags_1=e.DF_1_GLOBAL)
    marked.define("f", TEXT)
    user = lib()
    user.undefined("f")
    user.reloc(1025, user.words(0), "f")
    phone = Phone(30, a=user, **{"def": definer, "marked": marked})
    assert phone.says("libdef.so", RTLD_NOW | RTLD_GLOBAL) == ""
    assert "cannot locate symbol" in phone.says()
    assert phone.says("libmarked.so") == ""
    assert phone.says() == ""


def test_constructors_are_passed_arguments_and_exit_runs_no_library_destructors() -> None:
    assert profile("bionic:21").constructor_arguments == ("argc", "argv", "envp")
    writer = lib()
    writer.destructors(TEXT)
    phone = Phone(30, a=writer)
    _, order = phone.links.dlopen("liba.so", RTLD_NOW)
    for obj in order:
        phone.links.start_initializers(obj)
    assert phone.links.shutdown_order() == []


def test_destructors_of_thread_local_objects_hold_the_group_from_28_on() -> None:
    for level, held in ((27, False), (28, True)):
        links = Phone(level, a=lib()).links
        handle, _ = links.dlopen("liba.so", RTLD_NOW)
        assert isinstance(handle, LinkedObject)
        assert links.pin(handle, 1) == []
        assert links.pin(handle, 1) == []
        assert links.dlclose(handle) == ([] if held else [handle])
        if held:
            assert links.pin(handle, -1) == []
            assert links.pin(handle, -1) == [handle]
