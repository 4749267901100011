"""Descriptors other than files: pipe(2), eventfd(2), timerfd_create(2), socketpair(2) and the calls on sockets."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from emuload.kernel import errno
from emuload.kernel.dispatch import Result
from emuload.kernel.fs.calls_io import broken_pipe
from emuload.kernel.fs.constants import EFD_SEMAPHORE, O_CLOEXEC, O_NONBLOCK, O_RDWR, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.events import EventFd, TimerFd
from emuload.kernel.fs.inodes import FsError
from emuload.kernel.fs.pipes import (
    AF_UNIX,
    MSG_PEEK,
    SHUT_RD,
    SHUT_WR,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOCKET_BUFFER,
    SocketEnd,
    new_pipe,
    new_socket_pair,
)
from emuload.kernel.fs.support import UserBuffers, file_call, gone, one_buffer, uapi, vector, wait_for
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.kernel.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    read_timespec,
    write_timespec,
)
from emuload.machine.memory import MemoryFault

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


def _install_pair(kernel: Kernel, first: Description, second: Description, address: int, cloexec: bool) -> int:
    """Give two descriptions numbers and store them as two ints; all or nothing."""
    files = kernel.files
    one = files.install(first, cloexec)
    try:
        two = files.install(second, cloexec)
    except FsError:
        files.close(one)
        raise
    try:
        kernel.memory.user_write(address, struct.pack("<ii", one, two))
    except MemoryFault:
        files.close_all((one, two))
        raise
    return 0


@file_call("pipe2")
def sys_pipe2(kernel: Kernel, task: Task, address: int, flags: int) -> int:
    """pipe2(2)."""
    if flags & 0xFFFFFFFF & ~(O_CLOEXEC | O_NONBLOCK | uapi(kernel).o_direct):
        return -errno.EINVAL
    reader, writer = new_pipe(kernel.files, flags & ~O_CLOEXEC)
    return _install_pair(kernel, reader, writer, address, bool(flags & O_CLOEXEC))


@file_call("pipe")
def sys_pipe(kernel: Kernel, task: Task, address: int) -> int:
    """pipe(2)."""
    return sys_pipe2(kernel, task, address, 0)


@file_call("eventfd2")
def sys_eventfd2(kernel: Kernel, task: Task, value: int, flags: int) -> int:
    """eventfd2(2)."""
    if flags & 0xFFFFFFFF & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE):
        return -errno.EINVAL
    files = kernel.files
    description = EventFd(files.anonymous(), O_RDWR | flags & O_NONBLOCK, files.new_queue())
    description.counter, description.mode = value & 0xFFFFFFFF, flags & EFD_SEMAPHORE
    return files.install(description, bool(flags & O_CLOEXEC))


@file_call("eventfd")
def sys_eventfd(kernel: Kernel, task: Task, value: int) -> int:
    """eventfd(2)."""
    return sys_eventfd2(kernel, task, value, 0)


# -- timerfd ---------------------------------------------------------------------------------------------------------

_CLOCKS: Final = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)


@file_call("timerfd_create")
def sys_timerfd_create(kernel: Kernel, task: Task, clock: int, flags: int) -> int:
    """timerfd_create(2)."""
    if int32(clock) not in _CLOCKS or flags & 0xFFFFFFFF & ~(O_CLOEXEC | O_NONBLOCK):
        return -errno.EINVAL
    if int32(clock) in (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM):
        return -errno.EPERM
    files = kernel.files
    description = TimerFd(files.anonymous(), O_RDWR | flags & O_NONBLOCK, files.new_queue(), clock=int32(clock))
    return files.install(description, bool(flags & O_CLOEXEC))


def _timer(kernel: Kernel, fd: int) -> TimerFd:
    description = kernel.files.require(fd)
    if not isinstance(description, TimerFd):
        raise FsError(errno.EINVAL)
    return description


def _store_timer(kernel: Kernel, timer: TimerFd, address: int, width: int) -> None:
    """struct itimerspec: interval, time left."""
    left = 0 if timer.due is None else max(1, timer.due - kernel.clock.now())
    write_timespec(kernel, address, timer.interval, width)
    write_timespec(kernel, address + 2 * width, left, width)


def _timerfd_settime(kernel: Kernel, fd: int, flags: int, new: int, old: int, width: int) -> int:
    if flags & 0xFFFFFFFF & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET):
        return -errno.EINVAL
    timer = _timer(kernel, fd)
    interval = read_timespec(kernel, new, width)
    value = read_timespec(kernel, new + 2 * width, width)
    if interval is None or value is None:
        return -errno.EINVAL
    if old:
        _store_timer(kernel, timer, old, width)
    now = kernel.clock.now()
    if not value:
        timer.arm(kernel, None, interval)
        return 0
    if flags & TFD_TIMER_ABSTIME:
        due = value - (kernel.clock.realtime() - now if timer.realtime else 0)
    else:
        due = now + value
    timer.arm(kernel, max(due, 0), interval)
    return 0


@file_call("timerfd_settime")
def sys_timerfd_settime(kernel: Kernel, task: Task, fd: int, flags: int, new: int, old: int) -> int:
    """timerfd_settime(2)."""
    return _timerfd_settime(kernel, fd, flags, new, old, kernel.abi.word)


@file_call("timerfd_settime64")
def sys_timerfd_settime64(kernel: Kernel, task: Task, fd: int, flags: int, new: int, old: int) -> int:
    """timerfd_settime(2) with 64-bit times."""
    return _timerfd_settime(kernel, fd, flags, new, old, 8)


@file_call("timerfd_gettime")
def sys_timerfd_gettime(kernel: Kernel, task: Task, fd: int, address: int) -> int:
    """timerfd_gettime(2)."""
    _store_timer(kernel, _timer(kernel, fd), address, kernel.abi.word)
    return 0


@file_call("timerfd_gettime64")
def sys_timerfd_gettime64(kernel: Kernel, task: Task, fd: int, address: int) -> int:
    """timerfd_gettime(2) with 64-bit times."""
    _store_timer(kernel, _timer(kernel, fd), address, 8)
    return 0


# -- sockets: pairs only; there is no network --------------------------------------------------------------------------

_SOCK_TYPES: Final = (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)
MSG_DONTWAIT: Final = 0x40
MSG_NOSIGNAL: Final = 0x4000
MSG_WAITALL: Final = 0x100
_SOL_SOCKET: Final = 1
_OPTIONS: Final = {4: 0, 7: SOCKET_BUFFER, 8: SOCKET_BUFFER, 30: 0, 38: 0, 39: AF_UNIX}
"""SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN (asm-generic/socket.h)."""
_SO_TYPE: Final = 3


@file_call("socket")
def sys_socket(kernel: Kernel, task: Task, domain: int, kind: int, protocol: int) -> int:
    """socket(2): the guest has no network of any kind."""
    return -errno.EAFNOSUPPORT


@file_call("socketpair")
def sys_socketpair(kernel: Kernel, task: Task, domain: int, kind: int, protocol: int, address: int) -> int:
    """socketpair(2), of AF_UNIX."""
    if int32(domain) != AF_UNIX:
        return -errno.EAFNOSUPPORT
    if kind & 0xFFFFFFF0 & ~(O_CLOEXEC | O_NONBLOCK):
        return -errno.EINVAL
    if kind & 0xF not in _SOCK_TYPES:
        return -errno.ESOCKTNOSUPPORT
    if int32(protocol) not in (0, AF_UNIX):
        return -errno.EPROTONOSUPPORT
    first, second = new_socket_pair(kernel.files, kind & 0xF, kind)
    return _install_pair(kernel, first, second, address, bool(kind & O_CLOEXEC))


def _socket(kernel: Kernel, fd: int) -> SocketEnd:
    description = kernel.files.require(fd)
    if not isinstance(description, SocketEnd):
        raise FsError(errno.ENOTSOCK)
    return description


def _send(kernel: Kernel, task: Task, fd: int, buffers: UserBuffers, flags: int) -> Result:
    socket = _socket(kernel, fd)
    if gone(task, socket):
        return -errno.EBADF
    done = task.resumed.done if task.resumed is not None else 0
    while True:
        count = socket.write(kernel, buffers.get(done, min(buffers.total - done, SOCKET_BUFFER + 1)))
        if count < 0:
            if count == -errno.EPIPE and not flags & MSG_NOSIGNAL:
                broken_pipe(kernel, task)
            if count == -errno.EAGAIN and not socket.nonblocking and not flags & MSG_DONTWAIT:
                return wait_for(kernel, task, socket, f"send(fd {int32(fd)}", done)
            return done or count
        done += count
        if done >= buffers.total or not count:
            return done


def _receive(kernel: Kernel, task: Task, fd: int, buffers: UserBuffers, flags: int) -> Result:
    socket = _socket(kernel, fd)
    if gone(task, socket):
        return -errno.EBADF
    done = task.resumed.done if task.resumed is not None else 0
    while True:
        data = socket.receive(kernel, min(buffers.total - done, SOCKET_BUFFER), bool(flags & MSG_PEEK))
        if isinstance(data, int):
            whole = flags & MSG_WAITALL or not done
            if data == -errno.EAGAIN and whole and not socket.nonblocking and not flags & MSG_DONTWAIT:
                return wait_for(kernel, task, socket, f"recv(fd {int32(fd)}", done)
            return done or data
        buffers.put(done, data)
        done += len(data)
        if not data or done >= buffers.total or not flags & MSG_WAITALL or socket.type != SOCK_STREAM:
            return done


@file_call("sendto", "send")
def sys_sendto(kernel: Kernel, task: Task, fd: int, address: int, size: int, flags: int) -> Result:
    """sendto(2); the destination of a pair's end is fixed."""
    return _send(kernel, task, fd, one_buffer(kernel, address, size), flags)


