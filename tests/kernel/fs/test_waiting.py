"""Calls that wait: pipes, eventfd, epoll, poll, select, timerfd, sockets, and how signals and time-outs end them."""

from __future__ import annotations

import copy
import os

import pytest

from emuload.kernel import errno
from emuload.kernel.dispatch import Stop
from emuload.kernel.fs import constants as c
from emuload.kernel.fs.pipes import AF_UNIX, SOCK_DGRAM, SOCK_STREAM
from emuload.kernel.time import CLOCK_MONOTONIC, CLOCK_REALTIME
from emuload.machine.signal_numbers import POLL_IN, SIGIO, SIGPIPE
from tests.kernel.fs.guest import BUFFER, Guest, blocked
from tests.kernel.machine import ARCHITECTURES

MILLISECOND = 1_000_000


@pytest.fixture(params=ARCHITECTURES)
def guest(request: pytest.FixtureRequest) -> Guest:
    return Guest(request.param)


@pytest.fixture
def amd64() -> Guest:
    return Guest("amd64")


# -- pipes -------------------------------------------------------------------------------------------------------------


def test_a_reader_waits_for_a_writer(guest: Guest) -> None:
    reader, writer = guest.pipe()
    assert blocked(guest.call("read", reader, guest.data + BUFFER, 10))
    wait = guest.main.wait
    assert wait is not None
    assert (wait.kind, wait.what) == ("io", f"read(fd {reader}, pipe)")
    other = guest.spawn()
    at = guest.data + 0x800
    guest.cpu.memory.write(at, b"hi")
    assert guest.value("write", writer, at, 2, task=other) == 2
    assert guest.resume(guest.main) == 2
    assert guest.cpu.memory.read(guest.data + BUFFER, 2) == b"hi"


def test_two_readers_one_write(guest: Guest) -> None:
    reader, writer = guest.pipe()
    other = guest.spawn()
    for task in (guest.main, other):
        assert blocked(guest.call("read", reader, guest.data + BUFFER, 10, task=task))
    third = guest.spawn()
    assert guest.write(writer, b"hi", task=third) == 2
    assert guest.resume(guest.main) == 2
    assert guest.resume(other) is None
    assert other.wait is not None
    guest.value("close", writer, task=third)
    assert guest.resume(other) == 0


def test_closing_the_last_writer_ends_a_read(guest: Guest) -> None:
    reader, writer = guest.pipe()
    copy_of_writer = guest.value("dup", writer)
    assert blocked(guest.call("read", reader, guest.data + BUFFER, 10))
    other = guest.spawn()
    guest.value("close", writer, task=other)
    assert guest.main.wait is not None
    guest.value("close", copy_of_writer, task=other)
    assert guest.resume(guest.main) == 0


def test_a_long_write_goes_on_as_room_appears(guest: Guest) -> None:
    reader, writer = guest.pipe()
    size = guest.value("fcntl", writer, c.F_SETPIPE_SZ, 4096)
    assert size == 4096
    at = guest.data + 0x8000
    guest.cpu.memory.write(at, bytes(range(100)) * 100)
    assert blocked(guest.call("write", writer, at, 10_000))
    other = guest.spawn()
    received = b""
    while True:
        count = guest.value("read", reader, guest.data + BUFFER, 3000, task=other)
        received += guest.cpu.memory.read(guest.data + BUFFER, count)
        if guest.main.wait is None:
            result = guest.resume(guest.main)
            if result is not None:
                break
    assert result == 10_000
    assert received + guest.kernel.files.get(reader).pipe.take(9999) == bytes(range(100)) * 100  # type: ignore[union-attr]


def test_a_signal_ends_a_long_write_with_its_count(amd64: Guest) -> None:
    _, writer = amd64.pipe()
    amd64.value("fcntl", writer, c.F_SETPIPE_SZ, 4096)
    assert blocked(amd64.call("write", writer, amd64.data, 10_000))
    amd64.sigaction(10, 0x40_0000, 0x0400_0000 | 0x1000_0000, restorer=0x40_0000)
    amd64.send(10, amd64.main)
    assert amd64.prepare()
    assert amd64.last("syscall-exit")["result"] == 4096


