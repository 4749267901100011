"""dlopen, dlsym, dlclose and their books."""

from __future__ import annotations

from copy import deepcopy

import pytest

from loader import (
    DEFAULT,
    MAIN,
    NEXT,
    RTLD_GLOBAL,
    RTLD_LAZY,
    RTLD_NODELETE,
    RTLD_NOLOAD,
    RTLD_NOW,
    ByteMemory,
    LinkedObject,
    LinkMap,
    LoadError,
)
from loader import gabi as e
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.loader.test_relocate import Bench, place


def lib(*needed: str, **details: object) -> ElfWriter:
    return ElfWriter(needed=tuple(f"lib{n}.so" for n in needed), **details)  # type: ignore[arg-type]


def names(objects: object) -> str:
    assert isinstance(objects, list)
    return " ".join(o.path.removeprefix("lib").removesuffix(".so") for o in objects)


def test_dependencies_come_breadth_first_and_initialise_deepest_first() -> None:
    bench = Bench("amd64", a=lib("b", "c"), b=lib("d"), c=lib("d"), d=lib())
    _, order = bench.links.dlopen("liba.so", RTLD_NOW)
    assert names(bench.links.objects) == "a b c d"
    assert names(order) == "d c b a"


def test_references_are_counted() -> None:
    bench = Bench("amd64", a=lib("b"), b=lib())
    links = bench.links
    handle, order = links.dlopen("liba.so", RTLD_NOW)
    for obj in order:
        links.start_initializers(obj)
    a = bench.links.objects[0]
    assert handle is a
    again, order = links.dlopen("liba.so", RTLD_LAZY)
    assert again is a
    assert order == []
    b = bench.open("libb.so")
    assert links.dlclose(a) == []
    gone = links.dlclose(a)
    assert names(gone) == "a"
    links.release(gone)
    assert names(links.objects) == "b"
    links.release(links.dlclose(b))
    assert bench.memory.regions() == []
    with pytest.raises(LoadError, match="shared object not open"):
        links.dlclose(b)


def test_nodelete_by_flag_and_by_file() -> None:
    bench = Bench("amd64", a=lib(), b=lib(flags_1=e.DF_1_NODELETE))
    for name, flags in (("liba.so", RTLD_NOW | RTLD_NODELETE), ("libb.so", RTLD_NOW)):
        handle = bench.open(name, flags)
        assert bench.links.dlclose(handle) == []
    assert names(bench.links.objects) == "a b"


def test_noload_and_modes() -> None:
    bench = Bench("amd64", a=lib())
    links = bench.links
    assert links.dlopen("liba.so", RTLD_NOW | RTLD_NOLOAD) == (None, [])
    a = bench.open("liba.so")
    assert links.dlopen("liba.so", RTLD_NOW | RTLD_NOLOAD) == (a, [])
    assert links.dlopen(None, RTLD_NOW) == (MAIN, [])
    with pytest.raises(LoadError, match=r"invalid mode for dlopen\(\)"):
        links.dlopen("liba.so", 0)


def test_a_missing_dependency_names_who_needs_it_and_leaves_nothing_behind() -> None:
    bench = Bench("amd64", a=lib("b"), b=lib("nope"), c=lib())
    links = bench.links
    links.dlopen("libc.so.6", RTLD_NOW)
    c = bench.open("libc.so")
    before = bench.memory.regions()
    with pytest.raises(LoadError) as caught:
        links.dlopen("liba.so", RTLD_NOW | RTLD_GLOBAL)
    assert str(caught.value) == (
        "libnope.so: cannot open shared object file: No such file or directory (needed by libb.so)"
    )
    assert bench.memory.regions() == before
    assert links.objects[-1] is c


def test_global_and_local() -> None:
    a = lib()
    a.define("f", TEXT + 4)
    bench = Bench("amd64", a=a, b=lib())
    links = bench.links
    b = bench.open("libb.so")
    a_handle = bench.open("liba.so")
    with pytest.raises(LoadError, match="undefined symbol: f"):
        links.dlsym(DEFAULT, "f", caller=b)
    links.dlopen("liba.so", RTLD_NOW | RTLD_GLOBAL)
    assert links.dlsym(DEFAULT, "f", caller=b) == a_handle.bias + TEXT + 4
    assert links.dlsym(MAIN, "f") == a_handle.address("f")


