"""Runs guest programs and libraries of `tests.support.toolchain` in the emulator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import emuload
from emuload.process.process import Process
from tests.support.targets import arch_of


def program_process(
    target: str, program: Path, args: Sequence[str] = (), libraries: Sequence[Path] = (), **options: Any
) -> Process:
    """A process about to run `program`, which sees the libraries' folders as they are."""
    folders = list(dict.fromkeys(str(path.parent) for path in (program, *libraries)))
    maps = [(folder, folder, False) for folder in folders]
    options = {"maps": maps, "library_path": folders, **options}
    return emuload.Process(arch_of(target), program=str(program), args=[program.name, *args], **options)


def run(target: str, program: Path, args: Sequence[str] = (), libraries: Sequence[Path] = (), **options: Any) -> Process:
    """A process whose program ran to its end; `kernel.exit_status` tells how."""
    process = program_process(target, program, args, libraries, **options)
    process.run_program()
    return process


def output(process: Process) -> str:
    """Both streams, in the order in which they were written."""
    return b"".join(data for _, data in process.files.fs.output.chunks).decode()


def stream(process: Process) -> str:
    """The event stream as text, to be compared byte for byte."""
    return "\n".join(event.line() for event in process.events)


def digest(target: str, library: str, seed: int = 0) -> str:
    """A run with goroutines, timers, garbage collection, signals and foreign threads, as the digest of its events."""
    process = emuload.Process(arch_of(target), args=["prog", "x"], env={"A": "1", "B": "2"}, seed=seed)
    opened = process.dlopen(library)
    add = opened["add"]
    pending = [process.thread().start(add, number, 1) for number in range(3)]
    assert [call.result() for call in pending] == [1, 2, 3]
    assert opened.call("goroutines", 100) == 328350
    opened.call("ticker", 2, 3)
    opened.call("gc_load", 20)
    opened.call("nil_dereference", returns=str)
    process.exit()
    return hashlib.sha256(stream(process).encode()).hexdigest()
