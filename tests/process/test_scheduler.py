"""Quanta of the round-robin strategy."""

from __future__ import annotations

from itertools import accumulate

import pytest

from emuload.golang.watchdog import DEEP_SLEEP, Sysmon
from emuload.kernel.task import Task
from emuload.process.scheduler import JITTER, QUANTUM, RoundRobin

TASK: Task = None  # type: ignore[assignment]  # a quantum does not depend on the thread


@pytest.mark.parametrize("quanta", [1, 2, 17, 51, 100, 102, 128])
def test_a_loop_interrupted_every_few_quanta_is_left_at_all_its_places(quanta: int) -> None:
    """What Go's preemption needs: some places of a loop are not safe, and its signal comes every 10 ms."""
    strategy = RoundRobin()
    ends = list(accumulate(strategy.quantum(TASK) for _ in range(600 * quanta)))[::quanta]
    for length in range(4, 133, 4):
        assert {end % length // 4 for end in ends} == set(range(length // 4)), length


def test_quanta_are_the_same_in_every_run_and_late_by_less_than_the_jitter() -> None:
    one, other = RoundRobin(), RoundRobin()
    quanta = [one.quantum(TASK) for _ in range(1000)]
    assert quanta == [other.quantum(TASK) for _ in range(1000)]
    assert QUANTUM <= min(quanta) < max(quanta) < QUANTUM + JITTER


def test_only_a_deep_sleep_of_gos_watchdog_counts_for_nothing() -> None:
    watchdog = Sysmon()
    assert watchdog.only_watches("sysmon", DEEP_SLEEP)
    assert not watchdog.only_watches("sysmon", DEEP_SLEEP - 1)
    assert not watchdog.only_watches("runtime", DEEP_SLEEP)
