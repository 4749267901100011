"""Deadlines of waits and timers: their order, and how many are kept."""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.deadlines import PRUNE_FROM, TASK, Deadline, Deadlines
from tests.kernel.machine import Machine

WAITS = 20_000


def test_the_earliest_that_counts_comes_first() -> None:
    deadlines = Deadlines()
    for instant in (30, 10, 20):
        deadlines.add((instant, instant, TASK, 1), lambda entry: True)
    assert deadlines.first(lambda entry: entry[0] != 10) == 20
    assert deadlines.pop_due(19) is None
    assert deadlines.pop_due(20) == (20, 20, TASK, 1)
    assert deadlines.first(lambda entry: False) is None
    assert len(deadlines) == 0


def test_stale_entries_do_not_pile_up() -> None:
    deadlines = Deadlines()
    for number in range(WAITS):
        deadlines.add((number, number, TASK, 1), lambda entry, last=number: entry[1] == last)  # type: ignore[misc]
        assert len(deadlines) <= PRUNE_FROM
    assert deadlines.first(lambda entry: True) is not None


def test_entries_that_count_are_all_kept() -> None:
    deadlines = Deadlines()
    for number in range(WAITS):
        deadlines.add((number % 97, number, TASK, 1), _always)
    popped = []
    while (entry := deadlines.pop_due(97)) is not None:
        popped.append(entry)
    assert popped == sorted((number % 97, number, TASK, 1) for number in range(WAITS))


def _always(entry: Deadline) -> bool:
    return True


def test_waits_that_are_woken_before_their_time_cost_no_memory() -> None:
    """A thread that is woken again and again from waits of an hour."""
    m = Machine("amd64")
    task = m.spawn()
    m.timespec(m.data + 64, 3600 * 10**9)
    for _ in range(3 * PRUNE_FROM):
        m.call("futex", m.data, 0, 0, m.data + 64, task=task)
        assert m.call("futex", m.data, 1, 1) == 1
        assert len(m.kernel.deadlines) <= PRUNE_FROM
    m.call("futex", m.data, 0, 0, m.data + 64, task=task)
    due = m.entry.next_deadline()
    assert due is not None
    m.entry.timeouts(due)
    assert task.result == -errno.ETIMEDOUT
