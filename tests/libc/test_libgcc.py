"""The built-in libgcc_s.so.1: what it exports, and that its sources give the committed files."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from emuload.libc import build, build_libgcc
from emuload.libc.builtins import LIBC, LIBGCC
from emuload.machine.targets import LibcTarget
from loader.elf import ElfFile
from tests.support.cxx import GXX, runtime_library

ABSENT = frozenset({
    "__emutls_get_address", "__emutls_register_common", "__enable_execute_stack", "__frame_state_for",
    "__cpu_indicator_init", "__cpu_model",
})  # fmt: skip
"""Thread-local data without a linker's help, trampolines on a stack that is not executable, an interface of GCC 2, and tests of
the processor for programs that older versions of GCC built: what neither LLVM nor zig has, and nobody links with."""
FIXED_POINT = re.compile(
    r"__gnu_(?:sat)?(?:[us]s)?(?:fract|add|sub|mul|u?div|neg|ashl|ashr|lshr|cmp)\w*[qa][23]?(?:[sd][fi]|[qh]i)?"
)
"""C's fixed-point types (ISO/IEC TR 18037), which only GCC for ARM has."""


def exports(path: Path) -> dict[str, str]:
    """Default version of each name a library exports."""
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        definitions = elf.get_section_by_name(".gnu.version_d")
        names = {
            record["vd_ndx"]: next(iter(auxiliary)).name for record, auxiliary in definitions.iter_versions()
        }
        versions = elf.get_section_by_name(".gnu.version")
        found = {}
        for index, symbol in enumerate(elf.get_section_by_name(".dynsym").iter_symbols()):
            number = versions.get_symbol(index)["ndx"]
            if symbol["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS") and isinstance(number, int) and not number & 0x8000:
                found[symbol.name] = names[number]
        return found


def optional(name: str) -> bool:
    return name in ABSENT or FIXED_POINT.fullmatch(name) is not None


@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.abi)
def test_exports_what_the_list_names(target: LibcTarget) -> None:
    wanted = build_libgcc.versions(target)
    found = exports(build_libgcc.path(target.abi))
    assert {name: found.get(name) for name in wanted if not optional(name)} == {
        name: version for name, version in wanted.items() if not optional(name)
    }
    assert not set(found) - set(wanted)
    assert {"_Unwind_RaiseException", "_Unwind_Resume", "_Unwind_Backtrace", "__gcc_personality_v0"} <= set(found)


@pytest.mark.parametrize("target", GXX)
def test_list_is_debians(target: str) -> None:
    """Newer releases of GCC have more names; they take none away."""
    real = runtime_library(LIBGCC, target)
    machine = ElfFile(real.read_bytes(), str(real)).machine.name
    listed = build_libgcc.versions(next(each for each in build.TARGETS if each.folder == machine))
    found = exports(real)
    assert {name: found.get(name, version) for name, version in listed.items()} == listed
    assert len(set(found) & set(listed)) > 100


@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.abi)
def test_needs_the_c_library_only(target: LibcTarget) -> None:
    elf = ElfFile(build_libgcc.path(target.abi).read_bytes(), target.abi)
    assert elf.needed == (LIBC,)
    assert elf.soname == LIBGCC


@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.abi)
def test_rebuild_is_the_committed_file(target: LibcTarget, tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed")
    rebuilt = build_libgcc.build_libgcc(target, tmp_path).read_bytes()
    committed = build_libgcc.path(target.abi).read_bytes()
    assert hashlib.sha256(rebuilt).hexdigest() == hashlib.sha256(committed).hexdigest(), "python -m emuload.libc.build_libgcc"
