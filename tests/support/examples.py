"""The examples of README.md and docs/: `python -m tests.support.examples [PAGE…]` runs them and writes down their output.

A fenced block is one of these:

console         `$ command` and its output. An output that ends in `…` is cut there.
python          a program; the block without a language after it is its output
any language    a file, if the first line is a comment with its name. A path in the checkout is a quotation from that file;
                any other file is written where the examples run.

Indented commands that call Go's or Zig's compiler build what the examples use, once, into the tests' cache. An example runs
in a folder with these files, the samples and the reference traces, and needs no other example.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from emuload import samples
from tests.support import toolchain

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
CUT = "…"

_FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<text>(?:.*\n)*?)```\n", re.MULTILINE)
_NAMED = re.compile(r"(?://|#) (?P<name>[\w./-]+\.\w+)\n+")
_PROGRAM = re.compile(r"(?:^|(?<=; )|(?<=do )|(?<=&& )|(?<=\| ))emuload\b")
_BUILD = re.compile(r"\n\n    ((?:CGO_ENABLED=1|python -m ziglang) .*(?:\n    .*)*)\n\n")


class Example(NamedTuple):
    """A command or a Python program, and the output that a page shows for it. `span` is the output's place in the page."""

    page: str
    code: str
    output: str
    python: bool
    span: tuple[int, int]

    def run(self, folder: Path) -> str:
        """The output it has now, cut where the page cuts it."""
        if self.python:
            command = [sys.executable, "-c", self.code]
        else:
            command = ["bash", "-c", _PROGRAM.sub(f"{sys.executable} -m emuload", self.code)]
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        shown = self.output.splitlines()
        if shown and shown[-1].strip() == CUT:
            lines = [*lines[: len(shown) - 1], shown[-1]]
        return "".join(f"{line}\n" for line in lines)


class File(NamedTuple):
    """A block that is a file, or the part of a file that it quotes."""

    page: str
    name: str
    text: str

    @property
    def quoted(self) -> bool:
        """True if it is quoted from the checkout."""
        return (ROOT / self.name).is_file()


class Page(NamedTuple):
    """The parts of a page; `rest` are the first lines of blocks that are neither example, output nor file."""

    examples: list[Example]
    files: list[File]
    builds: list[str]
    rest: list[str]


@functools.cache
def read(path: Path) -> Page:
    """Take a page apart."""
    text, name = path.read_text(), str(path.relative_to(ROOT))
    page = Page([], [], _BUILD.findall(text), [])
    program: re.Match[str] | None = None
    for block in _FENCE.finditer(text):
        language, body, (start, end) = block["language"], block["text"], block.span("text")
        named = _NAMED.match(body)
        if language == "console" and body.startswith("$ "):
            command, output = body[2:].split("\n", 1)
            page.examples.append(Example(name, command, output, False, (end - len(output), end)))
        elif not language and program is not None:
            page.examples.append(Example(name, program["text"], body, True, (start, end)))
            program = None
        elif language and named:
            quoted = (ROOT / named["name"]).is_file()
            page.files.append(File(name, named["name"], body[named.end() :] if quoted else body))
        elif language == "python" and program is None:
            program = block
        else:
            page.rest.append(body.split("\n", 1)[0])
    if program is not None:
        page.rest.append(program["text"].split("\n", 1)[0])
    return page


def examples() -> Iterator[Example]:
    """All examples, page by page."""
    for path in PAGES:
        yield from read(path).examples


def prepare(folder: Path) -> None:
    """Fill the examples' folder: files, the results of the pages' build commands, the samples, the reference traces."""
    files = {file.name: file.text for path in PAGES for file in read(path).files if not file.quoted}
    commands = [command for path in PAGES for command in read(path).builds]

    def make(place: Path) -> None:
        for name, text in files.items():
            (place / name).write_text(text)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda command: _build(command, place), commands))

    recipe = [files, commands, toolchain.go_root("1.27").name]
    built = toolchain.cached("documentation", "amd64-gnu", recipe, [], make)
    shutil.copytree(built, folder, dirs_exist_ok=True)
    (folder / "traces").symlink_to(ROOT / "traces")
    for name in samples.SAMPLES:
        samples.path(name, folder / "samples")


def _build(command: str, folder: Path) -> None:
    cache = toolchain.cache_folder()
    caches = {"GOCACHE": str(cache / "go-build"), "ZIG_GLOBAL_CACHE_DIR": str(cache / "zig")}
    subprocess.run(["bash", "-c", command], cwd=folder, env=_environment() | caches, check=True)


def _environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return dict(os.environ, PYTHONPATH=str(ROOT), PATH=path)


def main() -> None:
    """Write the pages named on the command line anew, or all."""
    named = [Path(word).resolve() for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for path in named or PAGES:
            text = path.read_text()
            for example in reversed(read(path).examples):
                start, end = example.span
                text = text[:start] + example.run(folder) + text[end:]
            path.write_text(text)


if __name__ == "__main__":
    main()