@file_call("recvfrom")
def sys_recvfrom(kernel: Kernel, task: Task, fd: int, address: int, size: int, flags: int, name: int, name_size: int) -> Result:
    """recvfrom(2); the sender has no name."""
    result = _receive(kernel, task, fd, one_buffer(kernel, address, size), flags)
    if isinstance(result, int) and result >= 0 and name_size:
        kernel.put_u32(name_size, 0)
    return result


@file_call("recv")
def sys_recv(kernel: Kernel, task: Task, fd: int, address: int, size: int, flags: int) -> Result:
    """recv(2)."""
    return _receive(kernel, task, fd, one_buffer(kernel, address, size), flags)


_MSGHDR: Final = {4: struct.Struct("<7I"), 8: struct.Struct("<QI4xQQQQI4x")}
"""struct msghdr: name, its size, iovec, its count, control data, its size, flags."""


@file_call("sendmsg")
def sys_sendmsg(kernel: Kernel, task: Task, fd: int, address: int, flags: int) -> Result:
    """sendmsg(2), without passing descriptors."""
    layout = _MSGHDR[kernel.abi.word]
    _, _, pieces, count, _, control, _ = layout.unpack(kernel.memory.user_read(address, layout.size))
    if control:
        return -errno.EOPNOTSUPP
    return _send(kernel, task, fd, vector(kernel, pieces, count), flags)


