"""glibc's linker by version and tunable, against the host's where it can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader import RTLD_NOW, ByteMemory, DirectoryFinder, LinkedObject, LinkMap, LoadError, profile
from loader import gabi as e
from loader.memory import read_memory
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.loader.native import AVAILABLE
from tests.loader.search_tree import put, search_tree
from tests.loader.steps import host_glibc, run_script
from tests.support.toolchain import c_library

NATIVE = pytest.mark.skipif(not AVAILABLE, reason="needs x86-64 Linux with glibc 2.35 or later")


def opened(content: bytes, name: str, **environment: str) -> str:
    """What dlerror says of a library; "" when it opens."""
    rules = profile(name).for_environment(environment)
    links = LinkMap(
        ByteMemory(), "amd64", rules, finder=lambda path, obj: (path, content), tcb_size=2304,
        builtins={"libc.so.6": ("libc.so.6", ElfWriter(soname="libc.so.6").build())}, missing=lambda name, obj: 0x1000,
    )  # fmt: skip
    links.load_startup(None, ["libc.so.6"])
    try:
        links.dlopen("./x.so", RTLD_NOW)
    except LoadError as error:
        return rules.dlerror(error)
    return ""


def static_tls(size: int, *, descriptor: bool = False) -> bytes:
    writer = ElfWriter()
    writer.thread_local(b"\1", size, 1)
    writer.reloc(36 if descriptor else 18, writer.words(0, 0), None, 0)
    return writer.build()


def test_the_surplus_is_1664_bytes_in_every_version() -> None:
    for minor in range(17, 43):
        assert profile(f"glibc:2.{minor}").surplus == 1664


def test_tls_descriptors_leave_room_since_2_32() -> None:
    assert profile("glibc:2.31").optional == 1664
    assert profile("glibc:2.32").optional == 512


@pytest.mark.parametrize(
    ("tunables", "surplus", "optional"),
    [
        ("glibc.rtld.optional_static_tls=8192", 1664 + 8192 - 512, 8192),
        ("glibc.rtld.nns=8", 1664 + 4 * 288, 512),
        ("glibc.rtld.nns=0x2:glibc.rtld.optional_static_tls=0", 1664 - 2 * 288 - 512, 0),
        ("glibc.rtld.nns=17", 1664, 512),
        ("rtld.nns=8", 1664, 512),
        ("glibc.malloc.check=3:glibc.rtld.nns=8", 1664 + 4 * 288, 512),
        ("glibc.rtld.nns=many", 1664, 512),
    ],
)
def test_tunables_change_the_surplus(tunables: str, surplus: int, optional: int) -> None:
    rules = profile("glibc:2.36").for_environment({"GLIBC_TUNABLES": tunables})
    assert (rules.surplus, rules.optional) == (surplus, optional)
    older = profile("glibc:2.31").for_environment({"GLIBC_TUNABLES": tunables})
    assert older.surplus == 1664


@NATIVE
@pytest.mark.parametrize(
    "tunables",
    [
        "", "glibc.rtld.optional_static_tls=8192", "glibc.rtld.nns=1:glibc.rtld.optional_static_tls=0",
        "glibc.rtld.nns=16",
    ],
)  # fmt: skip
def test_what_fits_into_the_surplus_fits_in_the_hosts(tmp_path: Path, tunables: str) -> None:
    """To the step of 64 bytes: in between, it matters what static TLS the host's own libraries have."""
    sizes = [64, 512, 1024, 1536, 1792, 4096, 5120, 9000, 9600]
    lines = []
    for size in sizes:
        (tmp_path / f"tls{size}.so").write_bytes(static_tls(size))
        lines.append(f"open ./tls{size}.so 2")
    natively = run_script(lines, tmp_path, "gnu", tunables)
    environment = {"GLIBC_TUNABLES": tunables} if tunables else {}
    mine = [opened(static_tls(size), f"glibc:{host_glibc()}", **environment) for size in sizes]
    expected = [answer.removesuffix(",;").removeprefix("!") for answer in natively]
    assert [words.replace("./x.so", f"./tls{size}.so") for words, size in zip(mine, sizes, strict=True)] == expected
    assert mine[0] == ""
    assert mine[-1] == "./x.so: cannot allocate memory in static TLS block"


def needing(version: str, file: str = "libc.so.6") -> bytes:
    writer = ElfWriter(needed=(file,))
    writer.undefined("f", version=version, file=file, bind=e.STB_WEAK)
    return writer.build()


@pytest.mark.parametrize(
    ("version", "since"),
    [
        ("GLIBC_2.2.5", "2.17"), ("GLIBC_2.17", "2.17"), ("GLIBC_2.28", "2.28"), ("GLIBC_2.34", "2.34"),
        ("GLIBC_2.38", "2.38"), ("GLIBC_ABI_DT_RELR", "2.36"), ("GLIBC_PRIVATE", "2.17"),
    ],
)  # fmt: skip
def test_versions_of_the_c_library_that_are_newer_are_refused(version: str, since: str) -> None:
    content = needing(version)
    for minor in range(17, 43):
        words = opened(content, f"glibc:2.{minor}")
        if minor < int(since.partition(".")[2]):
            assert words == f"libc.so.6: version `{version}' not found (required by ./x.so)"
        else:
            assert words == ""


