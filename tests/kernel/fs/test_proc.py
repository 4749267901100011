"""/proc and /sys: the files that language runtimes and C libraries look at."""

from __future__ import annotations

import os
import re

import pytest

from emuload.kernel import errno
from emuload.kernel.fs import constants as c
from tests.kernel.fs.guest import BUFFER, Guest
from tests.kernel.fs.test_files import entries


@pytest.fixture
def guest() -> Guest:
    guest = Guest("amd64")
    facts = guest.kernel.fs.process
    facts.executable = "/opt/prog"
    facts.arguments = [b"prog", b"-v"]
    facts.environment = [b"A=1"]
    facts.auxv = b"\6\0\0\0\0\0\0\0"
    return guest


def link(guest: Guest, path: str) -> str:
    at = guest.data + BUFFER
    count = guest.value("readlink", guest.path(path), at, 200)
    assert count > 0, errno.NAMES[-count]
    return guest.cpu.memory.read(at, count).decode()


def test_the_process(guest: Guest) -> None:
    assert guest.content("/proc/self/cmdline") == b"prog\0-v\0"
    assert guest.content("/proc/self/environ") == b"A=1\0"
    assert guest.content("/proc/self/auxv") == b"\6\0\0\0\0\0\0\0"
    assert link(guest, "/proc/self/exe") == "/opt/prog"
    assert link(guest, "/proc/self") == "1000"
    assert link(guest, "/proc/thread-self") == "1000/task/1000"
    assert link(guest, "/proc/self/cwd") == "/"


def test_maps_has_the_kernels_form(guest: Guest) -> None:
    lines = guest.content("/proc/self/maps").decode().splitlines()
    form = re.compile(r"[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][ps] [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ .*")
    assert all(form.fullmatch(line) for line in lines)
    assert any(line.startswith("00500000-00510000 rw-p") for line in lines)


def test_threads(guest: Guest) -> None:
    other = guest.spawn()
    assert [name for name, _ in entries(guest, "/proc/self/task")] == [".", "..", "1000", str(other.tid)]
    fd = guest.open(f"/proc/self/task/{other.tid}/comm", os.O_RDWR)
    assert guest.write(fd, b"worker\n") == 7
    assert guest.content(f"/proc/self/task/{other.tid}/comm") == b"worker\n"
    assert other.name == "worker"
    assert guest.content(f"/proc/1000/task/{other.tid}/status").startswith(b"Name:\tworker\n")
    assert guest.content("/proc/self/stat").split()[19] == b"2"
    other.exited = True
    assert guest.open(f"/proc/self/task/{other.tid}/comm") == -errno.ENOENT
    assert guest.value("lseek", fd, 0, 0) == 0
    assert guest.read_bytes(fd) == -errno.ESRCH


def test_descriptors(guest: Guest) -> None:
    reader, writer = guest.pipe()
    assert link(guest, f"/proc/self/fd/{reader}") == link(guest, f"/proc/self/fd/{writer}")
    assert link(guest, f"/proc/self/fd/{reader}").startswith("pipe:[")
    file = guest.open("/etc/../etc/hosts")
    assert link(guest, f"/proc/self/fd/{file}") == "/etc/hosts"
    again = guest.open(f"/proc/self/fd/{writer}", os.O_WRONLY)
    assert guest.write(again, b"x") == 1
    assert guest.read_bytes(reader) == b"x"
    fds = [name for name, _ in entries(guest, "/proc/self/fd")]
    assert fds == [".", "..", "0", "1", "2", "3", "4", "5", "6", "7"]
    assert guest.open("/proc/self/fd/77") == -errno.ENOENT
    assert guest.content("/proc/self/fdinfo/3").startswith(b"pos:\t0\nflags:\t00\n")


def test_standard_streams_by_name(guest: Guest) -> None:
    fd = guest.open("/dev/stdout", os.O_WRONLY)
    assert guest.write(fd, b"to stdout") == 9
    assert guest.kernel.fs.output.of(1) == b"to stdout"


def test_what_go_reads(guest: Guest) -> None:
    assert guest.content("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") == b"2097152\n"
    assert guest.content("/proc/sys/net/core/somaxconn") == b"4096\n"
    assert guest.content("/proc/self/cgroup") == b"0::/\n"
    assert b" - cgroup2 " in guest.content("/proc/self/mountinfo")
    assert guest.content("/sys/fs/cgroup/cpu.max") == b"max 100000\n"
    assert guest.content("/sys/devices/system/cpu/online") == b"0\n"
    assert guest.open("/etc/localtime") == -errno.ENOENT
    assert guest.content("/proc/sys/kernel/osrelease").strip().decode() == guest.kernel.system.release


def test_more_processors(guest: Guest) -> None:
    guest.kernel.cpus = 4
    assert guest.content("/sys/devices/system/cpu/possible") == b"0-3\n"
    assert guest.content("/proc/cpuinfo").count(b"processor") == 4


def test_limits_follow_setrlimit(guest: Guest) -> None:
    guest.kernel.limits.values[7] = (77, 88)
    assert re.search(rb"Max open files +77 +88 +files", guest.content("/proc/self/limits"))


def test_proc_cannot_be_changed(guest: Guest) -> None:
    assert guest.open("/proc/self/new", os.O_CREAT | os.O_RDWR) in (-errno.EACCES, -errno.EROFS)
    assert guest.open("/proc/self/maps", os.O_RDWR) == -errno.EACCES
    assert guest.value("unlinkat", c.AT_FDCWD, guest.path("/proc/self/maps"), 0) < 0


def test_a_file_is_made_anew_after_going_back(guest: Guest) -> None:
    fd = guest.open("/proc/self/stat")
    first = guest.read_bytes(fd)
    guest.pass_time(10**9)
    assert guest.read_bytes(fd) == b""
    guest.value("lseek", fd, 0, 0)
    assert guest.read_bytes(fd) != first


def test_two_runs_see_the_same(guest: Guest) -> None:
    """Every file below /proc and /sys, and every inode number."""

    def everything(run: Guest) -> list[tuple[str, int, bytes]]:
        found = []
        todo = ["/proc", "/sys", "/etc", "/dev"]
        while todo:
            folder = todo.pop()
            for name, kind in entries(run, folder):
                path = f"{folder}/{name}"
                if kind == 4 and name not in (".", "..") and "/task/" not in path:
                    todo.append(path)
                elif kind == 8 and "/fdinfo/" not in path:
                    found.append((path, run.kernel.fs.find(path).ino, run.content(path)))
        return found

    assert everything(Guest("amd64")) == everything(Guest("amd64"))
