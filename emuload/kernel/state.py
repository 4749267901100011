"""Plain records of the kernel's state: random numbers, futex queues, signals, timers, the program break."""

from __future__ import annotations

from dataclasses import dataclass

from emuload.kernel.pending import Pending, SigInfo

_MASK64 = (1 << 64) - 1


class Entropy:
    """Seeded random bytes for getrandom, AT_RANDOM and /dev/urandom (SplitMix64)."""

    def __init__(self, state: int) -> None:
        self.state = state & _MASK64

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        words = bytearray()
        while len(words) < count:
            self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK64
            z = self.state
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK64
            z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK64
            words += (z ^ z >> 31).to_bytes(8, "little")
        return bytes(words[:count])


@dataclass(eq=False, repr=False)
class Death:
    """How a fatal signal ended the process, for the report."""

    tid: int
    info: SigInfo
    pc: int
    registers: dict[str, int]
    core: bool


class FutexState:
    """Waiting thread ids per futex address, longest waiting first."""

    def __init__(self) -> None:
        self.waiters: dict[int, list[int]] = {}


@dataclass(eq=False, repr=False)
class Action:
    """One row of the signal table (sigaction(2)); handler 0 is SIG_DFL, 1 SIG_IGN."""

    handler: int = 0
    flags: int = 0
    restorer: int = 0
    mask: int = 0


class SignalState:
    """Actions by signal number (only those ever set) and the process-wide queue."""

    def __init__(self) -> None:
        self.actions: dict[int, Action] = {}
        self.pending = Pending()


@dataclass(eq=False, repr=False)
class Timer:
    """A POSIX timer or an interval timer. `clock` is "real", "process" or a thread id; times in its clock's ns."""

    ident: int
    clock: str | int
    signo: int
    tid: int = 0
    value: int = 0
    notify: int = 0
    posix: bool = True
    realtime: bool = False
    due: int | None = None
    interval: int = 0
    armed: int = 0
    overrun: int = 0


INTERVAL_TIMERS = (-1, -2, -3)
"""Ids of setitimer(2)'s timers: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF."""


class TimerState:
    """Timers by id; those of `INTERVAL_TIMERS` are the three of setitimer(2)."""

    def __init__(self) -> None:
        self.timers: dict[int, Timer] = {}
        self.next_id = 0


class MemoryState:
    """The program break."""

    def __init__(self) -> None:
        self.brk_start = 0
        self.brk = 0
        self.brk_limit = 0
