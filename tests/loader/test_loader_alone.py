"""The loader stands alone: it imports the standard library and itself, and quickly."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import loader

FOLDER = Path(loader.__file__).parent


def test_imports_nothing_but_the_standard_library_and_itself() -> None:
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names | {"loader"}, f"{path}: {name}"


def test_importing_it_loads_no_emulator_and_no_elf_library() -> None:
    code = "import sys, loader; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=FOLDER.parent, check=True)
    for name in ("unicorn", "emuload", "elftools", "capstone", "click", "rich", "dataclasses"):
        assert f"'{name}'" not in done.stdout


def test_only_machine_files_and_profiles_know_names_of_machines_and_libcs() -> None:
    """No `if arch ==` outside loader/machines, no `if profile ==` outside loader/profiles."""
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                for side in (node.left, *node.comparators):
                    assert not (
                        isinstance(side, ast.Constant)
                        and side.value in ("amd64", "arm", "arm64", "glibc", "musl", "bionic")
                    ), f"{path}:{node.lineno}"
