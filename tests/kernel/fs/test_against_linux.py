"""The same calls, made on the host's Linux and in the emulated kernel, must have the same results."""

from __future__ import annotations

import errno as host_errno
import os
import select
import stat
import sys
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emuload.kernel import errno
from emuload.kernel.fs.constants import AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW
from emuload.machine.structures import uapi
from tests.kernel.fs.guest import BUFFER, Guest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to compare with")

DEPTH = "/w" * 8
"""The folders are nested, so that no chain of links to `..` leaves them."""
NAMES = ("a", "b", "c", "a/a", "a/b", "b/a", "c/a", "./a", "a/.", "a/..", "a/../b", "b/", "a/a/", ".", "..", "")
FLAGS = (
    0, os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_CREAT | os.O_WRONLY, os.O_CREAT | os.O_EXCL | os.O_RDWR,
    os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_CREAT | os.O_NOFOLLOW,
    os.O_PATH, os.O_PATH | os.O_NOFOLLOW, os.O_CREAT | os.O_DIRECTORY,
)  # fmt: skip

name = st.sampled_from(NAMES)
operation = st.one_of(
    st.tuples(st.just("mkdir"), name),
    st.tuples(st.just("rmdir"), name),
    st.tuples(st.just("unlink"), name),
    st.tuples(st.just("open"), name, st.sampled_from(FLAGS)),
    st.tuples(st.just("rename"), name, name),
    st.tuples(st.just("link"), name, name),
    st.tuples(st.just("symlink"), name, name),
    st.tuples(st.just("readlink"), name),
    st.tuples(st.just("stat"), name),
    st.tuples(st.just("lstat"), name),
    st.tuples(st.just("chmod"), name, st.sampled_from((0o755, 0o700, 0o4711))),
    st.tuples(st.just("truncate"), name, st.sampled_from((0, 3, 5000))),
)


def _on_host(action: Callable[[], object]) -> object:
    try:
        return action()
    except OSError as error:
        return host_errno.errorcode[error.errno or 0]


def _host(step: tuple[object, ...]) -> object:
    kind, first, *rest = step
    assert isinstance(first, str)
    if kind == "open":
        fd = os.open(first, int(str(rest[0])), 0o644)
        try:
            written = os.write(fd, b"xyz")
        except OSError as error:
            return host_errno.errorcode[error.errno or 0]
        finally:
            os.close(fd)
        return written
    if kind in ("stat", "lstat"):
        status = os.stat(first, follow_symlinks=kind == "stat")
        size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
        links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        return status.st_mode, links, size
    simple: dict[str, Callable[..., object]] = {
        "mkdir": os.mkdir, "rmdir": os.rmdir, "unlink": os.unlink, "rename": os.rename, "symlink": os.symlink,
        "readlink": os.readlink, "chmod": os.chmod, "truncate": os.truncate,
        "link": lambda a, b: os.link(a, b, follow_symlinks=False),
    }  # fmt: skip
    return simple[str(kind)](first, *rest)


