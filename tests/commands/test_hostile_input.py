"""Input that means no good, at the command line: one line, status 1 or 2, bounded time and memory; never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emuload import samples
from emuload.calls.buffers import Buffer
from emuload.calls.text import NESTING, parse_call
from emuload.calls.types import CallError
from tests.commands import fuzzing
from tests.loader.elfwriter import ElfWriter
from tests.support.command_line import ROOT, emuload, start

TRACE = ROOT / "traces" / "dlopen" / "amd64.jsonl"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AMD64 sample, as a file."""
    return samples.path("amd64", tmp_path_factory.mktemp("samples"))


# -- random input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", fuzzing.KINDS)
def test_random_input_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    count = {"calls": 300, "traces": 60, "headers": 25, "logs": 25, "toml": 100}[kind]
    failures = {number: fuzzing.failure(kind, 1, number, tmp_path) for number in range(count)}
    assert not {number: words for number, words in failures.items() if words}


# -- calls ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("add(0x_, 2)", "column 5: not understood"),
        ("add(0b_)", "column 5: not understood"),
        ("add(" + "9" * 4301 + ")", "column 5: a number of 4301 digits, more than 400"),
        ('add(c64("a", "b"))', "column 5: c64 takes a real and an imaginary part, two plain numbers"),
        ("add(c128([1], {2}))", "column 5: c128 takes a real and an imaginary part, two plain numbers"),
        ("add(c128(" + "9" * 400 + ", 1))", "column 5: a part of c128 does not fit a double"),
        ("add(" + "[" * 990, f"column 69: nested more than {NESTING} levels deep"),
        ("add(" + "{" * 990, f"column 69: nested more than {NESTING} levels deep"),
        ("add(" + "ptr(" * 990, "levels deep"),
        ("add() -> " + "[" * 990, "levels deep"),
        ("add() -> " + "(" * 990, "levels deep"),
    ],
)
def test_a_call_text_that_is_none_names_the_column(text: str, words: str) -> None:
    with pytest.raises(CallError) as caught:
        parse_call(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("call", ["add(c64(1e300), 1)", "add(c64(1e300, 1), 1)", "add(c128(" + "9" * 400 + "), 1)"])
def test_a_complex_number_that_does_not_fit_is_refused(capsys: pytest.CaptureFixture[str], library: Path, call: str) -> None:
    ended = emuload(capsys, "run", library, "--call", call)
    assert ended.status == 2
    assert re.fullmatch(r"emuload: [^\n]* does not fit complex(64|128)\n", ended.err), ended.err


def test_a_large_buffer_is_not_copied_on_the_way() -> None:
    buffer = Buffer(1 << 20)
    assert buffer.before(None) is buffer.data  # type: ignore[arg-type]
    buffer.after(memoryview(b"x" * (1 << 20)), 8, None)  # type: ignore[arg-type]
    assert buffer.value == buffer.raw == b"x" * (1 << 20)


def test_a_call_with_a_large_buffer_holds_it_twice(library: Path) -> None:
    """Once in Python, once in the guest; the rest of a run takes less than 80 MB."""
    code = (
        "import re, sys; from emuload import cli; status = cli.command(sys.argv[1:]);"
        "sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(status)"
    )
    call = f"add(1, buf({200 << 20}))"
    words = [sys.executable, "-c", code, "run", "--json", str(library), "--call", call]
    done = subprocess.run(words, capture_output=True, cwd=ROOT, timeout=300, check=True, text=True)
    assert json.loads(done.stdout)["calls"][0]["buffers"]["2"].endswith("… and 208666624 more")
    assert int(done.stderr) < (200 * 2 + 80) << 10


def test_buffers_beyond_the_memory_limit_are_refused(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    call = f"add(buf({300 << 20}), buf({300 << 20}))"
    ended = emuload(capsys, "run", library, "--memory-limit", str(400 << 20), "--call", call)
    assert ended.status == 2
    assert re.fullmatch(r"emuload: add\([^\n]*\): argument \d: the bound of 419430400 accessible bytes is reached\n", ended.err)


# -- traces --------------------------------------------------------------------------------------------------------------


def edited(tmp_path: Path, number: int, **changes: object) -> Path:
    """The stored trace with other entries in one of its lines; a line's `fields` are replaced wholly."""
    lines = TRACE.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | changes)
    file = tmp_path / "edited.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def line_of(kind: str) -> int:
    """The number of the first line with an event of that kind, from 0."""
    return next(n for n, line in enumerate(TRACE.read_text().splitlines()) if f'"kind":"{kind}"' in line)


@pytest.mark.parametrize("kind", ["syscall", "syscall-enter", "syscall-exit"])
@pytest.mark.parametrize("fields", [{}, {"naie": "read", "args": [1], "result": 0}, {"name": 1, "args": "x", "result": "\ud800"}])
def test_a_system_call_without_its_fields_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, fields: dict[str, object]
) -> None:
    file = edited(tmp_path, line_of("syscall"), kind=kind, fields=fields)
    assert emuload(capsys, "diff", TRACE, file).status == 1
    assert emuload(capsys, "check", file).status == 0


def test_a_lone_surrogate_in_an_event_is_shown_as_an_escape(tmp_path: Path) -> None:
    file = edited(tmp_path, line_of("shutdown-exit"), fields={"value": "\ud800\x1b[31m"})
    run = start("diff", TRACE, file)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert b"\\ud800\\u001b[31m" in out
    assert err == b""


