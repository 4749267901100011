"""Clocks, sleeping and timers on the virtual clock."""

from __future__ import annotations

import pytest

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH
from emuload.kernel.dispatch import BLOCKED, SWITCH
from tests.kernel.machine import ARCHITECTURES, Machine

MS = 1_000_000
SIGALRM, SIGPROF, SIGURG = 14, 27, 23


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


def clock(m: Machine, ident: int) -> int:
    assert m.call("clock_gettime", ident, m.data) == 0
    return m.read(m.data, m.word) * 10**9 + m.read(m.data + m.word, m.word)


def test_the_clock_moves_with_the_code_executed(m: Machine) -> None:
    before = clock(m, 1)
    m.counter.bytes_at_end += 12_345
    assert clock(m, 1) - before == 12_345
    assert clock(m, 0) == clock(m, 1) + EPOCH
    assert clock(m, 2) == 12_345


def test_a_jump_is_no_executed_time(m: Machine) -> None:
    m.clock.advance_to(m.clock.now() + MS)
    assert clock(m, 2) == 0


def test_thread_time_counts_only_while_the_thread_runs(m: Machine) -> None:
    other = m.spawn()
    m.prepare()
    m.counter.bytes_at_end += 100
    m.prepare(other)
    m.counter.bytes_at_end += 7
    assert m.kernel.cpu_time(m.main) == 100
    assert m.kernel.cpu_time(other) == 7


def test_unknown_clocks(m: Machine) -> None:
    assert m.call("clock_gettime", 99, m.data) == -errno.EINVAL
    assert m.call("clock_gettime", 1, 0x10) == -errno.EFAULT


def test_sleep_ends_at_its_time(m: Machine) -> None:
    assert m.call("nanosleep", m.timespec(m.data, 20 * MS), 0) is BLOCKED
    m.pass_time(20 * MS)
    assert m.result(m.main) == 0


def test_sleeps_and_time_outs_come_late_by_the_timer_slack(m: Machine) -> None:
    """prctl(2), PR_SET_TIMERSLACK: 50 us by default, and again after 0; each thread has its own which new threads inherit."""
    set_slack, get_slack = 29, 30
    assert m.call("prctl", set_slack, 0, 0, 0, 0) == 0
    assert m.call("prctl", get_slack, 0, 0, 0, 0) == 50_000
    assert m.call("nanosleep", m.timespec(m.data, 20 * MS), 0) is BLOCKED
    m.pass_time(20 * MS + 49_999)
    assert m.main.wait is not None
    m.pass_time(1)
    assert m.result(m.main) == 0
    assert m.call("prctl", set_slack, 7, 0, 0, 0) == 0
    child = m.kernel.spawn(m.main.context, parent=m.main)
    assert m.call("prctl", get_slack, 0, 0, 0, 0, task=child) == 7
    assert m.call("prctl", set_slack, 9, 0, 0, 0, task=child) == 0
    assert m.call("prctl", get_slack, 0, 0, 0, 0) == 7
    assert m.call("prctl", set_slack, 0, 0, 0, 0, task=child) == 0
    assert m.call("prctl", get_slack, 0, 0, 0, 0, task=child) == 7
    assert m.call("nanosleep", m.timespec(m.data, MS), 0) is BLOCKED
    assert m.entry.next_deadline() == m.clock.now() + MS + 7


def test_an_interrupted_sleep_leaves_what_remained(m: Machine) -> None:
    m.sigaction(10, 0x1000, flags=0x04000000, restorer=0x2000)
    m.call("nanosleep", m.timespec(m.data, 20 * MS), m.data + 64)
    m.pass_time(15 * MS)
    m.send(10)
    assert m.prepare()
    assert m.read(m.data + 64 + m.word, m.word) == 5 * MS
    assert m.last("syscall-exit")["result"] == -errno.EINTR


def test_absolute_sleep(m: Machine) -> None:
    due = m.clock.now() + MS
    assert m.call("clock_nanosleep", 0, 1, m.timespec(m.data, EPOCH + due), 0) is BLOCKED
    assert m.entry.next_deadline() == due
    assert m.call("clock_nanosleep", 77, 1, m.data, 0) == -errno.EINVAL


