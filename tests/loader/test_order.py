"""Constructors and destructors run in the order of the real linkers, on hundreds of seeded dependency graphs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import emuload
from loader import RTLD_GLOBAL
from tests.loader import order
from tests.loader.native import AVAILABLE
from tests.loader.order import ANSWERS, GRAPHS, Emulated, Graph, Node, emulated, make, natives
from tests.loader.steps import host_glibc, host_musl

RECORDED = json.loads(ANSWERS.read_text())
COLUMNS = ("dfs", "original", "musl")
PARTS = 8


def test_at_least_two_hundred_graphs_are_recorded() -> None:
    assert len(RECORDED["answers"]) == GRAPHS >= 200
    assert all(set(row) == set(COLUMNS) for row in RECORDED["answers"])
    assert len({row["dfs"] for row in RECORDED["answers"]}) > 200
    assert sum(row["dfs"] != row["original"] for row in RECORDED["answers"]) > 50


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("column", COLUMNS)
def test_the_loaders_order_is_the_recorded_one(tmp_path: Path, column: str, part: int) -> None:
    for number in range(part, GRAPHS, PARTS):
        graph = make(number)
        graph.build(tmp_path)
        answer = emulated(graph, tmp_path, column, RECORDED["glibc"], RECORDED["musl"])
        assert answer == RECORDED["answers"][number][column], f"graph {number}: {graph.script()}"


@pytest.mark.skipif(not AVAILABLE, reason="needs x86-64 Linux with glibc 2.35 or later")
def test_the_hosts_linkers_still_say_so(tmp_path: Path) -> None:
    """Graphs that are not among the recorded ones, whatever the version of the host's libraries."""
    graphs = [make(number) for number in range(GRAPHS, GRAPHS + 80)]
    columns = natives(graphs, tmp_path)
    for column, answers in columns.items():
        mine = [emulated(graph, tmp_path, column, host_glibc(), host_musl()) for graph in graphs]
        assert mine == answers, column


# -- bionic, whose linker runs nowhere here: its source's own recursion, without a loader ----------------------------------


class Dangling(Exception):
    """A cycle outlives its group's root, which bionic frees: from here on it uses freed memory."""


