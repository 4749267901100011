"""C++ guests, built by Debian's g++ for the targets that it compiles for, and Debian's libstdc++ for them.

Where one of them cannot be had, these raise unittest.SkipTest, which pytest takes for a skipped test.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest import SkipTest

from emuload.samples.toolchain import BuildError
from tests.support.targets import TARGETS
from tests.support.toolchain import ToolchainMissingError, cached

GXX = tuple(name for name, row in TARGETS.items() if row.gcc)
"""The targets that there is a g++ for."""
FLAGS = ("-O1", "-g", "-w", "-pthread")


def cxx_program(source: Path, target: str, flags: Sequence[str] = ()) -> Path:
    """A program of one C++ file."""
    return _built(source, target, source.stem, [*FLAGS, "-rdynamic", *flags])


def cxx_library(source: Path, target: str, flags: Sequence[str] = ()) -> Path:
    """A shared library of one C++ file."""
    return _built(source, target, f"lib{source.stem}.so", [*FLAGS, "-shared", "-fPIC", *flags])


def runtime_library(name: str, target: str) -> Path:
    """A library that g++ links with: libstdc++.so.6, libgcc_s.so.1."""
    done = subprocess.run([_compiler(target), f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip())
    if not path.is_absolute():
        raise SkipTest(f"no {name} for {target}")
    return path.resolve()


def _compiler(target: str) -> str:
    row = TARGETS[target].gcc
    assert row is not None
    name = row[0].removesuffix("gcc") + "g++"
    if shutil.which(name) is None:
        raise ToolchainMissingError(f"no {name}: install {'g++-' + name.removesuffix('-g++') if name != 'g++' else name}")
    return name


def _built(source: Path, target: str, name: str, flags: Sequence[str]) -> Path:
    compiler = _compiler(target)
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=True).stdout

    def make(place: Path) -> None:
        words = [compiler, *flags, "-o", str(place / name), source.name]
        done = subprocess.run(words, cwd=source.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{' '.join(words)}\n{done.stderr}")

    sources = [source, *sorted(source.parent.glob("*.h"))]
    return cached(f"{source.stem}-{target}", target, ["g++", version, name, *flags], sources, make) / name
