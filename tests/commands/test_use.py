"""Small things that people try first: names, units, pipes, what a command says of itself and of a wrong file."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import emuload as package
from emuload import samples
from emuload.commands.common import progress as progress_module
from emuload.commands.common.progress import progress
from emuload.commands.common.quantities import SIZE, TIME, size_text
from emuload.machine.architecture import ARCHITECTURES, named
from emuload.report.console import show_lines
from emuload.trace.jsonl import read
from tests.support.command_line import emuload, source_file
from tests.support.toolchain import c_library, c_program


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.path("amd64", tmp_path_factory.mktemp("samples"))


# -- architectures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x86_64", "amd64"), ("x86-64", "amd64"), ("x64", "amd64"), ("AMD64", "amd64"), ("linux/amd64", "amd64"),
        ("aarch64", "arm64"), ("armv8", "arm64"), ("arm64-v8a", "arm64"), ("linux/arm64/v8", "arm64"),
        ("aarch64-linux-gnu", "arm64"), ("armv7", "arm"), ("armv7l", "arm"), ("armhf", "arm"), ("armel", "arm"),
        ("arm-linux-gnueabihf", "arm"), ("linux/arm/v7", "arm"), ("armeabi-v7a", "arm"), ("x86_64-linux-musl", "amd64"),
    ],
)  # fmt: skip
def test_architectures_by_all_usual_names(text: str, name: str) -> None:
    assert named(text) == name
    assert package.Process(text).arch == name


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(package.UsageError, match=f"unknown architecture 'vax': choose from {', '.join(ARCHITECTURES)}"):
        package.Process("vax")


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1G", 1 << 30), ("1g", 1 << 30), ("512MiB", 512 << 20), ("1.5K", 1536), ("1e9", 10**9), ("1_000", 1000), ("7", 7),
        ("4KB", 4096),
    ],
)  # fmt: skip
def test_sizes(text: str, value: int) -> None:
    assert SIZE.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("text", "value"), [("5s", 5), ("250ms", 0.25), ("2m", 120), ("1h", 3600), ("0.5", 0.5), ("1e-3", 1e-3), ("10 us", 1e-5)]
)
def test_times(text: str, value: float) -> None:
    assert TIME.convert(text, None, None) == pytest.approx(value)


def test_sizes_are_shown_as_a_person_writes_them() -> None:
    assert [size_text(each) for each in (4 << 30, 64 << 20, 20 * 10**9, 1000)] == ["4G", "64M", "20e9", "1000"]


@pytest.mark.parametrize("text", ["1X", "G", "", "1e999", "0x10", "1 2", "9" * 5000])
def test_what_is_no_size_is_refused(capsys: pytest.CaptureFixture[str], library: Path, text: str) -> None:
    ended = emuload(capsys, "run", library, "--memory-limit", text)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


# -- run --------------------------------------------------------------------------------------------------------------


def test_run_without_a_call_says_what_it_did(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    out = emuload(capsys, "run", library).out
    assert f"{library}: loaded (amd64, glibc); it exports add, args, divide, env, greet, sum\n" in out
    assert "1 constructor ran, no call was made" in out
    assert "exit status 0" in out
    assert "no call" not in emuload(capsys, "run", library, "-c", "add(1, 2)").out


def test_run_of_a_program_names_exec_and_exec_of_a_library_run(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    program = c_program(source_file("use_program", "int main(void) { return 0; }"), "amd64-gnu")
    assert f"to run a program: emuload exec {program}\n" in emuload(capsys, "run", program).err
    assert f"to load a library: emuload run {library}\n" in emuload(capsys, "exec", library).err


def test_several_libraries_are_loaded_in_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = c_library(source_file("use_first", "int one(void) { return 1; } int both(void) { return 1; }"), "amd64-gnu")
    second = c_library(source_file("use_second", "int two(void) { return 2; } int both(void) { return 2; }"), "amd64-gnu")
    calls = ("-c", "one()", "-c", "two()", "-c", "both()")
    assert emuload(capsys, "run", first, second, *calls).out == "one() = 1\ntwo() = 2\nboth() = 1\n\n"
    assert emuload(capsys, "run", second, first, "-c", "both()").out == "both() = 2\n\n"
    assert emuload(capsys, "run", "--linked", first, second, *calls).out == "one() = 1\ntwo() = 2\nboth() = 1\n\n"
    file = tmp_path / "both.jsonl"
    assert emuload(capsys, "trace", first, second, *calls, "-o", file).status == 0
    assert list(read(str(file)).header.files) == [str(first), str(second)]
    ended = emuload(capsys, "run", first, second, "-c", "three()")
    assert ended.status == 2
    assert "undefined symbol: three" in ended.err


def test_lazy_binds_at_the_first_call(capsys: pytest.CaptureFixture[str]) -> None:
    text = "int nowhere(void); int fine(void) { return 7; } int breaks(void) { return nowhere(); }"
    library = c_library(source_file("use_lazy", text), "amd64-gnu", link=["-Wl,-z,lazy"])
    assert "undefined symbol: nowhere" in emuload(capsys, "run", library, "-c", "fine()").err
    assert emuload(capsys, "run", "--lazy", library, "-c", "fine()").out == "fine() = 7\n\n"


def test_events_of_run_are_as_trace_follows_them(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    followed = emuload(capsys, "trace", library, "-c", "add(1, 2)", "--follow", "--kind", "syscall*").out
    shown = emuload(capsys, "run", library, "-c", "add(1, 2)", "--events").out.splitlines()
    assert followed.splitlines() == [line for line in shown if re.search(r"0x[0-9a-f]+ syscall", line)]


def test_a_buffer_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    text = "void put(unsigned char *p) { p[0] = 'a'; p[3] = 'b'; p[7] = 9; }"
    library = c_library(source_file("use_buffer", text), "amd64-gnu")
    out = emuload(capsys, "run", library, "-c", "put(buf(8)) -> void", "-c", "put(buf(1000)) -> void").out.splitlines()
    assert out[0] == 'put(buf(8)) -> void; argument 1 = "a\\x00\\x00b\\x00\\x00\\x00\\t"'
    assert out[1] == 'put(buf(1000)) -> void; argument 1 = "a\\x00\\x00b\\x00\\x00\\x00\\t" and 992 zero bytes'


# -- output -----------------------------------------------------------------------------------------------------------


def test_a_trace_goes_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes], library: Path, tmp_path: Path) -> None:
    from emuload import cli

    file = tmp_path / "run.jsonl"
    assert cli.command(["trace", str(library), "-c", "add(1, 2)", "-o", str(file)]) == 0
    capsysbinary.readouterr()
    assert cli.command(["trace", str(library), "-c", "add(1, 2)", "-o", "jsonl:-"]) == 0
    out, err = capsysbinary.readouterr()
    assert out == file.read_bytes()
    assert b"add(1, 2) = 3" in err
    assert cli.command(["trace", str(library), "-o", f"json:{tmp_path}/odd.name"]) == 0
    assert json.loads((tmp_path / "odd.name").read_text())
    assert cli.command(["trace", str(library), "-o", "jsonl:-", "--follow"]) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_color_means_no_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    show_lines("heading", ["line"])
    assert "\x1b[1m" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    before = len(terminal.getvalue())
    show_lines("heading", ["line"])
    assert "\x1b" not in terminal.getvalue()[before:]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    stream = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for name in ("DELAY", "PERIOD", "LOG_PERIOD"):
        monkeypatch.setattr(progress_module, name, 0.01)
    with progress(lambda: "half way"):
        until = time.monotonic() + 10
        while "half way" not in stream.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "half way" in text
    if is_terminal:
        assert text.endswith("\r        \r")
    else:
        assert set(text.splitlines()) == {"emuload: half way"}


# -- files of another kind ----------------------------------------------------------------------------------------------


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("x"))


KINDS = {
    "a ZIP archive": _zip,
    "a tar archive": _tar,
    "a static library (.a)": lambda path: path.write_bytes(b"!<arch>\n" + b"x" * 60),
    "a Windows program or DLL": lambda path: path.write_bytes(b"MZ" + bytes(200)),
    "a macOS library or program": lambda path: path.write_bytes(b"\xcf\xfa\xed\xfe" + bytes(200)),
    "a linker script": lambda path: path.write_text("/* GNU ld script */\nGROUP ( /lib/libc.so.6 )\n"),
    "a script": lambda path: path.write_text("#!/bin/sh\necho hello to everybody\n"),
    "a text file": lambda path: path.write_text("This is a text.\nIt has lines.\n"),
    "an empty file": lambda path: path.write_bytes(b""),
    "a trace of emuload": lambda path: path.write_text('{"format":"emuload-trace","schema":2}\n'),
    "an instruction log of emuload": lambda path: path.write_bytes(b"EMUILOG\0" + bytes(99)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_errors_name_the_kind_of_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file.so"
    KINDS[kind](file)  # type: ignore[no-untyped-call]
    for command in ("run", "inspect", "exec"):
        ended = emuload(capsys, command, file)
        assert ended.status == 2
        assert f"this is {kind}" in ended.err


# -- reports ----------------------------------------------------------------------------------------------------------

STATIC = """
#include <pthread.h>
static pthread_mutex_t hidden_lock = PTHREAD_MUTEX_INITIALIZER;
long stuck(void) { pthread_mutex_lock(&hidden_lock); return pthread_mutex_lock(&hidden_lock); }
"""


def test_static_symbols_name_mutexes_and_str_of_a_report_is_the_command_lines(capsys: pytest.CaptureFixture[str]) -> None:
    library = c_library(source_file("use_static", STATIC), "amd64-gnu")
    process = package.Process("amd64")
    opened = process.dlopen(str(library))
    with pytest.raises(package.Deadlock) as caught:
        opened.call("stuck")
    text = str(caught.value.report)
    assert "hidden_lock (0x" in text
    assert emuload(capsys, "run", library, "-c", "stuck()").err == f"emuload: {text}\n"


GONE = "int leave(void) { return 3; }"
STAYS = """
#include <dlfcn.h>
long call_what_is_gone(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW);
    int (*leave)(void) = (int (*)(void))dlsym(handle, "leave");
    dlclose(handle);
    return leave();
}
"""


def test_frames_of_an_unloaded_library_keep_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    gone = c_library(source_file("use_gone", GONE), "amd64-gnu")
    stays = c_library(source_file("use_stays", STAYS), "amd64-gnu")
    ended = emuload(capsys, "run", stays, "-c", f'call_what_is_gone("{gone}")', "-L", gone.parent)
    assert f"leave+0x0 ({gone}, unloaded)" in ended.err
    assert re.search(rf"#0 +0x[0-9a-f]+ leave .*\({gone.name}, unloaded\)", ended.err), ended.err
    assert "call_what_is_gone" in ended.err


# -- show -------------------------------------------------------------------------------------------------------------


def test_show_takes_roles(capsys: pytest.CaptureFixture[str], library: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.ilog"
    assert emuload(capsys, "trace", library, "-c", "add(1, 2)", "--threads", "2", "-o", log).status == 0
    by_role = emuload(capsys, "show", log, "--thread", "runtime", "--function", "runtime.rt0_go")
    assert by_role.out
    assert by_role == emuload(capsys, "show", log, "--thread", "1001", "--function", "runtime.rt0_go")
    for role, words in (
        ("foreign", "there are several, 1002, 1003: name one by its number"),
        ("king", "takes a number or one of loader, runtime, sysmon, foreign, not 'king'"),
    ):
        ended = emuload(capsys, "show", log, "--thread", role)
        assert (ended.status, ended.out) == (2, "")
        assert words in ended.err
