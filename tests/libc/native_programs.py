"""Builds the text, number and memory half of the emulated C library to run natively beside the host's.

Its sources are compiled as for amd64, with oracle/native.h in internal.h's place; the programs in oracle/
load it and compare it with the host's own C library, function by function.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emuload.libc import build
from tests.support.toolchain import c_program, cached

ORACLE = Path(__file__).parent / "oracle"
TEXT_HALF = [
    *("mem", "str", "ctype", "errors", "malloc", "sort", "random", "env", "locale", "strtol", "strtod"),
    *("multibyte", "wchar", "stdio", "stdio_io", "memstream", "tempfiles", "fmt_float", "format", "printf"),
    *("scanf", "err", "getopt", "fnmatch", "glob", "wstdio", "math_core", "math_exp", "math_trig"),
    *("math_exact", "math_types", "math_special", "math_complex", "fenv", "oldnames"),
]


def available() -> bool:
    """Whether this host can run what is built: x86-64 Linux."""
    import platform

    return sys.platform == "linux" and platform.machine() == "x86_64"


def _make(place: Path) -> None:
    target = build.TARGETS[0]
    with tempfile.TemporaryDirectory(prefix="emuload-oracle-") as scratch:
        sources = [build.SOURCES / f"{name}.c" for name in TEXT_HALF if (build.SOURCES / f"{name}.c").exists()]
        objects = [str(Path(scratch) / f"{path.stem}.o") for path in sources]

        def compile_one(pair: tuple[Path, str]) -> None:
            native = ["-include", str(ORACLE / "native.h"), "-I", str(build.SOURCES)]
            options = [*target.cpu, *build.COMPILE, *native]
            build.zig("cc", "-target", target.triple, *options, "-c", str(pair[0]), "-o", pair[1])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(compile_one, zip(sources, objects, strict=True)))
        runtime = str(Path(scratch) / "runtime.o")
        build.compiler_runtime(
            target, runtime, {name for path in objects for name, here, _ in build.global_symbols(path) if here}
        )
        linked = Path(scratch) / "libemu.so"
        options = ["-shared", "-Bsymbolic", "--gc-sections", "-m", target.emulation]
        build.zig("ld.lld", *options, *objects, runtime, "-o", str(linked))
        shutil.copyfile(linked, place / linked.name)


def library() -> Path:
    """The library to compare."""
    described: Sequence[Path] = [*sorted(build.SOURCES.glob("*.[ch]")), ORACLE / "native.h"]
    return cached("libc-oracle", "amd64-gnu", [*build.COMPILE, *TEXT_HALF], described, _make) / "libemu.so"


def program(name: str) -> Path:
    """One of the programs that compare."""
    return c_program(ORACLE / f"{name}.c", "amd64-gnu", link=["-lm", "-ldl"], flags=["-O1", "-w", "-fno-builtin"])