def test_a_read_interrupted_by_a_handler(amd64: Guest) -> None:
    reader, _ = amd64.pipe()
    for flags, expected in ((0, -errno.EINTR), (0x1000_0000, "restart")):
        amd64.cpu.pc = 0x40_0010
        assert blocked(amd64.call("read", reader, amd64.data, 1))
        amd64.sigaction(10, 0x40_0000, 0x0400_0000 | flags, restorer=0x40_0000)
        amd64.send(10, amd64.main)
        assert amd64.prepare()
        assert amd64.last("syscall-exit")["result"] == expected
        assert amd64.cpu.pc == 0x40_0000
        amd64.set_mask(0)


def test_writing_without_a_reader_raises_sigpipe(guest: Guest) -> None:
    reader, writer = guest.pipe()
    guest.value("close", reader)
    assert guest.write(writer, b"x") is Stop.SWITCH
    assert guest.main.result == -errno.EPIPE
    assert not guest.prepare()
    assert guest.kernel.exit_signal == SIGPIPE


def test_a_blocked_sigpipe_leaves_epipe(guest: Guest) -> None:
    guest.set_mask(1 << SIGPIPE - 1)
    reader, writer = guest.pipe()
    guest.value("close", reader)
    assert guest.write(writer, b"x") == -errno.EPIPE
    assert [info.signo for info in guest.main.pending] == [SIGPIPE]


def test_sigio_for_an_asynchronous_pipe(guest: Guest) -> None:
    reader, writer = guest.pipe()
    assert guest.value("fcntl", reader, c.F_SETOWN, guest.kernel.pid) == 0
    assert guest.value("fcntl", reader, c.F_GETOWN, 0) == guest.kernel.pid
    assert guest.value("fcntl", reader, c.F_SETFL, c.O_ASYNC) == 0
    guest.set_mask(1 << SIGIO - 1)
    assert guest.write(writer, b"x") == 1
    assert [info.signo for info in guest.kernel.signals.pending] == [SIGIO]


def test_f_setsig_tells_descriptor_and_reason(guest: Guest) -> None:
    reader, writer = guest.pipe()
    guest.set_mask(1 << 40 - 1)
    guest.value("fcntl", reader, c.F_SETSIG, 40)
    guest.cpu.memory.write(guest.data, b"\0\0\0\0" + guest.main.tid.to_bytes(4, "little"))
    assert guest.value("fcntl", reader, c.F_SETOWN_EX, guest.data) == 0
    guest.value("fcntl", reader, c.F_SETFL, c.O_ASYNC)
    guest.write(writer, b"x")
    (info,) = guest.main.pending
    assert (info.signo, info.code) == (40, POLL_IN)
    band = 16 if guest.word == 8 else 12
    assert int.from_bytes(info.raw[band : band + guest.word], "little") == c.READABLE
    assert int.from_bytes(info.raw[band + guest.word : band + guest.word + 4], "little") == reader


def test_the_pipe_on_descriptor_30(guest: Guest) -> None:
    """What Go's libgo2 test does: a pipe whose read end moves to 30."""
    assert guest.value("read", 30, guest.data + BUFFER, 20) == -errno.EBADF
    reader, writer = guest.pipe()
    assert guest.value("dup3", reader, 30, 0) == 30
    guest.write(writer, b"PASS")
    guest.value("close", writer)
    assert guest.read_bytes(30, 20) == b"PASS"


# -- eventfd -----------------------------------------------------------------------------------------------------------


def test_eventfd_counts(guest: Guest) -> None:
    fd = guest.value("eventfd2", 3, os.O_NONBLOCK)
    assert guest.read_bytes(fd, 8) == (3).to_bytes(8, "little")
    assert guest.read_bytes(fd, 8) == -errno.EAGAIN
    assert guest.read_bytes(fd, 4) == -errno.EINVAL
    for value in (5, 6):
        assert guest.write(fd, value.to_bytes(8, "little")) == 8
    assert guest.read_bytes(fd, 8) == (11).to_bytes(8, "little")
    assert guest.write(fd, b"\xff" * 8) == -errno.EINVAL
    assert guest.write(fd, b"\xfe" + b"\xff" * 7) == 8
    assert guest.write(fd, (1).to_bytes(8, "little")) == -errno.EAGAIN


