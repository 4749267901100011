"""The builds of the emulated C library and of its companion for a process, and the names they answer to.

The companion, libgcc_s.so.1, is LLVM's unwinder and zig's compiler runtime. A file of that name in the search path is taken
instead of it. The C library itself is always the emulated one.
"""

from __future__ import annotations

import os
from functools import cache

from emuload.machine.architecture import facts
from loader.elf import ElfFile
from loader.errors import LoadError
from loader.runtime import RuntimeNames

BUILT = os.path.join(os.path.dirname(__file__), "built")

LIBC = "libc.so.6"
"""Its name in link maps and reports."""

SONAMES = (
    LIBC, "libpthread.so.0", "libdl.so.2", "libm.so.6", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libc.so",
)  # fmt: skip

LIBGCC = "libgcc_s.so.1"
"""The compiler's runtime library: the unwinder of C++ and Rust, and arithmetic that the processor lacks."""

RUNTIME_NAMES = RuntimeNames(
    tlsdesc_static="__emu_tlsdesc_static",
    tlsdesc_dynamic="__emu_tlsdesc_dynamic",
    tlsdesc_undefined="__emu_tlsdesc_undefweak",
    lazy_resolver="__emu_lazy_resolve",
    tcb_size="__emu_tcb_size",
)
"""The emulated C library's own symbols that the loader uses."""


def architecture_of(path: str, data: bytes) -> str:
    """The emuload name of the architecture a file is for. Raises LoadError when it is no ELF file of one we know."""
    return ElfFile(data, path).machine.name


def hard_float(arch: str, data: bytes | None) -> bool:
    """True if a file passes floats in floating-point registers, or without a file."""
    flag = facts(arch).soft_float_flag
    if data is None or not flag:
        return True
    try:
        return not ElfFile(data, "").flags & flag
    except LoadError:
        return True


@cache
def _read(build: str) -> bytes:
    with open(os.path.join(BUILT, f"{build}.so"), "rb") as file:
        return file.read()


def builtins_for(arch: str, hard: bool) -> dict[str, tuple[str, bytes]]:
    """soname → (path, content) of the emulated C library for an architecture and float ABI."""
    return dict.fromkeys((*SONAMES, *facts(arch).linkers), (LIBC, _read(_build(arch, hard))))


def fallbacks_for(arch: str, hard: bool) -> dict[str, tuple[str, bytes]]:
    """soname → (path, content) of what is there if no file of that name is found."""
    return {LIBGCC: (LIBGCC, _read(f"{_build(arch, hard)}-libgcc_s"))}


def _build(arch: str, hard: bool) -> str:
    architecture = facts(arch)
    return architecture.libc_build if hard else architecture.soft_float_build
