"""Each end of a run that is not the wanted one is an error with a report, whatever guest it was."""

from __future__ import annotations

import pytest

from emuload.errors import BoundReached, Deadlock, GuestFailed
from emuload.process.guest_files import GuestFiles
from emuload.process.host_calls import HostCalls, NamedFunction
from emuload.process.runner import Runner
from tests.process.test_host_calls import CODE, Guest


class Run(Guest):
    """A guest whose calls are run by a runner."""

    def __init__(self, architecture: str = "amd64") -> None:
        super().__init__(architecture)
        GuestFiles(self.kernel, b"", [], 1 << 20, None)
        self.runner = Runner(self.scheduler, lambda: (), {})
        self.calls = HostCalls(self.scheduler, self.calls.stubs, self.memory, self.runner.run, self.runner.under_way)
        self.scheduler.on_trap = self.calls.returned

    def call(self) -> int:
        return self.calls.call_words(NamedFunction("add", CODE), 1, 2)


@pytest.mark.parametrize("architecture", ["amd64", "arm", "arm64"])
def test_a_call_that_returns_ends_the_run(architecture: str) -> None:
    run = Run(architecture)
    assert (run.call(), run.runner.under_way, run.runner.ended) == (3, {run.task.tid: []}, False)


def test_nothing_left_to_run_is_a_deadlock() -> None:
    run = Run()
    with pytest.raises(Deadlock, match="the only thread waits") as ended:
        run.runner.run(lambda: False)
    (thread,) = ended.value.report.threads
    assert (thread.tid, thread.state, thread.waits_for) == (run.task.tid, "waiting", "work from the host")


def test_a_bound_is_named() -> None:
    run = Run()
    run.scheduler.code_limit = 0
    with pytest.raises(BoundReached, match="a bound was reached: 0 bytes of code were executed"):
        run.call()


def test_a_guest_that_exits_instead_has_failed() -> None:
    run = Run()
    run.scheduler.on_trap = lambda task: run.kernel.end(5)
    with pytest.raises(GuestFailed, match="exited with status 5 during a call") as ended:
        run.call()
    assert (ended.value.status, run.runner.ended) == (5, True)


def test_a_trap_without_an_answer_ends_every_run_from_then_on() -> None:
    run = Run()
    run.scheduler.on_trap = lambda task: run.runner.fail("it cannot go on", "test", task)
    for until in (lambda: False, lambda: True):
        if not run.runner.failure:
            run.calls.start(run.task.tid, CODE, (1, 2))
        with pytest.raises(GuestFailed, match="it cannot go on"):
            run.runner.run(until)
    assert run.runner.failure is not None
    assert run.runner.failure.thread == run.task.tid


def test_a_time_passes_although_nobody_runs() -> None:
    run = Run()
    run.runner.run_for(1_000_000)
    assert run.scheduler.clock.now() >= 1_000_000
