"""Figures, from one run side by side: `python -m tests.bench [--rounds N] [--write]`; --write puts them into docs/figures.md.

Whole processes are timed in pairs (ours, the peer's, ours, …) and compared by the median of the pairs' ratios, since machines
are noisy; everything else is the best of several rounds in this process.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

import emuload
from emuload import samples
from emuload.cost.meter import CostMeter
from emuload.ilog.reader import IlogFile
from emuload.libc.builtins import RUNTIME_NAMES
from emuload.machine import engine as uc
from emuload.process.instruction_log import LogRequest
from emuload.process.library import Function
from emuload.report.instructions import LoggedCode
from emuload.trace.events import Event
from emuload.trace.jsonl import Writer
from loader.dlfcn import RTLD_NOW
from loader.link_map import LinkMap
from loader.memory import ByteMemory
from loader.search import DirectoryFinder
from tests.bench import figures_page
from tests.support import oracle, toolchain
from tests.support.targets import arch_of

TARGETS = {"amd64": "amd64-gnu", "armv7": "armv7-gnueabihf", "armv5": "armv5-gnueabi", "arm64": "arm64-gnu"}
STEADY_CALLS = 2000
WORK = (("gc_load", 20), ("goroutines", 300))
"""The loads for the instruction log's rates: allocation with garbage collections; thread and goroutine switches."""

MS, US = 1e3, 1e6

Load = Callable[[emuload.Process], Callable[[], object]]
"""Prepares a process and returns the work to be measured."""


ROWS: list[str] = []
"""The lines of the table so far."""


def row(what: str, value: str, bound: str = "") -> None:
    """Print one line of the table."""
    ROWS.append(f"{what:<58}{value:>18}   {bound}".rstrip())
    print(ROWS[-1], flush=True)


def best(rounds: int, measure: Callable[[], float]) -> float:
    """The smallest of several measurements in seconds; garbage is collected before each."""
    measured = []
    for _ in range(rounds):
        gc.collect()
        measured.append(measure())
    return min(measured)


def whole(command: list[str]) -> float:
    """Wall seconds of a whole process, whose output is thrown away. Python may keep its bytecode, as when installed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def paired(rounds: int, ours: list[str], theirs: list[str]) -> tuple[float, float, float]:
    """Medians of both commands and of the ratios of neighbouring runs."""
    whole(ours)
    whole(theirs)
    pairs = [(whole(ours), whole(theirs)) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def load_and_relocate(arch: str, data: bytes) -> float:
    """Seconds to map and relocate a library in plain memory."""
    links = LinkMap(
        ByteMemory(),
        arch,
        finder=lambda name, _: (name, data) if "/" in name else None,
        builtins=_empty_libc(data),
        runtime=RUNTIME_NAMES,
        missing=lambda *_: 16,
    )
    start = time.perf_counter()
    links.dlopen("./libhello.so", RTLD_NOW)
    return time.perf_counter() - start


def _empty_libc(data: bytes) -> dict[str, tuple[str, bytes]]:
    from emuload.libc.builtins import builtins_for, hard_float
    from loader.elf import ElfFile

    arch = ElfFile(data, "").machine.name
    return builtins_for(arch, hard_float(arch, data))


def loader_alone(path: str) -> float:
    """Seconds to read, map and relocate a library alone, without what it needs, as CLE does in `with_cle`."""
    start = time.perf_counter()
    links = LinkMap(ByteMemory(), finder=DirectoryFinder(), absent=lambda *_: True, missing=lambda *_: 16)
    links.dlopen(path, RTLD_NOW)
    return time.perf_counter() - start


def with_cle(path: str) -> float:
    """Seconds that CLE takes for the same."""
    import cle

    start = time.perf_counter()
    cle.Loader(path, auto_load_libs=False)
    return time.perf_counter() - start


def against_cle(rounds: int, name: str, path: str) -> None:
    """Our loader and CLE in turn, both warm; the best of each."""
    what = f"load and relocate libhello.so, {name}"
    if find_spec("cle") is None:
        row(f"{what}, against CLE", "skipped", "CLE is not installed: pip install '.[bench]'")
        return
    logging.disable(logging.WARNING)  # CLE warns about things it does not know
    ours, theirs = [], []
    for _ in range(rounds + 1):
        for measured, measure in ((ours, loader_alone), (theirs, with_cle)):
            gc.collect()
            measured.append(measure(path))
    mine, other = min(ours[1:]), min(theirs[1:])
    row(f"{what}, alone", f"{mine * MS:.1f} ms")
    row(f"{what}, CLE", f"{other * MS:.1f} ms")
    row(f"CLE against ours, {name}", f"{other / mine:.0f}", "at least 20")


def constructor(arch: str, path: str) -> float:
    """Seconds from the entry of the library's constructor to its return."""
    marks: dict[str, float] = {}

    def listen(event: Event) -> None:
        if event.kind in ("constructor-enter", "constructor-exit") and event.fields["object"] == path:
            marks.setdefault(event.kind, time.perf_counter())
            marks["last"] = time.perf_counter()

    process = emuload.Process(arch)
    process.recorder.add_listener(listen)
    process.dlopen(path)
    return marks["last"] - marks["constructor-enter"]


