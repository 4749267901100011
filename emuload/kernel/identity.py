"""Credentials, resource limits and the machine that the process sees: plain data with Linux's usual values."""

from __future__ import annotations

INFINITY = (1 << 64) - 1
NR_OPEN = 1 << 20
"""Highest hard limit of open files (/proc/sys/fs/nr_open)."""
_MIB = 1 << 20

(
    RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
    RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO,
    RLIMIT_RTTIME,
) = range(16)  # fmt: skip


def _default_limits() -> list[tuple[int, int]]:
    limits = [(INFINITY, INFINITY)] * 16
    limits[RLIMIT_STACK] = (8 * _MIB, INFINITY)
    limits[RLIMIT_CORE] = (0, INFINITY)
    limits[RLIMIT_NPROC] = (31_000, 31_000)
    limits[RLIMIT_NOFILE] = (1024, NR_OPEN)
    limits[RLIMIT_MEMLOCK] = (8 * _MIB, 8 * _MIB)
    limits[RLIMIT_SIGPENDING] = (31_000, 31_000)
    limits[RLIMIT_MSGQUEUE] = (819_200, 819_200)
    limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = (0, 0)
    return limits


class Credentials:
    """User and group ids: an ordinary user without capabilities (credentials(7))."""

    def __init__(self) -> None:
        self.uid = 1000
        self.euid = 1000
        self.suid = 1000
        self.gid = 1000
        self.egid = 1000
        self.sgid = 1000
        self.groups = [1000]
        self.umask = 0o022


class Limits:
    """(soft, hard) by resource number (getrlimit(2)); INFINITY for no limit."""

    def __init__(self) -> None:
        self.values = _default_limits()


class System:
    """Facts for uname(2), sysinfo(2), personality(2) and prctl(2)."""

    def __init__(self) -> None:
        self.nodename = "emuload"
        self.release = "6.1.0"
        self.version = "#1 SMP"
        self.domainname = "(none)"
        self.memory = 2048 * _MIB
        self.personality = 0
        self.no_new_privs = 0
        self.dumpable = 1
        self.child_subreaper = 0
        self.thp_disable = 0
        self.parent_death_signal = 0
