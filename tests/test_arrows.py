"""Imports run downward only, as the design draws them, and no modules import each other in a circle.

Every import counts: those of a module's head, those inside functions, and those under `if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    ("loader",),
    ("emuload.errors",),
    ("emuload.trace",),
    ("emuload.order", "emuload.ilog"),
    ("emuload.machine",),
    ("emuload.kernel", "emuload.libc", "emuload.calls", "emuload.golang", "emuload.unwind"),
    ("emuload.process",),
    ("emuload.samples",),
    ("emuload.scenarios", "emuload.compat", "emuload.cost"),
    ("emuload.report",),
    ("emuload.commands",),
    ("emuload.cli",),
    ("emuload.__main__",),
)
"""Lowest first. A package imports itself and packages of lower layers."""

SIDEWAYS = {
    ("emuload.libc", "emuload.kernel"): "the C library's host side lets tasks wait and answers as system calls do",
    ("emuload.unwind", "emuload.golang"): "Go frames are found by Go's function table",
}
"""Imports between packages of one layer, with the reason."""

CIRCLES = {
    "emuload.kernel.fs": "an open file, its inode, the tree and the table of descriptors know each other, as Linux's do",
}
"""Packages whose own modules may import each other in a circle, with the reason."""

TOP = {"__init__", "__main__", "cli", "errors"}
"""Modules at the top of emuload; everything else is in a package."""

MOST_LINES = 450

SOURCES = sorted([*ROOT.glob("loader/**/*.py"), *ROOT.glob("emuload/**/*.py")])


def module_name(path: Path) -> str:
    """The dotted name of a module or package by its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}
FRONT = "emuload"
"""The package's own front, which names the public classes of all layers and imports them when asked."""


def imports(text: str, module: str, is_package: bool = False) -> Iterator[str]:
    """Dotted names that a module imports anywhere in its text; names taken out of a module come with the module's name."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def resolved(name: str) -> str | None:
    """The product's module that a dotted name belongs to; None for a name from outside."""
    while name:
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return None


def imported_modules(path: Path) -> set[str]:
    """Product modules that the module in a file imports, itself excepted."""
    own = module_name(path)
    found = {resolved(name) for name in imports(path.read_text(), own, path.name == "__init__.py")}
    return {name for name in found if name is not None and name != own}


def layer_of(module: str) -> tuple[int, str] | None:
    """The number of a module's layer and the package there that holds it; None for the front."""
    for number, names in enumerate(LAYERS):
        for name in names:
            if module == name or module.startswith(name + "."):
                return number, name
    return None


def may_import(importer: str, imported: str) -> bool:
    """True if the design lets one module import the other."""
    above, below = layer_of(importer), layer_of(imported)
    if above is None or below is None:
        return importer == FRONT or imported == FRONT
    return below[0] < above[0] or below[1] == above[1] or (above[1], below[1]) in SIDEWAYS


def circles(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """The strongly connected groups of more than one module (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []
    for root in sorted(graph):
        work = [(root, iter(sorted(graph[root])))] if root not in index else []
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
            for other in rest:
                if other not in index:
                    work.append((other, iter(sorted(graph.get(other, ())))))
                    break
                if other in stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    if len(group) > 1:
                        found.append(frozenset(group))
    return found


def package_around(group: frozenset[str]) -> str:
    """The innermost package that holds all modules of a group."""
    parts = [name.split(".") for name in sorted(group)]
    common = [names[0] for names in zip(*parts, strict=False) if len(set(names)) == 1]
    return ".".join(common)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_module_imports_nothing_above_it(path: Path) -> None:
    own = module_name(path)
    assert own == FRONT or layer_of(own) is not None, f"{own} is in no layer"
    wrong = sorted(name for name in imported_modules(path) if not may_import(own, name))
    assert not wrong, f"{own} imports {', '.join(wrong)}"


def test_no_modules_import_each_other() -> None:
    graph = {name: imported_modules(path) for name, path in MODULES.items() if name != FRONT}
    unexpected = [" <-> ".join(sorted(group)) for group in circles(graph) if package_around(group) not in CIRCLES]
    assert not unexpected, "\n".join(unexpected)


def test_every_circle_and_sideways_import_with_a_reason_is_there() -> None:
    graph = {name: imported_modules(path) for name, path in MODULES.items() if name != FRONT}
    assert set(CIRCLES) == {package_around(group) for group in circles(graph)}
    pairs = {(layer_of(a), layer_of(b)) for a, names in graph.items() for b in names}
    used = {(above[1], below[1]) for above, below in pairs if above is not None and below is not None}
    assert set(SIDEWAYS) <= used


@pytest.mark.parametrize("path", sorted(ROOT.glob("loader/**/*.py")), ids=module_name)
def test_the_loader_stands_alone(path: Path) -> None:
    names = {name.partition(".")[0] for name in imports(path.read_text(), module_name(path), path.name == "__init__.py")}
    assert not names & {"emuload", "unicorn", "capstone", "keystone", "elftools"}


def test_the_top_of_emuload_has_packages_only() -> None:
    assert {path.stem for path in (ROOT / "emuload").glob("*.py")} <= TOP


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_module_fits_in_a_head(path: Path) -> None:
    assert path.read_text().count("\n") <= MOST_LINES


# -- the guard itself ------------------------------------------------------------------------------------------------


def test_imports_are_found_wherever_they_are() -> None:
    text = (
        "from typing import TYPE_CHECKING\nimport emuload.cli\nif TYPE_CHECKING:\n    from emuload.trace import events\n"
        "def f():\n    from emuload.process.process import Process\n    from . import dispatch\n"
        "    from ..machine.cpu import Cpu\n"
    )
    found = set(imports(text, "emuload.kernel.core"))
    assert {"emuload.cli", "emuload.trace.events", "emuload.process.process.Process"} <= found
    assert {"emuload.kernel.dispatch", "emuload.machine.cpu.Cpu"} <= found
    assert resolved("emuload.process.process.Process") == "emuload.process.process"
    assert resolved("json.dumps") is None


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("emuload.kernel.core", "emuload.machine.cpu", True),
        ("emuload.machine.cpu", "emuload.kernel.core", False),
        ("emuload.libc.host", "emuload.kernel.core", True),
        ("emuload.kernel.core", "emuload.libc.host", False),
        ("emuload.golang.tables", "emuload.unwind.walk", False),
        ("emuload.trace.events", "emuload.order.rules", False),
        ("loader.elf", "emuload.errors", False),
        ("emuload.cost.meter", "emuload.compat.model", False),
    ],
)
def test_an_arrow_upward_or_sideways_is_refused(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert set(circles(graph)) == {frozenset("abc"), frozenset("de")}
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert package_around(frozenset({"emuload.kernel.fs.tree", "emuload.kernel.fs.table"})) == "emuload.kernel.fs"
    assert package_around(frozenset({"emuload.kernel.fs.tree", "emuload.kernel.core"})) == "emuload.kernel"
