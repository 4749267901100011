"""Identity, limits and system calls that answer from data; the call tables."""

from __future__ import annotations

import struct

import pytest

from emuload.kernel import errno
from emuload.kernel.numbers import names
from emuload.kernel.state import Entropy
from tests.kernel.machine import ARCHITECTURES, Machine


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


# From the tables of asm/unistd_64.h, asm/unistd-eabi.h and asm-generic/unistd.h.
@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("amd64", {0: "read", 13: "rt_sigaction", 56: "clone", 202: "futex", 231: "exit_group", 435: "clone3"}),
        (
            "arm",
            {
                3: "read", 119: "sigreturn", 120: "clone", 173: "rt_sigreturn", 192: "mmap2", 240: "futex",
                256: "set_tid_address", 403: "clock_gettime64", 422: "futex_time64",
                0xF0002: "ARM_cacheflush", 0xF0005: "ARM_set_tls",
            },
        ),
        ("arm64", {63: "read", 98: "futex", 134: "rt_sigaction", 139: "rt_sigreturn", 220: "clone", 222: "mmap"}),
    ],
)  # fmt: skip
def test_call_numbers(architecture: str, expected: dict[int, str]) -> None:
    table = names(architecture)
    assert {number: table[number] for number in expected} == expected


def test_entropy_depends_on_the_seed_only() -> None:
    assert Entropy(1).bytes(20) == Entropy(1).bytes(20) != Entropy(2).bytes(20)
    # SplitMix64's published first output for seed 0
    assert int.from_bytes(Entropy(0).bytes(8), "little") == 0xE220A8397B1DCDAF


def test_getrandom(m: Machine) -> None:
    assert m.call("getrandom", m.data, 33, 0) == 33
    first = m.cpu.memory.read(m.data, 33)
    assert first != bytes(33)
    assert m.call("getrandom", m.data, 16, 99) == -errno.EINVAL


def test_uname(m: Machine) -> None:
    assert m.call("uname", m.data) == 0
    fields = [m.cpu.memory.read_cstring(m.data + 65 * i).decode() for i in range(5)]
    assert fields[0] == "Linux"
    assert fields[4] == {"amd64": "x86_64", "arm": "armv7l", "arm64": "aarch64"}[m.architecture]


def test_limits(m: Machine) -> None:
    assert m.call("prlimit64", 0, 7, 0, m.data) == 0
    soft, hard = struct.unpack("<QQ", m.cpu.memory.read(m.data, 16))
    assert (soft, hard) == (1024, 1 << 20)
    m.cpu.memory.write(m.data, struct.pack("<QQ", hard, hard))
    assert m.call("prlimit64", 0, 7, m.data, 0) == 0
    assert m.kernel.limits.values[7] == (hard, hard)
    m.cpu.memory.write(m.data, struct.pack("<QQ", 1, hard + 1))
    assert m.call("prlimit64", 0, 7, m.data, 0) == -errno.EPERM
    assert m.call("prlimit64", 0, 99, 0, m.data) == -errno.EINVAL


def test_a_word_wide_limit_shows_infinity_as_all_ones(m: Machine) -> None:
    name = "ugetrlimit" if m.architecture == "arm" else "getrlimit"
    assert m.call(name, 0, m.data) == 0
    assert m.read(m.data, m.word) == m.cpu.abi.word_mask


# Offsets as in test_signal_frames: struct sysinfo of the C headers.
def test_sysinfo(m: Machine) -> None:
    assert m.call("sysinfo", m.data) == 0
    total, procs, unit = (32, 80, 104) if m.word == 8 else (16, 40, 52)
    assert m.read(m.data + total, m.word) == m.kernel.system.memory
    assert m.read(m.data + procs, 2) == 1
    assert m.read(m.data + unit) == 1


def test_user_ids_need_root_to_change(m: Machine) -> None:
    suffix = "32" if m.architecture == "arm" else ""
    assert m.call("getuid" + suffix) == m.call("geteuid" + suffix) == 1000
    assert m.call("setuid" + suffix, 0) == -errno.EPERM
    assert m.call("setuid" + suffix, 1000) == 0
    m.kernel.credentials.euid = 0
    assert m.call("setuid" + suffix, 5) == 0
    assert m.kernel.credentials.suid == 5


def test_thread_names(m: Machine) -> None:
    m.cpu.memory.write(m.data, b"a-name-that-is-too-long\0")
    assert m.call("prctl", 15, m.data) == 0
    assert m.call("prctl", 16, m.data + 64) == 0
    assert m.cpu.memory.read(m.data + 64, 16) == b"a-name-that-is-\0"
    assert m.call("prctl", 9999) == -errno.EINVAL


def test_calls_that_are_always_refused(m: Machine) -> None:
    expected = {
        "ptrace": errno.EPERM, "seccomp": errno.EINVAL, "pidfd_open": errno.ENOSYS, "rseq": errno.ENOSYS,
    }  # fmt: skip
    for name, error in expected.items():
        assert m.call(name) == -error
    assert "unknown-syscall" not in m.kinds()


def test_membarrier(m: Machine) -> None:
    query = m.call("membarrier", 0, 0)
    assert isinstance(query, int)
    assert query & 8
    assert m.call("membarrier", 8, 0) == 0
    assert m.call("membarrier", 1 << 20, 0) == -errno.EINVAL