def test_next_is_what_the_caller_hides() -> None:
    first, second = lib(), lib()
    first.define("f", TEXT)
    second.define("f", TEXT + 32)
    bench = Bench("amd64", a=first, b=second)
    a, b = bench.links.load_startup(needed=["liba.so", "libb.so"])
    assert bench.links.dlsym(DEFAULT, "f", caller=a) == a.address("f")
    assert bench.links.dlsym(NEXT, "f", caller=a) == b.address("f")
    with pytest.raises(LoadError, match="undefined symbol: f"):
        bench.links.dlsym(NEXT, "f", caller=b)


def test_one_builtin_answers_to_all_its_names() -> None:
    libc = ElfWriter(soname="libc.so.6").build()
    shared = dict.fromkeys(("libc.so.6", "libpthread.so.0", "libm.so.6"), ("libc.so.6", libc))
    program = ElfWriter(needed=("libpthread.so.0", "libm.so.6", "libc.so.6"))
    program.undefined("x", bind=e.STB_WEAK, version="GLIBC_2.34", file="libm.so.6")
    links = LinkMap(ByteMemory(), "amd64", builtins=shared)
    objects = links.load_startup(("prog", program.build()))
    assert [o.path for o in objects] == ["prog", "libc.so.6"]
    assert links.dlopen("/lib/x86_64-linux-gnu/libm.so.6", RTLD_NOW)[0] is objects[1]


def test_a_fallback_is_there_where_no_file_is() -> None:
    """Found by its name in the search path, or named by its path, a file is taken; else the built-in object is."""
    content, own = ElfWriter(soname="libgcc_s.so.1").build(), ElfWriter(soname="libgcc_s.so.1")
    own.define("f", TEXT)
    files = {"/found/libgcc_s.so.1": own.build()}

    def links(*library_path: str) -> LinkMap:
        return LinkMap(
            ByteMemory(), "amd64", library_path=library_path, fallbacks={"libgcc_s.so.1": ("libgcc_s.so.1", content)},
            finder=lambda name, requester: (name, files[name]) if name in files else None,
        )  # fmt: skip

    program = ("prog", ElfWriter(needed=("libgcc_s.so.1",)).build())
    assert [(o.path, o.is_builtin) for o in links().load_startup(program)[1:]] == [("libgcc_s.so.1", True)]
    assert [(o.path, o.is_builtin) for o in links("/found").load_startup(program)[1:]] == [("/found/libgcc_s.so.1", False)]
    assert links().dlopen("/found/libgcc_s.so.1", RTLD_NOW)[0].is_builtin is False
    assert links().dlopen("/nowhere/libgcc_s.so.1", RTLD_NOW)[0].is_builtin is True


def test_a_fallback_is_taken_where_only_foreign_files_are() -> None:
    content = ElfWriter(soname="libgcc_s.so.1").build()
    links = LinkMap(
        ByteMemory(), "amd64", library_path=["/found"], fallbacks={"libgcc_s.so.1": ("libgcc_s.so.1", content)},
        finder=lambda name, requester: (name, ElfWriter("arm").build()) if name == "/found/libgcc_s.so.1" else None,
    )  # fmt: skip
    objects = links.load_startup(("prog", ElfWriter(needed=("libgcc_s.so.1",)).build()))
    assert [o.path for o in objects] == ["prog", "libgcc_s.so.1"]


def test_a_version_nobody_defines_is_refused() -> None:
    a = lib("b")
    a.undefined("f", version="V3", file="libb.so", bind=e.STB_WEAK)
    b = lib()
    b.define("f", version="V1")
    bench = Bench("amd64", a=a, b=b)
    with pytest.raises(LoadError) as caught:
        bench.links.dlopen("liba.so", RTLD_NOW)
    assert bench.links.profile.dlerror(caught.value) == "libb.so: version `V3' not found (required by liba.so)"


def test_unique_symbols_are_one_for_the_process_and_pin_their_object() -> None:
    a, b = lib(), lib()
    for writer in (a, b):
        writer.define("u", TEXT + 8, bind=e.STB_GNU_UNIQUE, type=e.STT_OBJECT)
        place(writer, "glob", "u")
    bench = Bench("amd64", a=a, b=b)
    first = bench.open("liba.so")
    second = bench.open("libb.so")
    assert bench.word(second.bias + 0xA000) == first.address("u")
    assert bench.links.dlclose(first) == []


