"""The import relation read from a library's code: part of what `go list` says, and enough of it to check an order by."""

from __future__ import annotations

import functools

import pytest

import emuload
from emuload.golang.imports import package_imports
from emuload.golang.library import open_library
from emuload.samples import toolchain as builder
from loader.elf import ElfFile
from tests.support import toolchain
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import GUEST_FOLDER


@functools.cache
def go_list(guest: str, target: str, go: str) -> dict[str, set[str]]:
    """Per package all that it imports, however far; the runtime belongs to everything that is not below it."""
    root = toolchain.go_root(go)
    environment = builder.environment(builder.TARGETS[target], toolchain.cache_folder(), root)
    command = [root / "bin" / "go", "list", "-deps", "-f", '{{.ImportPath}} {{join .Imports " "}}', "."]
    lines = builder.run(command, folder=GUEST_FOLDER / guest, environ=environment).splitlines()
    direct = {importer: set(imports) for importer, *imports in map(str.split, lines)}
    main = next(name for name in reversed(direct) if "." not in name.partition("/")[0] and name == lines[-1].split()[0])
    direct["main"] = direct.pop(main)
    below = closure({name: direct[name] for name in direct}, "runtime") | {"runtime"}
    for name, imports in direct.items():
        if name not in below:
            imports.add("runtime")
    return {name: closure(direct, name) for name in direct}


def closure(direct: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    queue = [start]
    while queue:
        fresh = direct.get(queue.pop(), set()) - seen
        seen |= fresh
        queue += fresh
    return seen


def found(guest: str, target: str, go: str, *, stripped: bool = False) -> list[tuple[str, str]]:
    path = toolchain.go_library(guest, target, go, stripped=stripped)
    library = open_library(ElfFile(path.read_bytes(), str(path)))
    assert library is not None
    return package_imports(library)


@pytest.mark.parametrize("go", ["1.27", "1.22"])
@pytest.mark.parametrize("target", GNU)
def test_no_pair_is_found_that_go_list_does_not_know(target: str, go: str) -> None:
    known = go_list("behaviour", target, go)
    pairs = found("behaviour", target, go)
    assert [pair for pair in pairs if pair[1] not in known[pair[0]]] == []


@pytest.mark.parametrize("go", ["1.27", "1.22"])
@pytest.mark.parametrize("target", GNU)
def test_about_half_of_the_pairs_are_found(target: str, go: str) -> None:
    known = go_list("behaviour", target, go)
    pairs = set(found("behaviour", target, go))
    packages = {name for pair in pairs for name in pair}
    wanted = {(importer, imported) for importer in packages for imported in packages & known.get(importer, set())}
    assert len(pairs) >= 0.45 * len(wanted)
    assert {("main", "os"), ("os", "syscall"), ("os", "errors"), ("sync", "runtime"), ("main", "runtime")} <= pairs


@pytest.mark.parametrize("target", GNU)
def test_every_package_that_is_told_of_is_initialised_when_the_library_is_used(target: str) -> None:
    process = emuload.Process(arch_of(target))
    process.dlopen(str(toolchain.go_library("behaviour", target))).call("add", 1, 2)
    initialised = {event.fields["package"] for event in process.events if event.kind == "go-package-init-exit"}
    assert {name for pair in found("behaviour", target, "1.27") for name in pair} <= initialised


def test_a_stripped_library_tells_the_same() -> None:
    assert found("behaviour", "amd64-gnu", "1.27", stripped=True) == found("behaviour", "amd64-gnu", "1.27")
