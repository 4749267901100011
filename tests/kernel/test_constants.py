"""Numbers of Linux and of the dynamic linker are defined once."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCES = [path for name in ("loader", "emuload") for path in sorted((ROOT / name).glob("**/*.py"))]
FAMILIES = re.compile(
    r"_?((PROT|MAP|MREMAP|MADV|FUTEX|CLONE|CLOCK|TIMER|RLIMIT|O|S|AT|F|SEEK|POLL|EPOLL|SA|SI|SS|SOCK|MSG|RTLD|DT|PT|STT|STB)_"
    r"[A-Z0-9_]+|SIG[A-Z]+|SIG_[A-Z]+|POLL[A-Z]+)"
)
ELSEWHERE = ("emuload/order/", "emuload/trace/kinds/")
"""Code that works on traces knows the numbers in them but may not import the machine; the names in kinds are of events."""


def constants(path: Path) -> Iterator[str]:
    """The names of these families that a module defines at its top level, without a leading underscore."""
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(name, ast.Name) and FAMILIES.fullmatch(name.id):
                    yield name.id.lstrip("_")


def test_a_number_is_defined_once() -> None:
    places = defaultdict(list)
    for path in SOURCES:
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(ELSEWHERE):
            for name in constants(path):
                places[name].append(where)
    assert {"PROT_EXEC", "FUTEX_WAIT", "O_CREAT", "RTLD_NOW", "SIGSEGV", "CLOCK_REALTIME"} <= places.keys()
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
