"""Timers that send signals: setitimer(2), alarm(2), timer_create(2), on virtual time or on executed time.

Sources: the man pages, timer_settime(2), timer_getoverrun(2), Linux kernel/time/posix-timers.c and itimer.c.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH, SECOND
from emuload.kernel.core import Kernel
from emuload.kernel.deadlines import TIMER
from emuload.kernel.dispatch import syscall
from emuload.kernel.integers import int32
from emuload.kernel.signals import queue_is_full, send_signal
from emuload.kernel.state import Timer
from emuload.kernel.task import SigInfo, Task
from emuload.kernel.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    TIMER_ABSTIME,
    read_timespec,
    read_timeval,
    write_timespec,
    write_timeval,
)
from emuload.machine.signal_numbers import SI_KERNEL, SI_TIMER, SIGALRM, SIGPROF, SIGRTMAX, SIGVTALRM

SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 0, 1, 2, 4
_OVERRUN_MAX = 0x7FFF_FFFF
_INTERVAL_TIMERS = ((-1, "real", SIGALRM), (-2, "process", SIGVTALRM), (-3, "process", SIGPROF))
"""ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF. All code executed counts as user time."""


def _clock_now(k: Kernel, timer: Timer) -> int:
    if timer.clock == "real":
        return k.clock.now()
    if timer.clock == "process":
        return k.clock.executed()
    task = k.tasks.get(int(timer.clock))
    return k.cpu_time(task) if task is not None else 0


def _arm(k: Kernel, timer: Timer, due: int | None, interval: int) -> None:
    k.sequence += 1
    timer.due, timer.interval, timer.armed = due, interval, k.sequence
    if due is not None and timer.clock == "real":
        k.add_deadline(due, TIMER, timer.ident)


def fire(k: Kernel, ident: int, sequence: int, now: int) -> None:
    """Expire a real-time timer at its deadline, unless it was set again since."""
    timer = k.timers.timers.get(ident)
    if timer is not None and timer.armed == sequence and timer.due is not None:
        _expire(k, timer, now)


def fire_cpu_timers(k: Kernel) -> None:
    """Expire the timers on executed time that are due."""
    for timer in list(k.timers.timers.values()):
        if timer.due is not None and timer.clock != "real":
            now = _clock_now(k, timer)
            if now >= timer.due:
                _expire(k, timer, now)


def next_cpu_deadline(k: Kernel) -> int | None:
    """Monotonic ns at which the nearest timer on executed time is due if code runs until then; None if nothing runs."""
    if not any(task.runnable for task in k.tasks.values()):
        return None
    left: list[int] = []
    for timer in k.timers.timers.values():
        if timer.due is None or timer.clock == "real":
            continue
        if timer.clock == "process" or (k.current is not None and timer.clock == k.current.tid):
            left.append(max(0, timer.due - _clock_now(k, timer)))
    return k.clock.now() + min(left) if left else None


def _expire(k: Kernel, timer: Timer, now: int) -> None:
    assert timer.due is not None
    missed = 0
    if timer.interval:
        missed = (now - timer.due) // timer.interval
        _arm(k, timer, timer.due + (missed + 1) * timer.interval, timer.interval)
    else:
        timer.due = None
    if timer.notify == SIGEV_NONE:
        return
    target = k.tasks.get(timer.tid) if timer.notify == SIGEV_THREAD_ID else None
    if not timer.posix:
        send_signal(k, SigInfo(timer.signo, SI_KERNEL), None)
        return
    queue = k.signals.pending if target is None else target.pending
    if any(info.code == SI_TIMER and info.timer == timer.ident for info in queue.of(timer.signo)):
        timer.overrun = min(timer.overrun + missed + 1, _OVERRUN_MAX)
        return
    timer.overrun = missed
    send_signal(k, SigInfo(timer.signo, SI_TIMER, timer=timer.ident, value=timer.value), target)


# -- interval timers ---------------------------------------------------------------------------------------------


def _interval_timer(k: Kernel, which: int) -> Timer:
    ident, clock, signo = _INTERVAL_TIMERS[which]
    if ident not in k.timers.timers:
        k.timers.timers[ident] = Timer(ident, clock, signo, posix=False)
    return k.timers.timers[ident]


def _remaining(k: Kernel, timer: Timer) -> int:
    return 0 if timer.due is None else max(1, timer.due - _clock_now(k, timer))


def _write_itimerval(k: Kernel, address: int, timer: Timer) -> None:
    remaining = _remaining(k, timer)
    write_timeval(k, address, timer.interval)
    write_timeval(k, address + 2 * k.abi.word, max(1000, remaining) if remaining else 0)


@syscall("setitimer")
def sys_setitimer(k: Kernel, task: Task, which: int, new: int, old: int) -> int:
    """setitimer(2)."""
    if which > 2:
        return -errno.EINVAL
    timer = _interval_timer(k, which)
    interval, value = 0, 0
    if new:
        first, second = read_timeval(k, new), read_timeval(k, new + 2 * k.abi.word)
        if first is None or second is None:
            return -errno.EINVAL
        interval, value = first, second
    if old:
        _write_itimerval(k, old, timer)
    _arm(k, timer, _clock_now(k, timer) + value if value else None, interval)
    return 0


@syscall("getitimer")
def sys_getitimer(k: Kernel, task: Task, which: int, address: int) -> int:
    """getitimer(2)."""
    if which > 2:
        return -errno.EINVAL
    _write_itimerval(k, address, _interval_timer(k, which))
    return 0


@syscall("alarm")
def sys_alarm(k: Kernel, task: Task, seconds: int) -> int:
    """alarm(2): the seconds that were left, rounded to the nearest but never to 0."""
    timer = _interval_timer(k, 0)
    remaining = _remaining(k, timer)
    left = max(1, (remaining + SECOND // 2) // SECOND) if remaining else 0
    seconds &= 0xFFFFFFFF
    _arm(k, timer, k.clock.now() + seconds * SECOND if seconds else None, 0)
    return left


# -- POSIX timers ------------------------------------------------------------------------------------------------

_REAL = {
    CLOCK_MONOTONIC: False, CLOCK_BOOTTIME: False, CLOCK_BOOTTIME_ALARM: False,
    CLOCK_REALTIME: True, CLOCK_REALTIME_ALARM: True, CLOCK_TAI: True,
}  # fmt: skip


def _timer_clock(k: Kernel, task: Task, clock: int) -> tuple[str | int, bool] | None:
    """(clock of the timer, True if absolute times are wall-clock times); None for an invalid clock."""
    if clock in _REAL:
        return "real", _REAL[clock]
    if clock == CLOCK_PROCESS_CPUTIME_ID:
        return "process", False
    if clock == CLOCK_THREAD_CPUTIME_ID:
        return task.tid, False
    if clock < 0 and clock & 3 != 3:
        ident = ~(clock >> 3)
        if not clock & 4:
            return ("process", False) if ident in (0, k.pid) else None
        target = k.tasks.get(ident) if ident else task
        return None if target is None or target.exited else (target.tid, False)
    return None


@syscall("timer_create")
def sys_timer_create(k: Kernel, task: Task, clock: int, event: int, ident_at: int) -> int:
    """timer_create(2)."""
    source = _timer_clock(k, task, int32(clock))
    if source is None:
        return -errno.EINVAL
    word, ident = k.abi.word, k.timers.next_id
    signo, notify, value, tid = SIGALRM, SIGEV_SIGNAL, ident, 0
    if event:
        data = k.memory.user_read(event, word + 12)
        value = int.from_bytes(data[:word], "little")
        signo, notify, tid = (int.from_bytes(data[word + at : word + at + 4], "little") for at in (0, 4, 8))
        if notify not in (SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID):
            return -errno.EINVAL
        if notify == SIGEV_THREAD_ID and (tid not in k.tasks or k.tasks[tid].exited):
            return -errno.EINVAL
        if notify != SIGEV_NONE and not 1 <= signo <= SIGRTMAX:
            return -errno.EINVAL
    if queue_is_full(k):
        return -errno.EAGAIN  # each timer holds a place for its signal
    k.put_u32(ident_at, ident)
    k.timers.next_id += 1
    clock_id, realtime = source
    k.timers.timers[ident] = Timer(ident, clock_id, signo, tid, value, notify, realtime=realtime)
    return 0


def _write_itimerspec(k: Kernel, address: int, timer: Timer, width: int) -> None:
    write_timespec(k, address, timer.interval, width)
    write_timespec(k, address + 2 * width, _remaining(k, timer), width)


def _settime(k: Kernel, ident: int, flags: int, new: int, old: int, width: int) -> int:
    timer = k.timers.timers.get(int32(ident))
    if timer is None or not timer.posix or not new:
        return -errno.EINVAL
    interval, value = read_timespec(k, new, width), read_timespec(k, new + 2 * width, width)
    if interval is None or value is None:
        return -errno.EINVAL
    if old:
        _write_itimerspec(k, old, timer, width)
    timer.overrun = 0
    due: int | None = None
    if value:
        now = _clock_now(k, timer)
        if not flags & TIMER_ABSTIME:
            due = now + value
        else:
            due = max(now, value - EPOCH if timer.realtime else value)
    _arm(k, timer, due, interval)
    return 0


@syscall("timer_settime")
def sys_timer_settime(k: Kernel, task: Task, ident: int, flags: int, new: int, old: int) -> int:
    """timer_settime(2)."""
    return _settime(k, ident, flags, new, old, k.abi.word)


@syscall("timer_settime64")
def sys_timer_settime64(k: Kernel, task: Task, ident: int, flags: int, new: int, old: int) -> int:
    """timer_settime(2) with 64-bit timespecs."""
    return _settime(k, ident, flags, new, old, 8)


def _gettime(k: Kernel, ident: int, address: int, width: int) -> int:
    timer = k.timers.timers.get(int32(ident))
    if timer is None or not timer.posix:
        return -errno.EINVAL
    _write_itimerspec(k, address, timer, width)
    return 0


@syscall("timer_gettime")
def sys_timer_gettime(k: Kernel, task: Task, ident: int, address: int) -> int:
    """timer_gettime(2)."""
    return _gettime(k, ident, address, k.abi.word)


@syscall("timer_gettime64")
def sys_timer_gettime64(k: Kernel, task: Task, ident: int, address: int) -> int:
    """timer_gettime(2) with 64-bit timespecs."""
    return _gettime(k, ident, address, 8)


@syscall("timer_getoverrun")
def sys_timer_getoverrun(k: Kernel, task: Task, ident: int) -> int:
    """timer_getoverrun(2)."""
    timer = k.timers.timers.get(int32(ident))
    return -errno.EINVAL if timer is None or not timer.posix else timer.overrun


@syscall("timer_delete")
def sys_timer_delete(k: Kernel, task: Task, ident: int) -> int:
    """timer_delete(2)."""
    timer = k.timers.timers.get(int32(ident))
    if timer is None or not timer.posix:
        return -errno.EINVAL
    del k.timers.timers[timer.ident]
    return 0
