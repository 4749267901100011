"""Compiles the emulated C library: ``python -m emuload.libc.build [abi …]``.

Every ``src/*.c`` and ``src/<architecture>/*.S`` goes through ziglang's clang, once per ABI, and is linked into
``built/<abi>.so``. The result depends only on the sources and the pinned ziglang (extra ``toolchain``):
no debug info, no build id, paths and times left out, so that a rebuild is the committed file byte for byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from elftools.elf.elffile import ELFFile

from emuload.machine.targets import LibcTarget, libc_targets

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
BUILT = HERE / "built"


TARGETS = libc_targets()

COMPILE = (
    *("-std=gnu17", "-O2", "-g0", "-fPIC", "-D_GNU_SOURCE", "-U_FORTIFY_SOURCE"),
    "-D__NO_INLINE__",  # keeps glibc's headers from defining inline what is defined here
    *("-fno-builtin", "-fno-strict-aliasing", "-fno-common", "-fno-math-errno", "-ffp-contract=off"),
    *("-fno-stack-protector", "-fno-sanitize=all", "-fno-ident", "-ftls-model=initial-exec", "-fvisibility=hidden"),
    *("-fno-omit-frame-pointer", "-funwind-tables"),
    *("-Wall", "-Wextra", "-Werror=implicit-function-declaration", "-Wno-unused-parameter"),
    *("-Wno-missing-field-initializers", "-Wno-tautological-pointer-compare", "-Wno-builtin-requires-header"),
    "-Wno-incompatible-library-redeclaration",
)
LINK = (
    *("-shared", "-soname", "libc.so.6", "--build-id=none", "--hash-style=gnu", "--gc-sections", "--eh-frame-hdr"),
    *("-z", "noexecstack", "-z", "relro", "-z", "now", "-z", "defs", "--fatal-warnings"),
    "-Bsymbolic-functions",  # data symbols stay open: a program's COPY relocation moves stdout or environ
)
# 64-bit division, long double, soft float: zig's compiler runtime, from its source so that it carries no debug data.
RUNTIME = ("-O", "ReleaseFast", "-fPIC", "-fstrip", "-ffunction-sections", "-fdata-sections", "-fno-stack-check")


def zig(*arguments: str) -> None:
    """Run zig; raises CalledProcessError with the compiler's words already on stderr."""
    subprocess.run([sys.executable, "-m", "ziglang", *arguments], check=True, cwd=SOURCES)


def global_symbols(path: str) -> list[tuple[str, bool, int]]:
    """(name, defined here, file offset of the st_other byte) of every global symbol of a relocatable file."""
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        table = elf.get_section_by_name(".symtab")
        entry = table["sh_entsize"]
        other = 5 if elf.elfclass == 64 else 13  # gABI, Symbol Table: Elf64_Sym and Elf32_Sym
        return [
            (symbol.name, symbol["st_shndx"] != "SHN_UNDEF", table["sh_offset"] + index * entry + other)
            for index, symbol in enumerate(table.iter_symbols())
            if symbol["st_info"]["bind"] != "STB_LOCAL"
        ]


def zig_library() -> Path:
    """The folder of ziglang's sources."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise SystemExit("ziglang is not installed: pip install 'emuload[toolchain]'")
    return Path(spec.origin).parent / "lib"


def compiler_runtime(target: LibcTarget, result: str, own: set[str]) -> None:
    """Compile zig's compiler runtime.

    All its symbols are hidden and weak, and the linker takes the strictest visibility it meets, so a `memcpy` or `sin`
    in there would hide ours. For the names in `own` the mark is taken off.
    """
    source = zig_library() / "compiler_rt.zig"
    machine = ("-target", target.triple, target.cpu[0])
    zig("build-obj", str(source), *machine, *RUNTIME, "--name", "rt", f"-femit-bin={result}")
    unhide(result, own)


def unhide(path: str, names: set[str]) -> None:
    """Take the mark "hidden" off symbols of a relocatable file."""
    content = bytearray(Path(path).read_bytes())
    for name, _, offset in global_symbols(path):
        if name in names:
            content[offset] &= ~3
    Path(path).write_bytes(content)


def sources(target: LibcTarget) -> list[Path]:
    """The C files and the target's assembly files, in the order in which they are linked: by folder and name."""
    assembly = SOURCES.glob(f"{target.folder}/*.S")
    return sorted([*SOURCES.glob("*.c"), *assembly], key=lambda path: "_".join(path.relative_to(SOURCES).parts))


def build(
    target: LibcTarget, into: Path, jobs: int = 2, only: list[str] | None = None, keep_going: bool = False
) -> Path:
    """Compile and link one ABI's library, and return its path.

    `only` names source files to check without linking; with `keep_going` files that do not compile are left out.
    """
    into.mkdir(parents=True, exist_ok=True)
    result = into / f"{target.abi}.so"
    with tempfile.TemporaryDirectory(prefix="emuload-libc-") as scratch:
        files = [path for path in sources(target) if not only or path.name in only]
        objects = [str(Path(scratch) / f"{index:03}-{path.stem}.o") for index, path in enumerate(files)]

        def compile_one(pair: tuple[Path, str]) -> None:
            try:
                zig("cc", "-target", target.triple, *target.cpu, *COMPILE, "-c", str(pair[0].relative_to(SOURCES)), "-o", pair[1])
            except subprocess.CalledProcessError:
                if not keep_going:
                    raise
                print(f"{target.abi}: {pair[0].name} left out", file=sys.stderr)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(compile_one, zip(files, objects, strict=True)))
        if only:
            return result
        objects = [path for path in objects if Path(path).exists()]
        linked = Path(scratch) / result.name
        runtime = str(Path(scratch) / "runtime.o")
        compiler_runtime(target, runtime, {name for path in objects for name, here, _ in global_symbols(path) if here})
        zig("ld.lld", "-m", target.emulation, *LINK, *objects, runtime, "-o", str(linked))
        temporary = result.with_suffix(f".{os.getpid()}.tmp")
        shutil.copyfile(linked, temporary)
        temporary.chmod(0o644)
        temporary.replace(result)
    return result


def main() -> int:
    """Build the ABIs named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m emuload.libc.build", description="Compile the emulated C library.")
    parser.add_argument("abi", nargs="*", choices=[[], *(target.abi for target in TARGETS)], help="default: all")
    parser.add_argument("--into", type=Path, default=BUILT, help="folder for the results")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", metavar="FILE.c", help="compile these files only, and do not link")
    parser.add_argument("--keep-going", action="store_true", help="leave out files that do not compile")
    options = parser.parse_args()
    for target in TARGETS:
        if not options.abi or target.abi in options.abi:
            try:
                print(build(target, options.into, options.jobs, options.only, options.keep_going))
            except subprocess.CalledProcessError as error:
                return error.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
