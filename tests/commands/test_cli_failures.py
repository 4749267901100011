"""Bad input gives one line and status 2; a guest that does not end well gives a report and its own status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emuload import samples
from tests.support.command_line import Ended, emuload, source_file
from tests.support.targets import GNU
from tests.support.toolchain import build, c_library, c_program


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ARMv7 sample, as a file."""
    return samples.path("armv7", tmp_path_factory.mktemp("samples"))


def refused(ended: Ended, words: str) -> None:
    """One line, status 2, nothing else."""
    assert ended.out == ""
    assert re.fullmatch(r"emuload: [^\n]+\n", ended.err), ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert ended.status == 2


# -- input that is none ----------------------------------------------------------------------------------------------


def test_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = "cannot open shared object file: No such file or directory"
    for command in ("run", "exec", "inspect"):
        refused(emuload(capsys, command, tmp_path / "none.so"), words)


def test_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in ("run", "exec", "inspect"):
        refused(emuload(capsys, command, tmp_path), "Is a directory")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty", b"", "file too short"),
        ("text", b"#!/bin/sh\necho this is no library\n" * 9, "invalid ELF header"),
        ("header", b"\x7fELF", "file too short"),
        ("odd\nname", b"no", "file too short"),
    ],
)
def test_file_that_is_not_elf(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    for command in ("run", "exec", "inspect"):
        refused(emuload(capsys, command, file), words)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (52, "cannot read file data"), (100, "cannot read file data"), (3000, "too short"), (100_000, "too short"),
        (1_000_000, "too short"),
    ],
)  # fmt: skip
def test_truncated_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, size: int, words: str) -> None:
    file = tmp_path / "short.so"
    file.write_bytes(samples.read("armv7")[:size])
    for command in ("run", "exec", "inspect"):
        refused(emuload(capsys, command, file), words)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (18, 243, "RISC-V"), (18, 8, "MIPS"), (18, 250, "machine"), (4, 2, "ELF"), (5, 2, "not little-endian"),
        (16, 1, "only ET_DYN and ET_EXEC"), (16, 4, "only ET_DYN and ET_EXEC"),
    ],
)  # fmt: skip
def test_machine_or_kind_that_is_not_supported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, at: int, value: int, words: str
) -> None:
    data = bytearray(samples.read("armv7"))
    data[at] = value
    file = tmp_path / "other.so"
    file.write_bytes(data)
    for command in ("run", "exec", "inspect"):
        refused(emuload(capsys, command, file), words)


@pytest.mark.parametrize("target", ["amd64-gnu", "armv5-gnueabi"])
def test_executable_given_to_run(capsys: pytest.CaptureFixture[str], target: str) -> None:
    pie, fixed = build("chain_host", target), build("chain_host_fixed", target)
    for options in ((), ("--linked",)):
        refused(emuload(capsys, "run", *options, pie), "cannot dynamically load position-independent executable")
        refused(emuload(capsys, "run", *options, fixed), "cannot dynamically load executable")


