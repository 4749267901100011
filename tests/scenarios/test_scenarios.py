"""`emuload scenarios update`: the traces it writes, and its messages about scenarios that cannot be used."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from emuload.samples import toolchain
from emuload.scenarios import description
from emuload.scenarios.building import FolderBuilder, build_all
from emuload.trace.jsonl import read
from tests.scenarios.references import SCENARIOS, target_of
from tests.support.command_line import ROOT, Ended, emuload
from tests.support.toolchain import cache_folder, go_root

TEXT = """\
about = "A constructor, and a call"
end = "exited"

[[file]]
name = "libsmall.so"
kind = "c"
sources = ["small.c"]
"""

SOURCE = """\
static int ready;
__attribute__((constructor)) static void begin(void) { ready = 1; }
int get(void) { return ready; }
"""

HOST = """\
def run(scene):
    process = scene.process(args=["prog", "x"], seed=3)
    assert process.dlopen("libsmall.so").get() == 1
    process.exit()
"""


LATE = """\
[[rule]]
name = "late"
first = "constructor-enter"
then = "dlopen-enter"
relation = "before"
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario's folder, under `traces` in the current one."""
    go_root("1.27")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "traces" / "small"
    folder.mkdir(parents=True)
    for name, text in {"scenario.toml": TEXT, "small.c": SOURCE, "host.py": HOST}.items():
        (folder / name).write_text(text)
    return folder


