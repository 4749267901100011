"""`emuload check`: its verdicts, its findings with their stacks, its files, the input it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emuload import cli, samples
from emuload.trace import jsonl
from tests.support import toolchain
from tests.support.command_line import emuload, source_file

WRONG_RULES = """\
[[rule]]
name = "body-before-init"
first = "go-export-body"
then = { kind = "go-main-init-done" }
relation = "before"
where = "first.object = then.object"
why = "It never is."

[[rule]]
name = "export-after-the-runtime"
first = "go-runtime-main"
then = "go-export-enter"
relation = "happens-before"
optional = true
where = "first.object = then.object"
why = "Nobody promises it."
"""
"""Rules that no Go library keeps to."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.path("armv7", tmp_path_factory.mktemp("samples"))


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.toml"
    file.write_text(WRONG_RULES)
    return file


@pytest.fixture(scope="module")
def recorded(library: Path) -> str:
    """A trace of one call."""
    trace = library.with_name("kept.jsonl")
    assert cli.command(["trace", str(library), "-c", "add(1, 2)", "-o", str(trace)]) == 0
    return trace.read_text()


@pytest.fixture
def kept(recorded: str, tmp_path: Path) -> Path:
    """The trace in a file of its own."""
    trace = tmp_path / "kept.jsonl"
    trace.write_text(recorded)
    return trace


# -- what holds ------------------------------------------------------------------------------------------------------


def test_a_library_is_run_and_checked(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "check", library, "-c", "add(1, 2)")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "add(1, 2) = 3"
    assert lines[2].startswith(f"{library}: ")
    assert lines[2].endswith(" events of 5 threads, exited")
    table = [line for line in lines[lines.index("rules") + 2 :] if line.startswith("  ")]
    rows = {tuple(line.split()[:2]): line.split(None, 2)[2] for line in table}
    assert rows["elf", "relocated-before-constructors"].startswith("holds")
    assert rows["go-c-shared", "main-init-done-before-exports"].startswith("holds")
    assert rows["elf", "dependents-destroyed-first"].startswith("not applicable")