def test_an_executable_is_no_library() -> None:
    bench = Bench("amd64", a=lib(type=e.ET_EXEC, base=0x400000), b=lib(flags_1=e.DF_1_PIE))
    for name, words in (("liba.so", "executable"), ("libb.so", "position-independent executable")):
        with pytest.raises(LoadError, match=f"cannot dynamically load {words}"):
            bench.links.dlopen(name, RTLD_NOW)
    assert bench.memory.regions() == []


def test_search_order_and_origin() -> None:
    asked: list[str] = []
    files = {"/app/a.so": ElfWriter(needed=("libx.so",), runpath="$ORIGIN/lib:/run").build()}

    def finder(name: str, requester: object) -> tuple[str, bytes] | None:
        asked.append(name)
        return (name, files[name]) if name in files else None

    links = LinkMap(ByteMemory(), "amd64", finder=finder, library_path=["/env"])
    with pytest.raises(LoadError, match=r"libx.so: cannot open"):
        links.dlopen("/app/a.so", RTLD_NOW)
    assert asked[-4:] == ["/env/libx.so", "/app/lib/libx.so", "/run/libx.so", "libx.so"]
    files["/app/a.so"] = ElfWriter(needed=("libx.so",), rpath="/r").build()
    with pytest.raises(LoadError, match=r"libx.so: cannot open"):
        links.dlopen("/app/a.so", RTLD_NOW)
    assert asked[-3:] == ["/r/libx.so", "/env/libx.so", "libx.so"]


def test_a_copy_of_the_state_lives_on_its_own() -> None:
    chain = {f"n{i}": lib(f"n{i + 1}") for i in range(150)}
    bench = Bench("amd64", **chain, n150=lib(), z=lib())
    root = bench.open("libn0.so")
    bench.links.owner.on_event = bench.links.owner.missing = None
    other = deepcopy(bench.links)
    other.dlopen("libz.so", RTLD_NOW)
    assert len(other.objects) == len(bench.links.objects) + 1 == 152
    assert other.objects[0] is not root
    assert other.objects[0].searchlist[3] is other.objects[3]
    other.release(other.dlclose(other.objects[0]))
    assert len(other.objects) == 1
    assert len(bench.links.objects) == 151


def test_object_at() -> None:
    bench = Bench("amd64", a=lib())
    a = bench.open("liba.so")
    assert bench.links.object_at(a.bias + TEXT) is a
    assert bench.links.object_at(a.bias + 0x2000) is None  # a hole between segments
    assert bench.links.object_at(0) is None


def test_what_is_absent_and_what_it_would_have_defined() -> None:
    """With the owner's leave, a library is linked without one that is not found, whose functions and data are asked for."""
    writer = ElfWriter(needed=("libgone.so", "libhere.so"))
    for name, kind, number in (("f", e.STT_FUNC, 6), ("data", e.STT_OBJECT, 1)):
        writer.undefined(name, type=kind, version="V9", file="libgone.so")
        writer.reloc(number, writer.words(0), name)
    files = {"./x.so": writer.build(), "libhere.so": ElfWriter(soname="libhere.so").build()}
    asked: list[tuple[str, str]] = []

    def links(absent: object = None) -> LinkMap:
        return LinkMap(
            ByteMemory(),
            finder=lambda name, requester: (name, files[name]) if name in files else None,
            missing=lambda name, requester: asked.append((name, requester.path)) or 0x7000,
            absent=absent,  # type: ignore[arg-type]
        )

    for refusing in (links(), links(lambda name, requester: False)):
        with pytest.raises(LoadError, match=r"libgone\.so: cannot open shared object file"):
            refusing.dlopen("./x.so", RTLD_NOW)
    assert not asked
    handle, _ = links(lambda name, requester: (name, requester.path) == ("libgone.so", "./x.so")).dlopen("./x.so", RTLD_NOW)
    assert isinstance(handle, LinkedObject)
    assert handle.absent == ["libgone.so"]
    assert [obj.path for obj in handle.needed] == ["libhere.so"]
    assert asked == [("f", "./x.so"), ("data", "./x.so")]
