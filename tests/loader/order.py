"""Constructor and destructor order on seeded dependency graphs: what the real linkers do, and what the loader does.

`python -m tests.loader.order` builds every graph, runs it with the host's glibc, with its rule of before 2.35
(GLIBC_TUNABLES=glibc.rtld.dynamic_sort=1), and with musl, and writes order.json; with --check it writes nothing and says
what differs. Needs x86-64 Linux with glibc 2.35 or later, and Debian's musl package.

An answer is what one process of the graph wrote: a small letter for a constructor, + for the second one of a library that
opens another in its first, a capital for a destructor; a comma after each step, a semicolon before the end.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loader import RTLD_GLOBAL, RTLD_LAZY, RTLD_NOW, ByteMemory, DirectoryFinder, LinkedObject, LinkMap
from loader import gabi as e
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.loader.native import AVAILABLE, announcing
from tests.loader.steps import host_glibc, host_musl, run_script

ANSWERS = Path(__file__).parent / "order.json"
KINDS = ("chain", "diamond", "layers", "cycle", "dense", "bindings", "nested", "linked")
GRAPHS = 240
NAMES = "abcdefghij"
#: what every process has besides; glibc's old rule counts objects when it meets a cycle
LIBC = {"libc.so.6": ("ld-linux-x86-64.so.2",), "libdl.so.2": ("libc.so.6",), "ld-linux-x86-64.so.2": ()}


@dataclass
class Node:
    """A library: its letter, what it needs, what its first constructor opens (name, flags), whose symbols it refers to."""

    letter: str
    needed: list[str] = field(default_factory=list)
    opens: tuple[str, int] | None = None
    refers: list[str] = field(default_factory=list)


@dataclass
class Graph:
    """Libraries and what is done with them: ("open", letter, flags), ("close", step), or only ("link", letters)."""

    number: int
    nodes: dict[str, Node]
    steps: list[tuple[str, str | int, int]]
    linked: list[str] = field(default_factory=list)

    def file(self, letter: str) -> str:
        """A library's file name, which is its DT_SONAME too."""
        return f"g{self.number}{letter}.so"

    def script(self) -> str:
        """The graph's line for steps_host.c."""
        if self.linked:
            return "link " + " ".join(self.file(letter) for letter in self.linked)
        lines = []
        for kind, what, flags in self.steps:
            lines.append(f"open {self.file(str(what))} {flags}" if kind == "open" else f"close {what}")
        return "; ".join(lines)

    def build(self, folder: Path) -> None:
        """Write the libraries."""
        for node in self.nodes.values():
            (folder / self.file(node.letter)).write_bytes(self._library(node))

    def _library(self, node: Node) -> bytes:
        letter = node.letter
        writer = ElfWriter(soname=self.file(letter), needed=tuple(map(self.file, node.needed)), sections=True)
        code, starts = announcing(letter, "+", letter.upper())
        constructors = starts[:1]
        if node.opens is not None:
            name, flags = node.opens
            text = writer.data(self.file(name).encode() + b"\0")
            writer.undefined("dlopen")
            slot = writer.words(0)
            writer.reloc(6, slot, "dlopen")  # GLOB_DAT
            at = TEXT + len(code)
            code += announcing(letter)[0][:-1]  # without its return
            opening = TEXT + len(code)
            code += b"\x48\x8d\x3d" + (text - (opening + 7)).to_bytes(4, "little", signed=True)  # lea text(%rip), %rdi
            code += b"\xbe" + flags.to_bytes(4, "little") + b"\x48\x83\xec\x08"  # mov $flags, %esi; sub $8, %rsp
            code += b"\xff\x15" + (slot - (opening + 22)).to_bytes(4, "little", signed=True)  # call *slot(%rip)
            code += b"\x48\x83\xc4\x08\xc3"  # add $8, %rsp; ret
            constructors = [at, starts[1]]
        writer.text = code
        writer.constructors(*constructors)
        writer.destructors(starts[2])
        writer.define(f"g{self.number}_{letter}", TEXT)
        for other in node.refers:
            name = f"g{self.number}_{other}"
            writer.undefined(name, bind=e.STB_WEAK)
            writer.reloc(6, writer.words(0), name)
        return writer.build()


def make(number: int) -> Graph:
    """Graph ``number``, the same each time."""
    rng = random.Random(f"order {number}")
    kind = KINDS[number % len(KINDS)]
    letters = NAMES[: rng.randint(2, 6 if kind == "dense" else 9)]
    nodes = {letter: Node(letter) for letter in letters}
    for i, letter in enumerate(letters):
        later = letters[i + 1 :]
        others = [other for other in letters if other != letter]
        match kind:
            case "chain":
                nodes[letter].needed = list(later[:1])
            case "diamond":
                nodes[letter].needed = list(later[: rng.randint(1, 2)])
            case "cycle":
                nodes[letter].needed = [letters[(i + 1) % len(letters)], *rng.sample(others, rng.randint(0, 1))]
            case "dense":
                nodes[letter].needed = rng.sample(others, rng.randint(0, len(others)))
            case _:
                pool = others if rng.random() < 0.25 else list(later)
                nodes[letter].needed = rng.sample(pool, min(len(pool), rng.randint(0, 3)))
        nodes[letter].needed = list(dict.fromkeys(nodes[letter].needed))
        if kind == "bindings":
            nodes[letter].refers = rng.sample(others, min(len(others), rng.randint(0, 2)))
        if kind == "nested" and rng.random() < 0.5:
            nodes[letter].opens = rng.choice(others), rng.choice([RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_GLOBAL])
    if kind == "linked":
        if rng.random() < 0.4:
            chosen = rng.choice(letters)
            nodes[chosen].opens = rng.choice([other for other in letters if other != chosen]), RTLD_NOW
        return Graph(number, nodes, [], rng.sample(letters, rng.randint(1, min(3, len(letters)))))
    return Graph(number, nodes, _steps(rng, letters, kind))


