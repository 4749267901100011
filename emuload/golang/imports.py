"""Imports between a Go library's packages, read from its code alone.

A function of one package that calls a function of another shows that the first imports the second, or imports a package that
was inlined and does: either way the second is initialised first. Only calls count as evidence, so the relation may be
smaller than that of `go list -deps` and is never larger. Left out are functions whose source is in another package than
their name says (`//go:linkname`), functions written by the compiler, and calls through pointers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from emuload.golang.library import GoLibrary
from emuload.golang.tracker import package_of
from emuload.machine.disassembly import Disassembler

_INIT = re.compile(r"\.init(\.\d+)?")
_RUNTIME = "runtime"
_MAYBE_BELOW = ("internal/", "runtime/")
"""Where the packages are that the runtime itself is built on (go/build/deps_test.go). The compiler lets any package call the
runtime, these too, so that a call of it says nothing; every other package comes after it.
"""
_MADE_BY_COMPILER = ("go:", "type:", "type.", "_cgo", "_rt0_", "crosscall")
_MAIN = "main"
_MOST_PASSED, _MOST_DISASSEMBLED = 1 << 20, 16 << 20
"""Bounds beyond which fewer imports are found: packages passed on all paths from one to another, bytes of code
disassembled.
"""


def package_imports(library: GoLibrary) -> list[tuple[str, str]]:
    """(importer, imported) of the packages that have something to initialise, also through other packages, sorted."""
    reader = _Calls(library)
    direct = reader.packages()
    initialised = reader.initialised()
    pairs: set[tuple[str, str]] = set()
    passed = 0
    for importer in sorted(initialised):
        if passed > _MOST_PASSED:
            break
        seen: set[str] = set()
        queue = [importer]
        while queue:
            for imported in sorted(direct.get(queue.pop(), ())):
                if imported not in seen:
                    seen.add(imported)
                    queue.append(imported)
        passed += len(seen)
        pairs.update((importer, imported) for imported in seen & initialised if imported != importer)
    return sorted(pairs)


class _Calls:
    """The direct calls in a library's code."""

    def __init__(self, library: GoLibrary) -> None:
        self._table = library.table
        self._library = library
        self._functions = list(library.table)
        self._packages = [_package(function.name) for function in self._functions]
        self._own: dict[int, bool] = {}
        self._left = _MOST_DISASSEMBLED

    def initialised(self) -> set[str]:
        """Packages with an init task: they have a function `init` or `init.0`. A function inside an init, such as
        `init.func1`, proves nothing: it may be left when the compiler has computed the rest of the init in advance.
        """
        found = set()
        for function, package in zip(self._functions, self._packages, strict=True):
            if package and _INIT.fullmatch(function.name, len(package)):
                found.add(package)
        return found

    def packages(self) -> dict[str, set[str]]:
        """The other packages that a package's functions call, by package."""
        found: dict[str, set[str]] = defaultdict(set)
        for package in self._packages:
            if package and package != _RUNTIME and not package.startswith(_MAYBE_BELOW):
                found[package].add(_RUNTIME)
        for caller, site, callee in self._between_packages():
            importer, imported = self._packages[caller], self._packages[callee]
            if imported not in found[importer] and self._is_own(caller) and self._is_own(callee) and self._is_call(caller, site):
                found[importer].add(imported)
        return found

    def _between_packages(self) -> Iterator[tuple[int, int, int]]:
        """(calling function, address of the call, called function), functions by their place in the table."""
        call, packages = self._library.row.call, self._packages
        by_entry = {function.entry: number for number, function in enumerate(self._functions)}
        start = self._table.start
        code = self._library.image.read(start, self._table.end - start)
        for site, callee in call.calls(code, start, by_entry):
            caller = self._table.index(site)
            if caller is None or not packages[caller] or not packages[callee]:
                continue
            if packages[callee] not in (packages[caller], _RUNTIME):
                yield caller, site, callee

    def _is_own(self, index: int) -> bool:
        """True if a function's source is in the folder of the package that its name says; package main's may be anywhere."""
        if index not in self._own:
            file = self._table.line(self._functions[index].entry).file
            folder = file.rpartition("/")[0].rpartition("/")[2].partition("@")[0]
            package = self._packages[index].rpartition("/")[2]
            self._own[index] = bool(folder) and folder == (package if package != _MAIN else folder)
        return self._own[index]

    def _is_call(self, caller: int, site: int) -> bool:
        """True if an instruction begins at `site`. Needed only for machines whose instructions may begin at any byte."""
        if self._library.row.call.step > 1:
            return True
        entry = self._functions[caller].entry
        self._left -= site - entry
        if self._left < 0:
            return False
        code = self._library.image.read(entry, site - entry)
        found = Disassembler(self._library.row.name).instructions(code, entry)
        return not found or (found[-1].address + len(found[-1].code) == site and not found[-1].text.startswith(".byte"))


def _package(name: str) -> str:
    """The package of a function's name; "" for a function made by the compiler or cgo."""
    plain = name.partition("[")[0]
    return "" if plain.startswith(_MADE_BY_COMPILER) or "." not in plain else package_of(plain)
