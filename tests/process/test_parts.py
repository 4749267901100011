"""A process's parts know only the parts that they are made of, never the process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.command_line import ROOT

FACE = "emuload.process.process"
PARTS = sorted(
    path
    for folder in ("process", "calls", "cost")
    for path in ROOT.glob(f"emuload/{folder}/*.py")
    if path != ROOT / "emuload/process/process.py"
)
MOST_LINES = 300


def names_the_process(source: str) -> bool:
    """True if a module imports the process, at the top, in a function or for its types alone."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(alias.name == FACE for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom):
            imported = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            if FACE in imported or (node.module == "emuload" and any(alias.name == "Process" for alias in node.names)):
                return True
    return False


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_part_imports_no_process(path: Path) -> None:
    assert not names_the_process(path.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "from emuload.process.process import Process",
        "from emuload.process import process",
        "import emuload.process.process",
        "if TYPE_CHECKING:\n    from emuload.process.process import Process",
        "def f():\n    from emuload import Process",
    ],
)
def test_an_import_of_the_process_is_found(source: str) -> None:
    assert names_the_process(source)


def test_the_face_is_short() -> None:
    assert len((ROOT / "emuload/process/process.py").read_text().splitlines()) <= MOST_LINES
