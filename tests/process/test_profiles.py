"""Profiles as a process and the command line show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import emuload
from emuload import samples
from loader import LoadError
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.support.command_line import emuload as command
from tests.support.targets import arch_of
from tests.support.toolchain import c_library

COUNTING = Path(__file__).parents[1] / "libc" / "programs" / "waiting_constructor.c"


@pytest.mark.parametrize(("profile", "size"), [("glibc", 4096), ("glibc:2.36/64k", 65536), ("bionic:36/16k", 16384)])
def test_the_guest_sees_the_profiles_page_size(profile: str, size: int) -> None:
    process = emuload.Process("arm64", profile=profile)
    process.start()
    assert emuload.Function(process, "getpagesize", process.linker.libc_function("getpagesize").address)() == size
    mmap = emuload.Function(process, "mmap", process.linker.libc_function("mmap").address)
    first, second = (mmap(0, 1, 3, 0x22, -1, 0) for _ in range(2))
    assert first % size == second % size == 0
    assert abs(first - second) >= size


@pytest.mark.parametrize("profile", ["glibc:2.36/16k", "glibc:2.36/64k"])
def test_go_runs_on_larger_pages(tmp_path: Path, profile: str) -> None:
    process = emuload.Process("arm64", profile=profile)
    library = process.dlopen(str(samples.path("arm64", tmp_path)))
    assert library.call("sum", 100) == 5050


@pytest.mark.parametrize("target", ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"])
@pytest.mark.parametrize(("profile", "passed"), [("glibc", True), ("musl", False), ("bionic:30", True)])
def test_what_constructors_are_passed(target: str, profile: str, passed: bool) -> None:
    process = emuload.Process(arch_of(target), profile=profile, args=["prog", "one"])
    process.dlopen(str(c_library(COUNTING, target, flags=["-w", "-DFIRST=first_nothing"], link=["-pthread"])))
    entered = next(event for event in process.events if event.kind == "constructor-enter")
    assert entered.fields["argc"] == (2 if passed else 0)
    assert bool(entered.fields["argv"]) is passed
    assert bool(entered.fields["envp"]) is passed


def refused(folder: Path) -> Path:
    writer = ElfWriter(soname="x.so", sections=True, hash="both")
    writer.thread_local(bytes(8))
    writer.reloc(18, writer.words(0), None, 0)
    (folder / "x.so").write_bytes(writer.build())
    return folder / "x.so"


def test_a_refusal_is_one_line_in_the_linkers_words_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(tmp_path)
    monkeypatch.chdir(tmp_path)
    said = {}
    for name in ("musl", "bionic:29"):
        ended = command(capsys, "run", "./x.so", "--profile", name)
        assert ended.status == 2
        said[name] = ended.err
    place = "DT_RELA entry 0 at 0x410, R_X86_64_TPOFF64"
    words = "initial-exec TLS resolves to dynamic definition in ./x.so"
    assert said["musl"] == f"emuload: Error relocating ./x.so: : {words} ({place})\n"
    words = 'TLS symbol "(null)" in dlopened "./x.so" referenced from "./x.so" using IE access model'
    assert said["bionic:29"] == f"emuload: dlopen failed: {words} ({place})\n"


def test_at_start_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.so").write_bytes(ElfWriter(needed=("libabsent.so",), sections=True).build())
    monkeypatch.chdir(tmp_path)
    names = ("glibc", "musl", "bionic:29", "bionic:23")
    said = [command(capsys, "run", "./x.so", "--linked", "--profile", name).err for name in names]
    missing = "No such file or directory"
    assert said == [
        f"emuload: libabsent.so: cannot open shared object file: {missing} (needed by ./x.so)\n",
        f"emuload: Error loading shared library libabsent.so: {missing} (needed by ./x.so)\n",
        'emuload: CANNOT LINK EXECUTABLE "prog": library "libabsent.so" not found (needed by ./x.so)\n',
        'emuload: CANNOT LINK EXECUTABLE: library "libabsent.so" not found (needed by ./x.so)\n',
    ]


def test_the_trace_and_the_document_say_which_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path("arm64", tmp_path)
    document = json.loads(command(capsys, "run", library, "--profile", "glibc:2.31", "--json").out)
    assert document["profile"] == "glibc:2.31"
    command(capsys, "trace", library, "--profile", "glibc:2.31", "-o", tmp_path / "t.jsonl")
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])["profile"] == "glibc:2.31"


def test_a_symbol_that_is_not_there_in_each_ones_words(tmp_path: Path) -> None:
    writer = ElfWriter(soname="x.so", sections=True, hash="both")
    writer.define("here", TEXT)
    (tmp_path / "x.so").write_bytes(writer.build())
    said = {}
    for name in ("glibc", "musl", "bionic"):
        library = emuload.Process("amd64", profile=name).dlopen(str(tmp_path / "x.so"))
        with pytest.raises(LoadError) as caught:
            library["nosuch"]
        said[name] = str(caught.value).replace(f"{tmp_path}/", "")
    assert said == {
        "glibc": "x.so: undefined symbol: nosuch",
        "musl": "Symbol not found: nosuch",
        "bionic": "undefined symbol: nosuch",
    }
