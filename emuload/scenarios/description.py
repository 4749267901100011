"""Reads and checks `scenario.toml`.

    about = "one line"                      the order that the scenario shows
    profile = "glibc"                       whose dynamic linker's rules hold (glibc if not given)
    end = "exited"                          how the run must end: exited, failed, deadlock or refused
    rules = ["elf", "order.toml"]           rule sets, or TOML files of this folder, that its events must satisfy
    breaks = ["no-failure"]                 those of the rules that its events must break

    [[file]]                                a file to build, after those that it links
    name = "libhello.so"                    its name for the guest
    kind = "go"                             go (a c-shared library), c (a library) or c-program
    sources = ["hello.go"]                  from this folder; all in one folder
    link = ["libother.so", "-lm"]           files above it, or options for the linker
    flags = ["-DX=1"]                       options for the C compiler

`rules`, `breaks`, `link` and `flags` may be left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from emuload.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DESCRIPTION = "scenario.toml"
HOST = "host.py"

KINDS = ("go", "c", "c-program")
ENDS = ("exited", "failed", "deadlock", "refused")


class ScenarioError(UsageError):
    """A scenario that cannot be used: the message names the file, the place in it and the fault."""

    def __init__(self, path: Path, place: str, message: str) -> None:
        super().__init__(": ".join(part for part in (f"{path}:{place}" if place else str(path), message) if part))


@dataclass(frozen=True)
class Source:
    """A library or program to build. `sources` are paths on the host; `link` names other files of the scenario, or options."""

    name: str
    kind: str
    sources: tuple[Path, ...]
    link: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A scenario's description; `folder` holds it, its host script and its traces."""

    folder: Path
    about: str
    profile: str
    end: str
    rules: tuple[str, ...]
    breaks: tuple[str, ...]
    files: tuple[Source, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def host(self) -> Path:
        """The script that makes the calls."""
        return self.folder / HOST

    @property
    def rule_files(self) -> list[str]:
        """The rules as `emuload.order.rules.load_rules` takes them."""
        return [str(self.folder / name) if name.endswith(".toml") else name for name in self.rules]

    def trace(self, sample: str) -> Path:
        """The path of one architecture's stored trace; `sample` as in `emuload.samples.SAMPLES`."""
        return self.folder / f"{sample}.jsonl"


def read(folder: Path) -> Scenario:
    """The scenario of a folder. Raises ScenarioError."""
    path = folder / DESCRIPTION
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(path, "", error.strerror or str(error)) from None
    except RecursionError:
        raise ScenarioError(path, "", "nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number longer than Python reads
        raise ScenarioError(path, "", str(error)) from None
    tables = entries.pop("file", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ScenarioError(path, "file", "files stand in [[file]] tables")
    if not tables:
        raise ScenarioError(path, "", "there is no [[file]]")
    made: list[Source] = []
    for number, table in enumerate(tables, 1):
        made.append(_source(path, f"file {number}", table, [source.name for source in made]))
    shapes = {"about": str, "profile": str, "end": str, "rules": list, "breaks": list}
    given = {"profile": "glibc"} | _entries(path, "", entries, shapes, {"profile", "rules", "breaks"})
    _one_of(path, "end", given["end"], ENDS)
    scenario = Scenario(folder, files=tuple(made), **given)
    if not scenario.host.is_file():
        raise ScenarioError(scenario.host, "", "a scenario has a host script, here is none")
    return scenario


def _source(path: Path, place: str, table: Mapping[str, Any], above: Sequence[str]) -> Source:
    shapes = {each.name: str if each.type == "str" else list for each in fields(Source)}
    given = _entries(path, place, table, shapes, {"link", "flags"})
    _one_of(path, f"{place}: kind", given["kind"], KINDS)
    if given["name"] in above or "/" in given["name"]:
        raise ScenarioError(path, place, f"{given['name']!r} is no name of its own")
    for word in given["link"]:
        if not word.startswith("-") and word not in above:
            raise ScenarioError(path, place, f"it links {word!r}, which no [[file]] above it is called")
    sources = [path.parent / name for name in given.pop("sources")]
    if not sources or len({source.parent for source in sources}) > 1:
        raise ScenarioError(path, place, "sources are one or more files of one folder")
    for source in sources:
        if not os.path.isfile(source):
            raise ScenarioError(path, place, f"there is no source {source}")
    return Source(sources=tuple(sources), **given)


def _entries(
    path: Path, place: str, table: Mapping[str, Any], shapes: Mapping[str, type], optional: set[str]
) -> dict[str, Any]:
    """The table's entries: lists as tuples of texts, missing optional lists as empty ones. Raises ScenarioError for others."""
    made: dict[str, Any] = {}
    for name in table:
        if name not in shapes:
            raise ScenarioError(path, place, f"unknown entry {name!r}: there are {', '.join(shapes)}")
    for name, shape in shapes.items():
        if name not in table:
            if name not in optional:
                raise ScenarioError(path, place, f"{name!r} is missing")
            if shape is list:
                made[name] = ()
            continue
        value = table[name]
        if shape is str and not isinstance(value, str):
            raise ScenarioError(path, place, f"{name!r} is a text")
        if shape is list and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise ScenarioError(path, place, f"{name!r} is a list of texts")
        made[name] = value if shape is str else tuple(value)
    return made


def _one_of(path: Path, place: str, value: str, values: Sequence[str]) -> None:
    if value not in values:
        raise ScenarioError(path, place, f"{value!r} is none of {', '.join(values)}")
