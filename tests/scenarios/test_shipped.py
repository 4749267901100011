"""The scenarios come with emuload, their files built: they run where there is no compiler, and compare with their traces."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from emuload.samples import SAMPLES, toolchain
from emuload.scenarios import description, pack
from emuload.scenarios.shipped import ShippedFiles, keys, load
from emuload.trace.jsonl import read
from tests.scenarios.references import SCENARIOS, built, target_of
from tests.support.command_line import ROOT, Ended, emuload
from tests.support.toolchain import go_root


@pytest.fixture
def no_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda module: None)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a scenario, in the current folder's traces/."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ROOT / "traces" / "call-before-init", tmp_path / "traces" / "own"))


def run(capsys: pytest.CaptureFixture[str], *names: str) -> Ended:
    return emuload(capsys, "scenarios", "run", *names, "--arch", "armv7")


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_archive_holds_the_files_of_the_stored_traces(sample: str) -> None:
    archive, used = load(sample), set()
    for scenario in SCENARIOS.values():
        header = read(str(scenario.trace(sample))).header
        for name, key in keys(scenario, target_of(sample)).items():
            assert key in archive.files, f"{scenario.name}: {name}: run `python -m emuload.scenarios.pack`"
            assert hashlib.sha256(archive.files[key]).hexdigest() == header.files[name]
            used.add(key)
        assert archive.compilers == header.options["compilers"]
    assert used == set(archive.files)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_archive_is_what_the_compilers_make(sample: str) -> None:
    go_root("1.27")
    assert pack.build(list(SCENARIOS.values()), sample, built) == load(sample)


def test_a_changed_source_or_option_is_another_file(copy: Path, tmp_path: Path) -> None:
    scenario = SCENARIOS["call-before-init"]
    files, target = ShippedFiles(tmp_path), target_of("armv7")
    assert files.find(scenario, "armv7", target) is not None
    assert files.find(scenario, "armv7", target_of("armv5")) is None
    (source,) = scenario.files
    assert files.find(replace(scenario, files=(replace(source, flags=("-DX",)),)), "armv7", target) is None
    (copy / "slow.go").write_text((copy / "slow.go").read_text() + "// longer\n")
    assert files.find(description.read(copy), "armv7", target) is None


def test_a_scenario_runs_without_compilers(
    no_compilers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(capsys, "call-before-init")
    events = len(read(str(SCENARIOS["call-before-init"].trace("armv7"))).events)
    line = f"call-before-init armv7: as stored, {events} events of 6 threads, in the order it must show\n"
    assert (ended.status, ended.out, ended.err) == (0, line, "")


def test_one_that_must_be_built_names_what_to_install(
    no_compilers: None, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "slow.go").write_text((copy / "slow.go").read_text() + "// longer\n")
    ended = run(capsys, "own")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "traces/own: its files must be built, and " in ended.err
    assert ended.err.endswith("is not installed: pip install 'emuload[toolchain]'\n")


def test_a_run_that_differs_is_shown_and_fails(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = copy / "armv7.jsonl"
    text = stored.read_text().replace('"scenario":"call-before-init"', '"scenario":"own"')
    stored.write_text(text)
    assert run(capsys, "own").out.startswith("own armv7: as stored, ")
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "go-main-init-done" in line)
    stored.write_text("".join(lines).replace("go-main-init-done", "go-sysmon"))
    ended = run(capsys, "own")
    assert ended.status == 1
    assert ended.out.startswith("own armv7: not as stored\n- traces/own/armv7.jsonl\n+ traces/own\n")
    assert "go-main-init-done" in lines[at]
    assert "go-main-init-done" in ended.out


def test_another_order_than_it_must_show_fails(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "armv7.jsonl").unlink()
    text = (copy / "scenario.toml").read_text()
    (copy / "scenario.toml").write_text(text.replace('end = "exited"', 'end = "deadlock"'))
    ended = run(capsys, "own")
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.splitlines() == [
        "own armv7: it must be deadlock in the end, but is exited",
        "own armv7: there is no stored trace to compare with",
    ]


def test_they_are_listed_with_what_they_show(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["scenarios"], ["scenarios", "list"]):
        lines = emuload(capsys, *words).out.splitlines()[1:]
        assert [line.split()[0] for line in lines] == list(SCENARIOS)
        assert all(line.endswith(scenario.about) for line, scenario in zip(lines, SCENARIOS.values(), strict=True))


def test_a_wheel_takes_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = pytest.importorskip("setuptools").Distribution
    from emuload.scenarios.packaging import BuildWithTraces

    monkeypatch.chdir(ROOT)
    build = BuildWithTraces(distribution())
    build.build_lib = "build/lib"
    build.finalize_options()
    *_, (package, folder, target, files) = build._get_data_files()
    assert (package, folder, Path(target).as_posix()) == (
        "emuload.scenarios.traces", "traces", "build/lib/emuload/scenarios/traces",
    )  # fmt: skip
    for scenario in SCENARIOS.values():
        packed = {scenario.folder / Path(name).name for name in files if Path(name).parent.name == scenario.name}
        assert packed == {path for path in scenario.folder.iterdir() if path.suffix != ".pyc" and path.is_file()}
