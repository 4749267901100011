"""Memory calls."""

from __future__ import annotations

import pytest

from emuload.kernel import errno
from emuload.kernel.fs import attach
from tests.kernel.machine import ARCHITECTURES, Machine

PRIVATE, FIXED, ANONYMOUS, NOREPLACE = 2, 0x10, 0x20, 0x100000
RW = 3


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


def mmap(m: Machine, address: int, length: int, prot: int = RW, flags: int = PRIVATE | ANONYMOUS) -> int:
    result = m.call("mmap2" if m.architecture == "arm" else "mmap", address, length, prot, flags, -1, 0)
    assert isinstance(result, int)
    return result


def test_map_protect_unmap(m: Machine) -> None:
    at = mmap(m, 0, 3 * 4096)
    m.cpu.memory.user_write(at, b"x" * 4096)
    assert m.call("mprotect", at, 4096, 1) == 0
    assert m.call("uname", at) == -errno.EFAULT
    assert m.call("munmap", at + 4096, 4096) == 0
    assert m.call("mprotect", at, 3 * 4096, 1) == -errno.ENOMEM
    assert m.call("munmap", at + 1, 4096) == -errno.EINVAL
    assert m.call("munmap", at, 0) == -errno.EINVAL


def test_bad_mappings(m: Machine) -> None:
    attach(m.kernel)
    assert mmap(m, 0, 0) == -errno.EINVAL
    assert mmap(m, 0, 4096, flags=ANONYMOUS) == -errno.EINVAL
    assert mmap(m, 1, 4096, flags=PRIVATE | ANONYMOUS | FIXED) == -errno.EINVAL
    assert mmap(m, 0, m.cpu.abi.word_mask & -4096) == -errno.ENOMEM
    assert mmap(m, 0, 4096, flags=PRIVATE) == -errno.EBADF
    assert mmap(m, m.data, 4096, flags=PRIVATE | ANONYMOUS | NOREPLACE) == -errno.EEXIST


def test_a_fixed_mapping_replaces(m: Machine) -> None:
    m.words(m.data, 7)
    assert mmap(m, m.data, 4096, flags=PRIVATE | ANONYMOUS | FIXED) == m.data
    assert m.read(m.data) == 0


def test_the_break_grows_and_shrinks(m: Machine) -> None:
    start = m.call("brk", 0)
    assert isinstance(start, int)
    assert m.call("brk", start + 10_000) == start + 10_000
    m.cpu.memory.user_write(start, b"abc")
    assert m.call("brk", start + 20_000) == start + 20_000
    assert m.cpu.memory.user_read(start, 3) == b"abc"
    assert m.call("brk", start) == start
    assert m.call("uname", start) == -errno.EFAULT
    assert m.call("brk", 1) == start
    assert m.call("brk", start + (1 << 30)) == start


def test_madvise_dontneed_zeroes(m: Machine) -> None:
    at = mmap(m, 0, 2 * 4096)
    m.cpu.memory.write(at, b"x" * 8192)
    assert m.call("madvise", at, 4096, 4) == 0
    assert m.cpu.memory.read(at, 8192) == bytes(4096) + b"x" * 4096
    assert m.call("madvise", at, 4096, 14) == 0
    assert m.call("madvise", at, 4096, 999) == -errno.EINVAL
    assert m.call("madvise", at + 1, 4096, 4) == -errno.EINVAL
    assert m.call("madvise", 0x2000_0000, 4096, 4) == -errno.ENOMEM


def test_mincore_tells_mapped_from_unmapped(m: Machine) -> None:
    assert m.call("mincore", m.data, 8192, m.stack - 16) == 0
    assert m.call("mincore", 0x2000_0000, 4096, m.stack - 16) == -errno.ENOMEM


def test_mremap_moves_the_bytes(m: Machine) -> None:
    at = mmap(m, 0, 4096)
    mmap(m, at + 4096, 4096, flags=PRIVATE | ANONYMOUS | FIXED)
    m.cpu.memory.write(at, b"hello")
    assert m.call("mremap", at, 4096, 8192, 0, 0) == -errno.ENOMEM
    moved = m.call("mremap", at, 4096, 8192, 1, 0)
    assert isinstance(moved, int)
    assert moved != at
    assert m.cpu.memory.read(moved, 5) == b"hello"
    assert m.call("uname", at) == -errno.EFAULT


def test_memory_can_be_named(m: Machine) -> None:
    at = mmap(m, 0, 4096)
    m.cpu.memory.write(m.data, b"Go: heap\0")
    assert m.call("prctl", 0x53564D41, 0, at, 4096, m.data) == 0
    assert any(region.name == "[anon:Go: heap]" for region in m.cpu.memory.regions())
