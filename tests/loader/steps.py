"""The real dynamic linkers of x86-64 at work on files a test has written: glibc's, and musl's where it is installed.

steps_host.c says what a script looks like.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from loader.profiles import versions
from tests.support.toolchain import c_program

HOST = Path(__file__).parent / "steps_host.c"
MUSL = Path("/lib/ld-musl-x86_64.so.1")


def run_script(lines: Sequence[str], folder: Path, libc: str, tunables: str = "") -> list[str]:
    """What the real linker of ``libc`` ("gnu" or "musl") answers to each line, about files in ``folder``."""
    host = c_program(HOST, f"amd64-{libc}")
    script = folder / "script"
    script.write_text("".join(line + "\n" for line in lines))
    output = folder / f"output-{libc}"
    with output.open("wb") as said:
        environment = {"LD_LIBRARY_PATH": str(folder), **({"GLIBC_TUNABLES": tunables} if tunables else {})}
        wrapper = 'exec 9>&1 >/dev/null; exec "$@"'
        command = ["/bin/sh", "-c", wrapper, "sh", str(host), str(script)]
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, env=environment, cwd=folder, check=True, timeout=120
        )
    return output.read_text().splitlines()


def host_glibc() -> str:
    """The host's glibc version, as far as there is a profile for it."""
    version = platform.libc_ver()[1]
    return version if version in versions("glibc") else versions("glibc")[-1]


def host_musl() -> str:
    """The version of the host's musl; "" when there is none."""
    if not MUSL.exists():
        return ""
    said = subprocess.run([str(MUSL)], capture_output=True, text=True, check=False).stderr
    return next((line.split()[1] for line in said.splitlines() if line.startswith("Version")), "")
