"""An architecture is named in its own folder and files, and in one list each of emuload and of the loader."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from emuload.kernel.numbers import names
from emuload.machine.architecture import ARCHITECTURES, facts, part
from emuload.machine.targets import guest_targets, libc_targets
from loader.machines import MACHINES

ROOT = Path(__file__).parent.parent
LISTS = ("emuload/machine/architecture.py", "loader/machines/__init__.py")
"""The two lists of architectures."""
OWN = (*(f"emuload/machine/{name}/" for name in ARCHITECTURES), "loader/machines/")
HOSTS = "emuload/machine/hooks/"
"""Machine code for the hosts that run emuload: their names are not those of guests."""
SYNONYMS = {"armel", "i386", "i686", "x86", "x64", "thumb", "armv6"}
SYSTEM_CALLS = {call for architecture in ARCHITECTURES for call in names(architecture).values()}
CALLS_IN_LOWER_CASE = {call.lower() for call in SYSTEM_CALLS}
PSABI = re.compile(r"R_[A-Z0-9]+_[A-Z0-9_]+|PT_[A-Z]+_[A-Z]+|EM_[A-Z0-9_]+")
"""Names of the psABIs, which a profile or a reader of such a section must give: relocations, segments."""
EXAMPLE = "emuload "
"""The examples in a command's help name the samples that are there."""
ALLOWED = {
    "ARM: a kernel without the helper page.": "the option is for that architecture only",
    "link with -Wl,-z,max-page-size=16384 (golang/go#68754: Go from 1.23 on does by itself on arm64)": "a fact about Go",
}


def known_names() -> set[str]:
    """All names the product's tables give to architectures, and some more that are usual."""
    found = set(ARCHITECTURES) | SYNONYMS
    for architecture in ARCHITECTURES:
        abi, record = part(architecture, "").ABI, facts(architecture)
        found |= {abi.uname_machine, record.triple.partition("-")[0], record.libc_build, record.soft_float_build}
    for machine in MACHINES:
        found |= {machine.title.lower(), machine.relocations[0].name.split("_")[1].lower()}
    found |= {target.abi for target in libc_targets()}
    for target in guest_targets().values():
        found |= {target.goarch, target.sample, target.name.partition("-")[0]}
    return {name.lower() for name in found if name} | {name.replace("_", "-") for name in found if "_" in name}


NAMES = sorted(known_names(), key=len, reverse=True)
WORD = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, NAMES))})(?![a-z0-9])", re.IGNORECASE)


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """Strings that stand alone: docstrings of modules, classes, functions and attributes."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}


def named_in(text: str) -> bool:
    """True if a string names an architecture, and is not the name of a system call or of a psABI's relocation."""
    if text in SYSTEM_CALLS or text in ALLOWED or text.startswith(EXAMPLE):
        return False
    return WORD.search(PSABI.sub("", text)) is not None


def offences(source: str) -> list[tuple[int, str]]:
    """(line, text) of each place that names an architecture, or finds something by a name made of one."""
    tree = ast.parse(source)
    prose = docstrings(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.Constant) and node not in prose and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            text = text if named_in(text) else ""
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            text = next((module for module in modules if named_in(module)), "")
        elif isinstance(node, (ast.Name, ast.Attribute, ast.FunctionDef, ast.ClassDef, ast.arg, ast.keyword)):
            fields = (getattr(node, field, None) for field in ("id", "attr", "name", "arg"))
            identifier = next((field for field in fields if field), "")
            call = identifier.removeprefix("sys_")  # the handler of a system call
            verb = identifier.strip("_") == "arm"  # as in timer.arm()
            if call not in CALLS_IN_LOWER_CASE and not verb and named_in(identifier):
                text = identifier
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            made = " ".join(ast.unparse(argument) for argument in node.args if isinstance(argument, ast.JoinedStr))
            if called in ("import_module", "__import__", "getattr", "attrgetter") and re.search("arch|machine|abi|target", made):
                text = ast.unparse(node)
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            machine = any(ast.unparse(side).endswith(("e_machine", "elf_machine")) for side in sides)
            if machine and any(isinstance(side, (ast.Constant, ast.Tuple, ast.Set)) for side in sides):
                text = ast.unparse(node)
        if text:
            found.append((getattr(node, "lineno", 0), text))
    return found


def product_files() -> list[str]:
    paths = sorted([*ROOT.glob("loader/**/*.py"), *ROOT.glob("emuload/**/*.py")])
    relative = [path.relative_to(ROOT).as_posix() for path in paths]
    return [path for path in relative if not path.startswith((*OWN, HOSTS)) and path not in LISTS]


@pytest.mark.parametrize("path", product_files())
def test_no_architecture_is_named(path: str) -> None:
    found = offences((ROOT / path).read_text())
    assert not found, "\n".join(f"{path}:{line}: {text}" for line, text in found)


OFFENDERS = {
    "a comparison": 'if arch == "arm": pass',
    "a comparison of bytes": 'if machine == b"aarch64": pass',
    "membership": 'if arch in ("amd64", "arm64"): pass',
    "a match": 'match arch:\n    case "amd64": pass',
    "a dictionary's key": 'T = {"arm64": 1}',
    "a dictionary by keywords": "T = dict(amd64=1)",
    "a set in a table": 'T = [frozenset({"arm"})]',
    "a suffix": 'path.endswith("-arm64")',
    "a prefix": 'target.startswith("armv7")',
    "a part of a longer name": 'T = "ld-linux-x86-64.so.2"',
    "a pattern": 're.compile(r"ld-musl-(x86_64|i386)")',
    "an f-string's fixed part": 'name = f"libc-{version}-armhf"',
    "a module's name made by an f-string": 'import_module(f"emuload.kernel.calls_{arch}")',
    "an attribute's name made by an f-string": 'getattr(tables, f"{arch}_numbers")',
    "an import": "from emuload.machine.arm64 import cpu",
    "an import of the module": "from emuload.machine import amd64",
    "an import of the loader's": "import loader.machines.x86_64",
    "an identifier": "is_amd64 = True",
    "an attribute": "x = tables.ARM64",
    "a function for one": "def _thumb(self): pass",
    "the number of a machine": "if elf.machine.e_machine == 62: pass",
    "numbers of machines": "if machine.elf_machine in (40, 183): pass",
    "help": 'click.option("--x", help="On ARM: a page less.")',
}
FINE = {
    "a docstring": '"""Runs on arm64."""\ndef f():\n    "As on amd64."',
    "a comment": "x = 1  # as on amd64",
    "words that hold a name": 'x = "alarm", "armed", "harm"; CLOCK_ALARM = 8',
    "the verb": "timer.arm(kernel)",
    "a system call's name": '@syscall("ARM_set_tls")\ndef f(): pass',
    "a relocation": 'T = {"R_AARCH64_ABS16", "R_ARM_REL32"}',
    "a system call's handler": "def sys_arm_set_tls(kernel): pass",
    "an example": 'EXAMPLES = ("emuload demo --arch armv7",)',
    "a module's name made of something else": 'import_module(f"emuload.commands.{command}")',
    "two machines compared": "if one.e_machine != other.e_machine: pass",
    "a segment's type": "from loader.elf import PT_ARM_EXIDX",
    "an f-string that names nothing": 'x = f"{arch}: no such thing"',
}


@pytest.mark.parametrize("source", OFFENDERS.values(), ids=OFFENDERS)
def test_an_offender_is_found(source: str) -> None:
    assert offences(source)


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_what_names_no_architecture_is_fine(source: str) -> None:
    assert not offences(source)
