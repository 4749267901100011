"""The README's examples: `python -m tests.support.examples` runs all of them again and writes down what they print.

A block that begins with `$ command` holds a command and its output; one that ends in `…` is cut there. A Python block
is followed by what it prints. The libraries and programs the examples use are built by the README's own commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.toolchain import cache_folder

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CUT = "…"

_COMMAND = re.compile(r"```console\n\$ (?P<code>.*)\n(?P<output>(?:.*\n)*?)```\n")
_PYTHON = re.compile(r"```python\n(?P<code>(?:.*\n)*?)```\n\n```\n(?P<output>(?:.*\n)*?)```\n")
_SOURCE = re.compile(r"```(go|c)\n((?:.*\n)*?)```\n")
_NAMED = re.compile(r"// (\w+\.(?:go|c))\n")
_PROGRAM = re.compile(r"(?:^|(?<=; )|(?<=do )|(?<=&& ))emuload\b")
_BUILD = re.compile(r"\n\n    ((?:CGO_ENABLED=1|python -m ziglang) .*(?:\n    .*)*)\n\n")


@dataclass(frozen=True)
class Example:
    """A command, or a Python program, and the output that the README shows for it."""

    code: str
    output: str
    python: bool
    span: tuple[int, int]
    """Where the output stands in the README."""

    def run(self, folder: Path) -> str:
        """The output it has now, cut where the README cuts it."""
        if self.python:
            command = [sys.executable, "-c", self.code]
        else:
            command = ["bash", "-c", _PROGRAM.sub(f"{sys.executable} -m emuload", self.code)]
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        shown = self.output.splitlines()
        if shown and shown[-1].strip() == CUT:
            lines = [*lines[: len(shown) - 1], shown[-1]]
        return "".join(f"{line}\n" for line in lines)


def examples(text: str) -> Iterator[Example]:
    """All of them, in the README's order."""
    found = [(match, False) for match in _COMMAND.finditer(text)] + [(match, True) for match in _PYTHON.finditer(text)]
    for match, python in sorted(found, key=lambda pair: pair[0].start()):
        yield Example(match["code"], match["output"], python, match.span("output"))


def prepare(text: str, folder: Path) -> None:
    """Build what the examples use, as the README says; the reference traces are there as in the checkout."""
    (folder / "traces").symlink_to(ROOT / "traces")
    names = {"go": "stuck.go", "c": "host.c"}
    for language, code in _SOURCE.findall(text):
        named = _NAMED.match(code)
        (folder / (named[1] if named else names[language])).write_text(code)
    for command in _BUILD.findall(text):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        cache = cache_folder()
        environment = dict(os.environ, PATH=path, GOCACHE=str(cache / "go-build"), ZIG_GLOBAL_CACHE_DIR=str(cache / "zig"))
        subprocess.run(["bash", "-c", command], cwd=folder, env=environment, check=True)


def main() -> None:
    """Write the README anew."""
    text = README.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(text, folder)
        outputs = [(example.span, example.run(folder)) for example in examples(text)]
    for (start, end), output in reversed(outputs):
        text = text[:start] + output + text[end:]
    README.write_text(text)


if __name__ == "__main__":
    main()
