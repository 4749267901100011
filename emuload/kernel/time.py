"""Clocks and sleeping, on the virtual clock: clock_gettime(2), clock_nanosleep(2), gettimeofday(2), times(2)."""

from __future__ import annotations

import struct

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH, SECOND, TICK
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Result, syscall
from emuload.kernel.integers import int32
from emuload.kernel.task import Task, Wait

CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID = range(4)
CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME = range(4, 8)
CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM, CLOCK_TAI = 8, 9, 11
TIMER_ABSTIME = 1

REALTIME_CLOCKS = frozenset({CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI})
MONOTONIC_CLOCKS = frozenset({CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM})
_COARSE = frozenset({CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE})
_SLEEPABLE = frozenset({CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID})
_COARSE_RESOLUTION = 4_000_000
_PAIR = struct.Struct("<qQ")
_TWO_WORDS = {4: struct.Struct("<iI"), 8: _PAIR}


def read_timespec(k: Kernel, address: int, width: int) -> int | None:
    """Nanoseconds of a timespec whose fields have `width` bytes; None if a field is out of range. Raises MemoryFault.

    A 32-bit machine ignores the upper half of a 64-bit tv_nsec.
    """
    seconds, nanoseconds = _TWO_WORDS[width].unpack(k.memory.user_read(address, 2 * width))
    nanoseconds &= k.abi.word_mask
    if seconds < 0 or nanoseconds >= SECOND:
        return None
    return int(seconds) * SECOND + int(nanoseconds)


def write_timespec(k: Kernel, address: int, nanoseconds: int, width: int) -> None:
    """Store a timespec. Raises MemoryFault."""
    seconds, rest = divmod(nanoseconds, SECOND)
    k.memory.user_write(address, _pack(seconds, rest, width))


