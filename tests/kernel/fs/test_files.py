"""Descriptors on files: opening, positions, duplicates, flags, sizes, directories, on every architecture."""

from __future__ import annotations

import os

import pytest

from emuload.kernel import errno
from emuload.kernel.fs import constants as c
from tests.kernel.fs.guest import BUFFER, Guest
from tests.kernel.machine import ARCHITECTURES


@pytest.fixture(params=ARCHITECTURES)
def guest(request: pytest.FixtureRequest) -> Guest:
    return Guest(request.param)


@pytest.fixture
def amd64() -> Guest:
    return Guest("amd64")


def test_what_is_written_is_read_again(guest: Guest) -> None:
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    assert fd == 3
    assert guest.write(fd, b"hello world") == 11
    assert guest.value("lseek", fd, 6, c.SEEK_SET) == 6
    assert guest.read_bytes(fd) == b"world"
    assert guest.read_bytes(fd) == b""
    assert guest.value("close", fd) == 0
    assert guest.value("close", fd) == -errno.EBADF
    assert guest.content("/tmp/file") == b"hello world"


def test_the_umask_applies(guest: Guest) -> None:
    assert guest.value("umask", 0o027) == 0o022
    guest.open("/tmp/file", os.O_CREAT, 0o666)
    assert guest.kernel.fs.find("/tmp/file").mode == 0o100640