def test_a_trace_gives_the_same_verdicts(library: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_trace = json.loads(emuload(capsys, "check", kept, "--json").out)
    by_library = json.loads(emuload(capsys, "check", library, "-c", "add(1, 2)", "--json").out)
    assert by_trace["rules"] == by_library["rules"]


def test_go_rules_are_not_asked_of_a_c_library(capsys: pytest.CaptureFixture[str]) -> None:
    library = toolchain.c_library("chain_c", "armv7-gnueabihf")
    ended = emuload(capsys, "check", library, "-c", "chain_c_value()", "--json")
    assert ended.status == 0
    assert {rule["set"] for rule in json.loads(ended.out)["rules"]} == {"elf"}


def test_rule_sets_and_files_are_named_instead(library: Path, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "check", library, "-c", "add(1, 2)", "-r", "elf", "--rules", wrong, "--json")
    assert {rule["set"] for rule in json.loads(ended.out)["rules"]} == {"elf", "wrong"}


# -- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["library", "trace"])
def test_a_finding_is_shown_with_both_stacks(
    subject: str, library: Path, wrong: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what = [library, "-c", "add(1, 2)"] if subject == "library" else [kept]
    ended = emuload(capsys, "check", *what, "--rules", wrong)
    assert (ended.status, ended.err) == (1, "")
    broken, unordered = ended.out.partition("wrong: body-before-init: broken\n")[2].split("wrong: export-after-the-runtime: ")
    assert broken.startswith("  why: It never is.\n  broken: ")
    assert " crosscall2 at runtime/cgo/asm_arm.s:" in broken
    assert " runtime.main at runtime/proc.go:" in broken
    assert "no stacks" not in ended.out
    if unordered:
        assert unordered.startswith(("broken", "unordered"))


def test_the_stacks_are_those_of_the_events_threads(library: Path, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(emuload(capsys, "check", library, "-c", "add(1, 2)", "-r", wrong, "--json").out)
    finding = shown["rules"][0]["findings"][0]
    outermost = {name: finding[name]["frames"][-1]["function"] for name in ("first", "then")}
    assert outermost == {"first": "add", "then": "runtime.goexit"}


def test_an_event_of_a_thread_that_is_not_on_the_cpu_has_its_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A waiter's system call ends while its waker is on the CPU."""
    rules = tmp_path / "mine.toml"
    rules.write_text('[[rule]]\nname = "quiet"\nthen = "join-done"\nrelation = "never"\nwhy = "No joins."\n')
    source = source_file(
        "joins",
        "#include <pthread.h>\n"
        "static void *work(void *unused) { return unused; }\n"
        "int joins(void) { pthread_t t; pthread_create(&t, 0, work, 0); return pthread_join(t, 0); }\n",
    )
    library = toolchain.c_library(source, "amd64-gnu")
    ended = emuload(capsys, "check", library, "-c", "joins() -> i32", "-r", rules, "--json")
    (finding,) = json.loads(ended.out)["rules"][0]["findings"]
    frames = finding["then"]["frames"]
    assert [(frame["function"], frame["kind"]) for frame in frames[-2:]] == [("join", "libc"), ("joins", "c")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("gone", "cannot open shared object file: No such file or directory"),
        ("other", "is another file than the one that ran"),
        ("edited", "the run, made again, goes another way from event "),
        ("stdin", "its standard input was not kept"),
        ("scenario", "it was not made by `emuload trace LIBRARY`"),
    ],
)
def test_without_the_run_code_positions_are_shown(
    change: str, words: str, library: Path, wrong: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, path = kept.read_text(), library
    if change in ("gone", "other"):
        path = kept.with_name("libother.so")
        text = text.replace(str(library), str(path))
    if change == "other":
        path.write_bytes(library.read_bytes() + b"\0")
    elif change == "edited":
        text = text.replace('"kind":"go-schedinit"', '"kind":"go-shedinit"')
    elif change == "scenario":
        text = text.replace('"kuser_helpers":true', '"steps":3')
    elif change == "stdin":
        text = text.replace('"stdin":null', '"stdin":"-"')
    kept.write_text(text)
    ended = emuload(capsys, "check", kept, "-r", wrong)
    assert ended.status == 1
    assert f"at {path}+0x" in ended.out
    (reason,) = [line for line in ended.out.splitlines() if line.startswith("no stacks: ")]
    assert words in reason


def test_a_killed_run_is_checked_as_far_as_it_went(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[: len(lines) // 2]))
    ended = emuload(capsys, "check", kept)
    assert (ended.status, ended.err) == (0, "")
    assert "cut off: the run was killed" in ended.out


@pytest.mark.parametrize("subject", ["library", "trace"])
def test_a_run_that_ended_badly_is_checked_and_its_status_wins(
    subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = toolchain.build("early_constructor", "armv7-gnueabihf")
    trace = tmp_path / "stuck.jsonl"
    assert emuload(capsys, "trace", library, "-o", trace).status == 3
    ended = emuload(capsys, "check", library if subject == "library" else trace)
    assert ended.status == 3
    assert "go-c-shared: constructor-before-exports: broken" in ended.out
    assert "deadlock: " in ended.err
    assert ("thread 1000 (loader) waits for" in ended.err) == (subject == "library")


def test_a_deadlock_is_in_all_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = toolchain.build("early_constructor", "armv7-gnueabihf")
    ended = emuload(capsys, "check", library, "--json", "--junit", tmp_path / "j.xml")
    assert (ended.status, ended.err) == (3, "")
    shown = json.loads(ended.out)
    assert shown["outcome"] == "deadlock"
    assert shown["report"]["reason"] == "deadlock"
    assert ElementTree.parse(tmp_path / "j.xml").find("testsuite[@name='run']/testcase/error") is not None


def test_a_refused_library_is_checked_as_far_as_it_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "check", toolchain.build("missing_symbol", "armv7-gnueabihf"))
    assert ended.status == 2
    assert "mapped-before-relocated" in ended.out
    assert "undefined symbol" in ended.err
    assert ended.err.count("\n") == 1


# -- files -----------------------------------------------------------------------------------------------------------


def test_junit_and_sarif_are_written_and_always_alike(
    library: Path, wrong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    for number in "12":
        names = tmp_path / f"{number}.xml", tmp_path / f"{number}.sarif"
        ended = emuload(capsys, "check", library, "-c", "add(1, 2)", "-r", wrong, "--junit", names[0], "--sarif", names[1])
        assert ended.status == 1
        made.append([name.read_bytes() for name in names])
    assert made[0] == made[1]
    suite = ElementTree.fromstring(made[0][0]).find("testsuite")
    assert suite is not None
    assert suite.attrib["name"] == "wrong"
    result = json.loads(made[0][1])["runs"][0]["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "_cgo_gotypes.go"
    assert len(result["stacks"]) == 2


@pytest.mark.parametrize("option", ["--junit", "--sarif"])
@pytest.mark.parametrize(("name", "words"), [("nowhere/x", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_written_is_told_in_one_line(
    option: str, name: str, words: str, library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library.parent)
    ended = emuload(capsys, "check", library, option, name)
    assert (ended.status, ended.out, ended.err) == (2, "", f"emuload: {name}: {words}\n")


def test_a_full_disk_is_told_in_one_line(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    ended = emuload(capsys, "check", library, "--junit", "/dev/full")
    assert (ended.status, ended.err) == (2, "emuload: /dev/full: No space left on device\n")


# -- bad input -------------------------------------------------------------------------------------------------------


def edit_schema(text: str) -> str:
    return text.replace(f'"schema":{jsonl.SCHEMA}', f'"schema":{jsonl.SCHEMA + 1}', 1)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text[:-3], ": the line is truncated"),
        (lambda text: text.replace('"seq":7,', '"seq":8,'), ":9: event 8 where event 7 belongs"),
        (lambda text: text.replace('"seq":7,', '"sec":7,'), ":9: an event has seq, time, tid, pc, kind, fields; "),
        (edit_schema, f":1: schema {jsonl.SCHEMA + 1} is unknown: this emuload reads schema {jsonl.SCHEMA}"),
        (lambda text: "{}\n", ":1: this is no trace of emuload: the first line is no header"),
        (lambda text: "# a text\n", ": this is neither an ELF file nor a trace of emuload"),
        (lambda text: "", ": this is neither an ELF file nor a trace of emuload"),
    ],
    ids=["truncated", "renumbered", "misspelt", "newer", "no-header", "text", "empty"],
)
def test_a_bad_trace_is_told_in_one_line(
    edit: Callable[[str], str], words: str, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.write_text(edit(kept.read_text()))
    ended = emuload(capsys, "check", kept)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"emuload: {kept}")
    assert words in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("elv", "elv: neither a rule set (eager, elf, go-c-shared, lazy) nor a file"),
        ('[[rule]]\nname = "a"\nthen = "x"\nrelation = "never"\nwhen = 3\n', "mine.toml:5: rule 'a': unknown key 'when'"),
        (
            '[[rule]]\nname = "a"\nfirst = "fault"\nthen = "go-die"\nrelation = "before"\n',
            "mine.toml:1: rule 'a': it matches nothing in ",
        ),
        (
            '[[rule]]\nname = "a"\nfirst = "constructor-entre"\nthen = "write"\nrelation = "before"\noptional = true\n',
            "mine.toml:1: rule 'a': no kind of event matches 'constructor-entre': is it constructor-enter or ",
        ),
        (
            '[[rule]]\nname = "a"\nthen = { kind = "write", during = { from = "x", to = "write" } }\nrelation = "never"\n',
            "mine.toml:1: rule 'a': no kind of event matches 'x'",
        ),
        ("[[rule]\n", "mine.toml:1: this is no TOML"),
    ],
)
def test_bad_rules_are_told_in_one_line(
    rules: str, words: str, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "[[" in rules:
        Path("mine.toml").write_text(rules)
        rules = "mine.toml"
    ended = emuload(capsys, "check", library, "--rules", rules)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"emuload: {words}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("options", [("-c", "add(1, 2)"), ("--seed", "1"), ("--linked",)])
def test_a_traces_run_cannot_be_changed(options: tuple[str, ...], kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "check", kept, *options)
    assert ended.status == 2
    assert "the run of a trace is over, --" in ended.err


@pytest.mark.parametrize(("name", "words"), [("nothing", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    name: str, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert emuload(capsys, "check", name) == (2, "", f"emuload: {name}: {words}\n")