@file_call("recvmsg")
def sys_recvmsg(kernel: Kernel, task: Task, fd: int, address: int, flags: int) -> Result:
    """recvmsg(2)."""
    layout = _MSGHDR[kernel.abi.word]
    name, _, pieces, count, control, _, _ = layout.unpack(kernel.memory.user_read(address, layout.size))
    result = _receive(kernel, task, fd, vector(kernel, pieces, count), flags)
    if isinstance(result, int) and result >= 0:
        kernel.memory.user_write(address, layout.pack(name, 0, pieces, count, control, 0, 0))
    return result


@file_call("shutdown")
def sys_shutdown(kernel: Kernel, task: Task, fd: int, how: int) -> int:
    """shutdown(2)."""
    if not 0 <= int32(how) <= 2:
        return -errno.EINVAL
    _socket(kernel, fd).shutdown(kernel, (SHUT_RD, SHUT_WR, SHUT_RD | SHUT_WR)[int32(how)])
    return 0


@file_call("getsockopt")
def sys_getsockopt(kernel: Kernel, task: Task, fd: int, level: int, option: int, address: int, size: int) -> int:
    """getsockopt(2): the options of SOL_SOCKET that have one fixed answer."""
    socket = _socket(kernel, fd)
    value = socket.type if int32(option) == _SO_TYPE else _OPTIONS.get(int32(option))
    if int32(level) != _SOL_SOCKET or value is None:
        return -errno.ENOPROTOOPT
    room = min(kernel.get_u32(size), 4)
    kernel.memory.user_write(address, value.to_bytes(4, "little")[:room])
    kernel.put_u32(size, room)
    return 0


@file_call("setsockopt")
def sys_setsockopt(kernel: Kernel, task: Task, fd: int, level: int) -> int:
    """setsockopt(2): accepted and forgotten."""
    _socket(kernel, fd)
    return 0 if int32(level) == _SOL_SOCKET else -errno.EOPNOTSUPP


@file_call("getsockname", "getpeername")
def sys_getsockname(kernel: Kernel, task: Task, fd: int, address: int, size: int) -> int:
    """getsockname(2): an unnamed AF_UNIX address."""
    _socket(kernel, fd)
    room = kernel.get_u32(size)
    kernel.memory.user_write(address, AF_UNIX.to_bytes(2, "little")[:room])
    kernel.put_u32(size, 2)
    return 0


@file_call("bind", "listen", "accept", "accept4")
def sys_bind(kernel: Kernel, task: Task, fd: int) -> int:
    """bind(2), listen(2), accept(2) of a pair's end."""
    _socket(kernel, fd)
    return -errno.EINVAL


@file_call("connect")
def sys_connect(kernel: Kernel, task: Task, fd: int) -> int:
    """connect(2) of a pair's end."""
    _socket(kernel, fd)
    return -errno.EISCONN


@file_call("inotify_init", "inotify_init1", "fanotify_init", "io_uring_setup", "signalfd", "signalfd4")
def sys_absent(kernel: Kernel, task: Task) -> int:
    """Interfaces that are not emulated: reported, and answered with -ENOSYS."""
    kernel.report_unsupported(task, kernel.call_name(task))
    return -errno.ENOSYS
