"""The beginning and the end of a process under each linker: preinit array, handlers of exit, destructors, dlopen at exit."""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload.errors import GuestFailed
from emuload.process.process import Process
from tests.loader.steps import MUSL, host_glibc, host_musl
from tests.support.oracle import run_native
from tests.support.toolchain import c_library, c_program

HERE = Path(__file__).parent


def emulated(libc: str, profile: str, environment: dict[str, str]) -> tuple[int, str]:
    library = c_library(HERE / "life_library.c", f"amd64-{libc}")
    program = c_program(HERE / "life.c", f"amd64-{libc}", [library])
    written: list[bytes] = []
    process = Process(
        "amd64",
        profile=profile,
        program="/life/life",
        files={"/life/life": str(program)},
        args=["life"],
        env={"LD_LIBRARY_PATH": "/life", **environment},
        maps=[(str(library.parent), "/life", False)],
        on_output=lambda stream, data: written.append(data),
    )
    try:
        status = process.run_program()
    except GuestFailed as failed:
        status = failed.status or 0
    return status, b"".join(written).decode().replace("\0", "")


def native(libc: str, environment: dict[str, str]) -> tuple[int, str]:
    library = c_library(HERE / "life_library.c", f"amd64-{libc}")
    program = c_program(HERE / "life.c", f"amd64-{libc}", [library])
    found = run_native(program, libraries=[library.parent], env=environment)
    return int(found.status), found.stdout.replace("\0", "")


@pytest.mark.parametrize("environment", [{}, {"EARLY": "1"}], ids=["whole", "early"])
@pytest.mark.parametrize("libc", ["gnu", "musl"])
def test_a_process_begins_and_ends_as_natively(libc: str, environment: dict[str, str]) -> None:
    if libc == "musl" and not MUSL.exists():
        pytest.skip("needs musl")
    profile = f"musl:{host_musl()}" if libc == "musl" else f"glibc:{host_glibc()}"
    assert emulated(libc, profile, environment) == native(libc, environment)
