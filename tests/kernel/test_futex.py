"""futex(2) semantics, against the man page."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH
from emuload.kernel.dispatch import BLOCKED, SWITCH
from emuload.kernel.task import Task
from tests.kernel.machine import ARCHITECTURES, Machine

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, LOCK_PI, UNLOCK_PI, TRYLOCK_PI = 0, 1, 3, 4, 5, 6, 7, 8
WAIT_BITSET, WAKE_BITSET, WAIT_REQUEUE_PI, CMP_REQUEUE_PI = 9, 10, 11, 12
PRIVATE, REALTIME = 128, 256
MS = 1_000_000


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


def waiting(m: Machine, word: int, count: int) -> list[Task]:
    tasks = [m.spawn() for _ in range(count)]
    for task in tasks:
        assert m.call("futex", word, WAIT | PRIVATE, m.read(word), 0, task=task) is BLOCKED
    return tasks


def test_wait_answers_eagain_when_the_word_differs(m: Machine) -> None:
    m.words(m.data, 5, width=4)
    assert m.call("futex", m.data, WAIT, 4, 0) == -errno.EAGAIN


def test_a_wake_without_waiters_wakes_nobody(m: Machine) -> None:
    assert m.call("futex", m.data, WAKE | PRIVATE, 1) == 0


def test_waiters_wake_in_the_order_they_came(m: Machine) -> None:
    first, second, third = waiting(m, m.data, 3)
    assert m.call("futex", m.data, WAKE | PRIVATE, 2) == 2
    assert (m.result(first), m.result(second)) == (0, 0)
    assert third.wait is not None
    assert m.last("futex-wake") == {"address": m.data, "woken": [first.tid, second.tid]}
    assert m.call("futex", m.data, WAKE | PRIVATE, 0x7FFFFFFF) == 1


def test_a_schedule_can_choose_the_waiter(m: Machine) -> None:
    @dataclass
    class LastWaiter:
        def choose_waiter(self, address: int, waiters: object) -> int:
            return -1

    m.kernel.choice = LastWaiter()
    first, second = waiting(m, m.data, 2)
    assert m.call("futex", m.data, WAKE, 1) == 1
    assert first.wait is not None
    assert second.wait is None


def test_a_relative_time_out_runs_on_the_virtual_clock(m: Machine) -> None:
    at = m.timespec(m.data + 64, 5 * MS)
    assert m.call("futex", m.data, WAIT | PRIVATE, 0, at) is BLOCKED
    assert m.entry.next_deadline() == m.clock.now() + 5 * MS
    m.pass_time(5 * MS - 1)
    assert m.main.wait is not None
    m.pass_time(1)
    assert m.result(m.main) == -errno.ETIMEDOUT
    assert m.kernel.futexes.waiters == {}
    assert m.entry.next_deadline() is None


def test_futex_time64_takes_a_wide_timespec() -> None:
    m = Machine("arm")
    at = m.timespec(m.data + 64, 5 * MS, width=8)
    assert m.call("futex_time64", m.data, WAIT | PRIVATE, 0, at) is BLOCKED
    assert m.entry.next_deadline() == m.clock.now() + 5 * MS


@pytest.mark.parametrize(("flags", "offset"), [(0, 0), (REALTIME, EPOCH)])
def test_wait_bitset_takes_an_absolute_time(m: Machine, flags: int, offset: int) -> None:
    due = m.clock.now() + 3 * MS
    at = m.timespec(m.data + 64, offset + due)
    assert m.call("futex", m.data, WAIT_BITSET | flags, 0, at, 0, 0xFFFFFFFF) is BLOCKED
    assert m.entry.next_deadline() == due


def test_a_time_that_has_passed_ends_at_once(m: Machine) -> None:
    at = m.timespec(m.data + 64, 0)
    assert m.call("futex", m.data, WAIT_BITSET, 0, at, 0, 0xFFFFFFFF) == -errno.ETIMEDOUT


def test_bitsets_select_waiters(m: Machine) -> None:
    even, odd = m.spawn(), m.spawn()
    for task, mask in ((even, 2), (odd, 1)):
        assert m.call("futex", m.data, WAIT_BITSET, 0, 0, 0, mask, task=task) is BLOCKED
    assert m.call("futex", m.data, WAKE_BITSET, 10, 0, 0, 1) == 1
    assert even.wait is not None
    assert odd.wait is None
    assert m.call("futex", m.data, WAIT_BITSET, 0, 0, 0, 0) == -errno.EINVAL


def test_requeue_moves_the_rest(m: Machine) -> None:
    other = m.data + 8
    first, second, third = waiting(m, m.data, 3)
    assert m.call("futex", m.data, CMP_REQUEUE, 1, 1, other, 0) == 2
    assert first.wait is None
    assert (second.wait and second.wait.key, third.wait and third.wait.key) == (other, m.data)
    assert m.call("futex", other, WAKE, 9) == 1
    assert m.call("futex", m.data, CMP_REQUEUE, 1, 1, other, 77) == -errno.EAGAIN


def test_wake_op_changes_the_second_word_and_compares_its_old_value(m: Machine) -> None:
    other = m.words(m.data + 8, 1, width=4)
    one, two = waiting(m, m.data, 1), waiting(m, other, 1)
    operation = 1 << 28 | 4 << 24 | 2 << 12 | 0  # old + 2, if old > 0
    assert m.call("futex", m.data, WAKE_OP, 1, 1, other, operation) == 2
    assert m.read(other) == 3
    assert one[0].wait is two[0].wait is None


def test_bad_calls(m: Machine) -> None:
    assert m.call("futex", m.data + 2, WAIT, 0) == -errno.EINVAL
    assert m.call("futex", 0x100, WAIT, 0) == -errno.EFAULT
    assert m.call("futex", m.data, 99, 0) == -errno.ENOSYS
    assert m.call("futex", m.data, WAKE | REALTIME, 0) == -errno.ENOSYS
    bad = m.words(m.data + 64, 0, 10**9)
    assert m.call("futex", m.data, WAIT, 0, bad) == -errno.EINVAL


def test_a_priority_inheritance_lock_goes_from_owner_to_waiter(m: Machine) -> None:
    lock, other = m.data, m.spawn()
    assert m.call("futex", lock, LOCK_PI) == 0
    assert m.read(lock) == m.main.tid
    assert m.call("futex", lock, LOCK_PI) == -errno.EDEADLK
    assert m.call("futex", lock, TRYLOCK_PI, task=other) == -errno.EAGAIN
    assert m.call("futex", lock, UNLOCK_PI, task=other) == -errno.EPERM
    assert m.call("futex", lock, LOCK_PI, task=other) is BLOCKED
    assert m.read(lock) == m.main.tid | 0x80000000
    assert m.call("futex", lock, UNLOCK_PI) == 0
    assert m.read(lock) == other.tid
    assert m.result(other) == 0
    assert m.call("futex", lock, UNLOCK_PI, task=other) == 0
    assert m.read(lock) == 0


def test_requeue_to_a_priority_inheritance_lock(m: Machine) -> None:
    condition, lock = m.data, m.data + 8
    one, two = m.spawn(), m.spawn()
    for task in (one, two):
        assert m.call("futex", condition, WAIT_REQUEUE_PI, 0, 0, lock, task=task) is BLOCKED
    assert m.call("futex", condition, CMP_REQUEUE_PI, 1, 9, lock, 0) == 2
    assert m.result(one) == 0
    assert m.read(lock) == one.tid | 0x80000000
    assert m.call("futex", lock, UNLOCK_PI, task=one) == 0
    assert m.result(two) == 0
    assert m.read(lock) == two.tid


def test_a_thread_that_exits_wakes_its_joiner(m: Machine) -> None:
    joined = m.spawn()
    m.call("set_tid_address", m.words(m.data, joined.tid, width=4), task=joined)
    assert m.call("futex", m.data, WAIT, joined.tid) is BLOCKED
    assert m.call("exit", 0, task=joined) is SWITCH
    assert joined.exited
    assert m.read(m.data) == 0
    assert m.result(m.main) == 0


def test_a_robust_mutex_of_an_exiting_thread_is_marked_and_its_waiter_woken(m: Machine) -> None:
    owner = m.spawn()
    head, entry, offset = m.data + 0x100, m.data + 0x200, 16
    lock = m.words(entry + offset, owner.tid | 0x80000000, width=4)
    m.words(head, entry, offset, 0)
    m.words(entry, head)
    assert m.call("set_robust_list", head, 3 * m.word, task=owner) == 0
    assert m.call("futex", lock, WAIT, owner.tid | 0x80000000) is BLOCKED
    m.call("exit", 0, task=owner)
    assert m.read(lock) == 0xC0000000
    assert m.result(m.main) == 0


def test_a_looping_robust_list_ends(m: Machine) -> None:
    owner = m.spawn()
    head, entry = m.data + 0x100, m.data + 0x200
    m.words(head, entry, 16, 0)
    m.words(entry, entry)
    m.call("set_robust_list", head, 3 * m.word, task=owner)
    m.call("exit", 0, task=owner)
    assert owner.exited


def test_a_signal_handler_interrupts_a_wait(m: Machine) -> None:
    m.sigaction(10, 0x1000)
    task = waiting(m, m.data, 1)[0]
    m.call("tgkill", m.kernel.pid, task.tid, 10)
    assert task.wait is None
    assert task.interrupted is not None
    assert m.kernel.futexes.waiters == {}