def test_eventfd_as_a_semaphore(guest: Guest) -> None:
    fd = guest.value("eventfd2", 2, os.O_NONBLOCK | c.EFD_SEMAPHORE)
    for expected in ((1).to_bytes(8, "little"), (1).to_bytes(8, "little"), -errno.EAGAIN):
        assert guest.read_bytes(fd, 8) == expected


# -- epoll -------------------------------------------------------------------------------------------------------------


def test_epoll_wakes_for_an_eventfd(guest: Guest) -> None:
    """Go's netpollBreak."""
    poll = guest.value("epoll_create1", os.O_CLOEXEC)
    event = guest.value("eventfd2", 0, os.O_NONBLOCK | os.O_CLOEXEC)
    assert guest.control(poll, c.EPOLL_CTL_ADD, event, c.POLLIN, 0x1234_5678_9ABC) == 0
    assert blocked(guest.epoll_wait(poll, 128, -1))
    wait = guest.main.wait
    assert wait is not None
    assert wait.what == f"epoll_wait(fd {poll}, fd {event})"
    other = guest.spawn()
    at = guest.words(guest.data, 1, width=8)
    assert guest.value("write", event, at, 8, task=other) == 8
    assert guest.resume(guest.main) == 1
    assert guest.events_found(1) == [(c.POLLIN, 0x1234_5678_9ABC)]


def test_a_time_out_keeps_its_first_deadline(guest: Guest) -> None:
    poll = guest.value("epoll_create1", 0)
    reader, writer = guest.pipe()
    guest.control(poll, c.EPOLL_CTL_ADD, reader, c.POLLIN)
    start = guest.clock.now()
    assert blocked(guest.epoll_wait(poll, 8, 10))
    other = guest.spawn()
    guest.pass_time(4 * MILLISECOND)
    guest.write(writer, b"x", task=other)
    guest.value("read", reader, guest.data, 1, task=other)
    assert guest.resume(guest.main) is None
    wait = guest.main.wait
    assert wait is not None
    assert wait.deadline == start + 10 * MILLISECOND
    guest.pass_time(5 * MILLISECOND)
    assert guest.main.wait is not None
    guest.pass_time(1 * MILLISECOND)
    assert guest.resume(guest.main) == 0


def test_edge_triggered_reports_once_level_triggered_again(guest: Guest) -> None:
    poll = guest.value("epoll_create1", 0)
    reader, writer = guest.pipe(os.O_NONBLOCK)
    edge = guest.value("dup", reader)
    guest.control(poll, c.EPOLL_CTL_ADD, reader, c.POLLIN, 1)
    guest.control(poll, c.EPOLL_CTL_ADD, edge, c.POLLIN | c.EPOLLET, 2)
    guest.write(writer, b"x")
    assert guest.epoll_wait(poll) == 2
    assert guest.epoll_wait(poll) == 1
    assert guest.events_found(1) == [(c.POLLIN, 1)]
    guest.write(writer, b"x")
    assert guest.epoll_wait(poll) == 2


def test_closing_forgets_the_entry_unless_a_duplicate_is_open(guest: Guest) -> None:
    poll = guest.value("epoll_create1", 0)
    event = guest.value("eventfd2", 1, 0)
    guest.control(poll, c.EPOLL_CTL_ADD, event, c.POLLIN)
    duplicate = guest.value("dup", event)
    guest.value("close", event)
    assert guest.epoll_wait(poll) == 1
    guest.value("close", duplicate)
    assert guest.epoll_wait(poll) == 0


