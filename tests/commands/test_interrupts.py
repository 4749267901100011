"""Ctrl-C at any moment: status 130 with a report, and no trace of it in what the guest does. SIGQUIT: a report, and on."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emuload.trace.jsonl import read
from tests.support.command_line import source_file, start
from tests.support.toolchain import c_library, go_library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to send")

BUSY = """
#include <stdio.h>
#include <unistd.h>
#include <pthread.h>
static void *work(void *p)
{
    for (volatile long i = 0;; i++)
        if (i % 997 == 0)
            usleep(10);
    return p;
}
static long turn(long n)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    char text[64];
    for (long i = 0; i < 300; i++) {
        pthread_mutex_lock(&m);
        n += snprintf(text, sizeof text, "%ld %g", n, n / 3.0);
        pthread_mutex_unlock(&m);
    }
    getpid();
    return n;
}
long busy(void)
{
    pthread_t t;
    puts("busy");
    fflush(stdout);
    pthread_create(&t, 0, work, 0);
    for (long n = 0;;)
        n = turn(n);
}
"""
FOREVER = ("--code-limit", "1000000000000", "--time-limit", "1000000000")
TRIALS = int(os.environ.get("EMULOAD_INTERRUPTS", "5"))
"""In each language; `EMULOAD_INTERRUPTS=25 pytest tests/commands/test_interrupts.py` takes some minutes."""


def c_busy() -> tuple[Path, str]:
    return c_library(source_file("interrupts_busy", BUSY), "amd64-gnu"), "busy()"


def go_busy() -> tuple[Path, str]:
    return go_library("behaviour", "amd64-gnu"), "goroutines(1000000000)"


def begun(library: Path, call: str, *more: str) -> subprocess.Popen[bytes]:
    """A command that runs a call without end, once the guest runs."""
    command = start("run", library, "-c", call, *FOREVER, *more)
    until = time.monotonic() + 60
    maps = Path(f"/proc/{command.pid}/maps")
    while "libunicorn" not in (maps.read_text() if maps.exists() else "libunicorn"):
        assert time.monotonic() < until
        time.sleep(0.005)
    return command


@pytest.mark.parametrize("busy", [c_busy, go_busy], ids=["C", "Go"])
def test_each_interrupt_ends_the_command_with_a_report(busy: type[tuple[Path, str]]) -> None:
    library, call = busy()
    moments = random.Random(call)
    for _ in range(TRIALS):
        command = begun(library, call)
        time.sleep(moments.uniform(0.05, 1.5))
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
        text = err.decode()
        assert command.returncode == 130, text
        assert re.match(r"emuload: interrupted after \d+\.\d ms of virtual time\n", text), text
        assert "thread 1000 (loader)" in text or "after 0.0 ms" in text
        assert "Traceback" not in text
        assert "Exception ignored" not in text


def test_the_report_tells_places_output_and_what_was_recorded() -> None:
    command = begun(*c_busy())
    time.sleep(2)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert out == b"stdout\n  busy\n\n"
    assert re.search(rb"recorded: \d+ events of 2 threads\n", err)
    assert b" busy" in err
    assert b" work" in err


def test_a_second_interrupt_ends_at_once() -> None:
    """The first one comes in a slice that does not end."""
    script = (
        "import os, emuload.__main__ as m, emuload.process.scheduler as s, time\n"
        "s.Scheduler._slice = lambda *a: (os.write(1, b'.'), time.sleep(1000))\n"
        "m.main()\n"
    )
    library, call = c_busy()
    command = subprocess.Popen([sys.executable, "-c", script, "run", str(library), "-c", call], stdout=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stdout.read(1) == b"."
    command.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert command.poll() is None
    command.send_signal(signal.SIGINT)
    assert command.wait(timeout=5) == 130


def test_sigquit_reports_and_the_run_goes_on(tmp_path: Path) -> None:
    library, call = go_library("behaviour", "amd64-gnu"), "goroutines(6000)"
    plain, asked = tmp_path / "plain.jsonl", tmp_path / "asked.jsonl"
    assert start("trace", library, "-c", call, "-o", plain).wait() == 0
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        command = start("trace", library, "-c", call, "-o", asked, stderr=file)
        while command.poll() is None:
            time.sleep(0.3)
            if asked.exists():
                command.send_signal(signal.SIGQUIT)
    assert command.returncode == 0
    assert errors.read_text().count("running after ") >= 1
    assert asked.read_bytes() == plain.read_bytes()


def test_a_trace_is_whole_up_to_the_interrupt_and_the_next_run_is_as_ever(tmp_path: Path) -> None:
    library, call = go_library("behaviour", "amd64-gnu"), "goroutines(6000)"
    cut, after = tmp_path / "cut.jsonl", tmp_path / "after.jsonl"
    command = start("trace", library, "-c", call, "-o", cut)
    while not cut.exists() or cut.stat().st_size < 5000:
        assert command.poll() is None
        time.sleep(0.01)
    command.send_signal(signal.SIGINT)
    out, _ = command.communicate()
    assert command.returncode == 130
    assert re.search(rb"cut\.jsonl: \d+ events of \d+ threads in ", out)
    assert start("trace", library, "-c", call, "-o", after).wait() == 0
    ended = read(str(cut))
    assert ended.end is not None
    assert ended.end.outcome == "interrupted"
    whole = read(str(after)).events
    assert ended.events == whole[: len(ended.events)]
