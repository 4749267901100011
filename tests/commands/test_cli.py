"""The output of commands when all goes well."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emuload import cli, samples
from tests.support.command_line import ROOT, emuload, source_file, start, without_times
from tests.support.targets import GNU
from tests.support.toolchain import c_library, c_program, go_library

HANDOFF = """\
handoff
  event                 thread        time (ms)  function
  go-rt0-lib            1000 loader T  _rt0_arm_linux_lib
  go-export-enter       1000 loader T  add
  go-export-wait        1000 loader T  _cgo_wait_runtime_init_done (for runtime_init_done)
  go-rt0-lib-go         1001 runtime T  runtime.rt0_lib_go
  go-rt0-go             1001 runtime T  runtime.rt0_go
  go-schedinit          1001 runtime T  runtime.schedinit
  go-runtime-main       1001 runtime T  runtime.main
  go-package-init       1001 runtime T  runtime
  go-sysmon             1002 sysmon T  runtime.sysmon
  go-runtime-init-done  1001 runtime T  runtime.main
  go-package-init       1001 runtime T  errors, iter, sync, … main (10 packages)
  go-main-init-done     1001 runtime T  runtime.main
  go-export-body        1000 loader T  add
  go-export-return      1000 loader T  add
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, as files."""
    made = tmp_path_factory.mktemp("samples")
    for name in samples.SAMPLES:
        samples.path(name, made)
    return made


@pytest.fixture(params=samples.SAMPLES)
def sample(request: pytest.FixtureRequest, folder: Path) -> Path:
    return folder / request.param / "libhello.so"


@pytest.fixture
def armv7(folder: Path) -> Path:
    return folder / "armv7" / "libhello.so"


# -- run -------------------------------------------------------------------------------------------------------------


def test_run_shows_result_and_handoff(capsys: pytest.CaptureFixture[str], armv7: Path) -> None:
    ended = emuload(capsys, "run", armv7, "--call", "add(1, 2)")
    assert (ended.status, ended.err) == (0, "")
    assert without_times(ended.out) == f"add(1, 2) = 3\n\n{HANDOFF}"


def test_every_architecture_answers(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    calls = ["add(-1, 3)", 'greet("gopher") -> str', "sum(100)", "divide(7, 0) -> str"]
    ended = emuload(capsys, "run", sample, *(word for call in calls for word in ("-c", call)))
    assert ended.status == 0
    assert ended.out.splitlines()[:4] == [
        "add(-1, 3) = 2",
        'greet("gopher") -> str = "hello, gopher"',
        "sum(100) = 5050",
        'divide(7, 0) -> str = "runtime error: integer divide by zero"',
    ]
    assert "and " in ended.out.splitlines()[-1]


def test_linked_at_start_up_gives_the_same(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    ended = emuload(capsys, "run", "--linked", sample, "-c", "add(20, 22)", "-c", 'greet("x") -> str')
    assert ended.status == 0
    assert ended.out.splitlines()[:2] == ["add(20, 22) = 42", 'greet("x") -> str = "hello, x"']


def test_arguments_and_environment_reach_go(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    ended = emuload(
        capsys, "run", sample, "--arg", "one", "-a", "two words", "--env", "FOO=bar=baz", "-e", "EMPTY=",
        "-c", "args() -> str", "-c", 'env("FOO") -> str', "-c", 'env("EMPTY") -> str', "-c", 'env("HOME") -> str',
    )  # fmt: skip
    assert ended.out.splitlines()[:4] == [
        'args() -> str = "prog one two words"',
        'env("FOO") -> str = "bar=baz"',
        'env("EMPTY") -> str = ""',
        'env("HOME") -> str = ""',
    ]


def test_foreign_threads_call_at_once(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    ended = emuload(capsys, "run", sample, "--threads", "8", "-c", "sum(10)")
    results = [line for line in ended.out.splitlines() if line.startswith("[thread")]
    assert len(results) == 8
    assert len({line.split("]")[0] for line in results}) == 8
    assert all(line.endswith("sum(10) = 55") for line in results)


def test_json_is_one_document_with_everything(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    ended = emuload(capsys, "run", sample, "--json", "-c", "add(1, -5)", "-c", 'greet("é") -> str')
    document = json.loads(ended.out)
    assert document["calls"][0] | {"time_ns": 0} == {
        "call": "add(1, -5)", "function": "add", "thread": 1000, "time_ns": 0, "result": -4,
    }  # fmt: skip
    assert document["calls"][1]["result"] == "hello, é"
    assert document["exit_status"] == 0
    assert document["profile"] == "glibc"
    assert document["architecture"] == {"armv7": "arm", "armv5": "arm"}.get(sample.parent.name, sample.parent.name)
    first = document["handoff"][0]
    assert (first["event"], first["thread"], first["role"]) == ("go-rt0-lib", 1000, "loader")
    assert document["virtual_ns"] > document["handoff"][-1]["time_ns"] > 0
    assert "events" not in document


def test_events_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str], armv7: Path) -> None:
    text = emuload(capsys, "run", armv7, "--events", "-c", "add(1, 2)").out
    assert text.startswith("     0.000    0 host ")
    assert " thread-create " in text
    events = json.loads(emuload(capsys, "run", armv7, "--events", "--json", "-c", "add(1, 2)").out)["events"]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert re.search(rf" {events[5]['thread']} host +- {events[5]['kind']} ", text)
    assert text.count("\n") > len(events)


def test_runs_are_alike_to_the_byte(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    arguments = ("run", sample, "--json", "--events", "-c", "sum(50)")
    first = emuload(capsys, *arguments).out
    assert emuload(capsys, *arguments).out == first
    assert emuload(capsys, *arguments, "--seed", "1").out != first


def test_what_the_guest_wrote_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    library = go_library("behaviour", "amd64-gnu")
    ended = emuload(capsys, "run", library, "-c", 'prints(go"two\\nlines") -> void')
    assert ended.out.startswith(
        'prints(go"two\\nlines") -> void\n\n'
        "stdout\n  stdout: two\n  lines\n\n"
        "stderr\n  stderr: two\n  lines\n\n"
    )  # fmt: skip


def test_buffers_are_shown_as_the_call_left_them(capsys: pytest.CaptureFixture[str]) -> None:
    source = "int fill(char *to, int size) { for (int i = 0; i < size; i++) to[i] = 'a' + i; return size; }\n"
    library = c_library(source_file("fill", source), "armv5-gnueabi")
    ended = emuload(capsys, "run", library, "-c", "fill(buf(5), 3) -> i32")
    assert ended.out == 'fill(buf(5), 3) -> i32 = 3; argument 1 = "abc\\x00\\x00"\n\n'


@pytest.mark.parametrize("target", GNU)
def test_all_kinds_of_values_go_both_ways(capsys: pytest.CaptureFixture[str], target: str) -> None:
    twelve = ", ".join(f"i64({n})" for n in range(1, 13))
    expected = {
        "add8(i8(100), i8(100)) -> i8": "-56",
        "addu16(u16(65535), u16(2)) -> u16": "1",
        "mul64(i64(-5000000000), i64(3)) -> i64": "-15000000000",
        "add_float32(f32(1.5), f32(2.25)) -> f32": "3.75",
        "square_root(2.25) -> f64": "1.5",
        "negate(bool(true)) -> bool": "false",
        "multiply_complex(c128(1, 2), c128(3, -4)) -> c128": "c128(11.0, 2.0)",
        "divide(i32(17), i32(5)) -> (i32, i32)": "{3, 2}",
        "divide_wide(i64(17000000000), i64(5)) -> (i64, i64)": "{3400000000, 0}",
        "both_kinds(i8(3), 2.5) -> (i8, f64, i64)": "{-3, 1.25, 2}",
        f"sum12({twelve}) -> i64": "650",
        'greet("gopher") -> str': '"hello, gopher"',
        'upper(go"grüezi") -> str': '"GRÜEZI"',
        "constant() -> gostring": '"read-only data"',
        "sum_slice([i32(1), i32(2), i32(3)]) -> i64": "6",
        "filled(i32(4), u8(7)) -> [u8]": '"\\x07\\x07\\x07\\x07"',
        "out_of_range(i32(5)) -> bytes": '"runtime error: index out of range [5] with length 3"',
    }
    library = go_library("behaviour", target)
    ended = emuload(capsys, "run", library, *(word for call in expected for word in ("-c", call)))
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[: len(expected)] == [f"{call} = {result}" for call, result in expected.items()]


# -- exec ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", GNU)
def test_program_gets_input_arguments_and_environment(target: str, tmp_path: Path) -> None:
    program = c_program("echo_stdin", target)
    command = start(
        "exec", "--env", "ECHO_VARIABLE=set", "--stdin", "-", program, "--first", "second",
        stdin=subprocess.PIPE,
    )  # fmt: skip
    out, err = command.communicate(b"12\nword\n0x10\n")
    assert out.decode().splitlines() == [
        "argument 1: --first",
        "argument 2: second",
        "variable: set",
        "   1: number 12",
        "   2: WORD      |",
        "   3: number 16",
        "3 lines, sum 28, end of file 1, error 0",
    ]
    assert (command.returncode, err) == (3, b"done\n")


def test_input_is_empty_unless_given(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program = c_program("echo_stdin", "amd64-gnu")
    assert emuload(capsys, "exec", program).status == 0
    lines = tmp_path / "lines"
    lines.write_text("a\nb\n")
    assert emuload(capsys, "exec", "--stdin", lines, program).status == 2


def test_mapped_folder_is_seen_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
    #include <stdio.h>
    #include <errno.h>
    int main(int argc, char **argv) {
        char line[80] = "nothing";
        FILE *in = fopen("/data/in", "r"), *out = fopen("/data/out", "w");
        if (in != NULL) fgets(line, sizeof line, in);
        if (out != NULL) { fprintf(out, "wrote\\n"); fclose(out); }
        printf("%s %s\\n", line, out != NULL ? "written" : "refused");
        return out != NULL ? 0 : errno == EROFS ? 30 : 1;
    }
    """
    program = c_program(source_file("mapped", source), "arm64-gnu")
    (tmp_path / "in").write_text("hello")
    ended = emuload(capsys, "exec", "--map", f"{tmp_path}:/data", program)
    assert (ended.status, ended.out) == (30, "hello refused\n")
    assert not (tmp_path / "out").exists()
    ended = emuload(capsys, "exec", "--map", f"{tmp_path}:/data:rw", program)
    assert (ended.status, ended.out) == (0, "hello written\n")
    assert (tmp_path / "out").read_text() == "wrote\n"