def test_epoll_refusals(guest: Guest) -> None:
    poll = guest.value("epoll_create1", 0)
    event = guest.value("eventfd2", 0, 0)
    file = guest.open("/etc/hostname")
    null = guest.open("/dev/null")
    assert guest.control(poll, c.EPOLL_CTL_ADD, file, c.POLLIN) == -errno.EPERM
    assert guest.control(poll, c.EPOLL_CTL_ADD, null, c.POLLIN) == -errno.EPERM
    assert guest.control(poll, c.EPOLL_CTL_ADD, poll, c.POLLIN) == -errno.EINVAL
    assert guest.control(event, c.EPOLL_CTL_ADD, poll, c.POLLIN) == -errno.EINVAL
    assert guest.control(poll, c.EPOLL_CTL_MOD, event, c.POLLIN) == -errno.ENOENT
    assert guest.control(poll, c.EPOLL_CTL_DEL, event) == -errno.ENOENT
    assert guest.control(poll, c.EPOLL_CTL_ADD, event, c.POLLIN) == 0
    assert guest.control(poll, c.EPOLL_CTL_ADD, event, c.POLLIN) == -errno.EEXIST
    assert guest.control(poll, 9, event, c.POLLIN) == -errno.EINVAL
    assert guest.value("epoll_pwait", poll, guest.data, 0, 0, 0, 8) == -errno.EINVAL
    inner = guest.value("epoll_create1", 0)
    assert guest.control(inner, c.EPOLL_CTL_ADD, poll, c.POLLIN) == 0
    assert guest.control(poll, c.EPOLL_CTL_ADD, inner, c.POLLIN) == -errno.ELOOP


def test_an_epoll_inside_an_epoll(guest: Guest) -> None:
    outer, inner = guest.value("epoll_create1", 0), guest.value("epoll_create1", 0)
    event = guest.value("eventfd2", 0, 0)
    guest.control(outer, c.EPOLL_CTL_ADD, inner, c.POLLIN, 1)
    guest.control(inner, c.EPOLL_CTL_ADD, event, c.POLLIN, 2)
    assert blocked(guest.epoll_wait(outer, 8, -1))
    other = guest.spawn()
    guest.value("write", event, guest.words(guest.data, 1, width=8), 8, task=other)
    assert guest.resume(guest.main) == 1
    assert guest.events_found(1) == [(c.POLLIN, 1)]


def test_epoll_pwait_restores_the_mask(amd64: Guest) -> None:
    poll = amd64.value("epoll_create1", 0)
    amd64.set_mask(1 << 4)
    at = amd64.words(amd64.data, 1 << 9, width=8)
    assert blocked(amd64.call("epoll_pwait", poll, amd64.data + BUFFER, 1, 5, at, 8))
    assert amd64.main.sigmask == 1 << 9
    amd64.pass_time(5 * MILLISECOND)
    assert amd64.resume(amd64.main) == 0
    assert amd64.main.sigmask == 1 << 4


# -- poll and select ---------------------------------------------------------------------------------------------------


def poll_set(guest: Guest, *rows: tuple[int, int]) -> int:
    for index, (fd, events) in enumerate(rows):
        guest.words(guest.data + 8 * index, fd, events, width=4)
    return guest.data


def answers(guest: Guest, count: int) -> list[int]:
    return [guest.read(guest.data + 8 * index + 6, 2) for index in range(count)]


def ppoll(guest: Guest, rows: int, nanoseconds: int | None) -> object:
    timeout = 0 if nanoseconds is None else guest.timespec(guest.data + 0x900, nanoseconds)
    return guest.call("ppoll", guest.data, rows, timeout, 0, 8)


def test_poll_says_what_holds(guest: Guest) -> None:
    reader, writer = guest.pipe()
    file = guest.open("/etc/hostname")
    poll_set(guest, (reader, c.POLLIN), (writer, c.POLLOUT), (file, c.POLLIN | c.POLLOUT), (99, c.POLLIN), (-1, 1))
    assert ppoll(guest, 5, 0) == 3
    assert answers(guest, 5) == [0, c.POLLOUT, c.POLLIN | c.POLLOUT, c.POLLNVAL, 0]
    guest.value("close", writer)
    poll_set(guest, (reader, 0))
    assert ppoll(guest, 1, 0) == 1
    assert answers(guest, 1) == [c.POLLHUP]


