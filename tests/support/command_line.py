"""Runs the command line, in this process or in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from emuload import cli

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


def emuload(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ended:
    """Run a command in this process."""
    capsys.readouterr()
    status = cli.command([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Ended(status, captured.out, captured.err)


def start(*arguments: str | Path, python: tuple[str, ...] = (), **options: object) -> subprocess.Popen[bytes]:
    """Start a command in a process of its own."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, *python, "-m", "emuload", *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, **(pipes | options))  # type: ignore[call-overload,no-any-return]


def without_times(text: str) -> str:
    """The text with every time in milliseconds replaced, and the space that right-aligns it."""
    return re.sub(r" *\d+\.\d{3}(?!\d)", " T", text)


def source_file(name: str, text: str) -> Path:
    """A C file of this content; its place is always the same, so that what is built of it is built once."""
    folder = ROOT / ".cache" / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.c"
    if not file.exists() or file.read_text() != text:
        fresh = folder / f"{name}.{os.getpid()}"
        fresh.write_text(text)
        fresh.replace(file)
    return file