def test_appending_ignores_the_position(guest: Guest) -> None:
    fd = guest.open("/tmp/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    guest.write(fd, b"one")
    guest.value("lseek", fd, 0, c.SEEK_SET)
    guest.write(fd, b"two")
    assert guest.content("/tmp/log") == b"onetwo"


def test_a_hole_reads_as_zeros(guest: Guest) -> None:
    fd = guest.open("/tmp/hole", os.O_CREAT | os.O_RDWR)
    guest.value("lseek", fd, 5, c.SEEK_SET)
    guest.write(fd, b"x")
    assert guest.content("/tmp/hole") == b"\0\0\0\0\0x"


def offset(guest: Guest, value: int) -> tuple[int, ...]:
    """A 64-bit offset as pread64's or ftruncate64's arguments: on ARM an aligned pair of registers."""
    return (value,) if guest.word == 8 else (0, value & 0xFFFFFFFF, value >> 32)


def test_pread_and_pwrite_leave_the_position(guest: Guest) -> None:
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    guest.write(fd, b"0123456789")
    at = guest.data + BUFFER
    assert guest.value("pread64", fd, at, 3, *offset(guest, 4)) == 3
    assert guest.cpu.memory.read(at, 3) == b"456"
    assert guest.value("pwrite64", fd, at, 3, *offset(guest, 0)) == 3
    assert guest.read_bytes(fd) == b""
    assert guest.content("/tmp/file") == b"4563456789"


def test_offsets_have_64_bits_on_a_32_bit_machine() -> None:
    guest = Guest("arm")
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    assert guest.value("ftruncate64", fd, 0, 5, 1) == 0
    assert guest.value("_llseek", fd, 1, 2, guest.data, c.SEEK_SET) == 0
    assert guest.read(guest.data, 8) == (1 << 32) + 2
    assert guest.read_bytes(fd) == b"\0\0\0"
    assert guest.value("lseek", fd, 0, c.SEEK_CUR) == -errno.EOVERFLOW
    at = guest.data + BUFFER
    assert guest.value("pread64", fd, at, 9, 0, 3, 1) == 2
    assert guest.value("fallocate", fd, 0, 0, 0, 9, 0) == 0
    assert guest.value("fstat64", fd, at) == 0
    assert guest.read(at + 48, 8) == (1 << 32) + 5
    assert guest.value("fstat", fd, at) == -errno.EOVERFLOW


def test_vectors(guest: Guest) -> None:
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    at = guest.data + BUFFER
    guest.cpu.memory.write(at, b"abcdef")
    vector = guest.words(guest.data, at + 3, 3, at, 3, at, 0)
    assert guest.value("writev", fd, vector, 3) == 6
    assert guest.content("/tmp/file") == b"defabc"
    guest.value("lseek", fd, 0, c.SEEK_SET)
    vector = guest.words(guest.data, at + 100, 2, at + 200, 50)
    assert guest.value("readv", fd, vector, 2) == 6
    assert guest.cpu.memory.read(at + 100, 2) == b"de"
    assert guest.cpu.memory.read(at + 200, 4) == b"fabc"
    assert guest.value("readv", fd, vector, 1025) == -errno.EINVAL


def test_duplicates_share_the_position_and_take_the_lowest_number(guest: Guest) -> None:
    fd = guest.open("/etc/hostname")
    copy = guest.value("dup", fd)
    assert copy == fd + 1
    guest.value("lseek", fd, 3, c.SEEK_SET)
    assert guest.read_bytes(copy) == b"load\n"
    assert guest.value("dup3", fd, 30, os.O_CLOEXEC) == 30
    assert guest.value("fcntl", 30, c.F_GETFD, 0) == c.FD_CLOEXEC
    assert guest.value("dup3", fd, fd, 0) == -errno.EINVAL
    assert guest.value("fcntl", fd, c.F_DUPFD, 20) == 20
    assert guest.value("fcntl", fd, c.F_DUPFD_CLOEXEC, 20) == 21
    guest.value("close", fd)
    assert guest.value("dup", copy) == fd


def test_close_range(guest: Guest) -> None:
    for _ in range(4):
        guest.open("/etc/hostname")
    assert guest.value("close_range", 4, 0xFFFFFFFF, c.CLOSE_RANGE_CLOEXEC) == 0
    assert guest.kernel.files.cloexec == {4, 5, 6}
    assert guest.value("close_range", 4, 5, 0) == 0
    assert guest.kernel.files.numbers() == [0, 1, 2, 3, 6]


def test_status_flags(guest: Guest) -> None:
    large = {"amd64": 0o100000, "arm": 0, "arm64": 0o400000}[guest.architecture]
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    assert guest.value("fcntl", fd, c.F_GETFL, 0) == os.O_WRONLY | large
    assert guest.value("fcntl", fd, c.F_SETFL, os.O_NONBLOCK | os.O_RDWR) == 0
    assert guest.value("fcntl", fd, c.F_GETFL, 0) == os.O_WRONLY | os.O_NONBLOCK | large
    assert guest.read_bytes(fd) == -errno.EBADF


def test_the_limit_on_descriptors(guest: Guest) -> None:
    guest.kernel.limits.values[7] = (5, 5)
    assert [guest.open("/etc/hostname") for _ in range(3)] == [3, 4, -errno.EMFILE]
    assert guest.value("pipe2", guest.data, 0) == -errno.EMFILE
    guest.value("close", 4)
    assert guest.value("pipe2", guest.data, 0) == -errno.EMFILE
    assert guest.kernel.files.numbers() == [0, 1, 2, 3]


def test_locks_are_granted(guest: Guest) -> None:
    fd = guest.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    at = guest.data + BUFFER
    guest.cpu.memory.write(at, b"\1\0" + bytes(40))
    assert guest.value("fcntl", fd, c.F_SETLK, at) == 0
    assert guest.value("fcntl", fd, c.F_GETLK, at) == 0
    assert guest.read(at, 2) == c.F_UNLCK
    assert guest.value("flock", fd, 2) == 0


def test_nothing_is_a_terminal(guest: Guest) -> None:
    for fd in (0, 1, 2, guest.open("/etc/hostname")):
        assert guest.value("ioctl", fd, c.TCGETS, guest.data) == -errno.ENOTTY
        assert guest.value("ioctl", fd, c.TIOCGWINSZ, guest.data) == -errno.ENOTTY
    assert guest.open("/dev/tty") == -errno.ENXIO
    assert guest.value("ioctl", 3, c.FIONREAD, guest.data) == 0
    assert guest.read(guest.data) == len("emuload\n")


def entries(guest: Guest, path: str, room: int = 2000) -> list[tuple[str, int]]:
    """(name, d_type) of a directory, read in pieces of `room` bytes."""
    fd = guest.open(path)
    found = []
    at = guest.data + BUFFER
    while (count := guest.value("getdents64", fd, at, room)) > 0:
        raw = guest.cpu.memory.read(at, count)
        while raw:
            length = int.from_bytes(raw[16:18], "little")
            found.append((raw[19:length].split(b"\0")[0].decode(), raw[18]))
            raw = raw[length:]
    assert count == 0
    guest.value("close", fd)
    return found


def test_directories_are_listed_in_the_order_of_names(guest: Guest) -> None:
    guest.value("mkdirat", c.AT_FDCWD, guest.path("/tmp/d"), 0o755)
    for name in ("z", "a", "m" * 200):
        guest.open(f"/tmp/d/{name}", os.O_CREAT)
    guest.value("symlinkat", guest.path("z"), c.AT_FDCWD, guest.path("/tmp/d/link", second=True))
    expected = [(".", 4), ("..", 4), ("a", 8), ("link", 10), ("m" * 200, 8), ("z", 8)]
    assert entries(guest, "/tmp/d") == expected
    assert entries(guest, "/tmp/d", 240) == expected
    fd = guest.open("/tmp/d")
    assert guest.value("getdents64", fd, guest.data, 10) == -errno.EINVAL


def test_an_unlinked_open_file_lives_on(amd64: Guest) -> None:
    before = amd64.kernel.fs.storage
    fd = amd64.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    amd64.write(fd, b"kept")
    assert amd64.value("unlink", amd64.path("/tmp/file")) == 0
    amd64.value("lseek", fd, 0, c.SEEK_SET)
    assert amd64.read_bytes(fd) == b"kept"
    amd64.value("close", fd)
    assert amd64.kernel.fs.storage == before


def test_storage_is_bounded(amd64: Guest) -> None:
    fs = amd64.kernel.fs
    fs.storage_limit = fs.storage + 6000
    fd = amd64.open("/tmp/file", os.O_CREAT | os.O_RDWR)
    assert amd64.write(fd, bytes(4000)) == 4000
    assert amd64.write(fd, bytes(4000)) == 6000 - 1024 - 4000
    assert amd64.write(fd, b"x") == -errno.ENOSPC
    assert amd64.value("ftruncate", fd, 1 << 40) == 0
    at = amd64.data + BUFFER
    assert amd64.value("pwrite64", fd, at, 1, 1 << 39) == -errno.ENOSPC
    assert amd64.open("/tmp/other", os.O_CREAT) == -errno.ENOSPC
    assert amd64.value("ftruncate", fd, 0) == 0
    assert amd64.open("/tmp/other", os.O_CREAT) > 0


def test_permissions(amd64: Guest) -> None:
    assert amd64.open("/etc/passwd", os.O_WRONLY) == -errno.EACCES
    assert amd64.open("/etc/new", os.O_CREAT | os.O_WRONLY) == -errno.EACCES
    assert amd64.open("/root/x") == -errno.EACCES
    assert amd64.value("unlink", amd64.path("/etc/passwd")) == -errno.EACCES
    assert amd64.value("access", amd64.path("/etc/passwd"), c.R_OK) == 0
    assert amd64.value("access", amd64.path("/etc/passwd"), c.W_OK) == -errno.EACCES
    assert amd64.value("faccessat2", c.AT_FDCWD, amd64.path("/bin"), c.X_OK, 0) == 0
    assert amd64.value("chmod", amd64.path("/etc/passwd"), 0o777) == -errno.EPERM
    amd64.open("/tmp/mine", os.O_CREAT, 0o400)
    assert amd64.open("/tmp/mine", os.O_RDWR) == -errno.EACCES
    assert amd64.value("chown", amd64.path("/tmp/mine"), 1000, 1000) == 0
    assert amd64.value("chown", amd64.path("/tmp/mine"), 0, 0) == -errno.EPERM
    amd64.kernel.credentials.euid = 0
    assert amd64.open("/etc/passwd", os.O_RDWR) >= 0


def test_working_directory(guest: Guest) -> None:
    at = guest.data + BUFFER
    assert guest.value("getcwd", at, 100) == 2
    guest.value("mkdirat", c.AT_FDCWD, guest.path("/tmp/d"), 0o755)
    assert guest.value("chdir", guest.path("/tmp/d")) == 0
    assert guest.value("getcwd", at, 7) == 7
    assert guest.cpu.memory.read(at, 7) == b"/tmp/d\0"
    assert guest.value("getcwd", at, 6) == -errno.ERANGE
    guest.value("renameat2", c.AT_FDCWD, guest.path("/tmp/d"), c.AT_FDCWD, guest.path("/tmp/e", True), 0)
    guest.value("getcwd", at, 100)
    assert guest.cpu.memory.read_cstring(at) == b"/tmp/e"
    fd = guest.open("/usr")
    assert guest.value("fchdir", fd) == 0
    assert guest.open("lib", os.O_RDONLY) > 0
    assert guest.value("unlinkat", c.AT_FDCWD, guest.path("/tmp/e"), c.AT_REMOVEDIR) == 0
    assert guest.value("chdir", guest.path("/etc/passwd")) == -errno.ENOTDIR


def test_paths_relative_to_a_descriptor(guest: Guest) -> None:
    fd = guest.open("/etc")
    inner = guest.value("openat", fd, guest.path("hostname"), 0, 0)
    assert guest.read_bytes(inner) == b"emuload\n"
    assert guest.value("openat", inner, guest.path("x"), 0, 0) == -errno.ENOTDIR
    assert guest.value("openat", 77, guest.path("x"), 0, 0) == -errno.EBADF
    assert guest.value("openat", 77, guest.path("/etc/hosts"), 0, 0) > 0


def test_memfd(guest: Guest) -> None:
    fd = guest.value("memfd_create", guest.path("shm"), c.MFD_CLOEXEC | c.MFD_ALLOW_SEALING)
    assert guest.write(fd, b"data") == 4
    at = guest.data + BUFFER
    assert guest.value("readlinkat", c.AT_FDCWD, guest.path(f"/proc/self/fd/{fd}"), at, 100) > 0
    assert guest.cpu.memory.read(at, 20) == b"/memfd:shm (deleted)"
    assert guest.value("fcntl", fd, c.F_ADD_SEALS, c.F_SEAL_WRITE | c.F_SEAL_SHRINK) == 0
    assert guest.write(fd, b"x") == -errno.EPERM
    assert guest.value("ftruncate", fd, 0) == -errno.EPERM
    assert guest.value("fcntl", fd, c.F_GET_SEALS, 0) == c.F_SEAL_WRITE | c.F_SEAL_SHRINK


def test_sendfile_and_copy_file_range(amd64: Guest) -> None:
    source = amd64.open("/etc/hostname")
    target = amd64.open("/tmp/copy", os.O_CREAT | os.O_RDWR)
    assert amd64.value("sendfile", target, source, 0, 100) == 8
    amd64.words(amd64.data, 2, width=8)
    assert amd64.value("copy_file_range", source, amd64.data, target, 0, 3, 0) == 3
    assert amd64.read(amd64.data, 8) == 5
    assert amd64.content("/tmp/copy") == b"emuload\nulo"


def test_time_stamps_come_from_the_virtual_clock(guest: Guest) -> None:
    guest.open("/tmp/file", os.O_CREAT)
    node = guest.kernel.fs.find("/tmp/file")
    assert node.mtime == guest.clock.realtime()
    guest.pass_time(5_000_000_000)
    assert guest.value("utimensat", c.AT_FDCWD, guest.path("/tmp/file"), 0, 0) == 0
    assert node.mtime == guest.clock.realtime()
    times = guest.words(guest.data, 1, 2, 0, (1 << 30) - 2)
    assert guest.value("utimensat", c.AT_FDCWD, guest.path("/tmp/file"), times, 0) == 0
    assert node.atime == 1_000_000_002
    assert node.mtime == guest.clock.realtime()


def test_bad_addresses(guest: Guest) -> None:
    assert guest.value("openat", c.AT_FDCWD, 0x10, 0, 0) == -errno.EFAULT
    assert guest.value("read", guest.open("/etc/hostname"), 0x10, 4) == -errno.EFAULT
    assert guest.value("write", 1, 0x10, 4) == -errno.EFAULT
    assert guest.value("pipe2", 0x10, 0) == -errno.EFAULT
    assert guest.kernel.files.numbers() == [0, 1, 2, 3]


def test_devices(guest: Guest) -> None:
    null, zero, full = (guest.open(f"/dev/{name}", os.O_RDWR) for name in ("null", "zero", "full"))
    assert guest.write(null, b"gone") == 4
    assert guest.read_bytes(null) == b""
    assert guest.read_bytes(zero, 5) == bytes(5)
    assert guest.write(full, b"x") == -errno.ENOSPC
    random = guest.open("/dev/urandom")
    assert guest.read_bytes(random, 16) == Guest(guest.architecture).kernel.entropy.bytes(16)