@NATIVE
def test_a_version_that_the_host_lacks_is_refused_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "new.so").write_bytes(needing("GLIBC_2.99"))
    (answer,) = run_script(["open ./new.so 2"], tmp_path, "gnu")
    words = opened(needing("GLIBC_2.99"), "glibc")
    assert words == "libc.so.6: version `GLIBC_2.99' not found (required by ./x.so)"
    assert answer.removesuffix(",;").endswith("/" + words.replace("./x.so", "./new.so"))


def with_relr(*, marked: bool) -> bytes:
    writer = ElfWriter(needed=("libc.so.6",))
    version = "GLIBC_ABI_DT_RELR" if marked else "GLIBC_2.2.5"
    writer.undefined("f", version=version, file="libc.so.6", bind=e.STB_WEAK)
    writer.relr.append(writer.words(TEXT))
    return writer.build()


def test_relr_needs_its_mark_and_2_36() -> None:
    assert opened(with_relr(marked=True), "glibc:2.36") == ""
    assert opened(with_relr(marked=False), "glibc:2.36") == "./x.so: DT_RELR without GLIBC_ABI_DT_RELR dependency"
    assert opened(with_relr(marked=False), "glibc:2.35") == ""  # and applied to nobody
    words = "libc.so.6: version `GLIBC_ABI_DT_RELR' not found (required by ./x.so)"
    assert opened(with_relr(marked=True), "glibc:2.35") == words


def test_relr_is_passed_over_before_2_36() -> None:
    for name, applied in (("glibc:2.35", False), ("glibc:2.36", True)):
        writer = ElfWriter()
        slot = writer.words(TEXT)
        writer.relr.append(slot)
        content = writer.build()
        links = LinkMap(ByteMemory(), "amd64", name, finder=lambda path, obj, content=content: (path, content))  # type: ignore[misc]
        obj, _ = links.dlopen("./x.so", RTLD_NOW)
        assert isinstance(obj, LinkedObject)
        value = int.from_bytes(read_memory(links.memory, obj.bias + slot, 8), "little")
        assert value == TEXT + (obj.bias if applied else 0)


@NATIVE
def test_the_host_says_the_same_of_relr(tmp_path: Path) -> None:
    for name, marked in (("marked", True), ("unmarked", False)):
        (tmp_path / f"{name}.so").write_bytes(with_relr(marked=marked))
    natively = run_script(["open ./marked.so 2", "open ./unmarked.so 2"], tmp_path, "gnu")
    rules = f"glibc:{host_glibc()}"
    for answer, marked in zip(natively, (True, False), strict=True):
        words = opened(with_relr(marked=marked), rules).replace("./x.so", "./marked.so" if marked else "./unmarked.so")
        said = answer.removesuffix(",;").removeprefix("!")
        assert said == words or said.endswith("/" + words)


def test_segments_that_do_not_fit_the_page_size() -> None:
    """elf/dl-load.c: up to 2.34 by p_align, since then by where they lie."""
    small = ElfWriter(align=0x1000).build()
    tiny = ElfWriter(align=0x100).build()
    assert opened(small, "glibc:2.34/64k") == "./x.so: ELF load command alignment not page-aligned"
    assert opened(small, "glibc:2.35/64k") == ""
    assert opened(tiny, "glibc:2.34") == "./x.so: ELF load command alignment not page-aligned"
    assert opened(tiny, "glibc:2.35") == ""
    linked = c_library("chain_c", "amd64-gnu").read_bytes()  # by lld, for 4 KB pages
    assert opened(linked, "glibc:2.35") == ""
    assert opened(linked, "glibc:2.35/64k") == "./x.so: ELF load command address/offset not page-aligned"
    assert opened(linked, "glibc:2.34/64k") == "./x.so: ELF load command alignment not page-aligned"


def test_a_process_takes_the_tunables_of_its_environment(tmp_path: Path) -> None:
    import emuload

    (tmp_path / "tls.so").write_bytes(static_tls(4096))
    path = str(tmp_path / "tls.so")
    with pytest.raises(LoadError, match="cannot allocate memory in static TLS block") as caught:
        emuload.Process("amd64").dlopen(path)
    assert caught.value.where.startswith("DT_RELA entry 0 at ")
    emuload.Process("amd64", env={"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=8192"}).dlopen(path)


@NATIVE
def test_the_old_search_rules_still_hold(tmp_path: Path) -> None:
    """DT_RPATH is inherited, DT_RUNPATH is not, and hides the DT_RPATH beside it; DT_SONAME names a library."""
    search_tree(tmp_path)
    put(tmp_path, "runpath.so", needed=("middle.so",), runpath="${ORIGIN}/inner")
    cases = [["file.so", "wants.so"], ["rpath.so"], ["runpath.so"], ["both.so"]]
    natively = run_script(["; ".join(f"open {tmp_path / name} 2" for name in case) for case in cases], tmp_path, "gnu")
    found = []
    for case in cases:
        links = LinkMap(
            ByteMemory(), "amd64", f"glibc:{host_glibc()}", finder=DirectoryFinder(), library_path=[str(tmp_path)]
        )
        links.load_startup()
        answer = ""
        for name in case:
            try:
                links.dlopen(str(tmp_path / name), RTLD_NOW)
            except LoadError as error:
                answer += "!" + links.profile.dlerror(error)
            answer += ","
        found.append(answer + ";")
    assert found == natively
    assert [answer.count("!") for answer in natively] == [0, 0, 1, 1]
