"""Compiles the native hooks: ``python -m emuload.machine.hooks.build [convention …]``.

``src/hooks.c`` goes through ziglang's clang once for each calling convention of hosts. The object file's code, which needs no
relocation, goes into ``built/<convention>.bin`` after the hooks' offsets (`emuload.machine.hooks.native` reads it). The result
depends only on the sources and the pinned ziglang (extra ``toolchain``), so that a rebuild is the committed file byte for byte.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from struct import unpack_from

from emuload.machine.hooks.native import BUILT, HOOKS, OFFSETS

SOURCES = Path(__file__).resolve().parent / "src"

ALIGNMENT = 32
"""Of the code in the file, so that the compiler's alignment of functions and loops holds in memory too."""


@dataclass(frozen=True)
class Target:
    """One calling convention: the triple that is compiled, and the triples of other hosts that share the result."""

    convention: str
    triple: str
    machine: tuple[str, ...]
    shared_with: tuple[str, ...]


# x86-64 macOS has Linux's convention, and zig gives the same bytes for both. AArch64 has one procedure call standard everywhere
# but for two rules of some systems, which this code keeps on all: x18 is not touched (it belongs to macOS and Windows), and x29
# holds nothing but frame pointers (macOS). Arguments on the stack, which macOS packs, the hooks do not have there.
_X86_64 = ("-mcpu=x86_64", "-mno-red-zone", "-fcf-protection=none", "-fomit-frame-pointer")
_AARCH64 = ("-mcpu=generic+reserve_x18", "-fno-omit-frame-pointer")
TARGETS = (
    Target("x86_64-sysv", "x86_64-linux-gnu", _X86_64, ("x86_64-macos",)),
    Target("x86_64-windows", "x86_64-windows-gnu", _X86_64, ()),
    Target("aarch64", "aarch64-linux-gnu", _AARCH64, ("aarch64-macos", "aarch64-windows-gnu")),
)

# General registers only: Windows wants some vector registers kept.
COMPILE = (
    *("-std=gnu17", "-O2", "-g0", "-ffreestanding", "-fPIC", "-fvisibility=hidden", "-mgeneral-regs-only"),
    *("-fno-stack-protector", "-fno-stack-check", "-fno-sanitize=all", "-fno-ident", "-fno-jump-tables"),
    *("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-Wall", "-Wextra", "-Werror"),
)


def compile_object(triple: str, machine: tuple[str, ...]) -> bytes:
    """The object file that zig makes of hooks.c; raises CalledProcessError with the compiler's words already on stderr."""
    with tempfile.TemporaryDirectory(prefix="emuload-hooks-") as scratch:
        result = Path(scratch) / "hooks.o"
        command = (sys.executable, "-m", "ziglang", "cc", "-target", triple, *machine, *COMPILE)
        subprocess.run([*command, "-c", "hooks.c", "-o", str(result)], check=True, cwd=SOURCES)
        return result.read_bytes()


def code_of(data: bytes) -> tuple[bytes, dict[str, int]]:
    """The code in an object file, and the offsets of its functions."""
    return _elf_code(data) if data.startswith(b"\x7fELF") else _coff_code(data)


def _elf_code(data: bytes) -> tuple[bytes, dict[str, int]]:
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(BytesIO(data))
    index, text = elf.get_section_index(".text"), elf.get_section_by_name(".text")
    for section in elf.iter_sections():
        _check(section["sh_type"] not in ("SHT_RELA", "SHT_REL"), section.name)
        _check(not section["sh_flags"] & SH_FLAGS.SHF_ALLOC or not section["sh_size"] or section.name == ".text", section.name)
    symbols = elf.get_section_by_name(".symtab").iter_symbols()
    return text.data(), {each.name: each["st_value"] for each in symbols if each["st_shndx"] == index and each.name}


_NOT_LOADED = 0x800 | 0x2000000  # IMAGE_SCN_LNK_REMOVE, IMAGE_SCN_MEM_DISCARDABLE
_EXTERNAL = 2  # IMAGE_SYM_CLASS_EXTERNAL


def _coff_code(data: bytes) -> tuple[bytes, dict[str, int]]:
    """PE Format, "COFF File Header", "Section Table", "COFF Symbol Table"."""
    _, sections, _, table, count, optional, _ = unpack_from("<HHIIIHH", data)
    text, code = 0, b""
    for number in range(1, sections + 1):
        header = unpack_from("<8sIIIIIIHHI", data, 20 + optional + 40 * (number - 1))
        name, size, at, relocations, flags = header[0].rstrip(b"\0").decode(), header[3], header[4], header[7], header[9]
        _check(flags & _NOT_LOADED or (not relocations and (not size or name == ".text")), name)
        if name == ".text":
            text, code = number, data[at : at + size]
    functions, index, strings = {}, 0, table + 18 * count
    while index < count:
        raw, value, section, _, storage, auxiliary = unpack_from("<8sIhHBB", data, table + 18 * index)
        if section == text and storage == _EXTERNAL:
            short, offset = unpack_from("<II", raw)
            symbol = raw if short else data[strings + offset :].partition(b"\0")[0]
            functions[symbol.rstrip(b"\0").decode()] = value
        index += 1 + auxiliary
    return code, functions


def _check(holds: object, section: str) -> None:
    """The code must be alone, and need no relocation."""
    if not holds:
        raise SystemExit(f"hooks.c: {section} is not position-independent code")


def flat(target: Target) -> bytes:
    """The file for one calling convention: offsets of HOOKS, then the code."""
    code, functions = code_of(compile_object(target.triple, target.machine))
    start = -(-OFFSETS.size // ALIGNMENT) * ALIGNMENT
    return OFFSETS.pack(*(start + functions[name] for name in HOOKS)).ljust(start, b"\0") + code


def build(target: Target, into: Path) -> Path:
    """Write one calling convention's file, and return its path. A file that is mapped somewhere is replaced, not changed."""
    into.mkdir(parents=True, exist_ok=True)
    result = into / f"{target.convention}.bin"
    temporary = result.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(flat(target))
    temporary.replace(result)
    return result


def main() -> int:
    """Build the files named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m emuload.machine.hooks.build", description="Compile the native hooks.")
    names = [target.convention for target in TARGETS]
    parser.add_argument("convention", nargs="*", choices=[[], *names], help="default: all")
    parser.add_argument("--into", type=Path, default=Path(BUILT), help="folder for the results")
    options = parser.parse_args()
    for target in TARGETS:
        if not options.convention or target.convention in options.convention:
            try:
                print(build(target, options.into))
            except subprocess.CalledProcessError as error:
                return error.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