def test_a_finding_with_a_lone_surrogate_is_written_in_all_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = edited(tmp_path, line_of("shutdown-exit"), fields={"name": "\ud800"})
    rules, out = tmp_path / "r.toml", tmp_path / "out"
    rules.write_text('[[rule]]\nname = "n"\nrelation = "never"\nthen = "shutdown-exit"\n')
    ended = emuload(capsys, "check", file, "--rules", rules, "--sarif", out, "--junit", tmp_path / "out.xml")
    assert ended.status == 1
    result = json.loads(out.read_text())["runs"][0]["results"][0]
    assert result["message"]["text"].startswith("shutdown-exit ")
    assert (tmp_path / "out.xml").read_bytes().decode()
    assert emuload(capsys, "check", file, "--rules", rules, "--json").status == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maps", 5), ("maps", [5]), ("cwd", ["/"]), ("threads", "2"), ("threads", 0), ("cpus", -1), ("cpus", 10**30), ("cwd", 0),
        ("stdin", 7), ("linked", "yes"), ("library_path", "/"), ("preload", [None]), ("kuser_helpers", 1), ("preload", {}),
    ],
)  # fmt: skip
def test_a_header_with_options_of_a_wrong_kind_cannot_be_run_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, library: Path, name: str, value: object
) -> None:
    file, rules = tmp_path / "run.jsonl", tmp_path / "never.toml"
    rules.write_text('[[rule]]\nname = "n"\nrelation = "never"\nthen = "constructor-enter"\n')
    assert emuload(capsys, "trace", library, "-o", file).status == 0
    head, *rest = file.read_text().splitlines()
    header = json.loads(head)
    header["options"][name] = value
    file.write_text("\n".join([json.dumps(header), *rest]) + "\n")
    ended = emuload(capsys, "check", file, "--rules", rules)
    assert ended.status == 1
    assert "no stacks: it was not made by `emuload trace LIBRARY`" in ended.out


def test_a_header_nested_deeply_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = edited(tmp_path, 0, schedule={"deep": fuzzing.nested(900, objects=False)})
    ended = emuload(capsys, "diff", TRACE, file)
    assert (ended.status, ended.err.count("\n")) == (2, 1)


@pytest.mark.parametrize("limits", [{"virtual_seconds": 1e308 * 10}, {"memory": float("nan")}])
def test_a_header_with_a_limit_that_is_no_number_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, limits: dict[str, float]
) -> None:
    ended = emuload(capsys, "diff", TRACE, edited(tmp_path, 0, limits=limits))
    assert (ended.status, ended.err.count("\n")) == (2, 1)


# -- TOML ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["[" * 495 + "]" * 495, "{a=" * 495 + "1" + "}" * 495, "9" * 4301])
@pytest.mark.parametrize("command", ["cost", "check"])
def test_toml_that_python_cannot_read_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, library: Path, value: str, command: str
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(f"total = {value}\n")
    ended = emuload(capsys, command, library, "--budget" if command == "cost" else "--rules", file)
    assert ended.status == 2
    assert re.fullmatch(r"emuload: [^\n]*odd\.toml:[^\n]+\n", ended.err), ended.err


# -- options and files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--time-limit", "--code-limit", "--memory-limit", "--output-limit"])
def test_a_bound_without_end_is_refused(capsys: pytest.CaptureFixture[str], library: Path, option: str) -> None:
    ended = emuload(capsys, "run", library, option, "inf" if option == "--time-limit" else "1" + "0" * 30)
    assert ended.status == 2
    assert "a bound must be above 0 and at most" in ended.err


@pytest.mark.parametrize("linked", [(), ("--linked",)])
def test_cost_with_a_preloaded_library_counts_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, library: Path, linked: tuple[str, ...]
) -> None:
    other = tmp_path / "libother.so"
    other.write_bytes(library.read_bytes())
    ended = emuload(capsys, "cost", library, "--preload", other, "--call", "add(1, 2)", *linked)
    assert ended.status == 0
    assert "runtime init (lib" in ended.out


def test_compat_of_a_file_with_huge_segments_gives_memory_back(tmp_path: Path) -> None:
    """Sixteen times 256 MB, when each run and each linking keeps its own."""
    file = tmp_path / "libhuge.so"
    file.write_bytes(huge())
    code = (
        "import re, sys; from emuload import cli; status = cli.command(sys.argv[1:]);"
        "sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]); sys.exit(status)"
    )
    words = [sys.executable, "-c", code, "compat", str(file)]
    done = subprocess.run(words, capture_output=True, cwd=ROOT, timeout=300, check=True, text=True)
    assert "libhuge.so" in done.stdout
    assert int(done.stderr) < 1 << 20  # KB


def huge() -> bytes:
    """A library with 256 MB of zeroed data."""
    return ElfWriter("amd64", bss=256 << 20).build()


# -- output --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["samples", "inspect"])
def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path: Path, library: Path, command: str) -> None:
    run = start(command, tmp_path if command == "samples" else library)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert run.stderr.read() == b""
    assert run.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this host has no /dev/full")
@pytest.mark.parametrize("command", ["samples", "inspect"])
def test_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, library: Path, command: str) -> None:
    with open("/dev/full", "wb") as full:
        run = start(command, tmp_path if command == "samples" else library, stdout=full)
        _, err = run.communicate(timeout=60)
    assert err == b"emuload: the output: No space left on device\n"
    assert run.returncode == 2


def test_a_file_name_that_is_no_text_is_printed_as_it_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    run = start("samples", os.fsdecode(folder))
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, b"")
    assert folder + b"/amd64/libhello.so\n" in out


def test_text_that_the_output_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    run = start("run", library, "--call", 'greet("caf\u00e9") -> str')
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, b"")
    assert b"caf\\xe9" in out
