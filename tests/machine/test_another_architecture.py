"""An architecture is added by folders and files of its own and a line in each of three lists, as docs/adding.md says.

The architecture `toy` is arm64 under another name and ELF machine number; its libraries are arm64's with that number.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emuload import samples
from tests.support.toolchain import site_packages

ROOT = Path(__file__).parents[2]
COPIED = ("emuload", "loader", "tests/support")
E_MACHINE = 0x7079
CHANGED = ("emuload/machine/architecture.py", "loader/machines/__init__.py", "tests/support/targets.py")
"""All that is changed of what was there."""
ADDED = ("emuload/machine/toy/", "loader/machines/toy.py", "emuload/libc/src/toy/", "emuload/libc/built/toy.so",
         "emuload/libc/built/toy-libgcc_s.so", "emuload/libc/libgcc/toy.txt")  # fmt: skip
"""All that is added, and all that is its own."""


def for_toy(content: bytes) -> bytes:
    """An arm64 file as one for the toy machine: another e_machine."""
    return content[:18] + E_MACHINE.to_bytes(2, "little") + content[20:]


def copied(source: Path, target: Path, *renamed: tuple[str, str]) -> None:
    """Copy a text file, with some of its words replaced; each must be there."""
    text = source.read_text()
    for old, new in renamed:
        assert old in text, (source, old)
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def add_toy(root: Path) -> None:
    """The steps of docs/adding.md."""
    machine = root / "emuload" / "machine"
    # 1. A folder of emuload/machine.
    for path in sorted((machine / "arm64").glob("*.py")):
        copied(path, machine / "toy" / path.name)
    for path in sorted((machine / "toy").glob("*.py")):
        path.write_text(path.read_text().replace("emuload.machine.arm64", "emuload.machine.toy"))
    copied(machine / "toy" / "__init__.py", machine / "toy" / "__init__.py", ('"arm64"', '"toy"'))
    copied(machine / "toy" / "unwind.py", machine / "toy" / "unwind.py", ('name="arm64"', 'name="toy"'))
    copied(machine / "toy" / "targets.py", machine / "toy" / "targets.py", ('LibcTarget("arm64"', 'LibcTarget("toy"'),
           ('"arm64", "aarch64linux"', '"toy", "aarch64linux"'), ("arm64-", "toy-"), ('sample="arm64"', 'sample=""'))  # fmt: skip
    # 2. A file of loader/machines.
    machines = root / "loader" / "machines"
    copied(machines / "aarch64.py", machines / "toy.py", ('name="arm64"', 'name="toy"'), ('title="AArch64"', 'title="Toy"'),
           ("e_machine=183", f"e_machine={E_MACHINE}"))  # fmt: skip
    # 3. A folder of the C library's sources, and the library built from them.
    libc = root / "emuload" / "libc"
    shutil.copytree(libc / "src" / "arm64", libc / "src" / "toy")
    shutil.copy(libc / "libgcc" / "arm64.txt", libc / "libgcc" / "toy.txt")
    for end in (".so", "-libgcc_s.so"):
        (libc / "built" / f"toy{end}").write_bytes(for_toy((libc / "built" / f"arm64{end}").read_bytes()))
    # 4. The name in three lists.
    architectures = machine / "architecture.py"
    copied(architectures, architectures, ('"arm64")', '"arm64", "toy")'))
    listed = machines / "__init__.py"
    copied(listed, listed, ("import aarch64, arm, x86_64", "import aarch64, arm, toy, x86_64"),
           ("aarch64.MACHINE)", "aarch64.MACHINE, toy.MACHINE)"))  # fmt: skip
    targets = root / "tests" / "support" / "targets.py"
    copied(targets, targets, ('        Target("arm64-musl", "arm64"),\n',
                              '        Target("arm64-musl", "arm64"),\n        Target("toy-gnu", "toy"),\n'))  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the toy architecture."""
    root = tmp_path_factory.mktemp("tree")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    add_toy(root)
    return root


def emuload(tree: Path, *words: str | Path) -> str:
    """The command line of the copy: its output."""
    command = [sys.executable, "-m", "emuload", *map(str, words)]
    environ = {"PYTHONPATH": f"{tree}:{site_packages()}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def library(tree: Path, architecture: str) -> Path:
    """The arm64 sample, for one of the two architectures, under the same name."""
    path = tree / architecture / "libhello.so"
    path.parent.mkdir(exist_ok=True)
    content = samples.read("arm64")
    path.write_bytes(for_toy(content) if architecture == "toy" else content)
    return path


def test_three_existing_files_change(tree: Path) -> None:
    changed, added = [], []
    for folder in COPIED:
        for path in sorted((tree / folder).rglob("*")):
            name = path.relative_to(tree).as_posix()
            if path.is_dir() or "__pycache__" in name:
                continue
            if not (ROOT / name).exists():
                added.append(name)
            elif not filecmp.cmp(path, ROOT / name, shallow=False):
                changed.append(name)
    assert changed == sorted(CHANGED)
    assert all(name.startswith(ADDED) for name in added)


def test_a_library_of_the_new_architecture_is_loaded_and_called(tree: Path) -> None:
    assert "add(40, 2) = 42\n" in emuload(tree, "run", library(tree, "toy"), "-c", "add(40, 2)")


def test_its_trace_is_that_of_the_architecture_it_copies(tree: Path) -> None:
    traces = []
    for architecture in ("arm64", "toy"):
        path = library(tree, architecture)
        trace = path.with_suffix(".jsonl")
        emuload(tree, "trace", path, "-c", "add(40, 2)", "-o", trace)
        text = trace.read_text().replace('"toy"', '"arm64"').replace(str(path.parent), "")
        traces.append(re.sub(r'"[0-9a-f]{64}"', '"the hash of the file"', text))
    assert traces[1] == traces[0]


def test_it_is_inspected_and_disassembled_by_its_own_tables(tree: Path) -> None:
    path = library(tree, "toy")
    assert "Toy" in emuload(tree, "inspect", path)
    log = tree / "toy.ilog"
    emuload(tree, "trace", path, "-c", "add(1, 2)", "-o", log)
    assert "stp x29, x30" in emuload(tree, "show", log)
