"""A shell completes commands, options and values; after --call, the functions that the library exports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emuload import samples
from emuload.trace.kinds.catalogue import KINDS
from tests.support.command_line import ROOT, emuload

EXPORTS = ["add", "args", "divide", "env", "greet", "sum"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.path("armv7", tmp_path_factory.mktemp("samples"))


def completed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> list[str]:
    """The offers for the last word, asked as bash's script asks."""
    monkeypatch.setenv("_EMULOAD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["emuload", *map(str, words)]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    ended = emuload(capsys)
    assert (ended.status, ended.err) == (0, "")
    return [line.partition(",")[2] for line in ended.out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "completion", shell)
    assert (ended.status, ended.err) == (0, "")
    assert f"_EMULOAD_COMPLETE={shell}_complete" in ended.out


@pytest.mark.parametrize("words", [(), ("tcsh",), ("bash", "zsh")])
def test_another_shell_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    ended = emuload(capsys, "completion", *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


def test_exports_are_offered_after_call(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("run", "trace", "check", "cost"):
        assert set(EXPORTS) <= set(completed(capsys, monkeypatch, command, library, "--call", ""))
    assert completed(capsys, monkeypatch, "run", library, "-c", "gr") == ["greet"]
    assert completed(capsys, monkeypatch, "run", "--linked", library, "-c", "add(1,2)", "-c", "d") == ["divide"]
    offered = completed(capsys, monkeypatch, "run", library, "-c", "")
    assert not any(name.startswith("_") for name in offered)
    assert "_cgo_panic" in completed(capsys, monkeypatch, "run", library, "-c", "_cgo_p")


def test_no_library_or_a_broken_one_offers_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("no library")
    for words in (["run"], ["run", tmp_path / "none"], ["run", tmp_path / "text"], ["run", tmp_path]):
        assert completed(capsys, monkeypatch, *words, "--call", "") == []


def test_names_come_from_the_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(capsys, monkeypatch, "sce") == ["scenarios"]
    assert completed(capsys, monkeypatch, "demo", "--arch", "") == list(samples.SAMPLES)
    assert completed(capsys, monkeypatch, "run", "x.so", "--profile", "mu")[0] == "musl"
    assert completed(capsys, monkeypatch, "trace", "x.so", "--kind", "go-package") == [
        kind for kind in KINDS if kind.startswith("go-package")
    ]
    assert "call-before-init" in completed(capsys, monkeypatch, "scenarios", "run", "call")
    assert "--profile" in completed(capsys, monkeypatch, "compat", "--p")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_with_the_script(library: Path, tmp_path: Path) -> None:
    program = tmp_path / "emuload"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m emuload "$@"\n')
    program.chmod(0o755)
    script = f"""
        eval "$(emuload completion bash)"
        complete -p emuload
        COMP_WORDS=(emuload run '{library}' --call di) COMP_CWORD=4
        _emuload_completion emuload di --call
        echo "${{COMPREPLY[@]}}"
    """
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert "-F _emuload_completion emuload" in first
    assert second == "divide"
