"""C++ of another compiler: g++'s programs with Debian's libstdc++, with the built-in libgcc_s.so.1 and with Debian's own.

Each program in cxx/ prints what it sees; the emulator must print what the same file does natively, or under qemu-user.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from emuload.errors import GuestFailed
from emuload.libc.builtins import LIBGCC
from emuload.process.process import Process
from tests.support.cxx import GXX, cxx_library, cxx_program, runtime_library
from tests.support.oracle import Result, run_oracle
from tests.support.running import program_process

PROGRAMS = Path(__file__).parent / "cxx"
NAMES = (
    "exceptions", "across", "threads", "once", "leaving", "streams", "backtrace", "signals", "registered", "find_object",
    "arithmetic",
)  # fmt: skip
FLAGS = {
    "signals": ("-fnon-call-exceptions", "-fasynchronous-unwind-tables"),
    "arithmetic": ("-shared-libgcc",),
}
ELSEWHERE = {("registered", "armv7-gnueabihf"): "ARM's unwind tables cannot be registered"}
STDIN = "hello you\n5\n"
BUILT_IN, DEBIANS = "built-in", "Debian's"


def program(name: str, target: str) -> Path:
    return cxx_program(PROGRAMS / f"{name}.cc", target, FLAGS.get(name, ()))


def arguments(name: str, target: str) -> list[Path]:
    return [cxx_library(PROGRAMS / f"{name}_library.cc", target)] if name == "across" else []


@functools.cache
def expected(name: str, target: str, folder: Path) -> Result:
    return run_oracle(target, program(name, target), arguments(name, target), stdin=STDIN, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs write files natively."""
    return tmp_path_factory.mktemp("native")


def libraries(target: str, libgcc: str, folder: Path) -> list[str]:
    """A folder with Debian's libstdc++, and with its libgcc_s if that is asked for."""
    for name in ("libstdc++.so.6", *([LIBGCC] if libgcc == DEBIANS else [])):
        (folder / name).symlink_to(runtime_library(name, target))
    return [str(folder)]


def streams(process: Process) -> tuple[str, str]:
    chunks = process.files.fs.output.chunks
    out, err = (b"".join(data for number, data in chunks if number == stream).decode() for stream in (1, 2))
    return out, err


@pytest.mark.parametrize("libgcc", [BUILT_IN, DEBIANS])
@pytest.mark.parametrize("target", GXX)
@pytest.mark.parametrize("name", NAMES)
def test_prints_what_a_real_system_prints(name: str, target: str, libgcc: str, folder: Path, tmp_path: Path) -> None:
    if (name, target) in ELSEWHERE:
        pytest.skip(ELSEWHERE[name, target])
    wanted = expected(name, target, folder)
    given = arguments(name, target)
    process = program_process(
        target, program(name, target), [str(path) for path in given], given, stdin=STDIN.encode(),
        library_path=libraries(target, libgcc, tmp_path), cwd="/tmp",
    )  # fmt: skip
    try:
        status: int = process.run_program()
    except GuestFailed:
        assert process.kernel.exit_signal is not None
        status = -process.kernel.exit_signal
    assert (status, *streams(process)) == (wanted.status, wanted.stdout, wanted.stderr)
    unwinders = [obj for obj in process.link_map.objects if obj.path.endswith(LIBGCC)]
    assert [obj.is_builtin for obj in unwinders] == [libgcc == BUILT_IN] * len(unwinders)