def update(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    return emuload(capsys, "scenarios", "update", "--cache", cache_folder(), "--arch", "amd64", *arguments)


def refused(ended: Ended, words: str, status: int = 2) -> None:
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith("emuload: ")
    assert ended.err.count("\n") == 1
    assert words in ended.err


def test_a_trace_is_written_once_and_again_when_it_differs(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = small / "amd64.jsonl"
    ended = update(capsys)
    events = len(file.read_text().splitlines()) - 2
    assert (ended.status, ended.out) == (0, f"traces/small/amd64.jsonl: new, {events} events\n"), ended.err
    before = file.stat()
    assert update(capsys, "small").out == f"traces/small/amd64.jsonl: unchanged, {events} events\n"
    assert file.stat() == before
    (small / "host.py").write_text(HOST.replace(" == 1", " == 1; process.main.call(process.dlsym('default', 'getpid'))"))
    assert update(capsys, "traces/small").out.startswith("traces/small/amd64.jsonl: changed, of its events ")
    assert len(file.read_text().splitlines()) > events + 2
    assert [path.name for path in small.iterdir() if path.name.startswith(".")] == []


def test_versions_alone_change_no_trace(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = small / "amd64.jsonl"
    update(capsys)
    header = read(str(file)).header
    file.write_text(file.read_text().replace(f'"unicorn":"{header.unicorn}"', '"unicorn":"2.1.99"'))
    assert ": unchanged, " in update(capsys).out
    assert read(str(file)).header.unicorn == "2.1.99"


def test_a_trace_that_cannot_be_read_is_replaced(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = small / "amd64.jsonl"
    file.write_text('{"format":"emuload-trace","schema":0}\n')
    assert "for what could not be read: traces/small/amd64.jsonl:1: schema 0 is unknown" in update(capsys).out
    assert read(str(file)).end is not None


def test_the_header_says_what_the_host_did_and_nothing_of_its_paths(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    update(capsys)
    file = small / "amd64.jsonl"
    header = read(str(file)).header
    assert (header.arguments, header.seed, header.calls, [*header.files]) == (["prog", "x"], 3, ["get()"], ["libsmall.so"])
    assert header.options["scenario"] == "small"
    assert header.options["target"] == "amd64-gnu"
    assert header.options["compilers"] == {"go": "go1.27.3", "zig": "0.17.1"}
    text = file.read_text()
    assert str(cache_folder()) not in text
    assert str(small.parent.parent) not in text
    assert "/tmp" not in text


BROKEN = {
    "about = ": ("scenario.toml: Invalid value"),
    TEXT.replace("about", "abut"): "scenario.toml: unknown entry 'abut': there are about, profile, end, rules, breaks",
    TEXT.replace('"exited"', '"well"'): "scenario.toml:end: 'well' is none of exited, failed, deadlock, refused",
    TEXT.replace('end = "exited"', ""): "scenario.toml: 'end' is missing",
    TEXT.replace('"c"', '"c++"'): "scenario.toml:file 1: kind: 'c++' is none of go, c, c-program",
    TEXT.replace('["small.c"]', "[]"): "scenario.toml:file 1: sources are one or more files of one folder",
    TEXT.replace('["small.c"]', '["large.c"]'): "scenario.toml:file 1: there is no source traces/small/large.c",
    TEXT.replace('["small.c"]', '["small.c", "../x.c"]'): "scenario.toml:file 1: sources are one or more files of one folder",
    TEXT.replace('["small.c"]', '"small.c"'): "scenario.toml:file 1: 'sources' is a list of texts",
    TEXT + 'link = ["libnone.so"]': "scenario.toml:file 1: it links 'libnone.so', which no [[file]] above it is called",
    TEXT + TEXT[TEXT.index("[[file]]") :]: "scenario.toml:file 2: 'libsmall.so' is no name of its own",
    TEXT.replace("libsmall.so", "lib/small.so"): "scenario.toml:file 1: 'lib/small.so' is no name of its own",
    TEXT.replace("[[file]]", "[file]"): "scenario.toml:file: files stand in [[file]] tables",
    'file = []\nabout = ""\nend = "exited"\n': "scenario.toml: there is no [[file]]",
}


@pytest.mark.parametrize("text", BROKEN, ids=BROKEN.values())
def test_a_broken_description_is_told_with_its_place(text: str, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "scenario.toml").write_text(text)
    refused(update(capsys), f"traces/small/{BROKEN[text]}")


HOSTS = {
    "def run(scene:": "host.py:1: '(' was never closed",
    "x = 1 / 0\n": "host.py:1: ZeroDivisionError: division by zero",
    "run = None": "host.py: there is no function run(scene)",
    "def run(scene): pass": "host.py: it made no process",
    "def run(scene):\n    scene.process()\n    scene.process()": "host.py:3: UsageError: a scenario has one process",
    "def run(scene):\n    scene.process(colour=1)": "host.py:2: TypeError: ",
    HOST.replace("== 1", "== 2"): "host.py:3: the assertion failed",
    HOST.replace("get()", "get(object())"): "host.py:3: CallError: ",
    "def run(scene):\n    raise SystemExit": "host.py:2: SystemExit",
}


@pytest.mark.parametrize("text", HOSTS, ids=HOSTS.values())
def test_what_is_wrong_in_a_host_script_is_told_with_its_line(text: str, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "host.py").write_text(text)
    refused(update(capsys), f"traces/small/{HOSTS[text]}")


def test_a_scenario_without_a_host_script_is_refused(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "host.py").unlink()
    refused(update(capsys), "traces/small/host.py: a scenario has a host script, here is none")


def test_another_end_or_order_than_the_described_is_a_failed_check(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "host.py").write_text(HOST.replace("libsmall.so", "libnone.so"))
    refused(update(capsys), "traces/small: amd64: it must be exited in the end, but is refused: libnone.so: ", 1)
    (small / "scenario.toml").write_text(TEXT.replace("exited", "refused"))
    assert update(capsys).status == 0
    (small / "host.py").write_text(HOST)
    (small / "order.toml").write_text(LATE)
    (small / "scenario.toml").write_text('rules = ["elf", "order.toml"]\n' + TEXT)
    refused(update(capsys), "traces/small: amd64: rule 'late' of order: broken: ", 1)
    (small / "scenario.toml").write_text('breaks = ["late"]\nrules = ["elf", "order.toml"]\n' + TEXT)
    assert update(capsys).status == 0
    (small / "scenario.toml").write_text('rules = ["elves"]\n' + TEXT)
    refused(update(capsys), "elves: neither a rule set (")
    assert not (small / "arm64.jsonl").exists()


def test_the_profile_is_the_described_one(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "scenario.toml").write_text('profile = "windows"\n' + TEXT)
    refused(update(capsys), "host.py:2: UsageError: unknown profile 'windows'")


def test_a_source_that_does_not_compile_is_told_in_one_line(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "small.c").write_text("int get(void) { return missing; }")
    refused(update(capsys), "small.c:1:24: error: use of undeclared identifier 'missing'")


def test_without_the_compilers_it_says_what_to_install(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda module: None)
    refused(update(capsys), "is not installed: pip install 'emuload[toolchain]'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scenarios", "update", "none"), "traces/none/scenario.toml: No such file or directory"),
        (("scenarios", "update", "--arch", "mips"), "there is no architecture 'mips': choose from amd64, armv7, armv5, arm64"),
        (("scenarios", "update", "-c", "add(1, 2)"), "No such option"),
        (("scenarios", "update", "-o", "x.jsonl"), "No such option"),
        (("scenarios", "run", "none"), "none: there is no such scenario: `emuload scenarios` lists them"),
        (("scenarios", "run", "small", "--arch", "mips"), "there is no architecture 'mips'"),
        (("scenarios", "run", "--seed", "1"), "No such option"),
        (("scenarios", "list", "small"), "Got unexpected extra argument (small)"),
        (("scenarios", "show"), "No such command 'show'"),
        (("trace", "--arch", "amd64", "x.so"), "--arch: use: emuload scenarios update"),
        (("trace", "--cache", "x", "x.so"), "--cache: use: emuload scenarios update"),
        (("trace", "--update", "small", "--arch", "amd64"), "--update: use: emuload scenarios update"),
        (("trace", "x.so", "y.so"), "nothing to do: name a file (-o FILE), or ask for --follow"),
        (("trace",), "Missing argument 'LIBRARY'"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], words: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(emuload(capsys, *arguments), words)


def test_a_folder_without_scenarios_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(update(capsys), "traces: there is no scenario here: no traces/*/scenario.toml")


@pytest.mark.parametrize(
    ("name", "kinds", "sample"), [("c-dependencies", ("c", "go"), "armv5"), ("thread-local-host", ("c-program",), "amd64")]
)
def test_another_folder_builds_the_same_bytes(name: str, kinds: tuple[str, ...], sample: str, tmp_path: Path) -> None:
    go_root("1.27")
    shutil.copytree(ROOT / "traces", tmp_path / "elsewhere" / "traces", ignore=shutil.ignore_patterns("*.jsonl"))
    made = []
    for number, root in enumerate((ROOT, tmp_path / "elsewhere")):
        scenario = description.read(root / "traces" / name)
        scenario = replace(scenario, files=tuple(source for source in scenario.files if source.kind in kinds))
        builder = FolderBuilder(tmp_path / f"built {number}", cache_folder())
        made.append({name: path.read_bytes() for name, path in build_all(scenario, target_of(sample), builder).items()})
    assert len(made[0]) == len(kinds) + kinds.count("c")
    assert made[0] == made[1]
    for data in made[0].values():
        assert str(tmp_path).encode() not in data
        assert str(cache_folder()).encode() not in data


def test_the_table_of_scenarios_is_what_they_say() -> None:
    lines = (ROOT / "traces" / "README.md").read_text().splitlines()
    for name, scenario in SCENARIOS.items():
        assert f"| {name} | {scenario.about} | {scenario.end} |" in lines
