"""Signals sent and not yet taken, of one thread or of the process.

A queue for each number, as sigpending(2) and Linux's `struct sigpending` have it, so that a look at what is pending costs the
same however many are queued (kernel/signal.c: __send_signal_locked, next_signal, dequeue_synchronous_signal).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from emuload.machine.signal_numbers import SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP

_SYNCHRONOUS = (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS)
_SYNCHRONOUS_MASK = sum(1 << (signo - 1) for signo in _SYNCHRONOUS)
"""Signals of the thread's own instructions, which come before all others (SYNCHRONOUS_MASK)."""


@dataclass(slots=True, eq=False, repr=False)
class SigInfo:
    """The part of siginfo_t that is filled (sigaction(2)); `value` is si_value, `address` si_addr.

    The layout used is chosen by (signo, code), as Linux's `siginfo_layout` does.
    """

    signo: int
    code: int = 0
    pid: int = 0
    uid: int = 0
    value: int = 0
    address: int = 0
    address_lsb: int = 0
    timer: int = 0
    overrun: int = 0
    status: int = 0
    errno: int = 0
    trapno: int = 0
    error: int = 0
    raw: bytes = b""
    """rt_sigqueueinfo's bytes, delivered as they came."""


class Pending:
    """`mask` is the set of numbers that are pending, as a sigset_t."""

    def __init__(self) -> None:
        self.mask = 0
        self._queues: dict[int, deque[tuple[int, SigInfo]]] = {}
        self._sent = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[SigInfo]:
        """All of them, in the order in which they were sent."""
        return (info for _, info in sorted((pair for queue in self._queues.values() for pair in queue), key=lambda pair: pair[0]))

    def append(self, info: SigInfo) -> None:
        """A signal comes last among those of its number."""
        self._sent += 1
        self._length += 1
        self._queues.setdefault(info.signo, deque()).append((self._sent, info))
        self.mask |= 1 << (info.signo - 1)

    def of(self, signo: int) -> Iterator[SigInfo]:
        """Those of one number, the oldest first."""
        return (info for _, info in self._queues.get(signo, ()))

    def take(self, blocked: int) -> SigInfo | None:
        """Remove and return the oldest signal of the lowest number that is not blocked, synchronous ones first."""
        ready = self.mask & ~blocked
        if not ready:
            return None
        ready = ready & _SYNCHRONOUS_MASK or ready
        return self._remove((ready & -ready).bit_length(), 0)

    def take_fault(self, blocked: int) -> SigInfo | None:
        """Remove and return the oldest synchronous signal that the kernel made (si_code above SI_USER) and is not blocked."""
        ready = self.mask & _SYNCHRONOUS_MASK & ~blocked
        if not ready:
            return None
        faults = [
            (order, signo, index)
            for signo in _SYNCHRONOUS
            if ready >> (signo - 1) & 1
            for index, (order, info) in enumerate(self._queues[signo])
            if info.code > 0
        ]
        return self._remove(*min(faults)[1:]) if faults else None

    def _remove(self, signo: int, index: int) -> SigInfo:
        queue = self._queues[signo]
        _, info = queue[index]
        del queue[index]
        self._length -= 1
        if not queue:
            self._forget(signo)
        return info

    def discard(self, signo: int) -> None:
        """Drop those of one number."""
        queue = self._queues.get(signo)
        if queue is not None:
            self._length -= len(queue)
            self._forget(signo)

    def _forget(self, signo: int) -> None:
        del self._queues[signo]
        self.mask &= ~(1 << (signo - 1))

    def clear(self) -> None:
        """Drop all."""
        self._queues.clear()
        self.mask = self._length = 0