def first_call(arch: str, path: str) -> float:
    """Seconds of a first call, in which Go initialises itself."""
    process = emuload.Process(arch)
    add = process.dlopen(path)["add"]
    start = time.perf_counter()
    add(1, 2)
    return time.perf_counter() - start


def steady_call(arch: str, path: str) -> float:
    """Seconds of one add(1, 2) among many."""
    process = emuload.Process(arch)
    add = process.dlopen(path)["add"]
    for _ in range(100):
        add(1, 2)
    start = time.perf_counter()
    for _ in range(STEADY_CALLS):
        add(1, 2)
    return (time.perf_counter() - start) / STEADY_CALLS


EFFECTS = {
    "memory writes": {"memory_writes": True},
    "register writes": {"register_writes": True},
    "memory and register writes": {"memory_writes": True, "register_writes": True},
}
"""Names of the effects that a log can hold beside the instructions, and the options for them."""


def instruction_log(rounds: int, name: str, arch: str, path: str, folder: str) -> None:
    """The instruction log's size, and its rates against a Python hook on every instruction in the same run."""
    file = os.path.join(folder, f"{name}.ilog")
    row(f"instruction log of Go's initialisation, {name}", f"{size(arch, path, file):.3f} bytes", "at most 1.0 an instruction")
    for what, asked in EFFECTS.items():
        row(f"with {what}, {name}", f"{size(arch, path, file, **asked):.3f} bytes", "an instruction")

    for function, argument in WORK:
        found = rates(rounds, arch, path, file, function, argument)
        without, with_log, *others, python = (rate / 1e6 for rate in found)
        what = f"Go code ({function}), {name}"
        row(f"{what}, no log", f"{without:.1f} M/s", "instructions a second")
        row(f"{what}, instruction log", f"{with_log:.1f} M/s", "at least 25 M/s")
        row(f"{what}, log against no log", f"{with_log / without * 100:.0f} %", "of the rate")
        for each, rate in zip(EFFECTS, others, strict=True):
            row(f"{what}, {each}", f"{rate:.2f} M/s")
        row(f"{what}, Python UC_HOOK_CODE", f"{python:.2f} M/s")
        row(f"{what}, log against hook", f"{with_log / python:.1f}", "at least 15")


def size(arch: str, path: str, file: str, **asked: bool) -> float:
    """Bytes of a log of Go's initialisation for each of its instructions."""
    process = emuload.Process(arch, instruction_log=LogRequest(file, **asked))
    process.dlopen(path).call("add", 1, 2)
    process.exit()
    return os.path.getsize(file) / instructions(file)