def test_poll_waits_for_any_of_several(guest: Guest) -> None:
    first, second = guest.pipe(), guest.pipe()
    poll_set(guest, (first[0], c.POLLIN), (second[0], c.POLLIN))
    assert blocked(ppoll(guest, 2, None))  # type: ignore[arg-type]
    other = guest.spawn()
    guest.write(second[1], b"x", task=other)
    assert guest.resume(guest.main) == 1
    assert answers(guest, 2) == [0, c.POLLIN]


def test_poll_times_out_and_says_so_in_the_set(guest: Guest) -> None:
    reader, _ = guest.pipe()
    poll_set(guest, (reader, c.POLLIN | 0xFF << 16))
    assert blocked(ppoll(guest, 1, 3 * MILLISECOND))  # type: ignore[arg-type]
    guest.pass_time(3 * MILLISECOND)
    assert guest.resume(guest.main) == 0
    assert answers(guest, 1) == [0]


def test_pselect(guest: Guest) -> None:
    reader, writer = guest.pipe()
    read_set = guest.words(guest.data + 0x100, 1 << reader, width=8)
    write_set = guest.words(guest.data + 0x200, 1 << writer | 1 << reader, width=8)
    timeout = guest.timespec(guest.data + 0x300, 0)
    assert guest.value("pselect6", writer + 1, read_set, write_set, 0, timeout, 0) == 1
    assert guest.read(read_set, guest.word) == 0
    assert guest.read(write_set, guest.word) == 1 << writer
    guest.words(read_set, 1 << reader, width=8)
    assert blocked(guest.call("pselect6", writer + 1, read_set, 0, 0, 0, 0))
    other = guest.spawn()
    guest.write(writer, b"x", task=other)
    assert guest.resume(guest.main) == 1
    guest.words(read_set, 1 << 50, width=8)
    assert guest.value("pselect6", 51, read_set, 0, 0, timeout, 0) == -errno.EBADF


def test_select_writes_back_what_is_left() -> None:
    for architecture, name in (("amd64", "select"), ("arm", "_newselect")):
        guest = Guest(architecture)
        timeout = guest.words(guest.data, 0, 5000)
        assert blocked(guest.call(name, 0, 0, 0, 0, timeout))
        guest.pass_time(5 * MILLISECOND)
        assert guest.resume(guest.main) == 0
        assert guest.read(timeout + guest.word, guest.word) == 0


# -- timerfd -----------------------------------------------------------------------------------------------------------


def test_a_timer_ticks(guest: Guest) -> None:
    fd = guest.value("timerfd_create", CLOCK_MONOTONIC, os.O_NONBLOCK)
    at = guest.data
    guest.timespec(at, 2 * MILLISECOND)
    guest.timespec(at + 2 * guest.word, 5 * MILLISECOND)
    assert guest.value("timerfd_settime", fd, 0, at, 0) == 0
    assert guest.read_bytes(fd, 8) == -errno.EAGAIN
    assert guest.entry.next_deadline() == guest.clock.now() + 5 * MILLISECOND
    guest.pass_time(10 * MILLISECOND)
    assert guest.read_bytes(fd, 8) == (3).to_bytes(8, "little")
    assert guest.value("timerfd_gettime", fd, at) == 0
    assert guest.read(at + 3 * guest.word, guest.word) == MILLISECOND
    guest.timespec(at + 2 * guest.word, 0)
    assert guest.value("timerfd_settime", fd, 0, at, 0) == 0
    assert guest.entry.next_deadline() is None


def test_a_timer_wakes_readers_and_epoll(guest: Guest) -> None:
    fd = guest.value("timerfd_create", CLOCK_REALTIME, 0)
    poll = guest.value("epoll_create1", 0)
    guest.control(poll, c.EPOLL_CTL_ADD, fd, c.POLLIN | c.EPOLLET, 9)
    due = guest.clock.realtime() + 7 * MILLISECOND
    guest.timespec(guest.data, 0)
    guest.timespec(guest.data + 2 * guest.word, due)
    assert guest.value("timerfd_settime", fd, c.TFD_TIMER_ABSTIME, guest.data, 0) == 0
    other = guest.spawn()
    assert blocked(guest.epoll_wait(poll, 8, -1))
    assert blocked(guest.call("read", fd, guest.data, 8, task=other))
    guest.pass_time(7 * MILLISECOND)
    assert guest.resume(guest.main) == 1
    assert guest.resume(other) == 8


