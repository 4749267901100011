"""Small C programs with their libraries, each showing one behaviour of the dynamic linker.

A behaviour is one C file: a comment that says what it shows, lines that every part gets, and the parts, each begun by
a directive. Directives are comments of the form `//= words`:

    //= libx.so needs=liby.so,libz.so cc=gcc FLAG …   a library from the lines that follow, linked to others
    //= main …                     the program (exactly one)
    //= made libx.so refused …     a library that no compiler makes: tests/loader/behaviours/made.py, function refused
    //= copies libm.so 150         libm000.so … libm149.so, the same file
    //= symlink other.so libx.so   another name of it, or hardlink other.so libx.so
    //= text NAME WORD …           a file that holds these words: a version script, or no library at all
    //= run WORD … VARIABLE=VALUE … one run of the program; without any, it is run once with no words
    //= targets amd64-gnu arm64-gnu   instead of TARGETS; each run is compared on each
    //= also armv5-gnueabi         beside them

Parts are built in the order in which they stand: by ziglang's compiler, or with cc=gcc by Debian's. The program is run
in the folder of what was built, LD_LIBRARY_PATH=. set. What it must print is in expected.json, recorded natively and
under qemu-user by `python -m tests.loader.behaviours.record`.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from emuload.errors import GuestFailed
from emuload.process.process import Process
from emuload.samples import toolchain
from loader.errors import FatalLoadError, LoadError
from tests.loader.behaviours import made
from tests.support import targets
from tests.support.oracle import Result, run_oracle
from tests.support.targets import arch_of
from tests.support.toolchain import ToolchainMissingError, cache_folder, cached

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "expected.json"
HEADER = FOLDER / "behaviour.h"
TARGETS = tuple(name for name, row in targets.TARGETS.items() if row.gcc)
"""Those that Debian's gcc compiles for."""
RECIPE = 1  # counted up when this file builds differently from the same sources
COMPILE = (
    *("-O0", "-g0", "-w", "-std=gnu11", "-D_GNU_SOURCE", "-fno-stack-protector", "-fno-sanitize=all"),
    *("-fsemantic-interposition", f"-I{FOLDER}"),
)


@dataclass(frozen=True)
class Part:
    """One file to be built: a library, or the program `main`. `first`, `last`: its lines in the behaviour's file."""

    name: str
    needs: tuple[str, ...]
    gcc: bool
    flags: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True)
class Run:
    """One run of the program: its arguments and what its environment holds beside LD_LIBRARY_PATH."""

    words: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """How the run is called in expected.json."""
        return " ".join([*(f"{key}={value}" for key, value in self.environment), *self.words])


@dataclass
class Behaviour:
    """A behaviour's file, read."""

    name: str
    lines: list[str]
    parts: list[Part] = field(default_factory=list)
    steps: list[tuple[str, ...]] = field(default_factory=list)
    """Files made without a compiler: ("made" | "copies" | "symlink" | "hardlink" | "text", …)."""
    runs: list[Run] = field(default_factory=list)
    targets: tuple[str, ...] = TARGETS
    common: int = 0
    """So many lines, from the first on, belong to every part."""

    def source(self, part: Part) -> str:
        """The C source of one part; line numbers are those of the behaviour's file."""
        return "\n".join(
            line if number < self.common or part.first <= number < part.last else ""
            for number, line in enumerate(self.lines)
        )


def names() -> list[str]:
    """Every behaviour."""
    return sorted(path.stem for path in FOLDER.glob("*.c"))


@functools.cache
def read(name: str) -> Behaviour:
    """One behaviour by name. Raises ValueError for a directive that is none."""
    found = Behaviour(name, (FOLDER / f"{name}.c").read_text().split("\n"))
    starts: list[tuple[int, list[str]]] = []
    for number, line in enumerate(found.lines):
        if not line.startswith("//= "):
            continue
        words = line[4:].split()
        match words[0]:
            case "run":
                pairs = [tuple(word.split("=", 1)) for word in words[1:] if "=" in word]
                found.runs.append(Run(tuple(word for word in words[1:] if "=" not in word), tuple(pairs)))  # type: ignore[arg-type]
            case "targets":
                found.targets = tuple(words[1:])
            case "also":
                found.targets += tuple(words[1:])
            case "made" | "copies" | "symlink" | "hardlink" | "text":
                found.steps.append(tuple(words))
            case part if part.endswith((".so", "main")):
                starts.append((number, words))
            case _:
                raise ValueError(f"{name}.c:{number + 1}: unknown directive")
    found.common = starts[0][0]
    found.runs = found.runs or [Run()]
    ends = [number for number, _ in starts[1:]] + [len(found.lines)]
    for (number, words), end in zip(starts, ends, strict=True):
        needs = [word[6:].split(",") for word in words if word.startswith("needs=")]
        flags = [word for word in words[1:] if not word.startswith(("needs=", "cc="))]
        found.parts.append(Part(words[0], tuple(needs[0] if needs else ()), "cc=gcc" in words, tuple(flags), number + 1, end))
    if any(part.gcc for part in found.parts):
        found.targets = tuple(target for target in found.targets if target in TARGETS)
    return found


# -- building --------------------------------------------------------------------------------------


