"""What Go code does in the emulator is what it does natively: one C host program calls every export of a Go library.

The expected text was written by the same host natively on amd64, and under qemu-user on ARM and ARM64; see
tests/guests/behaviour_host and `python -m tests.support.record_guests`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from tests.support.running import run
from tests.support.targets import GNU, MUSL, arch_of
from tests.support.toolchain import c_program, go_library

EXPECTED = (Path(__file__).parents[1] / "guests" / "behaviour_host" / "expected.txt").read_text().splitlines()
GLIBC = GNU
GO = ("1.27", "1.22")
ENVIRONMENT = {"BEHAVIOUR": "set"}


# With Go 1.27 this is the scenario "behaviour" of test_scenarios.py.
@pytest.mark.parametrize("go", GO[1:])
@pytest.mark.parametrize("target", GLIBC)
def test_a_library_opened_at_run_time_behaves_as_natively(target: str, go: str) -> None:
    library = go_library("behaviour", target, go)
    process = run(target, c_program("behaviour_host", target), [str(library)], [library], env=ENVIRONMENT)
    assert process.stdout.decode().splitlines() == EXPECTED
    assert process.stderr == b"stderr: words\n"
    assert process.kernel.exit_status == 0


@pytest.mark.parametrize("go", GO)
@pytest.mark.parametrize("target", MUSL)
def test_a_library_linked_at_start_behaves_as_natively(target: str, go: str) -> None:
    library = go_library("behaviour", target, go)
    process = run(target, c_program("behaviour_host_linked", target), [], [library], env=ENVIRONMENT)
    assert process.stdout.decode().splitlines() == EXPECTED
    assert process.stderr == b"stderr: words\n"
    assert process.kernel.exit_status == 0


@pytest.mark.parametrize("target", GLIBC)
def test_no_system_call_or_c_function_is_missing(target: str) -> None:
    library = go_library("behaviour", target)
    process = emuload.Process(arch_of(target))
    process.dlopen(str(library)).call("goroutines", 1000)
    missing = [event.line() for event in process.events if event.kind in ("unknown-syscall", "missing-function")]
    assert missing == []


@pytest.mark.parametrize("go", GO)
@pytest.mark.parametrize("target", GLIBC + MUSL)
def test_a_panic_ends_the_process_with_gos_traceback_and_sigabrt(target: str, go: str) -> None:
    library = go_library("behaviour", target, go)
    process = emuload.Process(arch_of(target))
    opened = process.dlopen(str(library))
    with pytest.raises(emuload.GuestFailed) as ended:
        opened.call("panics", emuload.GoString("the reason"))
    assert process.kernel.exit_signal == 6
    report = ended.value.report
    assert report.headline.startswith(f"thread {report.thread} was killed by SIGABRT")
    assert any(frame.function == "main.panics" for frame in report.threads[0].frames)
    words = process.stderr.decode()
    assert words.startswith("panic: the reason\n")
    assert "\ngoroutine " in words
    assert "main.panics(" in words


@pytest.mark.parametrize("target", GLIBC + MUSL)
def test_eight_foreign_threads_call_at_once(target: str) -> None:
    library = go_library("behaviour", target)
    process = emuload.Process(arch_of(target))
    add = process.dlopen(str(library))["add"]
    pending = [process.thread().start(add, number, 1) for number in range(8)]
    assert [call.result() for call in pending] == list(range(1, 9))
    bodies = {event.tid for event in process.events if event.kind == "go-export-body"}
    assert {call.tid for call in pending} <= bodies
