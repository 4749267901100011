"""Guest programs do in the emulator what they do natively and under qemu-user: status, output, first line of stderr.

What never ends there ends here with a report: as a deadlock when every thread waits, else at a bound.
"""

from __future__ import annotations

import pytest

import emuload
from emuload.kernel.fs.hostmap import mount
from emuload.process.process import Process
from tests.support.guest_scenarios import SCENARIOS, TARGETS, Command, command, expected, go_test_command
from tests.support.oracle import HANGS, Result
from tests.support.record_guests import first_line
from tests.support.running import program_process

GO_TESTS = ("main0", "main1", "main2", "main4", "main5", "m1", "m2", "issue36233", "issue68411")
BOUNDED = emuload.Limits(code_bytes=1_500_000_000, virtual_seconds=600)
DEADLOCKS = {
    "behaviour blocks", "early constructor", "blocked init", "faulty deadlock", "faulty lock_twice", "faulty wait_for_ever",
}  # fmt: skip


def process_of(made: Command, target: str, **options: object) -> Process:
    """A process for a scenario's command."""
    if made.folder is not None:
        options["cwd"] = str(made.folder)
    libraries = [folder / "any" for folder in made.libraries]
    process = program_process(target, made.program, made.args, libraries, env=made.env, stdin=made.stdin.encode(), **options)
    for word in made.args:
        if word.startswith("/"):
            folder = word.rpartition("/")[0]
            mount(process.files.fs, folder, folder)
    return process


def answer(process: Process) -> Result:
    """How the program ended, as tests.support.record_guests keeps it."""
    try:
        status: int | str = process.run_program()
    except emuload.GuestFailed:
        assert process.kernel.exit_signal is not None
        status = -process.kernel.exit_signal
    except (emuload.Deadlock, emuload.BoundReached):
        status = HANGS
    return Result(status, process.stdout.decode(), first_line(process.stderr.decode()))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_answers_as_outside_the_emulator(name: str, target: str) -> None:
    wanted = expected(name, target)
    limits = BOUNDED if wanted.status == HANGS else emuload.Limits()
    assert answer(process_of(command(name, target), target, limits=limits)) == wanted


@pytest.mark.parametrize("name", sorted(DEADLOCKS))
@pytest.mark.parametrize("target", TARGETS)
def test_a_deadlock_says_of_each_thread_what_it_waits_for(name: str, target: str) -> None:
    process = process_of(command(name, target), target, limits=BOUNDED)
    with pytest.raises(emuload.Deadlock) as stuck:
        process.run_program()
    report = stuck.value.report
    waiting = [thread for thread in report.threads if thread.state == "waiting"]
    assert len(waiting) == len(report.threads) > 0
    assert all(thread.waits_for and thread.frames for thread in waiting)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", GO_TESTS)
def test_gos_own_tests_pass(name: str, target: str) -> None:
    from tests.support.gotests import go_tests

    wanted = next(test.expected for test in go_tests(target) if test.name == name)
    process = process_of(go_test_command(name, target), target)
    assert (process.run_program(), process.stdout.decode()) == (0, wanted), process.stderr.decode()