def test_an_interval_timer_repeats(m: Machine) -> None:
    m.sigaction(SIGALRM, 0x1000, flags=0x04000000, restorer=0x2000)
    m.words(m.data, 0, 2000, 0, 1000)  # every 2 ms, first after 1 ms
    assert m.call("setitimer", 0, m.data, 0) == 0
    start = m.clock.now()
    assert m.entry.next_deadline() == start + MS
    m.pass_time(MS)
    assert [info.signo for info in m.kernel.signals.pending] == [SIGALRM]
    assert m.main.attention
    assert m.entry.next_deadline() == start + 3 * MS
    m.call("getitimer", 0, m.data + 64)
    assert m.read(m.data + 64 + 3 * m.word, m.word) == 2000


def test_alarm_tells_what_was_left() -> None:
    m = Machine("amd64")
    assert m.call("alarm", 10) == 0
    m.pass_time(4_000 * MS)
    assert m.call("alarm", 0) == 6
    assert m.entry.next_deadline() is None


def test_a_profiling_timer_counts_executed_time_only(m: Machine) -> None:
    m.sigaction(SIGPROF, 0x1000)
    m.words(m.data, 0, 10_000, 0, 10_000)
    m.call("setitimer", 2, m.data, 0)
    m.pass_time(50 * MS)
    assert not m.main.attention
    m.counter.bytes_at_end += 10 * MS
    m.entry.timeouts(m.clock.now())
    assert m.main.attention


def test_an_idle_process_is_not_woken_by_a_profiling_timer(m: Machine) -> None:
    m.words(m.data, 0, 10_000, 0, 10_000)
    m.call("setitimer", 2, m.data, 0)
    assert m.entry.next_deadline() == m.clock.now() + 10 * MS
    m.call("futex", m.data + 64, 0, 0, 0)
    assert m.entry.next_deadline() is None


def test_a_posix_timer_signals_its_thread_and_counts_overruns(m: Machine) -> None:
    other = m.spawn()
    m.sigaction(SIGPROF, 0x1000, flags=0x04000004, restorer=0x2000)
    at = m.words(m.data, 0xABC)
    m.words(at + m.word, SIGPROF, 4, other.tid, width=4)
    assert m.call("timer_create", 1, at, m.data + 64) == 0
    ident = m.read(m.data + 64)
    m.words(m.data + 128, 0, MS, 0, MS)
    assert m.call("timer_settime", ident, 0, m.data + 128, 0) == 0
    m.pass_time(MS)
    assert [(info.signo, info.code, info.value) for info in other.pending] == [(SIGPROF, -2, 0xABC)]
    m.pass_time(3 * MS)
    assert len(other.pending) == 1
    m.prepare(other)
    assert m.kernel.timers.timers[ident].overrun == 0
    assert m.call("timer_delete", ident) == 0
    assert m.call("timer_delete", ident) == -errno.EINVAL
    assert m.entry.next_deadline() is None


def test_a_thread_time_timer_of_a_running_thread(m: Machine) -> None:
    m.prepare()
    at = m.words(m.data, 0)
    m.words(at + m.word, SIGPROF, 4, m.main.tid, width=4)
    assert m.call("timer_create", 3, at, m.data + 64) == 0
    m.words(m.data + 128, 0, 0, 0, MS)
    m.call("timer_settime", m.read(m.data + 64), 0, m.data + 128, 0)
    assert m.entry.next_deadline() == m.clock.now() + MS
    m.counter.bytes_at_end += MS
    m.entry.timeouts(m.clock.now())
    assert [info.signo for info in m.main.pending] == [SIGPROF]


def test_the_host_can_have_a_deadline_of_its_own(m: Machine) -> None:
    due = m.clock.now() + MS
    m.kernel.alarm_host(due)
    assert m.entry.next_deadline() == due
    m.pass_time(MS)
    assert m.entry.next_deadline() is None


def test_yielding_ends_the_slice(m: Machine) -> None:
    assert m.call("sched_yield") is SWITCH
    assert m.main.yielded
    assert m.result(m.main) == 0