def test_library_given_to_exec(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    refused(emuload(capsys, "exec", library), "this is a library, not a program")


def test_missing_dependency(capsys: pytest.CaptureFixture[str]) -> None:
    words = "libmissing_dependency_gone.so: cannot open shared object file: No such file or directory"
    for target in GNU:
        file = build("missing_dependency", target)
        refused(emuload(capsys, "run", file), words)
        refused(emuload(capsys, "run", "--linked", file), words)


def test_missing_symbol(capsys: pytest.CaptureFixture[str]) -> None:
    for target in GNU:
        file = build("missing_symbol", target)
        refused(emuload(capsys, "run", file), "libmissing_symbol.so: undefined symbol: defined_nowhere")
        refused(emuload(capsys, "run", "--linked", file), "undefined symbol: defined_nowhere")


def test_unknown_export(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    ended = emuload(capsys, "run", library, "-c", "add(1, 2)", "-c", "subtract(1, 2)")
    refused(ended, "libhello.so: undefined symbol: subtract")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("add", "expected (, found the end"),
        ("add(1, 2", "expected , or ), found the end"),
        ("add(1,, 2)", "column 7: expected an argument, found ,"),
        ("add(1, 2) -> number", "expected a type"),
        ("add(i8(128), 2)", "add(i8(128), 2): argument 1: 128 does not fit int8"),
        ("add(1, u8(-1))", "argument 2: -1 does not fit uint8"),
        ("add(i32(1.5), 2)", "argument 1: 1.5 is no int32"),
        ('add(i32("one"), 2)', "argument 1: 'one' is no int32"),
        ("add(1, 99999999999999999999)", "argument 2: 99999999999999999999 is wider than 64 bits"),
        ("add(i128(1), 2)", "32-bit ARM has no type int128"),
        ("add([1, 2.5, true], 2)", "the elements of a slice must have one type"),
        ("add(1, 2) -> str", "there is no string at 0x3"),
        ('add("\\z", 2)', "unknown escape \\z"),
        ("\x00", "not understood"),
    ],
)
def test_call_that_makes_no_sense(capsys: pytest.CaptureFixture[str], library: Path, call: str, words: str) -> None:
    refused(emuload(capsys, "run", library, "--call", call), words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fly",), "No such command 'fly'"),
        (("run",), "Missing argument 'LIBRARY'"),
        (("run", "LIBRARY", "--fast"), "No such option"),
        (("run", "LIBRARY", "--call"), "requires an argument"),
        (("run", "LIBRARY", "--profile", "plan9"), "unknown profile 'plan9'"),
        (("run", "LIBRARY", "--env", "NAME"), "--env takes NAME=VALUE, not 'NAME'"),
        (("run", "LIBRARY", "--env", "=x"), "--env takes NAME=VALUE"),
        (("run", "LIBRARY", "--seed", "x"), "is not a valid integer"),
        (("run", "LIBRARY", "--threads", "0"), "0 is not in the range"),
        (("run", "LIBRARY", "--time-limit", "0"), "a bound must be above 0"),
        (("run", "LIBRARY", "--code-limit", "-5"), "a bound must be above 0"),
        (("run", "LIBRARY", "--time-limit", "nan"), "a bound must be above 0"),
        (("run", "LIBRARY", "--map", "/tmp"), "--map takes HOST:GUEST[:rw]"),
        (("run", "LIBRARY", "--map", "/nowhere/at/all:/x"), "there is no /nowhere/at/all"),
        (("run", "LIBRARY", "--stdin", "/nowhere"), "--stdin /nowhere: No such file"),
        (("exec",), "Missing argument 'PROGRAM'"),
        (("demo", "--arch", "z80"), "there is no sample 'z80'"),
        (("demo", "LIBRARY"), "Got unexpected extra argument"),
        (("demo", "--write", "x"), "--write: use: emuload samples DIR"),
        (("samples",), "Missing argument 'DIR'"),
        (("samples", "x", "y"), "Got unexpected extra argument (y)"),
        (("samples", "/dev/null/x"), "/dev/null/x: Not a directory"),
        (("check", "LIBRARY", "--profile", "all"), "several profiles: use: emuload compat LIBRARY --profile all"),
        (("check", "LIBRARY", "--profile", "glibc,musl"), "several profiles: use: emuload compat LIBRARY --profile glibc,musl"),
        (("check", "LIBRARY", "--rules", "elves"), "elves: neither a rule set"),
        (("compat",), "Missing argument 'LIBRARY'"),
        (("compat", "LIBRARY", "--profile", "glibc:9"), "unknown profile 'glibc:9'"),
        (("compat", "LIBRARY", "--seed", "1"), "No such option"),
        (("cost", "LIBRARY", "--budget", "/nowhere"), "/nowhere: No such file or directory"),
        (("cost", "LIBRARY", "--write-budget"), "requires an argument"),
        (("cost", "/nowhere"), "/nowhere: cannot open shared object file"),
        (("diff", "LIBRARY"), "Missing argument 'B'"),
        (("diff", "/nowhere", "/nowhere"), "/nowhere: No such file or directory"),
        (("diff", "LIBRARY", "LIBRARY"), "libhello.so:1: "),
        (("show", "LIBRARY"), "libhello.so: "),
        (("show", "/nowhere"), "/nowhere: No such file or directory"),
        (("show", "LIBRARY", "--format", "xml"), "--format xml: choose from text, tenet, execlog"),
        (("inspect",), "Missing argument 'LIBRARY'"),
        (("inspect", "LIBRARY", "LIBRARY"), "Got unexpected extra argument"),
        (("inspect", "LIBRARY", "--xml"), "No such option"),
        (("exec", "LIBRARY"), "cannot be executed: this is a library, not a program"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], library: Path, arguments: tuple[str, ...], words: str) -> None:
    refused(emuload(capsys, *(library if word == "LIBRARY" else word for word in arguments)), words)


