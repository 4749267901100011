"""Compiles the built-in libgcc_s.so.1: ``python -m emuload.libc.build_libgcc [abi …]``.

It is LLVM's libunwind and zig's compiler runtime, both from ziglang's sources, under the names and versions of GNU's
libgcc_s.so.1. These are listed in ``libgcc/<architecture>.txt``, a name and a version a line, from Debian 12's libgcc-s1:

    nm -D --with-symbol-versions libgcc_s.so.1 | awk 'NF == 3 && $2 != "A" {print $3}'

with the default version of a name that has two. The results lie beside the C library's, and depend on as little.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from emuload.libc import build
from emuload.libc.builtins import LIBGCC
from emuload.machine.targets import LibcTarget

SOURCES = build.HERE / "libgcc"

COMPILE = (
    *("-O2", "-g0", "-fPIC", "-DNDEBUG", "-D_LIBUNWIND_IS_NATIVE_ONLY", "-D_GNU_SOURCE", "-fno-ident", "-funwind-tables"),
    *("-fstrict-aliasing", "-fno-stack-protector", "-fno-sanitize=all", "-fno-omit-frame-pointer", "-fvisibility=hidden"),
    *("-Wno-bitwise-conditional-parentheses", "-Wno-bitwise-instead-of-logical", "-Wno-visibility"),
    *("-Wno-incompatible-pointer-types", "-Wno-dll-attribute-on-redeclaration"),
)
LANGUAGES = {
    ".cpp": ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-nostdinc++", "-x", "c++"),
    ".c": ("-std=c17", "-fexceptions"),
    ".S": (),
}
OWN = ("unwinder.cpp", "ehabi.cpp", "extras.c")
UNWINDER = {
    "UnwindLevel1.c": (),
    "UnwindLevel1-gcc-ext.c": ("-D__register_frame=__llvm_register_frame", "-D__deregister_frame=__llvm_deregister_frame"),
    "UnwindRegistersSave.S": (),
    "UnwindRegistersRestore.S": (),
    "gcc_personality_v0.c": (),
}
"""Files of libunwind, and flags for some. libunwind.cpp and Unwind-EHABI.cpp come by way of unwinder.cpp and ehabi.cpp; the
registration of tables in GNU's way is in extras.c."""
LINK = (
    *("-shared", "-soname", LIBGCC, "--build-id=none", "--hash-style=gnu", "--gc-sections", "--eh-frame-hdr"),
    *("-z", "noexecstack", "-z", "relro", "-z", "now", "-z", "defs", "--fatal-warnings", "-Bsymbolic"),
)


def path(abi: str, folder: Path = build.BUILT) -> Path:
    """The result for an ABI."""
    return folder / f"{abi}-libgcc_s.so"


def versions(target: LibcTarget) -> dict[str, str]:
    """The version of each name that GNU's library exports."""
    lines = (SOURCES / f"{target.folder}.txt").read_text(encoding="ascii").splitlines()
    return {line.split()[0]: line.split()[1] for line in lines}


def version_script(wanted: dict[str, str], defined: set[str]) -> str:
    """A linker's version script: each version with the names of it that are defined, and its predecessor of the same kind."""
    text: list[str] = []
    before: dict[str, str] = {}
    for version in sorted(set(wanted.values()), key=_numbers):
        kind = version.partition("_")[0]
        names = sorted(name for name, of in wanted.items() if of == version and name in defined)
        body = f"global: {'; '.join(names)};" if names else ""
        text.append(f"{version} {{ {body} }} {before.get(kind, '')};")
        before[kind] = version
    return "\n".join([*text[:-1], text[-1].replace(" }", " local: *; }"), ""])


def _numbers(version: str) -> tuple[str, list[int]]:
    kind, _, number = version.partition("_")
    return kind, [int(part) for part in re.split(r"\D+", number)]


def build_libgcc(target: LibcTarget, into: Path, libc: Path | None = None) -> Path:
    """Compile and link the library for one ABI, and return its path. ``libc``: the C library that it is linked with."""
    into.mkdir(parents=True, exist_ok=True)
    result = path(target.abi, into)
    unwinder = build.zig_library() / "libunwind"
    wanted = versions(target)
    with tempfile.TemporaryDirectory(prefix="emuload-libgcc-") as scratch:
        objects: list[str] = []
        sources: dict[Path, tuple[str, ...]] = dict.fromkeys((SOURCES / name for name in OWN), ())
        sources |= dict.fromkeys(sorted((SOURCES / target.folder).glob("*.[cS]")), ())
        sources |= {unwinder / "src" / name: more for name, more in UNWINDER.items()}
        for source, more in sources.items():
            objects.append(str(Path(scratch) / f"{source.stem}.o"))
            flags = (*COMPILE, *more, *LANGUAGES[source.suffix], f"-I{unwinder / 'include'}", f"-I{unwinder / 'src'}")
            build.zig("cc", "-target", target.triple, *target.cpu, *flags, "-c", str(source), "-o", objects[-1])
            build.unhide(objects[-1], set(wanted))
        runtime = str(Path(scratch) / "runtime.o")
        build.compiler_runtime(target, runtime, set(wanted))
        defined = {name for each in (*objects, runtime) for name, here, _ in build.global_symbols(each) if here}
        script = Path(scratch) / "versions"
        script.write_text(version_script(wanted, defined))
        linked = Path(scratch) / result.name
        files = (*objects, runtime, str(libc or build.BUILT / f"{target.abi}.so"))
        build.zig("ld.lld", "-m", target.emulation, *LINK, "--version-script", str(script), *files, "-o", str(linked))
        temporary = result.with_suffix(f".{os.getpid()}.tmp")
        shutil.copyfile(linked, temporary)
        temporary.chmod(0o644)
        temporary.replace(result)
    return result


def main() -> int:
    """Build the ABIs named on the command line, or all of them."""
    described = "Compile the built-in libgcc_s.so.1."
    parser = argparse.ArgumentParser(prog="python -m emuload.libc.build_libgcc", description=described)
    parser.add_argument("abi", nargs="*", choices=[[], *(target.abi for target in build.TARGETS)], help="default: all")
    parser.add_argument("--into", type=Path, default=build.BUILT, help="folder for the results")
    options = parser.parse_args()
    for target in build.TARGETS:
        if not options.abi or target.abi in options.abi:
            try:
                print(build_libgcc(target, options.into))
            except subprocess.CalledProcessError as error:
                return error.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
