"""Runs guest programs outside the emulator: natively, and under qemu-user with Debian's C libraries (`targets`).

Both return a `Result`, and raise unittest.SkipTest if the host cannot run the target.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

from tests.support.targets import TARGETS

HANGS = "hangs"  # the status of a program that did not end in time


@dataclass(frozen=True)
class Result:
    """The end of a program: its exit status, minus the number of the signal that ended it, or HANGS."""

    status: int | str
    stdout: str
    stderr: str


def run_native(
    program: Path | str,
    args: Sequence[str | Path] = (),
    *,
    libraries: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    folder: Path | None = None,
    timeout: float = 60,
) -> Result:
    """Runs a program for amd64-gnu on this machine; `libraries` are the folders of LD_LIBRARY_PATH."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SkipTest("not a Linux machine with an x86-64 processor")
    environ = {"LD_LIBRARY_PATH": _search_path(libraries), **_environ(env)}
    return _run([program, *args], environ, stdin, folder, timeout)


def run_qemu(
    target: str,
    program: Path | str,
    args: Sequence[str | Path] = (),
    *,
    libraries: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    folder: Path | None = None,
    timeout: float = 120,
) -> Result:
    """Runs a program for another processor under qemu-user, as run_native does."""
    given = {"LD_LIBRARY_PATH": _search_path(libraries), **(env or {})}
    # What is meant for the guest's linker must not reach that of the emulator.
    linker = [word for name, value in given.items() if name.startswith("LD_") for word in ("-E", f"{name}={value}")]
    environ = _environ({name: value for name, value in given.items() if not name.startswith("LD_")})
    result = _run([*qemu(target), *linker, program, *args], environ, stdin, folder, timeout)
    words = [line for line in result.stderr.splitlines(True) if not line.startswith("qemu: uncaught target")]
    return Result(result.status, result.stdout, "".join(words))


def run_oracle(target: str, program: Path | str, args: Sequence[str | Path] = (), **options: object) -> Result:
    """run_native for amd64-gnu, run_qemu for the others."""
    if target == "amd64-gnu":
        return run_native(program, args, **options)  # type: ignore[arg-type]
    return run_qemu(target, program, args, **options)  # type: ignore[arg-type]


def qemu(target: str) -> list[str]:
    """qemu-user's command for a target, with the folder of its C library."""
    row = TARGETS.get(target)
    if row is None or not row.qemu:
        raise SkipTest(f"no C library for {target} under qemu-user")
    if shutil.which(row.qemu[0]) is None:
        raise SkipTest(f"no {row.qemu[0]}: install qemu-user")
    if not Path(row.root, "lib").is_dir():
        raise SkipTest(f"no {row.root}: install {row.packages}")
    return [*row.qemu, "-L", row.root]


def _environ(env: Mapping[str, str] | None) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/", **(env or {})}


def _search_path(libraries: Sequence[Path]) -> str:
    return ":".join(map(str, libraries))


def _run(
    command: Sequence[str | Path], environ: Mapping[str, str], stdin: str, folder: Path | None, timeout: float
) -> Result:
    # A session of its own: some guests send signals to their whole process group.
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=dict(environ),
            input=stdin.encode(),
            cwd=folder,
            capture_output=True,
            start_new_session=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Result(HANGS, (late.stdout or b"").decode(), (late.stderr or b"").decode())
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