# -- guests that do not end well ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize(
    ("call", "headline", "frame"),
    [
        ("read_null()", r"thread 1000 was killed by SIGSEGV at read_null\+0x\w+ .*, address 0x8", "read_null"),
        ("write_null()", r"killed by SIGSEGV at write_null\+0x\w+ .*, address 0x8", "write_null"),
        ("write_code()", r"killed by SIGSEGV at write_code\+0x\w+ ", "write_code"),
        ("jump_nowhere()", r"killed by SIGSEGV at 0x10\b", ""),
        ("end_by_abort()", r"killed by SIGABRT at ", "end_by_abort"),
        ("trap()", r"killed by SIG(ILL|TRAP) at trap\+", "trap"),
        ("overflow()", r"killed by SIGSEGV at deeper\+", "deeper"),
    ],
)
def test_fault_is_reported_with_frames_and_registers(
    capsys: pytest.CaptureFixture[str], target: str, call: str, headline: str, frame: str
) -> None:
    ended = emuload(capsys, "run", c_library("faulty", target), "-c", "add(i32(1), i32(2)) -> i32", "-c", call)
    assert ended.status == 1
    assert ended.out == "add(i32(1), i32(2)) -> i32 = 3\n\n"
    lines = ended.err.splitlines()
    assert re.search(f"^emuload: .*{headline}", lines[0])
    assert "thread 1000 (loader) is killed" in lines
    if frame:
        assert re.search(rf"^  #\d+ +0x\w+ {frame} at .*faulty\.c:\d+ \(libfaulty\.so\)$", ended.err, re.MULTILINE)
    assert re.search(r"^ +(rip|pc|x28) ?[0-9a-f]{8,16}| (pc|rip) [0-9a-f]{8,16}", ended.err, re.MULTILINE)


@pytest.mark.parametrize("target", GNU)
def test_exit_during_a_call(capsys: pytest.CaptureFixture[str], target: str) -> None:
    ended = emuload(capsys, "run", c_library("faulty", target), "-c", "leave(i32(3)) -> void")
    assert ended.status == 1
    assert ended.err.startswith("emuload: the guest exited with status 3 during a call\n")


@pytest.mark.parametrize("target", GNU)
def test_deadlock_names_what_each_waits_for_and_who_holds_it(capsys: pytest.CaptureFixture[str], target: str) -> None:
    ended = emuload(capsys, "run", c_library("faulty", target), "-c", "deadlock() -> void")
    assert ended.status == 3
    assert ended.err.startswith("emuload: deadlock: ")
    threads = re.split(r"\n\n(?=thread )", ended.err)[1:]
    assert re.match(r"thread 1000 \(loader\) waits for mutex .*, held by thread 1001\b", threads[0])
    assert re.match(r"thread 1001\b.* waits for mutex .*, held by thread 1000 \(loader\)\n", threads[1])
    assert re.search(r" deadlock at .*faulty\.c:\d+ ", threads[0])
    assert re.search(r" other_way at .*faulty\.c:\d+ ", threads[1])


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("options", [(), ("--linked",)])
def test_early_constructor_that_calls_its_own_export(
    capsys: pytest.CaptureFixture[str], target: str, options: tuple[str, ...]
) -> None:
    ended = emuload(capsys, "run", *options, build("early_constructor", target))
    assert ended.status == 3
    what = "runtime_init_done of libearly_constructor.so, whose runtime has not been started"
    assert f"thread 1000 (loader) waits for {what}\n" in ended.err
    for frame in ("_cgo_wait_runtime_init_done", "add", "early"):
        assert re.search(rf"#\d+ +0x\w+ {frame}\b.* \(libearly_constructor\.so\)", ended.err)
    assert "go-export-wait" in ended.out