def _steps(rng: random.Random, letters: str, kind: str) -> list[tuple[str, str | int, int]]:
    steps: list[tuple[str, str | int, int]] = []
    opened: list[int] = []
    for _ in range(rng.randint(1, 6)):
        if opened and rng.random() < 0.4:
            steps.append(("close", opened.pop(rng.randrange(len(opened))), 0))
        else:
            flags = RTLD_NOW | rng.choice([0, RTLD_GLOBAL] if kind == "bindings" else [0, 0, RTLD_GLOBAL])
            opened.append(len(steps))
            steps.append(("open", rng.choice(letters), flags))
    if rng.random() < 0.5:
        rng.shuffle(opened)
        steps += [("close", step, 0) for step in opened]
    return steps


# -- the loader --------------------------------------------------------------------------------------------------------


class Emulated:
    """One process of a graph in the loader. Constructors and destructors are not run but known."""

    def __init__(self, graph: Graph, folder: Path, profile: str, environment: dict[str, str] | None = None) -> None:
        from loader import profile as named

        self.graph = graph
        self.said = ""
        self.links = LinkMap(
            ByteMemory(),
            "amd64",
            named(profile).for_environment(environment or {}),
            finder=DirectoryFinder(),
            library_path=[str(folder)],
            missing=lambda name, obj: 0x1000,
            builtins={name: (name, ElfWriter(soname=name, needed=needed).build()) for name, needed in LIBC.items()},
        )

    def run(self) -> str:
        """The answer."""
        links, graph = self.links, self.graph
        if graph.linked:
            links.load_startup(None, [*map(graph.file, graph.linked), "libc.so.6", "libdl.so.2"])
            self._construct(links.startup_order())
        else:
            links.load_startup()
            self._steps()
        self.said += ";"
        self._destroy(links.shutdown_order())
        return self.said

    def _steps(self) -> None:
        handles: dict[int, LinkedObject] = {}
        for number, (kind, what, flags) in enumerate(self.graph.steps):
            if kind == "open":
                handles[number] = self._open(str(what), flags)
            else:
                gone = self.links.dlclose(handles[int(what)])
                self._destroy(gone)
                self.links.release(gone)
            self.said += ","

    def _open(self, letter: str, flags: int) -> LinkedObject:
        handle, order = self.links.dlopen(self.graph.file(letter), flags)
        assert isinstance(handle, LinkedObject)
        self._construct(order)
        return handle

    def _node(self, obj: LinkedObject) -> Node:
        return self.graph.nodes[Path(obj.path).stem[-1]]

    def _construct(self, order: Sequence[LinkedObject]) -> None:
        for obj in order:
            if not self.links.start_initializers(obj):
                continue
            node = self._node(obj)
            self.said += node.letter
            if node.opens is not None:
                self._open(*node.opens)
                self.said += "+"
            self.links.finish_initializers(obj)

    def _destroy(self, order: Sequence[LinkedObject]) -> None:
        for obj in order:
            if self.links.start_finalizers(obj):
                self.said += self._node(obj).letter.upper()


ORIGINAL = "glibc.rtld.dynamic_sort=1"


def emulated(graph: Graph, folder: Path, column: str, glibc: str, musl: str) -> str:
    """The loader's answer in one column of order.json."""
    profile = f"musl:{musl}" if column == "musl" else f"glibc:{glibc}"
    environment = {"GLIBC_TUNABLES": ORIGINAL} if column == "original" else {}
    return Emulated(graph, folder, profile, environment).run()


def natives(graphs: Sequence[Graph], folder: Path) -> dict[str, list[str]]:
    """Column → answers, of the real linkers there are."""
    for graph in graphs:
        graph.build(folder)
    script = [graph.script() for graph in graphs]
    found = {"dfs": run_script(script, folder, "gnu"), "original": run_script(script, folder, "gnu", ORIGINAL)}
    if host_musl():
        found["musl"] = run_script(script, folder, "musl")
    return found


def main() -> int:
    """Record, or with --check compare; answers 1 when something differs."""
    if not AVAILABLE or not host_musl():
        print("needs x86-64 Linux with glibc 2.35 or later, and musl")
        return 2
    graphs = [make(number) for number in range(GRAPHS)]
    with tempfile.TemporaryDirectory() as folder:
        columns = natives(graphs, Path(folder))
    answers = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    document = {
        "command": "python -m tests.loader.order",
        "glibc": host_glibc(),
        "musl": host_musl(),
        "answers": answers,
    }
    stored = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    differing = [i for i, row in enumerate(answers) if i >= len(stored.get("answers", ())) or stored["answers"][i] != row]
    print(f"{len(answers)} graphs; new or different: {differing or 'none'}")
    if "--check" in sys.argv:
        return 1 if differing else 0
    head = json.dumps({key: value for key, value in document.items() if key != "answers"}, indent=1)[:-2]
    rows = ",\n".join("  " + json.dumps(row) for row in answers)
    ANSWERS.write_text(f'{head},\n "answers": [\n{rows}\n ]\n}}\n')
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    sys.exit(main())
