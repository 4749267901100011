"""Guests and files that mean no good, in a process: each ends with a report or one line, and never with a traceback."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import emuload
from emuload.errors import GuestFailed
from loader import gabi as e
from loader.errors import LoadError
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.support.command_line import emuload as run_command
from tests.support.command_line import source_file
from tests.support.running import run
from tests.support.targets import arch_of
from tests.support.toolchain import c_library, c_program

GNU = ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"]

POINTERS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    void *wild = (void *)(8UL + (unsigned long)argc - 2);
    Dl_info info;
    switch (atoi(argv[1])) {
    case 0: return dlopen(wild, RTLD_NOW) != NULL;
    case 1: return dlsym(RTLD_DEFAULT, wild) != NULL;
    case 2: return dladdr((void *)main, wild);
    case 3: return dlsym(RTLD_DEFAULT, "caf\\xe9") != NULL;
    case 4: return dlopen("caf\\xe9.so", RTLD_NOW) != NULL;
    case 5: return dladdr(wild, &info);
    default: return 9;
    }
}
"""


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("case", [0, 1, 2])
def test_a_wild_pointer_given_to_the_linker_is_the_guests_fault(target: str, case: int) -> None:
    program = c_program(source_file("wild_pointers", POINTERS), target)
    with pytest.raises(GuestFailed, match=r"killed by SIGSEGV at .*address 0x8") as caught:
        run(target, program, [str(case)])
    assert caught.value.report.threads[0].frames


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("case", [3, 4, 5])
def test_names_that_are_no_text_are_names_like_others(target: str, case: int) -> None:
    program = c_program(source_file("wild_pointers", POINTERS), target)
    assert run(target, program, [str(case)]).kernel.exit_status == 0


STRAY = """
#include <pthread.h>

static void *(*stray)(void *);

int go(void) {
    pthread_t thread;
    stray = (void *(*)(void *))(OFFSET + (char *)__builtin_return_address(0));
    pthread_create(&thread, 0, stray, 0);
    pthread_join(thread, 0);
    return 1;
}
"""


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("offset", [0, 0x4000])
def test_a_thread_that_runs_into_the_emulators_stubs(target: str, offset: int) -> None:
    """Where the host's call returns to, and behind it."""
    library = c_library(source_file("stray", STRAY), target, flags=[f"-DOFFSET={offset}"])
    opened = emuload.Process(arch_of(target)).dlopen(str(library))
    with pytest.raises(GuestFailed, match="ran into the emulator's own code"):
        opened.call("go")


@pytest.mark.parametrize("machine", ["amd64", "arm", "arm64"])
@pytest.mark.parametrize(("size", "align"), [(3 << 30, 8), (8, 1 << 30), (400 << 20, 16)])
def test_thread_local_data_that_no_thread_has_room_for(tmp_path: Path, machine: str, size: int, align: int) -> None:
    writer = ElfWriter(machine, needed=("libc.so.6",))
    writer.thread_local(b"x", size, 8)
    writer.tls = (*writer.tls[:3], align) if writer.tls else None
    path = tmp_path / "x.so"
    path.write_bytes(writer.build())
    limits = emuload.Limits(memory=256 << 20)
    with pytest.raises(LoadError, match="cannot allocate TLS data structures for initial thread") as caught:
        emuload.Process(machine, needed=[str(path)], limits=limits).start()
    assert f"PT_TLS of {size} bytes, aligned to {align:#x}" in caught.value.where
    process = emuload.Process(machine, limits=limits)
    process.dlopen(str(path)).close()


def test_thousands_of_functions_that_the_c_library_lacks(tmp_path: Path) -> None:
    """References to one missing function share a stub; there are not enough for thousands of functions."""
    writer = ElfWriter(needed=("libc.so.6",))
    writer.undefined("iconv_open")
    slot = writer.words(0)
    for _ in range(1200):
        writer.plt.append((7, slot, "iconv_open", 0))
    path = tmp_path / "x.so"
    path.write_bytes(writer.build())
    process = emuload.Process("amd64")
    process.dlopen(str(path))
    assert len(process.stubs.entries) == 2


@pytest.mark.parametrize("place", ["stack", "stubs", "kernel"])
def test_a_program_whose_place_is_taken(tmp_path: Path, place: str) -> None:
    """Linux maps a program where nothing is (MAP_FIXED_NOREPLACE in fs/binfmt_elf.c), or not at all."""
    abi = emuload.Process("arm").cpu.abi
    base = {"stack": abi.stack_top - 0x2_0000, "stubs": abi.map_top - 0x8000, "kernel": 0xFFFE_8000}[place] & -0x1000
    writer = ElfWriter("arm", type=e.ET_EXEC, base=base, needed=("libc.so.6",))
    writer.extra_segments = [(e.PT_INTERP, 4, 0, base, 1, 1, 1)]
    path = tmp_path / "prog"
    path.write_bytes(writer.build())
    with pytest.raises(LoadError, match="failed to map segment from shared object"):
        emuload.Process("arm", program=str(path)).start()


def test_a_file_name_that_is_no_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = f"{tmp_path}/caf\udce9.so"
    Path(path).write_bytes(c_library("faulty", "amd64-gnu").read_bytes())
    process = emuload.Process("amd64")
    process.dlopen(path)
    process.exit()
    ended = run_command(capsys, "run", path, "--call", "nowhere()")
    assert ended.status == 2
    assert r"caf\udce9.so: undefined symbol: nowhere" in ended.err
    assert run_command(capsys, "inspect", path).status == 0


def test_names_of_control_characters_are_shown_as_such(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    writer = ElfWriter(soname="lib\x1b[2J.so", needed=("libc.so.6",))
    writer.define("clear\x1b[2Jscreen\nnow", TEXT)
    writer.text = struct.pack("<H", 0x0B0F) * 8  # ud2
    writer.constructors(TEXT)
    path = tmp_path / "x.so"
    path.write_bytes(writer.build())
    shown = run_command(capsys, "inspect", path)
    assert shown.status == 0
    assert r"clear\x1b[2Jscreen\nnow" in shown.out
    failed = run_command(capsys, "run", path)
    assert failed.status == 1
    assert "clear\\x1b[2Jscreen\\nnow" in failed.err
    assert "\x1b" not in shown.out + failed.err