def built(name: str, target: str) -> Path:
    """The folder with a behaviour's files for a target. Raises ToolchainMissingError."""
    behaviour = read(name)

    def make(place: Path) -> None:
        for step in behaviour.steps:
            (place / step[1]).parent.mkdir(parents=True, exist_ok=True)
            if step[0] == "made":
                (place / step[1]).write_bytes(getattr(made, step[2])(arch_of(target), *step[3:]))
            elif step[0] == "text":
                (place / step[1]).write_text(" ".join(step[2:]) + "\n")
        for part in behaviour.parts:
            _compile(behaviour, part, target, place)
            _finish(behaviour, place)
        _finish(behaviour, place)

    recipe = ["behaviour", RECIPE, *COMPILE]
    sources = [FOLDER / f"{name}.c", HEADER, FOLDER / "made.py"]
    return cached(f"behaviour-{name}-{target}", target, recipe, sources, make)


def _finish(behaviour: Behaviour, place: Path) -> None:
    """Copies and further names of what has been built so far."""
    for step in behaviour.steps:
        kind, name = step[:2]
        if kind == "symlink" and not (place / name).is_symlink():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).symlink_to(step[2])
        elif kind == "hardlink" and (place / step[2]).exists():
            (place / name).unlink(missing_ok=True)
            (place / name).hardlink_to(place / step[2])
        elif kind == "copies" and (place / name).exists():
            for number in range(int(step[2])):
                shutil.copyfile(place / name, place / name.replace(".so", f"{number:03}.so"))


def _compile(behaviour: Behaviour, part: Part, target: str, place: Path) -> None:
    output = place / part.name
    output.parent.mkdir(parents=True, exist_ok=True)
    source = place / f"{behaviour.name}.c"
    source.write_text(behaviour.source(part))
    flags = [*COMPILE]
    if part.name.endswith(".so"):
        flags += ["-shared", "-fPIC"]
        if not any("-soname" in flag for flag in part.flags):
            flags.append(f"-Wl,-soname,{output.name}")
    elif "-no-pie" not in part.flags:
        flags += ["-fPIE", "-pie"]
    link = [f"-L{place}", f"-Wl,-rpath-link,{place}"] if part.gcc else [f"-L{place}"]
    link += [str(place / need) if "/" in need else f"-l:{need}" for need in part.needs]
    flags += part.flags
    try:
        if part.gcc:
            _gcc(target, [*flags, "-o", str(output), str(source), *link], place)
        else:
            toolchain.c_build(toolchain.TARGETS[target], [source], output, cache=cache_folder(), flags=flags, link=link)
    finally:
        source.unlink()


def _gcc(target: str, words: list[str], folder: Path) -> None:
    found = targets.TARGETS[target].gcc
    assert found is not None
    program, packages = found
    if shutil.which(program) is None:
        raise ToolchainMissingError(f"no {program}: install {packages}")
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise toolchain.BuildError(f"{program} {' '.join(words)}\n{done.stderr}")


# -- running ---------------------------------------------------------------------------------------


def native(name: str, target: str, run: Run) -> Result:
    """What a run does outside the emulator. Raises unittest.SkipTest where that cannot be had."""
    folder = built(name, target)
    program = "./main"  # as a text: a Path would drop the folder, and the shell's search is not ours
    found = run_oracle(target, program, run.words, libraries=[Path()], env=dict(run.environment), folder=folder, timeout=20)
    return Result(found.status, found.stdout, found.stderr.partition("\n")[0])


def emulated(name: str, target: str, run: Run) -> Result:
    """What it does in the emulator."""
    folder = str(built(name, target))
    written: list[tuple[int, bytes]] = []
    status: int | str
    process = None
    try:
        process = Process(
            arch_of(target),
            profile=f"glibc:{recorded_glibc()}",
            program="./main",
            files={"./main": f"{folder}/main"},
            args=["./main", *run.words],
            env={"PATH": "/bin:/usr/bin", "HOME": "/", "LD_LIBRARY_PATH": ".", **dict(run.environment)},
            maps=[(folder, folder, False)],
            cwd=folder,
            on_output=lambda stream, data: written.append((stream, data)),
        )
        status = process.run_program()
    except GuestFailed as error:
        assert process is not None
        status = error.status if error.status is not None else -(process.kernel.exit_signal or 0)
    except LoadError as error:
        status, words = not_started(error)
        written.append((2, words.encode()))
    output, errors = (b"".join(data for stream, data in written if stream == wanted) for wanted in (1, 2))
    return Result(status, output.decode(), errors.decode().partition("\n")[0])


def not_started(error: LoadError) -> tuple[int, str]:
    """How glibc ends a program that cannot start, which here is an error of the host's: status and words (elf/dl-error.c,
    fatal_error; elf/dl-version.c)."""
    if isinstance(error, FatalLoadError):
        return 127, error.linker_text if error.code == "inconsistency" else f"./main: {error.linker_text}"
    if error.code == "version":
        return 1, f"./main: {error.linker_text}"
    kind = "symbol lookup error" if error.code == "undefined-symbol" else "error while loading shared libraries"
    return 127, f"./main: {kind}: {error.linker_text}"


def expected(name: str, target: str, run: Run) -> Result:
    """What was recorded for a run."""
    answers = _recorded()["answers"][name][run.name]
    return Result(**(answers["*"] | answers.get(target, {})))


def recorded_glibc() -> str:
    """The version of the C library that the answers come from."""
    return str(_recorded()["glibc"])


@functools.cache
def _recorded() -> dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]:
    return json.loads(EXPECTED.read_text())
