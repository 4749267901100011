"""Who the process is, what it may use, and what machine it believes to be on: plain data with Linux's usual values."""

from __future__ import annotations

from dataclasses import dataclass, field

INFINITY = (1 << 64) - 1
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
    limits[RLIMIT_NOFILE] = (1024, 1 << 20)
    limits[RLIMIT_MEMLOCK] = (8 * _MIB, 8 * _MIB)
    limits[RLIMIT_SIGPENDING] = (31_000, 31_000)
    limits[RLIMIT_MSGQUEUE] = (819_200, 819_200)
    limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = (0, 0)
    return limits


@dataclass(eq=False, repr=False)
class Credentials:
    """User and group ids: an ordinary user without capabilities (credentials(7))."""

    uid: int = 1000
    euid: int = 1000
    suid: int = 1000
    gid: int = 1000
    egid: int = 1000
    sgid: int = 1000
    groups: list[int] = field(default_factory=lambda: [1000])
    umask: int = 0o022


@dataclass(eq=False, repr=False)
class Limits:
    """(soft, hard) by resource number (getrlimit(2)); INFINITY for none."""

    values: list[tuple[int, int]] = field(default_factory=_default_limits)


@dataclass(eq=False, repr=False)
class System:
    """uname(2), sysinfo(2) and the like."""

    nodename: str = "emuload"
    release: str = "6.1.0"
    version: str = "#1 SMP"
    domainname: str = "(none)"
    memory: int = 2048 * _MIB
    process_name: str = ""
    personality: int = 0
    no_new_privs: int = 0
    dumpable: int = 1
    child_subreaper: int = 0
    thp_disable: int = 0
    parent_death_signal: int = 0
