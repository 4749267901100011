"""`emuload inspect` agrees with pyelftools and Go's tools about the same file."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from emuload.report.inspection import Export, Import, inspect_elf, inspect_file
from emuload.report.inspection_text import render_text
from loader import ElfFile, LoadError
from tests.golang.files import BUILT, behaviour, read, without_sections
from tests.support.toolchain import c_library, c_program, go_library


def _elf(path: Path) -> Any:
    return ELFFile(path.open("rb"))


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_a_go_library(target: str, go: str) -> None:
    path = behaviour(target, go)
    found, elf = inspect_file(str(path)), _elf(path)
    dynamic = elf.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    assert found.bits == elf.elfclass
    assert found.type == "shared object"
    assert found.needed == [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]
    assert found.interpreter == ""
    flags = next(dynamic.iter_tags("DT_FLAGS")).entry.d_val
    assert ("STATIC_TLS" in found.flags) == bool(flags & 16)
    assert {"SYMBOLIC", "NODELETE"} <= set(found.flags)
    assert not found.exec_stack
    assert not found.stripped
    assert found.go is not None
    assert found.go.version.startswith(f"go{go}")
    assert found.go.settings["-buildmode"] == "c-shared"
    assert found.tls is not None
    assert (found.tls.size, found.tls.image, found.tls.models) == (found.tls.size, 0, ["initial-exec"])
    assert found.tls.size in (8, 16)
    assert [f.name for f in found.constructors][-1].startswith("_rt0_")
    assert {e.name for e in found.exports if e.go} > {"add", "panics", "there_and_back"}
    assert not [e.name for e in found.exports if e.go and e.kind != "function"]


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_symbols_and_relocations(target: str, go: str) -> None:
    path = behaviour(target, go)
    found, elf = inspect_file(str(path)), _elf(path)
    symbols = elf.get_section_by_name(".dynsym")
    assert isinstance(symbols, SymbolTableSection)
    named = [s for s in symbols.iter_symbols() if s.name and s["st_info"]["bind"] != "STB_LOCAL"]
    assert {e.name for e in found.exports} == {s.name for s in named if s["st_shndx"] != "SHN_UNDEF"}
    assert {e.name for e in found.imports} == {s.name for s in named if s["st_shndx"] == "SHN_UNDEF"}
    weak = {s.name for s in named if s["st_info"]["bind"] == "STB_WEAK"}
    both: list[Export | Import] = [*found.exports, *found.imports]
    assert {entry.name for entry in both if entry.weak} == weak
    types: Counter[int] = Counter()
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection) and section.name in (
            ".rela.dyn",
            ".rela.plt",
            ".rel.dyn",
            ".rel.plt",
        ):
            types.update(relocation["r_info_type"] for relocation in section.iter_relocations())
    assert list(found.relocations.values()) == sorted(types.values(), reverse=True)
    if target.endswith(("gnu", "gnueabi", "gnueabihf")):
        assert all(entry.version.startswith("GLIBC_") for entry in found.imports if not entry.weak)


@pytest.mark.parametrize(
    ("target", "floats", "cpu"), [("armv7-gnueabihf", "hard", "v7"), ("armv5-gnueabi", "soft", "v5TE")]
)
def test_arm_abi(target: str, floats: str, cpu: str) -> None:
    found = inspect_file(str(behaviour(target, "1.27")))
    assert found.abi["EABI version"] == "5"
    assert found.abi["float ABI"] == floats
    assert found.abi["CPU architecture"].startswith(cpu)
    assert inspect_file(str(behaviour("arm64-gnu", "1.27"))).abi == {}


def test_a_file_without_section_headers() -> None:
    elf = read(behaviour("armv7-gnueabihf", "1.27"))
    whole, bare = inspect_elf(elf), inspect_elf(without_sections(elf))
    assert bare.stripped
    assert bare.abi == {"EABI version": "5", "float ABI": "hard"}
    for name in (
        "go",
        "exports",
        "imports",
        "relocations",
        "tls",
        "constructors",
        "flags",
        "relro",
        "needed",
    ):
        assert getattr(bare, name) == getattr(whole, name)


def test_a_stripped_go_library() -> None:
    found = inspect_file(str(go_library("behaviour", "arm64-gnu", stripped=True)))
    assert found.go is not None
    assert found.constructors[-1].name == "_rt0_arm64_linux_lib"
    assert {"add", "panics"} <= {export.name for export in found.exports if export.go}


def test_a_c_library_and_a_program() -> None:
    library = inspect_file(str(c_library("faulty", "amd64-gnu")))
    assert (library.type, library.soname, library.go) == ("shared object", "libfaulty.so", None)
    assert {"add", "overflow"} <= {export.name for export in library.exports}
    program = inspect_file(str(c_program("echo_stdin", "amd64-gnu")))
    assert program.type == "position-independent executable"
    assert program.interpreter == "/lib64/ld-linux-x86-64.so.2"
    fixed = inspect_file(str(c_program("chain_host_fixed", "amd64-gnu")))
    assert fixed.type == "executable"
    assert fixed.relocations["R_X86_64_COPY"] >= 1


def test_json_and_text_say_the_same() -> None:
    found = inspect_file(str(behaviour("armv5-gnueabi", "1.22")))
    document = json.loads(json.dumps(found.to_dict()))
    assert document["go"]["version"] == "go1.22.10"
    text = render_text(found)
    for words in (
        "32-bit shared object for ARM",
        "float ABI soft",
        "go1.22.10",
        "R_ARM_RELATIVE",
        "_rt0_arm_linux_lib",
    ):
        assert words in text
    assert "add function go" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "file too short"),
        (b"#!/bin/sh\n" * 10, "invalid ELF header"),
        (b"\x7fELF\2\1\1" + bytes(57), "ELF"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.so"
    path.write_bytes(content)
    with pytest.raises(LoadError, match=words):
        inspect_file(str(path))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        inspect_file(str(tmp_path / "absent.so"))


def test_a_truncated_library_is_a_load_error_or_less() -> None:
    data = behaviour("arm64-gnu", "1.27").read_bytes()
    for size in range(100, len(data), len(data) // 40):
        with suppress(LoadError):
            inspect_elf(ElfFile(data[:size], "cut.so"))
