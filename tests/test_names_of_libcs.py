"""A C library's name decides nothing outside `loader/profiles/`: what differs between them is a profile's rule.

The guard reads the syntax tree of all product code and finds a string that contains glibc, musl or bionic (in any case)

- in a comparison, on either side, also as `in` a list or in one (`name == "musl"`, `"GLIBC_2" in text`);
- in a `case` pattern;
- as the key of a dictionary, or as the index or key of a look-up (`TABLE["musl"]`, `TABLE.get("musl")`);
- as an argument of startswith, endswith, removeprefix, removesuffix, partition, rpartition, split, find or match;
- as the name in getattr, hasattr or setattr, also as a part of an f-string.

A constant that is assigned to a name anywhere in the same module counts wherever that name is used so. Everything else
may name a C library: docstrings, messages, help texts, default values (`profile: str = "glibc"`), values of dictionaries.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBC = re.compile(r"glibc|musl|bionic", re.IGNORECASE)
BY_TEXT = frozenset(
    {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "find", "get", "pop",
     "setdefault", "match", "fullmatch", "search"}
)  # fmt: skip
BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr"})
SOURCES = sorted(
    path
    for path in [*ROOT.glob("loader/**/*.py"), *ROOT.glob("emuload/**/*.py")]
    if not path.is_relative_to(ROOT / "loader" / "profiles")
)


def offenders(source: str) -> list[tuple[int, str]]:
    """(line, text) of the strings by which a C library's name decides something."""
    tree = ast.parse(source)
    named = _constants(tree)
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        for part in _deciding(node):
            for inner in ast.walk(part):
                used = named.get(inner.id, []) if isinstance(inner, ast.Name) else [inner]
                found |= {(getattr(part, "lineno", 0), text) for text in map(_text, used) if LIBC.search(text)}
    return sorted(found)


def _text(node: ast.AST) -> str:
    value = node.value if isinstance(node, ast.Constant) else ""
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def _constants(tree: ast.Module) -> dict[str, list[ast.Constant]]:
    """Strings, alone or in a tuple, list or set, by the names they are assigned to."""
    found: dict[str, list[ast.Constant]] = {}
    for node in ast.walk(tree):
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None
        elements = value.elts if isinstance(value, (ast.Tuple, ast.List, ast.Set)) else [value]
        constants = [each for each in elements if isinstance(each, ast.Constant)]
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets if constants else ():
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).extend(constants)
    return found


def _deciding(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node whose value decides something."""
    match node:
        case ast.Compare():
            yield node.left
            yield from node.comparators
        case ast.MatchValue():
            yield node.value
        case ast.MatchMapping():
            yield from node.keys
        case ast.Dict():
            yield from (key for key in node.keys if key is not None)
        case ast.DictComp():
            yield node.key
        case ast.Subscript():
            yield node.slice
        case ast.Call(func=ast.Attribute(attr=method)) if method in BY_TEXT:
            yield from node.args
        case ast.Call(func=ast.Name(id=function)) if function in BY_NAME:
            yield from node.args[1:2]
        case ast.Call(func=ast.Name(id="dict")):
            yield from (ast.Constant(keyword.arg, lineno=node.lineno) for keyword in node.keywords if keyword.arg)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_of_a_libc_decides_outside_the_profiles(path: Path) -> None:
    assert not offenders(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        'if profile.family == "musl": pass',
        'if "musl" != family: pass',
        'if family in ("glibc", "x"): pass',
        'if "musl" in triple: pass',
        'if b"GLIBC_2.34" in data: pass',
        'match family:\n    case "bionic": pass',
        'match family:\n    case "x" | "musl": pass',
        'match facts:\n    case {"musl": found}: pass',
        'TABLE = {"musl": 1}',
        'TABLE = dict(musl=1)',
        'TABLE["musl"]',
        'TABLE.get("bionic", 0)',
        'name.startswith("libc.musl-")',
        'name.endswith(("x", "-musl"))',
        'name.removesuffix("-musl")',
        'text.partition("glibc")',
        're.match("GLIBC_(.*)", text)',
        'getattr(self, "_musl_rules")',
        'getattr(self, f"rules_of_musl_{x}")',
        'HERE = "musl"\nif family == HERE: pass',
        'NAMES: tuple[str, ...] = ("glibc", "musl")\nif family in NAMES: pass',
    ],
)  # fmt: skip
def test_the_guard_finds(source: str) -> None:
    assert offenders(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""musl does it otherwise."""',
        'def process(profile: str = "glibc") -> None: pass',
        'given = {"profile": "glibc"}',
        'raise ValueError("choose from glibc, musl and bionic")',
        'if profile.applies_relr == "x": print("glibc 2.36")',
        'SONAMES = ("libc.so.6", "libc.musl-x86_64.so.1")',
        'process(profile="musl")',
        'text.startswith("libc.so")',
    ],
)
def test_the_guard_permits(source: str) -> None:
    assert not offenders(source)