# -- sockets -----------------------------------------------------------------------------------------------------------


def test_a_socket_pair(guest: Guest) -> None:
    assert guest.value("socketpair", AF_UNIX, SOCK_STREAM, 0, guest.data) == 0
    one, two = guest.read(guest.data), guest.read(guest.data + 4)
    assert guest.write(one, b"hello") == 5
    assert guest.read_bytes(two, 3) == b"hel"
    assert guest.read_bytes(two, 10) == b"lo"
    assert blocked(guest.call("recvfrom", two, guest.data + BUFFER, 10, 0, 0, 0))
    other = guest.spawn()
    assert guest.value("close", one, task=other) == 0
    assert guest.resume(guest.main) == 0
    assert guest.value("sendto", two, guest.data, 1, 0x4000, 0, 0) == -errno.EPIPE
    assert not guest.main.pending
    assert guest.write(two, b"x") is Stop.SWITCH


def test_datagrams_keep_their_borders(guest: Guest) -> None:
    guest.value("socketpair", AF_UNIX, SOCK_DGRAM | os.O_NONBLOCK, 0, guest.data)
    one, two = guest.read(guest.data), guest.read(guest.data + 4)
    guest.write(one, b"first")
    guest.write(one, b"second")
    assert guest.value("recvfrom", two, guest.data + BUFFER, 100, 2, 0, 0) == 5
    assert guest.read_bytes(two, 3) == b"fir"
    assert guest.read_bytes(two, 100) == b"second"
    assert guest.read_bytes(two, 100) == -errno.EAGAIN


def test_shutdown(guest: Guest) -> None:
    guest.value("socketpair", AF_UNIX, SOCK_STREAM, 0, guest.data)
    one, two = guest.read(guest.data), guest.read(guest.data + 4)
    assert guest.value("shutdown", one, 1) == 0
    assert guest.read_bytes(two, 5) == b""
    assert guest.write(two, b"back") == 4
    assert guest.read_bytes(one, 5) == b"back"


def test_there_is_no_network(guest: Guest) -> None:
    for domain in (1, 2, 10, 16):
        assert guest.value("socket", domain, 1, 0) == -errno.EAFNOSUPPORT
    assert guest.value("socketpair", 2, 1, 0, guest.data) == -errno.EAFNOSUPPORT
    assert guest.value("connect", 0, guest.data, 16) == -errno.ENOTSOCK
    assert guest.value("connect", 50, guest.data, 16) == -errno.EBADF


# -- the whole state ---------------------------------------------------------------------------------------------------


def test_the_state_can_be_copied_while_somebody_waits(amd64: Guest) -> None:
    poll = amd64.value("epoll_create1", 0)
    reader, writer = amd64.pipe()
    amd64.control(poll, c.EPOLL_CTL_ADD, reader, c.POLLIN, 1)
    assert blocked(amd64.epoll_wait(poll, 8, -1))
    kernel = amd64.kernel
    keep = {id(thing): thing for thing in (kernel.memory, kernel.cpu, kernel.abi)}
    snapshot = copy.deepcopy(kernel, keep)
    other = amd64.spawn()
    assert amd64.write(writer, b"x", task=other) == 1
    assert amd64.main.wait is None
    assert snapshot.tasks[amd64.main.tid].wait is not None
    copied = snapshot.files.get(reader)
    assert copied is not None
    assert copied.poll(snapshot) == 0
    snapshot.files.get(writer).write(snapshot, b"yz")  # type: ignore[union-attr]
    assert snapshot.tasks[amd64.main.tid].wait is None
    assert copied.available(snapshot) == 2