def _guest(guest: Guest, step: tuple[object, ...]) -> object:
    """The same step in the guest; errors as names."""
    kind, first, *rest = step
    path = guest.path(str(first))
    if kind == "open":
        fd = guest.value("openat", AT_FDCWD, path, int(str(rest[0])), 0o644)
        if fd >= 0:
            result = guest.write(fd, b"xyz")
            guest.value("close", fd)
            assert isinstance(result, int)
            return errno.NAMES[-result] if result < 0 else result
        result = fd
    elif kind in ("stat", "lstat"):
        at = guest.data + BUFFER
        flags = AT_SYMLINK_NOFOLLOW if kind == "lstat" else 0
        result = guest.value("newfstatat", AT_FDCWD, path, at, flags)
        if result == 0:
            mode, links = guest.read(at + 24), guest.read(at + 16, 8)
            size = guest.read(at + 48, 8)
            folder = stat.S_ISDIR(mode)
            return mode, 0 if folder else links, 0 if folder else size
    elif kind in ("rename", "link", "symlink"):
        second = guest.path(str(rest[0]), second=True)
        extra = {"rename": (), "link": (0,), "symlink": ()}[str(kind)]
        if kind == "symlink":
            result = guest.value("symlinkat", path, AT_FDCWD, second)
        else:
            result = guest.value(f"{kind}at", AT_FDCWD, path, AT_FDCWD, second, *extra)
    elif kind == "readlink":
        result = guest.value("readlinkat", AT_FDCWD, path, guest.data + BUFFER, 100)
        if result > 0:
            return guest.cpu.memory.read(guest.data + BUFFER, result).decode()
    elif kind == "rmdir":
        result = guest.value("unlinkat", AT_FDCWD, path, AT_REMOVEDIR)
    elif kind == "unlink":
        result = guest.value("unlinkat", AT_FDCWD, path, 0)
    elif kind == "mkdir":
        result = guest.value("mkdirat", AT_FDCWD, path, 0o777)
    else:
        result = guest.value(str(kind), path, int(str(rest[0])))
    return errno.NAMES[-result] if result < 0 else None


def _tree(guest: Guest) -> list[str]:
    """Every path below the working directory."""
    found: list[str] = []

    def visit(path: str) -> None:
        here = guest.kernel.fs.find(path, guest.kernel.files.cwd)
        for entry in here.names(guest.kernel.fs):  # type: ignore[attr-defined]
            inner = f"{path}/{entry}"
            found.append(inner)
            if guest.kernel.fs.find(inner, guest.kernel.files.cwd, follow=False).type == stat.S_IFDIR:
                visit(inner)

    visit(".")
    return sorted(found)


def _host_tree() -> list[str]:
    return sorted(f"{folder}/{entry}" for folder, folders, files in os.walk(".") for entry in folders + files)


@given(st.lists(operation, min_size=1, max_size=14))
@settings(max_examples=300, deadline=None)
def test_names_behave_as_on_linux(steps: list[tuple[object, ...]]) -> None:
    guest = _shared_guest()
    old, mask = os.getcwd(), os.umask(0o022)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        os.chmod(folder, 0o755)
        os.makedirs(folder + DEPTH)
        os.chdir(folder + DEPTH)
        try:
            for step in steps:
                assert _guest(guest, step) == _on_host(lambda step=step: _host(step)), step  # type: ignore[misc]
            assert _tree(guest) == _host_tree()
        finally:
            os.chdir(old)
            os.umask(mask)


_COUNT = [0]
_GUESTS: list[Guest] = []


def _shared_guest() -> Guest:
    """One guest for all examples, each in a fresh folder of it."""
    if not _GUESTS:
        guest = Guest()
        if os.geteuid() == 0:
            guest.kernel.credentials.euid = 0
        _GUESTS.append(guest)
    guest = _GUESTS[0]
    _COUNT[0] += 1
    path = f"/tmp/{_COUNT[0]}{DEPTH}"
    guest.kernel.fs.make_path(path)
    while path != "/tmp":
        here = guest.kernel.fs.find(path)
        here.uid, here.gid = guest.kernel.fs.uid, guest.kernel.fs.gid
        path = path.rpartition("/")[0]
    path = f"/tmp/{_COUNT[0]}{DEPTH}"
    assert guest.value("chdir", guest.path(path)) == 0
    return guest


def test_the_numbers_of_open_flags_are_the_hosts() -> None:
    rules = uapi("amd64")
    if os.uname().machine == "x86_64":
        assert (rules.o_directory, rules.o_nofollow) == (os.O_DIRECTORY, os.O_NOFOLLOW)


# -- pipes, eventfd and epoll ------------------------------------------------------------------------------------------