def write_timeval(k: Kernel, address: int, nanoseconds: int) -> None:
    """Store a timeval of machine words. Raises MemoryFault."""
    width = k.abi.word
    seconds, rest = divmod(nanoseconds, SECOND)
    k.memory.user_write(address, _pack(seconds, rest // 1000, width))


def read_timeval(k: Kernel, address: int) -> int | None:
    """Nanoseconds of a timeval of machine words; None if a field is out of range. Raises MemoryFault."""
    width = k.abi.word
    seconds, microseconds = _TWO_WORDS[width].unpack(k.memory.user_read(address, 2 * width))
    if seconds < 0 or microseconds >= 1_000_000:
        return None
    return int(seconds) * SECOND + int(microseconds) * 1000


def _pack(seconds: int, rest: int, width: int) -> bytes:
    """Two fields of `width` bytes; seconds that do not fit are cut, as 32-bit Linux cuts them."""
    if width == 8:
        return _PAIR.pack(seconds, rest)
    return (seconds & 0xFFFFFFFF | rest << 32).to_bytes(8, "little")


def read_clock(k: Kernel, task: Task, clock: int) -> int | None:
    """Nanoseconds on a clock, also one of clock_getcpuclockid(3) or pthread_getcpuclockid(3); None for an unknown clock."""
    if clock in MONOTONIC_CLOCKS:
        now = k.clock.now()
        return now - now % _COARSE_RESOLUTION if clock in _COARSE else now
    if clock in REALTIME_CLOCKS:
        now = k.clock.realtime()
        if clock == CLOCK_TAI:
            return now + 37 * SECOND
        return now - now % _COARSE_RESOLUTION if clock in _COARSE else now
    if clock == CLOCK_PROCESS_CPUTIME_ID:
        return k.clock.executed()
    if clock == CLOCK_THREAD_CPUTIME_ID:
        return k.cpu_time(task)
    if clock < 0:
        ident, per_thread, kind = ~(clock >> 3), clock & 4, clock & 3
        if kind == 3:
            return None
        target = (k.tasks.get(ident) if ident else task) if per_thread else None
        if per_thread:
            return None if target is None else k.cpu_time(target)
        return k.clock.executed() if ident in (0, k.pid) else None
    return None


def _clock_gettime(k: Kernel, task: Task, clock: int, address: int, width: int) -> int:
    now = k.clock.now() if clock == CLOCK_MONOTONIC else read_clock(k, task, int32(clock))
    if now is None:
        return -errno.EINVAL
    write_timespec(k, address, now, width)
    return 0


@syscall("clock_gettime")
def sys_clock_gettime(k: Kernel, task: Task, clock: int, address: int) -> int:
    """clock_gettime(2)."""
    return _clock_gettime(k, task, clock, address, k.abi.word)


@syscall("clock_gettime64")
def sys_clock_gettime64(k: Kernel, task: Task, clock: int, address: int) -> int:
    """clock_gettime(2) with a 64-bit timespec."""
    return _clock_gettime(k, task, clock, address, 8)


def _clock_getres(k: Kernel, task: Task, clock: int, address: int, width: int) -> int:
    if read_clock(k, task, int32(clock)) is None:
        return -errno.EINVAL
    if address:
        write_timespec(k, address, _COARSE_RESOLUTION if clock in _COARSE else 1, width)
    return 0


@syscall("clock_getres")
def sys_clock_getres(k: Kernel, task: Task, clock: int, address: int) -> int:
    """clock_getres(2)."""
    return _clock_getres(k, task, clock, address, k.abi.word)


@syscall("clock_getres_time64")
def sys_clock_getres_time64(k: Kernel, task: Task, clock: int, address: int) -> int:
    """clock_getres(2) with a 64-bit timespec."""
    return _clock_getres(k, task, clock, address, 8)


@syscall("clock_settime", "clock_settime64", "settimeofday", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime")
def sys_clock_settime(k: Kernel, task: Task) -> int:
    """Calls that set a clock need CAP_SYS_TIME."""
    return -errno.EPERM


@syscall("gettimeofday")
def sys_gettimeofday(k: Kernel, task: Task, address: int, zone: int) -> int:
    """gettimeofday(2)."""
    if address:
        write_timeval(k, address, k.clock.realtime())
    if zone:
        k.memory.user_write(zone, bytes(8))
    return 0


@syscall("time")
def sys_time(k: Kernel, task: Task, address: int) -> int:
    """time(2)."""
    seconds = k.clock.realtime() // SECOND
    if address:
        k.put_word(address, seconds)
    return seconds


@syscall("times")
def sys_times(k: Kernel, task: Task, address: int) -> int:
    """times(2), in ticks of 10 ms."""
    if address:
        ticks = k.clock.executed() // TICK
        k.memory.user_write(address, ticks.to_bytes(k.abi.word, "little") + bytes(3 * k.abi.word))
    return k.clock.now() // TICK & k.abi.word_mask >> 1


def _sleep(k: Kernel, task: Task, clock: int, flags: int, request: int, remain: int, width: int) -> Result:
    if clock not in _SLEEPABLE:
        return -errno.EOPNOTSUPP if clock in REALTIME_CLOCKS | MONOTONIC_CLOCKS else -errno.EINVAL
    nanoseconds = read_timespec(k, request, width)
    if nanoseconds is None:
        return -errno.EINVAL
    absolute = flags & TIMER_ABSTIME
    if not absolute:
        deadline = k.deadline(task, nanoseconds)
    elif clock == CLOCK_PROCESS_CPUTIME_ID:
        deadline = k.clock.now() + max(0, nanoseconds - k.clock.executed())
    elif clock == CLOCK_TAI:
        deadline = nanoseconds - EPOCH - 37 * SECOND
    else:
        deadline = nanoseconds - EPOCH if clock == CLOCK_REALTIME else nanoseconds
    if deadline <= k.clock.now():
        task.yielded = True
        return 0
    kept = (remain, width) if remain and not absolute else None
    return k.block(task, Wait("sleep", deadline=deadline, timeout_result=0, what="sleep", remain=kept))


@syscall("nanosleep")
def sys_nanosleep(k: Kernel, task: Task, request: int, remain: int) -> Result:
    """nanosleep(2)."""
    return _sleep(k, task, CLOCK_MONOTONIC, 0, request, remain, k.abi.word)


@syscall("clock_nanosleep")
def sys_clock_nanosleep(k: Kernel, task: Task, clock: int, flags: int, request: int, remain: int) -> Result:
    """clock_nanosleep(2)."""
    return _sleep(k, task, int32(clock), flags, request, remain, k.abi.word)


@syscall("clock_nanosleep_time64")
def sys_clock_nanosleep_time64(k: Kernel, task: Task, clock: int, flags: int, request: int, remain: int) -> Result:
    """clock_nanosleep(2) with 64-bit timespecs."""
    return _sleep(k, task, int32(clock), flags, request, remain, 8)
