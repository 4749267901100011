"""Mutated files through loader, inspection and emulator: `python -m tests.loader.mutate [--files N] [--seed S]`.

Each file of `tests.loader.mutations` is (1) loaded and relocated by the loader alone, into bytearrays, (2) inspected,
(3) asked for what its Go, unwind and symbol tables say of places in its code, and (4) loaded and called in a bounded emulated
process, at whose end a report on its threads is made. Sound outcomes are an end without complaint, a LoadError or UsageError
of one line, or a report about the guest. Everything else is a failure: any other exception, more than 2 s of a processor or
more than 512 MB for one file, a worker that dies or is silent.

`--only NUMBER` runs one file in this process and says what was done to it and how each stage ended; `--keep FILE` with it
writes the file.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from emuload.errors import EmuloadError, ReportedError
from emuload.golang.imports import package_imports
from emuload.golang.library import open_library
from emuload.golang.watch_points import watch_points
from emuload.libc.builtins import RUNTIME_NAMES, builtins_for, hard_float
from emuload.machine.unwind import row_for
from emuload.process.options import Limits
from emuload.process.process import Process
from emuload.report.console import show_report
from emuload.report.inspection import inspect_elf
from emuload.report.inspection_text import render_text
from emuload.report.json_text import json_text
from emuload.unwind import Unwinder
from emuload.unwind.functions import functions
from loader import RTLD_NOW, ByteMemory, DirectoryFinder, ElfFile, LinkedObject, LinkMap, LoadError
from loader.mapping import map_object
from tests.loader.mutations import Mutant, mutant

ROOT = Path(__file__).parent.parent.parent
SECONDS, MEGABYTES = 2.0, 512
SILENCE = 120
"""Wall seconds after which a worker that says nothing is taken for one that hangs."""
AT_ONCE = 50
"""Files that one worker does."""
LIMITS = Limits(code_bytes=20_000_000, virtual_seconds=300, memory=256 << 20, output=1 << 20, events=100_000)


class Outcome(NamedTuple):
    """How one file fared: stage → words; ``failure`` is what may not be, with details, or ""."""

    number: int
    stages: dict[str, str]
    seconds: float
    megabytes: int
    failure: str


# -- the stages ----------------------------------------------------------------------------------------------------------


def load_alone(file: Mutant, path: str) -> None:
    """Map, relocate, lay out TLS, look at everything, close."""
    elf = ElfFile(file.data, path)
    builtins = builtins_for(elf.machine.name, hard_float(elf.machine.name, file.data))
    memory = ByteMemory(limit=LIMITS.memory)
    on_host = DirectoryFinder()
    links = LinkMap(
        memory, finder=lambda name, requester: (path, file.data) if name == path else on_host(name, requester),
        library_path=file.base.needs, builtins=builtins, runtime=RUNTIME_NAMES,
        missing=lambda *_: 0x1000, call_guest=lambda address: address,
    )  # fmt: skip
    if file.base.program:
        obj = links.load_startup((path, file.data))[0]
    else:
        links.load_startup(needed=["libc.so.6"])
        handle, _ = links.dlopen(path, RTLD_NOW)
        assert isinstance(handle, LinkedObject)
        obj = handle
    links.initializers(obj)
    links.finalizers(obj)
    for symbol in obj.exports():
        links.find_symbol(obj, symbol.text)
    elf.notes()
    area = memory.map(None, links.tls.area_size + links.tls.area_align, 3, "[tls]")
    links.tls.init_thread(memory, -(-area // links.tls.area_align) * links.tls.area_align)
    links.release(links.dlclose(obj))


def inspect(file: Mutant, path: str) -> None:
    """What `emuload inspect` does, in both forms."""
    found = inspect_elf(ElfFile(file.data, path))
    render_text(found).encode()
    json_text(found.to_dict()).encode()


def ask_tables(file: Mutant, path: str) -> None:
    """Functions, imports, lines and frames, as reports and checks read them."""
    elf = ElfFile(file.data, path)
    row = row_for(elf.machine.e_machine)
    assert row is not None
    library = open_library(elf)
    if library is not None:
        watch_points(library, library.image.symbol)
        package_imports(library)
    starts = [function.start for function in functions(elf)]
    memory = ByteMemory(limit=LIMITS.memory)
    obj = LinkedObject(1, path, path, elf)
    map_object(memory, obj, memory.page_size)
    stack = memory.map(None, 0x1000, 3, "[stack]")
    names = (*row.dwarf_registers, row.pc, row.sp, row.fp)
    unwinder = Unwinder()
    for start in [*starts[:: len(starts) // 16 + 1], elf.entry, elf.loads[0].vaddr]:
        pc = start + 8 + obj.bias & elf.machine.mask
        pattern = b"".join(word.to_bytes(row.word, "little") for word in (pc, stack + 0x100, obj.start, pc))
        memory.view(stack, 0x1000)[:] = pattern * (0x1000 // len(pattern))
        unwinder.describe(pc, [obj])
        unwinder.frames(dict.fromkeys(names, stack + 0x40) | {row.pc: pc}, memory, row, [obj])


def run(file: Mutant, path: str) -> None:
    """Load it in a process, by dlopen or at start-up, make a call, and leave."""
    Path(path).write_bytes(file.data)
    if file.base.program:
        maps = [(folder, folder, False) for folder in file.base.needs]
        Process.for_file(path, program=path, maps=maps, library_path=file.base.needs, limits=LIMITS).run_program()
        return
    process = Process.for_file(path, limits=LIMITS, needed=[path] if len(file.steps) == 3 else ())
    library = process.dlopen(path)
    if file.base.call:
        library[file.base.call](1, 2)
    show_report(process.diagnosis.bound("the end of the test"), io.StringIO())
    library.close()
    process.exit()


STAGES: dict[str, Callable[[Mutant, str], None]] = {
    "loader": load_alone, "inspect": inspect, "tables": ask_tables, "run": run,
}  # fmt: skip


def end_of(stage: Callable[[Mutant, str], None], file: Mutant, path: str) -> tuple[str, str]:
    """(how the stage ended, what is wrong with that or "")."""
    try:
        stage(file, path)
    except (LoadError, EmuloadError) as error:
        words = str(error)
        if isinstance(error, ReportedError):
            show_report(error.report, io.StringIO())
        broken = "" if words and words.isprintable() else f"not one line: {words!r}"
        return type(error).__name__, broken
    except BaseException as error:
        return "traceback", "".join(traceback.format_exception(error))
    return "clean", ""


def examine(number: int, file: Mutant, folder: str) -> Outcome:
    """Every stage of one file."""
    path = f"{folder}/x.so"
    start = time.process_time()
    stages: dict[str, str] = {}
    failures: list[str] = []
    for name, stage in STAGES.items():
        before = time.process_time()
        stages[name], wrong = end_of(stage, file, path)
        if wrong:
            failures.append(f"{name}: {wrong}")
        taken = time.process_time() - before
        if taken > SECONDS:
            failures.append(f"{name}: {taken:.1f} s")
    gc.collect()
    megabytes = most_resident() >> 20
    if megabytes > MEGABYTES:
        failures.append(f"{megabytes} MB resident")
    if failures:
        failures.insert(0, f"file {number}, from {file.base.name}: {'; '.join(file.steps)}")
    return Outcome(number, stages, time.process_time() - start, megabytes, "\n".join(failures))


def most_resident() -> int:
    """Bytes this process has had in memory at most. Where there is /proc: getrusage(2) counts the parent's, too, that a worker
    was forked from (Linux fs/exec.c, exec_mmap)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


