"""musl's linker, against musl itself: what symbols bind to, where libraries are found, and its words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loader import (
    DEFAULT,
    RTLD_DEEPBIND,
    RTLD_GLOBAL,
    RTLD_NOLOAD,
    RTLD_NOW,
    ByteMemory,
    DirectoryFinder,
    LinkedObject,
    LinkMap,
    LoadError,
    profile,
)
from loader import gabi as e
from loader.memory import read_memory
from tests.loader.elfwriter import FREE, TEXT, ElfWriter
from tests.loader.native import AVAILABLE
from tests.loader.search_tree import put, search_tree
from tests.loader.steps import host_musl, run_script

NATIVE = pytest.mark.skipif(not (AVAILABLE and host_musl()), reason="needs x86-64 Linux with musl")
NAMES = "abcdefgh"
Step = tuple[str, ...]


class Emulated:
    """The steps of steps_host.c in the loader."""

    def __init__(self, folder: Path, library_path: list[str] | None = None) -> None:
        self.folder = folder
        found = [str(folder)] if library_path is None else library_path
        version = host_musl() or "1.2.3"
        self.links = LinkMap(
            ByteMemory(), "amd64", f"musl:{version}", finder=DirectoryFinder(), library_path=found,
            builtins={"libc.so": ("libc.so", ElfWriter(soname="libc.so").build())},
        )  # fmt: skip
        self.links.load_startup(None, ["libc.so"])
        self.handles: dict[int, LinkedObject] = {}

    def run(self, steps: list[Step]) -> str:
        return "".join(self.one(number, step) + "," for number, step in enumerate(steps)) + ";"

    def one(self, number: int, step: Step) -> str:
        kind, *words = step
        try:
            if kind == "open":
                handle, order = self.links.dlopen(words[0], int(words[1]))
                assert isinstance(handle, LinkedObject)
                self.handles[number] = handle
                for obj in order:
                    self.links.start_initializers(obj)
                return ""
            if kind == "sym":
                handle_ = DEFAULT if words[0] == "-1" else self.handles[int(words[0])]
                return self.place(self.links.dlsym(handle_, words[1]))
            obj = self.handles[int(words[0])]
            at = self.links.dlsym(obj, words[1]) + int(words[2])
            return self.place(int.from_bytes(read_memory(self.links.memory, at, 8), "little"))
        except LoadError as error:
            return "!" + self.links.profile.dlerror(error, "dlsym" if kind == "sym" else "dlopen")

    def place(self, address: int) -> str:
        obj = self.links.object_at(address) if address else None
        if obj is None:
            return "elsewhere" if address else "0"
        return f"{Path(obj.path).name}+{address - obj.start:#x}"


def line(steps: list[Step]) -> str:
    return "; ".join(" ".join(step) for step in steps)


def bindings(rng: random.Random, folder: Path, number: int) -> list[Step]:
    """Libraries that define and refer to the same few names in every way; what their words point to is read back."""
    names = NAMES[: rng.randint(2, 5)]
    files = {name: f"s{number}{name}.so" for name in names}
    symbols = [f"s{number}_{i}" for i in range(4)]
    slots: dict[str, list[int]] = {name: [] for name in names}
    for i, name in enumerate(names):
        needed = rng.sample(names[i + 1 :], min(len(names) - i - 1, rng.randint(0, 2)))
        writer = ElfWriter(
            soname=files[name],
            needed=tuple(files[n] for n in needed),
            hash=rng.choice(["gnu", "sysv", "both"]),
            flags=rng.choice([0, 0, e.DF_SYMBOLIC]),
        )
        writer.define(f"base{number}{name}", TEXT)
        for j, symbol in enumerate(symbols):
            kind = rng.choice(["defined", "defined", "undefined", "undefined", "none"])
            version = f"V{rng.randint(1, 2)}" if kind == "defined" and rng.random() < 0.3 else None
            if kind == "defined":
                writer.define(
                    symbol,
                    TEXT + 16 * j + 4,
                    bind=rng.choice([e.STB_GLOBAL, e.STB_WEAK, e.STB_GNU_UNIQUE]),
                    visibility=rng.choice([e.STV_DEFAULT] * 4 + [e.STV_PROTECTED]),
                    version=version,
                    hidden=version is not None and rng.random() < 0.5,
                )
            elif kind == "undefined":
                writer.undefined(symbol, bind=rng.choice([e.STB_WEAK, e.STB_WEAK, e.STB_WEAK, e.STB_GLOBAL]))
            if kind != "none":
                writer.refer(symbol, rng.choice([1, 6, 7]))
                slots[name].append(FREE + len(writer.content) - 8 - TEXT)
        (folder / files[name]).write_bytes(writer.build())
    steps: list[Step] = []
    opened: dict[str, int] = {}
    for name in rng.sample(names, len(names)):
        mode = rng.choice([0, 0, RTLD_GLOBAL, RTLD_DEEPBIND])
        opened[name] = len(steps)
        steps.append(("open", files[name], str(RTLD_NOW | mode)))
        steps += [("sym", rng.choice([str(opened[name]), "-1"]), symbol) for symbol in symbols]
    return steps + [
        ("word", str(opened[name]), f"base{number}{name}", str(delta)) for name in names for delta in slots[name]
    ]


@NATIVE
def test_symbols_bind_as_in_musl(tmp_path: Path) -> None:
    rng = random.Random("musl")
    cases = []
    while len(cases) < 120:
        steps = bindings(rng, tmp_path, len(cases))
        if "!" not in Emulated(tmp_path).run([step for step in steps if step[0] == "open"]):
            cases.append(steps)  # a failed dlopen ends a case, and there are others for that
    natively = run_script([line(steps) for steps in cases], tmp_path, "musl")
    assert [Emulated(tmp_path).run(steps) for steps in cases] == natively
    assert len(set(natively)) == len(natively)


def tls_library(*before: str) -> ElfWriter:
    """An initial-exec reference to its own block without a symbol, behind references to the names ``before``."""
    writer = ElfWriter()
    writer.thread_local(b"\1\2\3\4\5\6\7\10")
    for name in before:
        writer.define(name, TEXT)
        writer.reloc(6, writer.words(0), name)
    writer.reloc(18, writer.words(0), None, 0)
    return writer


def refusals() -> dict[str, bytes]:
    """File name → content of libraries that musl does not open."""
    named_tls = ElfWriter()
    named_tls.thread_local(bytes(8))
    named_tls.define("mine", 0, type=e.STT_TLS)
    named_tls.reloc(18, named_tls.words(0), "mine")
    undefined = ElfWriter()
    undefined.undefined("nowhere")
    undefined.reloc(6, undefined.words(0), "nowhere")
    irelative = ElfWriter()
    irelative.reloc(37, irelative.words(0), None, TEXT)
    size = ElfWriter()
    size.define("f", TEXT, size=4)
    size.reloc(33, size.words(0), "f")
    return {
        "named.so": named_tls.build(),
        "tls.so": tls_library().build(),
        "behind.so": tls_library("first", "second").build(),
        "undefined.so": undefined.build(),
        "needs.so": ElfWriter(needed=("absent.so",)).build(),
        "outer.so": ElfWriter(needed=("needs.so",)).build(),
        "irelative.so": irelative.build(),
        "size.so": size.build(),
        "text.so": b"not a library, but long enough to hold a header" * 9,
        "short.so": b"\x7fELF",
    }


@NATIVE
def test_what_is_refused_is_refused_in_musls_words(tmp_path: Path) -> None:
    cases: list[list[Step]] = []
    for name, content in refusals().items():
        (tmp_path / name).write_bytes(content)
        cases.append([("open", f"./{name}", "2")])
    cases += [
        [("open", "./absent.so", "2")],
        [("open", "absent.so", "2")],
        [("open", "./tls.so", str(RTLD_NOW | RTLD_NOLOAD))],
    ]
    (tmp_path / "fine.so").write_bytes(ElfWriter(soname="other.so").build())
    cases.append([("open", "fine.so", "2"), ("sym", "0", "nosuch"), ("sym", "-1", "nosuch")])
    cases.append([("open", "fine.so", str(RTLD_DEEPBIND | RTLD_NOW)), ("open", "fine.so", "0")])
    natively = run_script([line(steps) for steps in cases], tmp_path, "musl")
    found = []
    for steps in cases:
        emulated = Emulated(tmp_path)
        emulated.links.owner.finder = _relative_to(tmp_path)
        found.append(emulated.run(steps))
    assert found == [answer.replace(f"{tmp_path}/./", "./") for answer in natively]
    assert any("initial-exec TLS resolves to dynamic definition in ./tls.so" in answer for answer in natively)


def _relative_to(folder: Path) -> DirectoryFinder:
    class Finder(DirectoryFinder):
        def __call__(self, name: str, requester: LinkedObject | None) -> tuple[str, bytes] | None:
            path = folder / name
            return (name, path.read_bytes()) if "/" in name and path.is_file() else None

    return Finder()


@NATIVE
def test_names_are_found_as_musl_finds_them(tmp_path: Path) -> None:
    """DT_SONAME counts for nothing; DT_RPATH and DT_RUNPATH alike are inherited by what is needed further down; one
    unknown $ spoils a path."""
    search_tree(tmp_path)
    put(tmp_path, "runpath.so", needed=("middle.so",), runpath="/nowhere:${ORIGIN}/inner")
    put(tmp_path, "spoilt.so", needed=("middle.so",), runpath="$ORIGIN/inner:$LIB")
    put(tmp_path, "again.so", needed=("file.so",))
    cases: list[list[Step]] = [
        [("open", str(tmp_path / "file.so"), "2"), ("open", str(tmp_path / "wants.so"), "2")],
        [("open", str(tmp_path / "file.so"), "2"), ("open", "real.so", "2")],
        *([("open", str(tmp_path / f"{name}.so"), "2")] for name in ("rpath", "runpath", "both", "spoilt")),
        [("open", str(tmp_path / "file.so"), "2"), ("open", str(tmp_path / "again.so"), "2")],
    ]
    natively = run_script([line(steps) for steps in cases], tmp_path, "musl")
    assert [Emulated(tmp_path).run(steps) for steps in cases] == natively
    assert [answer.count("!") for answer in natively] == [1, 1, 0, 0, 1, 1, 0]


def test_relr_came_with_1_2_4() -> None:
    writer = ElfWriter()
    slot = writer.words(TEXT)
    writer.relr.append(slot)
    for version, applied in (("1.2.3", False), ("1.2.4", True)):
        links = LinkMap(ByteMemory(), "amd64", f"musl:{version}", finder=lambda name, obj: (name, writer.build()))
        obj, _ = links.dlopen("./x.so", RTLD_NOW)
        assert isinstance(obj, LinkedObject)
        value = int.from_bytes(read_memory(links.memory, obj.bias + slot, 8), "little")
        assert value == TEXT + (obj.bias if applied else 0)


def test_a_library_stays_for_ever() -> None:
    links = LinkMap(ByteMemory(), "amd64", "musl", finder=lambda name, obj: (name, ElfWriter().build()))
    obj, _ = links.dlopen("./x.so", RTLD_NOW)
    assert isinstance(obj, LinkedObject)
    for _ in range(3):
        assert links.dlclose(obj) == []
    assert links.objects == [obj]


def test_constructors_are_passed_nothing() -> None:
    assert profile("musl").constructor_arguments == ()
