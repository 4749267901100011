"""Waiting for several files: poll(2), select(2), epoll(7), with virtual-time time-outs.

A call that has to wait is run again at each change of one of its files, and at its time-out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emuload.kernel import errno
from emuload.kernel.clock import SECOND
from emuload.kernel.dispatch import BLOCKED, Result
from emuload.kernel.fs.constants import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    O_CLOEXEC,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from emuload.kernel.fs.epoll import Epoll
from emuload.kernel.fs.inodes import FsError
from emuload.kernel.fs.layouts import EPOLL_ALIGNED, EPOLL_PACKED, POLLFD, TIMESPEC
from emuload.kernel.fs.support import file_call, gone
from emuload.kernel.integers import int32
from emuload.kernel.signals import SIGSET_SIZE, read_set, set_temporary_mask
from emuload.kernel.task import Task, Wait
from emuload.kernel.time import read_timespec, write_timespec, write_timeval

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


def _milliseconds(timeout: int) -> int | None:
    """Nanoseconds of a time-out in ms; None if it is negative, for no time-out."""
    timeout = int32(timeout)
    return None if timeout < 0 else timeout * 1_000_000


def _timespec(kernel: Kernel, address: int, width: int) -> int | None:
    """Nanoseconds of a time-out; None if the address is 0, for no time-out. Raises FsError(EINVAL)."""
    if not address:
        return None
    relative = read_timespec(kernel, address, width)
    if relative is None:
        raise FsError(errno.EINVAL)
    return relative


def _mask(kernel: Kernel, task: Task, address: int, size: int) -> None:
    """Set the signal mask of ppoll, pselect6 and epoll_pwait. Raises FsError(EINVAL), MemoryFault."""
    if not address:
        return
    if size != SIGSET_SIZE:
        raise FsError(errno.EINVAL)
    set_temporary_mask(kernel, task, read_set(kernel, address))


def _wait(kernel: Kernel, task: Task, queues: list[int], relative: int | None, what: str) -> Result:
    deadline = None if relative is None else kernel.deadline(task, relative)
    wait = Wait("io", 0, deadline, None, retry=True, what=what, queues=tuple(dict.fromkeys(queues)))
    return kernel.block(task, wait)


def _listed(fds: list[int]) -> str:
    shown = ", ".join(str(fd) for fd in fds[:8])
    return f"fd {shown}" + (", …" if len(fds) > 8 else "")


def _left(kernel: Kernel, task: Task, relative: int) -> int:
    """Nanoseconds left of a time-out, for the calls that write it back."""
    if task.resumed is None or task.resumed.deadline is None:
        return relative
    return max(0, task.resumed.deadline - kernel.clock.now())


# -- poll ------------------------------------------------------------------------------------------------------------


def _poll(kernel: Kernel, task: Task, address: int, count: int, relative: int | None) -> Result:
    count &= 0xFFFFFFFF
    if count > kernel.files.limit:
        return -errno.EINVAL
    size = POLLFD.size
    raw = kernel.memory.user_read(address, count * size) if count else b""
    files = kernel.files
    answers = bytearray(raw)
    queues: list[int] = []
    watched: list[int] = []
    ready = 0
    for index, (fd, events, _) in enumerate(POLLFD.iter_unpack(raw)):
        mask = 0
        if fd >= 0:
            description = files.get(fd)
            if description is None:
                mask = POLLNVAL
            else:
                mask = description.poll(kernel) & (events & 0xFFFF | POLLERR | POLLHUP)
                queues.append(description.queue)
                watched.append(fd)
        ready += mask != 0
        answers[index * size + 6 : index * size + 8] = mask.to_bytes(2, "little")
    if not ready and relative != 0 and not task.timed_out:
        return _wait(kernel, task, queues, relative, f"poll({_listed(watched)})")
    kernel.memory.user_write(address, answers)
    return ready


@file_call("poll")
def sys_poll(kernel: Kernel, task: Task, address: int, count: int, timeout: int) -> Result:
    """poll(2)."""
    return _poll(kernel, task, address, count, _milliseconds(timeout))


def _ppoll(kernel: Kernel, task: Task, address: int, count: int, timeout: int, mask: int, size: int, width: int) -> Result:
    relative = _timespec(kernel, timeout, width)
    _mask(kernel, task, mask, size)
    result = _poll(kernel, task, address, count, relative)
    if result is not BLOCKED and relative is not None:
        write_timespec(kernel, timeout, _left(kernel, task, relative), width)
    return result


@file_call("ppoll")
def sys_ppoll(kernel: Kernel, task: Task, address: int, count: int, timeout: int, mask: int, size: int) -> Result:
    """ppoll(2)."""
    return _ppoll(kernel, task, address, count, timeout, mask, size, kernel.abi.word)


@file_call("ppoll_time64")
def sys_ppoll_time64(kernel: Kernel, task: Task, address: int, count: int, timeout: int, mask: int, size: int) -> Result:
    """ppoll(2) with a 64-bit timespec."""
    return _ppoll(kernel, task, address, count, timeout, mask, size, 8)


# -- select ----------------------------------------------------------------------------------------------------------

_SELECT_SETS: Final = (
    POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
    POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
    POLLPRI,
)
"""Bits that make a descriptor readable, writable, exceptional (fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET)."""


def _select(kernel: Kernel, task: Task, count: int, sets: tuple[int, int, int], relative: int | None) -> Result:
    count = int32(count)
    if count < 0:
        return -errno.EINVAL
    files = kernel.files
    count = min(count, max(len(files.slots), 64))
    word = kernel.abi.word
    size = -(-count // (word * 8)) * word
    wanted = [int.from_bytes(kernel.memory.user_read(at, size), "little") if at else 0 for at in sets]
    found = [0, 0, 0]
    queues: list[int] = []
    watched: list[int] = []
    total = 0
    every = (wanted[0] | wanted[1] | wanted[2]) & (1 << count) - 1
    while every:
        low = every & -every
        every ^= low
        fd = low.bit_length() - 1
        description = files.get(fd)
        if description is None:
            return -errno.EBADF
        mask = description.poll(kernel)
        queues.append(description.queue)
        watched.append(fd)
        for kind in range(3):
            if wanted[kind] & low and mask & _SELECT_SETS[kind]:
                found[kind] |= low
                total += 1
    if not total and relative != 0 and not task.timed_out:
        return _wait(kernel, task, queues, relative, f"select({_listed(watched)})")
    for at, bits in zip(sets, found, strict=True):
        if at:
            kernel.memory.user_write(at, bits.to_bytes(size, "little"))
    return total


@file_call("select", "_newselect")
def sys_select(kernel: Kernel, task: Task, count: int, reads: int, writes: int, exceptions: int, timeout: int) -> Result:
    """select(2); the time left is written back."""
    relative = None
    if timeout:
        layout = TIMESPEC[kernel.abi.word]
        seconds, microseconds = layout.unpack(kernel.memory.user_read(timeout, layout.size))
        if seconds < 0 or microseconds < 0:
            return -errno.EINVAL
        relative = seconds * SECOND + microseconds * 1000
    result = _select(kernel, task, count, (reads, writes, exceptions), relative)
    if result is not BLOCKED and relative is not None:
        write_timeval(kernel, timeout, _left(kernel, task, relative))
    return result


def _pselect(
    kernel: Kernel, task: Task, count: int, sets: tuple[int, int, int], timeout: int, sigmask: int, width: int
) -> Result:
    relative = _timespec(kernel, timeout, width)
    if sigmask:
        word = kernel.abi.word
        pair = kernel.memory.user_read(sigmask, 2 * word)
        _mask(kernel, task, int.from_bytes(pair[:word], "little"), int.from_bytes(pair[word:], "little"))
    result = _select(kernel, task, count, sets, relative)
    if result is not BLOCKED and relative is not None:
        write_timespec(kernel, timeout, _left(kernel, task, relative), width)
    return result


@file_call("pselect6")
def sys_pselect6(
    kernel: Kernel, task: Task, count: int, reads: int, writes: int, exceptions: int, timeout: int, sigmask: int
) -> Result:
    """pselect(2)."""
    return _pselect(kernel, task, count, (reads, writes, exceptions), timeout, sigmask, kernel.abi.word)


@file_call("pselect6_time64")
def sys_pselect6_time64(
    kernel: Kernel, task: Task, count: int, reads: int, writes: int, exceptions: int, timeout: int, sigmask: int
) -> Result:
    """pselect(2) with a 64-bit timespec."""
    return _pselect(kernel, task, count, (reads, writes, exceptions), timeout, sigmask, 8)


# -- epoll -----------------------------------------------------------------------------------------------------------


@file_call("epoll_create1")
def sys_epoll_create1(kernel: Kernel, task: Task, flags: int) -> int:
    """epoll_create1(2)."""
    if flags & 0xFFFFFFFF & ~O_CLOEXEC:
        return -errno.EINVAL
    files = kernel.files
    return files.install(Epoll(files.anonymous(), 2, files.new_queue()), bool(flags & O_CLOEXEC))


@file_call("epoll_create")
def sys_epoll_create(kernel: Kernel, task: Task, size: int) -> int:
    """epoll_create(2)."""
    return -errno.EINVAL if int32(size) <= 0 else sys_epoll_create1(kernel, task, 0)


def _epoll(kernel: Kernel, fd: int) -> Epoll:
    description = kernel.files.require(fd)
    if not isinstance(description, Epoll):
        raise FsError(errno.EINVAL)
    return description


@file_call("epoll_ctl")
def sys_epoll_ctl(kernel: Kernel, task: Task, epfd: int, operation: int, fd: int, address: int) -> int:
    """epoll_ctl(2)."""
    operation = int32(operation)
    events = data = 0
    if operation != EPOLL_CTL_DEL:
        layout = EPOLL_PACKED if kernel.abi.epoll_packed else EPOLL_ALIGNED
        events, data = layout.unpack(kernel.memory.user_read(address, layout.size))
    outer = kernel.files.require(epfd)
    target = kernel.files.require(fd)
    if not target.pollable:
        return -errno.EPERM
    if outer is target or not isinstance(outer, Epoll):
        return -errno.EINVAL
    number = int32(fd)
    if operation == EPOLL_CTL_ADD:
        return outer.add(kernel, number, target, events, data)
    if operation == EPOLL_CTL_MOD:
        return outer.modify(kernel, number, target, events, data)
    if operation == EPOLL_CTL_DEL:
        return outer.delete(number, target)
    return -errno.EINVAL


def _epoll_wait(kernel: Kernel, task: Task, epfd: int, address: int, limit: int, relative: int | None) -> Result:
    limit = int32(limit)
    epoll = _epoll(kernel, epfd)
    layout = EPOLL_PACKED if kernel.abi.epoll_packed else EPOLL_ALIGNED
    if not 0 < limit <= 0x7FFFFFFF // layout.size:
        return -errno.EINVAL
    if gone(task, epoll):
        return -errno.EBADF
    found = epoll.collect(kernel, limit) if epoll.pending else []
    if found:
        kernel.memory.user_write(address, b"".join([layout.pack(*pair) for pair in found]))
        return len(found)
    if relative == 0 or task.timed_out:
        return 0
    deadline = None if relative is None else kernel.deadline(task, relative)
    what = f"epoll_wait(fd {int32(epfd)}, {_listed([fd for fd, _ in epoll.items])})"
    return kernel.block(task, Wait("io", epoll.queue, deadline, None, retry=True, what=what))


@file_call("epoll_wait")
def sys_epoll_wait(kernel: Kernel, task: Task, epfd: int, address: int, limit: int, timeout: int) -> Result:
    """epoll_wait(2)."""
    return _epoll_wait(kernel, task, epfd, address, limit, _milliseconds(timeout))


@file_call("epoll_pwait")
def sys_epoll_pwait(
    kernel: Kernel, task: Task, epfd: int, address: int, limit: int, timeout: int, mask: int, size: int
) -> Result:
    """epoll_pwait(2)."""
    _mask(kernel, task, mask, size)
    return _epoll_wait(kernel, task, epfd, address, limit, _milliseconds(timeout))


@file_call("epoll_pwait2")
def sys_epoll_pwait2(
    kernel: Kernel, task: Task, epfd: int, address: int, limit: int, timeout: int, mask: int, size: int
) -> Result:
    """epoll_pwait2(2): a timespec of 64-bit fields everywhere."""
    relative = _timespec(kernel, timeout, 8)
    _mask(kernel, task, mask, size)
    return _epoll_wait(kernel, task, epfd, address, limit, relative)