DATA = bytes(range(256)) * 160
SIZES = (1, 100, 4000, 4096, 4097, 10000, 40000)
step = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 1), st.sampled_from(SIZES)),
    st.tuples(st.just("read"), st.integers(0, 1), st.sampled_from(SIZES)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 5)),
    st.tuples(st.just("poll"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("close"), st.integers(0, 1), st.integers(0, 1)),
    st.tuples(st.just("modify"), st.integers(0, 3), st.sampled_from((0, 1, 2, 3, 4, 5))),
)
EVENTS = (
    select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLET, select.EPOLLOUT | select.EPOLLET,
    select.EPOLLIN | select.EPOLLOUT | select.EPOLLONESHOT, 0,
)  # fmt: skip


@given(st.lists(st.sampled_from(EVENTS), min_size=4, max_size=4), st.lists(step, min_size=1, max_size=25))
@settings(max_examples=300, deadline=None)
def test_pipes_and_epoll_behave_as_on_linux(events: list[int], steps: list[tuple[str, int, int]]) -> None:
    """Two pipes, both ends of each watched."""
    guest = _shared_guest()
    host_pipes = [os.pipe2(os.O_NONBLOCK) for _ in range(2)]
    pipes = [guest.pipe(os.O_NONBLOCK) for _ in range(2)]
    host_poll = select.epoll()
    poll = guest.value("epoll_create1", 0)
    ends = [(which, end) for which in range(2) for end in range(2)]
    closed: set[tuple[int, int]] = set()
    try:
        for index, (which, end) in enumerate(ends):
            host_poll.register(host_pipes[which][end], events[index])
            assert guest.control(poll, 1, pipes[which][end], events[index], index) == 0
        for kind, which, value in steps:
            if kind == "close":
                if (which, value) not in closed:
                    closed.add((which, value))
                    os.close(host_pipes[which][value])
                    assert guest.value("close", pipes[which][value]) == 0
            elif kind == "wait":
                found = [(host_pipes.index(_pair(host_pipes, fd)), fd, mask) for fd, mask in host_poll.poll(0, value)]
                expected = [(2 * which + host_pipes[which].index(fd), mask) for which, fd, mask in found]
                count = guest.epoll_wait(poll, value)
                assert isinstance(count, int)
                assert [(data, mask) for mask, data in guest.events_found(count)] == expected
            elif kind == "modify":
                pipe, end = ends[which]
                if (pipe, end) not in closed:
                    host_poll.modify(host_pipes[pipe][end], EVENTS[value])
                    assert guest.control(poll, 3, pipes[pipe][end], EVENTS[value], which) == 0
            elif kind == "poll":
                for end in range(2):
                    if (which, end) not in closed:
                        single = select.poll()
                        single.register(host_pipes[which][end], 0x3FF)
                        answer = dict(single.poll(0)).get(host_pipes[which][end], 0)
                        guest.words(guest.data, pipes[which][end], 0x3FF, width=4)
                        guest.value("poll", guest.data, 1, 0)
                        assert guest.read(guest.data + 6, 2) == answer
            elif kind == "write" and (which, 1) not in closed:
                expected_count = _on_host(lambda w=which, v=value: os.write(host_pipes[w][1], DATA[:v]))  # type: ignore[misc]
                guest.kernel.signals.actions.clear()
                result = guest.write(pipes[which][1], DATA[:value])
                if expected_count == "EPIPE":
                    assert not isinstance(result, int)
                    assert guest.main.result == -errno.EPIPE
                    guest.main.result, guest.main.attention = None, False
                    guest.main.pending.clear()
                    continue
                assert isinstance(result, int)
                assert (errno.NAMES[-result] if result < 0 else result) == expected_count
            elif kind == "read" and (which, 0) not in closed:
                wanted = _on_host(lambda w=which, v=value: os.read(host_pipes[w][0], v))  # type: ignore[misc]
                data_read = guest.read_bytes(pipes[which][0], value)
                assert (errno.NAMES[-data_read] if isinstance(data_read, int) else data_read) == wanted
    finally:
        host_poll.close()
        guest.value("close", poll)
        for which, end in ends:
            if (which, end) not in closed:
                os.close(host_pipes[which][end])
                guest.value("close", pipes[which][end])


def _pair(pipes: list[tuple[int, int]], fd: int) -> tuple[int, int]:
    return next(pair for pair in pipes if fd in pair)
