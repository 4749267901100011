"""Imports run downward only, as the design draws them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    ("loader",),
    ("emuload.trace", "emuload.errors", "emuload.reports"),
    ("emuload.order", "emuload.ilog"),
    ("emuload.machine",),
    ("emuload.golang", "emuload.unwind", "emuload.kernel"),
    ("emuload.libc",),
    ("emuload.calls",),
    ("emuload.process",),
    ("emuload.cost", "emuload.compat", "emuload.samples"),
    ("emuload.scenarios",),
    ("emuload.report",),
    ("emuload.commands", "emuload.cli", "emuload.__main__"),
)
"""Lowest first. A module may import its own layer and those below; `if TYPE_CHECKING` imports do not count."""

SOURCES = sorted([*ROOT.glob("loader/**/*.py"), *ROOT.glob("emuload/**/*.py")])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> int | None:
    """The layer of a module, by the longest prefix; None for the package's own front."""
    for number, names in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return number
    return None


def imports(path: Path) -> list[str]:
    """What a module imports when it runs, at the top and inside functions."""
    found: list[str] = []
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(inner for child in node.body for inner in ast.walk(child))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_module_imports_nothing_above_it(path: Path) -> None:
    own = layer_of(module_name(path))
    if own is None:
        assert module_name(path) == "emuload"
        return
    for name in imports(path):
        layer = layer_of(name)
        assert layer is None or layer <= own, f"{module_name(path)} imports {name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("loader/**/*.py")), ids=module_name)
def test_the_loader_stands_alone(path: Path) -> None:
    names = {name.partition(".")[0] for name in imports(path)}
    assert not names & {"emuload", "unicorn", "capstone", "keystone", "elftools"}