def test_libraries_are_found_in_the_library_path(capsys: pytest.CaptureFixture[str]) -> None:
    program = c_program("chain_host", "arm64-gnu", ["chain_a", "chain_b", "chain_c"])
    path = [word for name in "abc" for word in ("-L", c_library_folder(f"chain_{name}"))]
    ended = emuload(capsys, "exec", *path, program)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("program's constructor\n")


def c_library_folder(name: str) -> Path:
    """Where the build of a library of the guests lies."""
    from tests.support.toolchain import build

    return build(name, "arm64-gnu").parent


# -- demo, inspect, and the rest --------------------------------------------------------------------------------------


def test_demo_shows_every_sample_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "demo")
    assert (ended.status, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    results, handoff = ended.out.split("\nhandoff (ms)\n")
    assert [re.split("  +", line.strip()) for line in results.splitlines()[2:]] == [
        ["add(1, 2)", "3", "all"],
        ['greet("gopher") -> str', '"hello, gopher"', "all"],
        ["sum(100)", "5050", "all"],
        ["divide(1, 0) -> str", '"runtime error: integer divide by zero"', "all"],
    ]
    lines = handoff.splitlines()
    assert lines[0].split() == ["event", "thread", *samples.SAMPLES]
    assert [line.split()[0] for line in lines[1:]][-3:] == ["go-main-init-done", "go-export-body", "go-export-return"]
    assert [line.split()[:3] for line in lines if "go-main-init-done" in line] == [["go-main-init-done", "1001", "runtime"]]


@pytest.mark.parametrize(("name", "sample"), [("aarch64", "arm64"), ("x86_64", "amd64"), ("armhf", "armv7")])
def test_demo_takes_any_usual_name(capsys: pytest.CaptureFixture[str], name: str, sample: str) -> None:
    assert emuload(capsys, "demo", "--arch", name) == emuload(capsys, "demo", "--arch", sample)


def test_demo_is_the_same_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert emuload(capsys, "demo", "--arch", "arm64").out == emuload(capsys, "demo", "--arch", "arm64").out


def test_samples_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = emuload(capsys, "samples", tmp_path)
    assert ended.out.splitlines() == [str(tmp_path / name / "libhello.so") for name in samples.SAMPLES]
    assert (tmp_path / "armv5" / "libhello.so").read_bytes() == samples.read("armv5")


def test_emuload_alone_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == emuload(capsys, "--help").out
    assert ended.out.startswith("Usage: emuload ")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
@pytest.mark.parametrize("arguments", [("demo", "--arch", "armv7"), ("scenarios",)])
def test_a_terminal_shows_the_layout_of_a_pipe(arguments: tuple[str, ...]) -> None:
    import pty

    piped, _ = start(*arguments).communicate()
    here, there = pty.openpty()
    command = start(*arguments, stdout=there)
    os.close(there)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the other end is closed
        while data := os.read(here, 4096):
            shown += data
    os.close(here)
    assert command.wait() == 0
    assert re.sub(rb"\x1b\[[\d;]*m", b"", shown).replace(b"\r\n", b"\n") == piped


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for command in cli.COMMANDS:
        assert emuload(capsys, command, "--help").out.startswith(f"Usage: emuload {command} ")
    for option in ("--version", "-V"):
        assert emuload(capsys, option).out.startswith("emuload ")


def test_command_line_is_cheap_to_import() -> None:
    code = "import sys, emuload.cli; print([m for m in sys.modules if m.startswith(('emuload.', 'rich', 'unicorn'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['emuload.errors', 'emuload.cli']"


def test_a_plain_run_imports_only_what_it_needs(armv7: Path) -> None:
    command = start("run", armv7, "-c", "add(1, 2)", python=("-X", "importtime"))
    out, err = command.communicate()
    assert command.returncode == 0
    assert b"\x1b" not in out
    imported = {line.rpartition("|")[2].strip() for line in err.decode().splitlines()}
    assert "emuload.process.process" in imported
    rare = {"emuload.kernel.fs." + name for name in ("calls_poll", "calls_special", "epoll", "events", "hostmap", "pipes")}
    assert not imported & {"rich", "capstone", "json", "emuload.process.diagnosis", *rare}


def test_reader_that_goes_away_is_no_error(armv7: Path) -> None:
    command = start("run", armv7, "--events", "-c", "sum(200)")
    assert command.stdout is not None
    command.stdout.read(10)
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == b""
    assert command.wait() == 141


def test_inspect_tells_without_running(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    text = emuload(capsys, "inspect", sample).out
    for words in ("go1.27", "needed  ", "initial-exec", "_linux_lib", "add function go", "NODELETE"):
        assert words in text
    document = json.loads(emuload(capsys, "inspect", "--json", sample).out)
    assert "libc.so.6" in document["needed"]
    assert document["bits"] == (32 if sample.parent.name.startswith("armv") else 64)