@pytest.mark.parametrize("target", GNU)
def test_init_that_never_ends(capsys: pytest.CaptureFixture[str], target: str) -> None:
    ended = emuload(capsys, "run", build("blocked_init", target), "-c", "add(1, 2)")
    assert ended.status == 3
    assert "package main" in ended.out
    assert "go-main-init-done" not in ended.out
    assert ended.err.startswith("emuload: deadlock: ")
    assert re.search(r"#\d+ +0x\w+ runtime\.cgocallbackg1 at .*cgocall\.go:\d+ ", ended.err)
    what = "main_init_done of libblocked_init.so, held by thread 1001 (runtime)"
    assert f"\nthread 1000 (loader) waits for {what}\n" in ended.err
    assert re.search(r"\nthread 1001 \(runtime\) waits for futex .*, in the init of package main\n", ended.err)
    assert re.search(r"#\d+ +0x\w+ main\.init\.0 at .*\.go:\d+ \(libblocked_init\.so\)", ended.err)


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("bound", [("--code-limit", "50000000"), ("--time-limit", "0.01")])
def test_guest_that_never_ends(capsys: pytest.CaptureFixture[str], target: str, bound: tuple[str, str]) -> None:
    ended = emuload(capsys, "run", c_library("faulty", target), "-c", "spin() -> void", *bound)
    assert ended.status == 4
    assert ended.err.startswith("emuload: a bound was reached: ")
    assert re.search(r"#0 +0x\w+ spin at .*faulty\.c:\d+ ", ended.err)


def test_output_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    source = '#include <stdio.h>\nint main(void) { for (;;) puts("again"); }\n'
    ended = emuload(capsys, "exec", "--output-limit", "1000", c_program(source_file("endless", source), "arm64-gnu"))
    assert ended.status == 4
    assert len(ended.out) <= 8192
    assert "a bound was reached" in ended.err


def test_memory_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    source = """
    #include <stdlib.h>
    #include <string.h>
    int main(void) {
        for (int i = 1;; i++) {
            char *volatile more = malloc(1 << 20);
            if (more == NULL) return i > 8 && i < 64 ? 0 : 1;
            memset(more, i, 1 << 20);
        }
    }
    """
    program = c_program(source_file("hungry", source), "armv5-gnueabi")
    assert emuload(capsys, "exec", "--memory-limit", str(64 << 20), program).status == 0


@pytest.mark.parametrize("target", GNU)
def test_program_killed_by_a_signal(capsys: pytest.CaptureFixture[str], target: str) -> None:
    ended = emuload(
        capsys, "exec", "-L", c_library("faulty", target).parent, build("faulty_host", target), "end_by_abort"
    )
    assert (ended.status, ended.out) == (1, "before 3\n")
    assert ended.err.startswith("emuload: thread 1000 was killed by SIGABRT at ")
    assert re.search(r"#\d+ +0x\w+ main at .*main\.c:\d+ \(faulty_host\)", ended.err)


def test_program_that_exits_gives_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    folder = c_library("faulty", "amd64-gnu").parent
    ended = emuload(capsys, "exec", "-L", folder, build("faulty_host", "amd64-gnu"), "leave")
    assert (ended.status, ended.out, ended.err) == (3, "before 3\n", "")


def test_report_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "run", "--json", c_library("faulty", "amd64-gnu"), "-c", "read_null()")
    assert (ended.status, ended.err) == (1, "")
    report = json.loads(ended.out)["report"]
    assert report["reason"] == "signal"
    assert report["threads"][0]["frames"][0]["function"] == "read_null"
    assert report["threads"][0]["registers"]["rip"] == report["threads"][0]["frames"][0]["pc"]


def test_missing_function_of_the_c_library_is_named_with_its_caller(capsys: pytest.CaptureFixture[str]) -> None:
    source = """
    int res_query(const char *, int, int, char *, int);
    int ask(void) { return 1 + res_query(0, 1, 1, 0, 0); }
    """
    library = c_library(source_file("resolver", source), "amd64-gnu", link=["-lresolv"])
    ended = emuload(capsys, "run", library, "-c", "ask()")
    assert ended.status == 1
    assert "res_query is not implemented (called from ask+" in ended.err.splitlines()[0]