def instruction_count(rounds: int, name: str, arch: str, path: str) -> None:
    """The time that counting the instructions of each phase adds to a run; pairs of both in turn."""
    for function, argument in WORK:
        processes = [emuload.Process(arch), emuload.Process(arch)]
        CostMeter(processes[1].scheduler)
        works = [process.dlopen(path)[function] for process in processes]
        for work in works:
            work(argument)
        pairs = [[seconds(work, argument) for work in works] for _ in range(rounds)]
        ratio = statistics.median(counted / plain for plain, counted in pairs)
        row(f"Go code ({function}), {name}, instructions counted", f"{ratio:.2f}", "times as long as without")


def seconds(work: Callable[[int], object], argument: int) -> float:
    """The seconds that one call takes."""
    start = time.perf_counter()
    work(argument)
    return time.perf_counter() - start


def rates(rounds: int, arch: str, path: str, file: str, function: str, argument: int) -> list[float]:
    """Instructions a second without a log, with one, with EFFECTS, with a Python hook on each: best rounds, side by side."""
    executed = 0

    def step(_: int, address: int, size: int, user: int) -> None:
        nonlocal executed
        executed += 1

    requests = [LogRequest(file), *(LogRequest(f"{file}{n}", **asked) for n, asked in enumerate(EFFECTS.values()))]
    logged = [emuload.Process(arch, instruction_log=each) for each in requests]
    processes = [emuload.Process(arch), *logged, emuload.Process(arch)]
    processes[-1].cpu.engine.hook(uc.HOOK_CODE, uc.BLOCK_CALLBACK(step))
    works = [process.dlopen(path)[function] for process in processes]
    for work in works:
        work(argument)
    mean = processes[-1].cpu.clock_bytes / executed  # bytes an instruction
    found = [0.0] * len(processes)
    for round_number in range(rounds):
        for number, (process, work) in enumerate(zip(processes, works, strict=True)):
            if number >= 2 and round_number:
                continue  # once: they take seconds
            before, taken = process.cpu.clock_bytes, seconds(work, argument)
            found[number] = max(found[number], (process.cpu.clock_bytes - before) / mean / taken)
    for process in processes:
        if process.instruction_log is not None:
            process.instruction_log.close()
            os.remove(process.instruction_log.path)
    return found


def instructions(file: str) -> int:
    """The number of instructions in a log."""
    log = IlogFile(file)
    code = LoggedCode(log)
    return sum(len(code.instructions(block)) for block in log.blocks())


def recording(rounds: int, name: str, arch: str, path: str, behaviour: str, folder: str) -> None:
    """The CPU time that recording adds to a run, in memory and to a file: medians of the ratios of neighbours."""
    loads: dict[str, tuple[int, Load]] = {
        "init and first call": (4 * rounds, lambda process: lambda: process.dlopen(path).call("add", 1, 2)),
        "steady add(1, 2)": (16 * rounds, lambda process: partial(many, warm(process.dlopen(path)["add"], 1, 2))),
        "goroutines": (16 * rounds, lambda process: partial(warm(process.dlopen(behaviour)["goroutines"], 10), 20)),
    }
    for where, file in (("in memory", None), ("to .jsonl", os.path.join(folder, f"{name}.jsonl"))):
        for what, (pairs, load) in loads.items():
            added = recorded(pairs, arch, load, file, once=what.startswith("init"))
            row(f"event recording {where}, {what}, {name}", f"{added * 100:.1f} %", "at most 10 %")


def warm(function: Function, *arguments: int) -> Function:
    """The function, after a first call."""
    function(*arguments)
    return function


