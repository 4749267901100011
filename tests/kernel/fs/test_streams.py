"""Standard input, output and error."""

from __future__ import annotations

import copy

import pytest

from emuload.kernel import errno
from emuload.kernel.fs import BoundExceeded, attach
from emuload.kernel.fs import constants as c
from emuload.kernel.fs.output import HostHook
from tests.kernel.fs.guest import Guest, blocked


def test_output_is_kept_in_order() -> None:
    guest = Guest()
    guest.write(1, b"one ")
    guest.write(2, b"two ")
    copy_of_output = guest.value("dup", 1)
    guest.write(copy_of_output, b"three\xff")
    output = guest.kernel.fs.output
    assert output.chunks == [(1, b"one "), (2, b"two "), (1, b"three\xff")]
    assert output.of(1) == b"one three\xff"
    assert guest.last("write") == {"fd": 1, "text": "three\\xff"}


def test_output_is_passed_on() -> None:
    guest = Guest()
    seen: list[tuple[int, bytes]] = []
    guest.kernel.fs.output.passthrough = HostHook(lambda stream, data: seen.append((stream, data)))
    guest.write(2, b"now")
    assert seen == [(2, b"now")]
    assert copy.deepcopy(guest.kernel.fs.output).passthrough is guest.kernel.fs.output.passthrough


def test_output_is_bounded() -> None:
    guest = Guest()
    guest.kernel.fs.output.limit = 10
    assert guest.call("write", 1, guest.data, 8) == 8
    with pytest.raises(BoundExceeded, match="10 bytes of output"):
        guest.call("write", 1, guest.data, 8)
    assert len(guest.kernel.fs.output.of(1)) == 10


def test_input_ends() -> None:
    guest = Guest(stdin=b"two words")
    assert guest.read_bytes(0, 3) == b"two"
    assert guest.read_bytes(0, 100) == b" words"
    assert guest.read_bytes(0, 100) == b""
    assert guest.write(0, b"x") == -errno.EBADF
    assert guest.read_bytes(1, 1) == -errno.EBADF


def test_input_from_a_function() -> None:
    guest = Guest()
    pieces = [b"first", b"second", b""]
    attach(guest.kernel, lambda size: pieces.pop(0))
    assert guest.read_bytes(0, 3) == b"fir"
    assert guest.read_bytes(0, 10) == b"st"
    assert guest.read_bytes(0, 10) == b"second"
    assert guest.read_bytes(0, 10) == b""
    assert guest.read_bytes(0, 10) == b""


def test_streams_look_like_pipes_and_can_be_polled() -> None:
    guest = Guest(stdin=b"x")
    assert guest.value("fstat", 1, guest.data) == 0
    assert guest.read(guest.data + 24) & c.S_IFMT == c.S_IFIFO
    assert guest.value("lseek", 1, 0, 0) == -errno.ESPIPE
    poll = guest.value("epoll_create1", 0)
    guest.control(poll, c.EPOLL_CTL_ADD, 0, c.POLLIN, 7)
    assert guest.epoll_wait(poll, 8, -1) == 1
    guest.read_bytes(0)
    assert guest.epoll_wait(poll, 8, -1) == 1
    assert guest.events_found(1) == [(c.POLLHUP, 7)]


def test_output_redirected_to_a_file_and_a_pipe() -> None:
    guest = Guest()
    fd = guest.open("/tmp/log", 0o101)
    guest.value("dup2", fd, 1)
    guest.write(1, b"logged")
    assert guest.kernel.fs.output.chunks == []
    assert guest.content("/tmp/log") == b"logged"
    reader, writer = guest.pipe()
    guest.value("dup2", writer, 2)
    guest.write(2, b"piped")
    assert guest.read_bytes(reader) == b"piped"
    assert blocked(guest.call("read", reader, guest.data, 1))
