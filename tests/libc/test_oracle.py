"""The emulated C library's text, number and memory half gives what the host's C library gives."""

from __future__ import annotations

import subprocess

import pytest

from tests.libc import native_programs

pytestmark = pytest.mark.skipif(not native_programs.available(), reason="runs natively on x86-64 Linux")

PROGRAMS = sorted(path.stem for path in native_programs.ORACLE.glob("*.c"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_like_the_host(name: str) -> None:
    command = [native_programs.program(name), native_programs.library()]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, env={})
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-6000:] + done.stderr.decode()[-2000:]