def many(add: Function) -> None:
    """A piece of the steady load."""
    for _ in range(STEADY_CALLS // 20):
        add(1, 2)


def recorded(pairs: int, arch: str, load: Load, file: str | None, once: bool) -> float:
    """The share that recording adds, from pairs of a load without and with it; `once`: each in a process of its own."""
    ratios = []
    process, work = prepared(arch, load)
    with open(file or os.devnull, "wb", buffering=0) as out:
        for number in range(pairs):
            took = {}
            for on in (False, True) if number % 2 else (True, False):
                if once:
                    process, work = prepared(arch, load)
                    gc.collect()
                process.recorder.enabled = on
                if file is not None and process.recorder.sink is None:
                    process.recorder.sink = Writer(out).batch
                start = time.process_time()
                work()
                process.recorder.flush()
                took[on] = time.process_time() - start
            ratios.append(took[True] / took[False])
    return statistics.median(ratios) - 1


def prepared(arch: str, load: Load) -> tuple[emuload.Process, Callable[[], object]]:
    """A process, and the work to be measured in it."""
    process = emuload.Process(arch)
    return process, load(process)


def against_qemu(rounds: int, name: str, path: str) -> None:
    """`emuload run` of a sample, and a C program that does the same under qemu-user."""
    target = TARGETS[name]
    try:
        peer = [*oracle.qemu(target), str(toolchain.c_program("blocked_host", target)), path]
    except SkipTest as missing:
        row(f"emuload run {name} against qemu-user", "skipped", str(missing))
        return
    ours = [*_emuload(), "run", path, "--call", "add(1, 2)"]
    mine, theirs, ratio = paired(rounds, ours, peer)
    row(f"emuload run, {name} sample, whole process", f"{mine * MS:.0f} ms")
    row(f"{os.path.basename(peer[0])}, the same library, whole process", f"{theirs * MS:.0f} ms")
    row(f"ratio, {name}", f"{ratio:.2f}", "at most 2 (armv7)")


def _emuload() -> list[str]:
    script = Path(sys.executable).with_name("emuload")
    return [str(script)] if script.exists() else [sys.executable, "-m", "emuload"]


def main() -> int:
    """Print everything, and write the page if asked to."""
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=7, help="runs of each measurement (default 7)")
    options.add_argument("--write", action="store_true", help="write docs/figures.md")
    given = options.parse_args()
    start = time.perf_counter()
    measure_all(given.rounds)
    took = time.perf_counter() - start
    print(f"{len(ROWS)} rows in {took / 60:.0f} minutes")
    if given.write:
        figures_page.write(ROWS, given.rounds, took)
    return 0


def measure_all(rounds: int) -> None:
    """Print all rows."""
    with tempfile.TemporaryDirectory() as folder:
        for name, target in TARGETS.items():
            path = os.path.join(folder, f"libhello-{name}.so")
            data = samples.read(name)
            Path(path).write_bytes(data)
            arch = arch_of(target)
            figures: list[tuple[str, Callable[[], float], float, str, str]] = [
                ("load and relocate libhello.so", partial(load_and_relocate, arch, data), MS, "ms", "at most 10 ms"),
                ("constructor", partial(constructor, arch, path), MS, "ms", "at most 10 ms (amd64)"),
                ("first call, with Go's initialisation", partial(first_call, arch, path), MS, "ms", ""),
                ("steady add(1, 2)", partial(steady_call, arch, path), US, "us", "at most 60 us"),
            ]
            for what, measure, scale, unit, bound in figures:
                row(f"{what}, {name}", f"{best(rounds, measure) * scale:.1f} {unit}", bound)
            against_cle(rounds, name, path)
        for name, target in TARGETS.items():
            library = str(toolchain.go_library("behaviour", target))
            recording(rounds, name, arch_of(target), os.path.join(folder, f"libhello-{name}.so"), library, folder)
            instruction_log(rounds, name, arch_of(target), library, folder)
            instruction_count(rounds, name, arch_of(target), library)
        for name in ("armv7", "arm64"):
            against_qemu(rounds, name, os.path.join(folder, f"libhello-{name}.so"))


if __name__ == "__main__":
    sys.exit(main())
