"""Go files for these tests: built, stripped, without section headers, with a table made by hand."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from emuload.golang.library import GoLibrary, open_library
from loader.elf import ElfFile
from tests.support import toolchain
from tests.support.targets import ALL, GNU

BUILT = [(target, "1.27") for target in ALL] + [
    (target, "1.22") for target in GNU
]
"""(target, Go version) of the library `behaviour` that the whole suite builds."""


def behaviour(target: str, go: str) -> Path:
    """The library with one export per behaviour, not stripped."""
    return toolchain.go_library("behaviour", target, go)


def read(path: Path) -> ElfFile:
    """The file as the loader reads it."""
    return ElfFile(path.read_bytes(), str(path))


def opened(elf: ElfFile) -> GoLibrary:
    """The file's Go side, which must be there."""
    library = open_library(elf)
    assert library is not None
    return library


def without_sections(elf: ElfFile) -> ElfFile:
    """The same file as it is after its section headers were taken off."""
    data = bytearray(elf.data)
    if elf.machine.word == 8:
        struct.pack_into("<Q", data, 0x28, 0)
        struct.pack_into("<HHH", data, 0x3A, 0, 0, 0)
    else:
        struct.pack_into("<I", data, 0x20, 0)
        struct.pack_into("<HHH", data, 0x2E, 0, 0, 0)
    return ElfFile(bytes(data), elf.path)


def go_tool(*words: str) -> str:
    """What a command of the Go toolchain prints."""
    root = toolchain.go_root("1.27")
    cache = toolchain.cache_folder()
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(cache),
        "GOCACHE": str(cache / "go-build"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
    }
    program = str(root / "bin" / "go")
    done = subprocess.run([program, *words], env=environ, capture_output=True, text=True, check=True)
    return done.stdout