# -- workers -------------------------------------------------------------------------------------------------------------


def work(seed: int, first: int, count: int) -> None:
    """A worker: say each file's number, then how it fared."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            print(json.dumps(number), flush=True)
            faulthandler.dump_traceback_later(SILENCE, exit=True)
            outcome = examine(number, mutant(seed, number), folder)
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(outcome), flush=True)


def outcomes(seed: int, first: int, count: int) -> Iterator[Outcome]:
    """How each file fared, in workers; a new one goes on behind the file that ended the last one."""
    end = first + count
    while first < end:
        command = [sys.executable, "-m", "tests.loader.mutate", "--worker", str(seed), str(first), str(end - first)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            said: Any = json.loads(line)
            if isinstance(said, list):
                yield Outcome(*said)
                first = said[0] + 1
        if done.returncode or first < end:
            yield Outcome(first, {}, 0, 0, f"file {first}: the worker ended with {done.returncode}\n{done.stderr[-3000:]}")
            first += 1


def table(found: Sequence[Outcome]) -> str:
    """The outcomes by stage."""
    ends = sorted({words for outcome in found for words in outcome.stages.values()})
    lines = [f"{'':16}" + "".join(f"{name:>10}" for name in STAGES)]
    for end in ends:
        counts = [sum(outcome.stages.get(name) == end for outcome in found) for name in STAGES]
        lines.append(f"{end:16}" + "".join(f"{count:10}" for count in counts))
    slowest, biggest = (max((getattr(outcome, what) for outcome in found), default=0) for what in ("seconds", "megabytes"))
    lines.append(f"slowest file {slowest:.2f} s of a processor, most memory of a worker {biggest} MB")
    lines.append(f"{sum(outcome.seconds for outcome in found):.0f} s of a processor in all")
    lines.append(f"{len(found)} files, {sum(bool(outcome.failure) for outcome in found)} failures")
    return "\n".join(lines)


def main() -> int:
    """Returns 1 when a file failed."""
    options = argparse.ArgumentParser(prog="python -m tests.loader.mutate", description=__doc__)
    options.add_argument("--files", type=int, default=5000, help="how many (default 5000)")
    options.add_argument("--seed", type=int, default=1, help="which series (default 1)")
    options.add_argument("--workers", type=int, default=2, help="processes at once (default 2)")
    options.add_argument("--only", type=int, metavar="NUMBER", help="one file of the series, in this process")
    options.add_argument("--keep", metavar="FILE", help="with --only: write it there")
    options.add_argument("--worker", type=int, nargs=3, metavar="N", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.worker:
        work(*given.worker)
        return 0
    if given.only is not None:
        return show(mutant(given.seed, given.only), given.only, given.keep)
    parts = [(first, min(AT_ONCE, given.files - first)) for first in range(0, given.files, AT_ONCE)]
    found: list[Outcome] = []
    with ThreadPoolExecutor(given.workers) as pool:
        for part in pool.map(lambda part: list(outcomes(given.seed, *part)), parts):
            for outcome in part:
                if outcome.failure:
                    print(outcome.failure, flush=True)
            found += part
    print(table(found))
    return int(any(outcome.failure for outcome in found))


def show(file: Mutant, number: int, keep: str | None) -> int:
    """One file, in this process."""
    if keep:
        Path(keep).write_bytes(file.data)
    print(f"{file.base.name}, {len(file.data)} bytes", *file.steps, sep="\n  ")
    with tempfile.TemporaryDirectory() as folder:
        for name, stage in STAGES.items():
            start = time.process_time()
            try:
                stage(file, f"{folder}/x.so")
                print(f"{name}: clean, {time.process_time() - start:.2f} s")
            except (LoadError, EmuloadError) as error:
                print(f"{name}: {type(error).__name__}, {time.process_time() - start:.2f} s: {error}")
        outcome = examine(number, file, folder)
    print(outcome.failure or "well")
    return int(bool(outcome.failure))


if __name__ == "__main__":
    sys.exit(main())