class Android:
    """linker.cpp on a graph: find_libraries, call_constructors, soinfo_unload."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.said = graph, ""
        self.loaded: list[str] = []
        self.group: dict[str, str] = {}
        self.count: dict[str, int] = {}
        self.parents: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        self.called: set[str] = set()
        self.global_: set[str] = set()

    def open(self, root: str, flags: int) -> None:
        tasks: list[tuple[str, str | None]] = [(root, None)]
        new = []
        for letter, by in tasks:
            if letter not in self.loaded:
                self.loaded.append(letter)
                new.append(letter)
                self.parents[letter], self.children[letter] = [], []
                if flags & RTLD_GLOBAL:
                    self.global_.add(letter)
                tasks += [(needed, letter) for needed in self.graph.nodes[letter].needed]
            if by is not None:
                self.children[by].append(letter)
                self.parents[letter].append(by)
        self.group.update(dict.fromkeys(new, root))
        for letter, by in tasks:
            if by is not None and self.group[by] != self.group[letter]:
                self._hold(letter)
        self._hold(root)
        self._construct(root)

    def _hold(self, letter: str) -> None:
        self.count[self.group[letter]] = self.count.get(self.group[letter], 0) + 1

    def _construct(self, letter: str) -> None:
        if letter in self.called:
            return
        self.called.add(letter)
        for child in list(self.children[letter]):
            self._construct(child)
        self.said += letter
        opens = self.graph.nodes[letter].opens
        if opens is not None:
            self.open(*opens)
            self.said += "+"

    def close(self, letter: str) -> None:
        root = self.group[letter]
        self.count[root] -= 1
        if self.count[root] > 0 or root in self.global_:
            return
        waiting, local, external = [root], [], []
        while waiting:
            each = waiting.pop(0)
            if each in local:
                continue
            local.append(each)
            while self.children[each]:
                child = self.children[each].pop(0)
                self.parents[child] = [parent for parent in self.parents[child] if parent != each]
                if child in local:
                    continue
                if self.group[child] != root:
                    external.append(child)
                elif not self.parents[child]:
                    waiting.append(child)
        for each in local:
            if each in self.called:
                self.said += each.upper()
        for each in local:
            self.loaded.remove(each)
            self.called.discard(each)
            self.global_.discard(each)
            del self.group[each]
        if root in self.group.values():
            raise Dangling
        for each in external:
            self.close(each)

    def run(self) -> str:
        opened: dict[int, str] = {}
        for number, (kind, what, flags) in enumerate(self.graph.steps):
            if kind == "open":
                opened[number] = str(what)
                self.open(str(what), flags)
            else:
                self.close(opened[int(what)])
            self.said += ","
        return self.said + ";"


@pytest.mark.parametrize("part", range(4))
def test_bionics_order_is_that_of_its_source(tmp_path: Path, part: int) -> None:
    compared = 0
    for number in range(part * GRAPHS // 4, (part + 1) * GRAPHS // 4):
        graph = make(number)
        if graph.linked:
            continue
        graph.build(tmp_path)
        mine = Emulated(graph, tmp_path, "bionic:29").run()
        try:
            assert mine == Android(graph).run(), f"graph {number}: {graph.script()}"
            compared += 1
        except Dangling:
            pass
    assert compared > 30


def graph_of(tmp_path: Path, steps: list[tuple[str, str | int, int]], **needs: str) -> Graph:
    graph = Graph(0, {letter: Node(letter, list(needed)) for letter, needed in needs.items()}, steps)
    graph.build(tmp_path)
    return graph


OPEN_A: list[tuple[str, str | int, int]] = [("open", "a", 2)]


def test_musl_before_1_1_22_goes_from_the_last_loaded_to_the_first(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, OPEN_A, a="bc", b="d", c="", d="c")
    assert Emulated(graph, tmp_path, "musl:1.1.21").run() == "dcba,;ABCD"
    assert Emulated(graph, tmp_path, "musl:1.1.22").run() == "cdba,;ABDC"


def test_since_2_39_what_is_closed_is_destroyed_first(tmp_path: Path) -> None:
    """elf/dl-close.c puts the map of a dlclose in front of a cycle that it is part of."""
    graph = graph_of(tmp_path, [*OPEN_A, ("close", 0, 0)], a="b", b="c", c="a")
    assert Emulated(graph, tmp_path, "glibc:2.38").run() == "cba,CAB,;"
    assert Emulated(graph, tmp_path, "glibc:2.39").run() == "cba,ACB,;"


PROCESSES = [
    *((profile, number) for profile in ("glibc:2.34", "glibc:2.36", "musl:1.2.3") for number in (4, 6, 14, 99)),
    *(("bionic:30", number) for number in (4, 9, 10, 99)),  # none that calls dlopen without needing libc
]


@pytest.mark.parametrize(("profile", "number"), PROCESSES)
def test_a_process_runs_them_in_the_loaders_order(tmp_path: Path, number: int, profile: str) -> None:
    """The same graphs with their code run: dlopen within constructors, dlclose, exit."""
    graph = make(number)
    graph.build(tmp_path)
    process = emuload.Process("amd64", profile=profile, library_path=[str(tmp_path)])
    opened: dict[int, emuload.Library] = {}
    for step, (kind, what, flags) in enumerate(graph.steps):
        if kind == "open":
            path = str(tmp_path / graph.file(str(what)))
            opened[step] = process.dlopen(path, "now|global" if flags & RTLD_GLOBAL else "now")
        else:
            opened[int(what)].close()
    process.exit()
    said = ""
    change: dict[str, Callable[[str], str]] = {"constructor-enter": str.lower, "destructor-enter": str.upper}
    for event in process.events:
        if event.kind in change:
            letter = change[event.kind](Path(str(event.fields["object"])).stem[-1])
            said += "+" if event.kind == "constructor-enter" and event.fields["index"] == 1 else letter
    expected = Emulated(graph, tmp_path, profile).run()
    assert said == expected.replace(",", "").replace(";", "")


def test_the_command_compares(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if not AVAILABLE or (host_glibc(), host_musl()) != (RECORDED["glibc"], RECORDED["musl"]):
        pytest.skip("needs the linkers that were recorded")
    monkeypatch.setattr(sys, "argv", ["order", "--check"])
    assert order.main() == 0
    assert "new or different: none" in capsys.readouterr().out
