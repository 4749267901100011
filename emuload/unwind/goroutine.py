"""The runtime's own records of a thread's stacks, as unwinding needs them.

Only fields are read whose offset has not changed since Go 1.4 or can be searched for (runtime/runtime2.go):

    g      stack.lo, stack.hi, two guards, _panic, _defer, m, sched{sp, pc, g, …}
    m      g0, morebuf{sp, pc, g, …}, … gsignal … curg … lockedg

A g is accepted only if its m's g0 points back at that m. The offsets of the fields after morebuf differ between versions:
gsignal is the first pointer to a g record of that m, curg the second.
"""

from __future__ import annotations

from dataclasses import dataclass

from emuload.unwind.reader import Reader

_STACK_HIGH, _M, _SCHED_SP, _SCHED_PC, _SCHED_G = 1, 6, 7, 8, 9
_SCHED_LINK = (11, 12)
"""lr in sched. Go before 1.25 has one more field before it, which is always 0."""
_M_SEARCH_FROM, _M_WORDS, _G_WORDS = 8, 128, 96


@dataclass(frozen=True, slots=True)
class Saved:
    """The place where a stack that was switched away from continues."""

    pc: int
    sp: int
    link: int


class Goroutines:
    """Finds g and m records. Addresses are the guest's; None means absent or not credible."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._word = reader.size

    def _field(self, record: int, index: int) -> int | None:
        return self._reader.word(record + index * self._word)

    def thread(self, g: int) -> int | None:
        """The m of `g`, when `g` is a g record."""
        m = self._field(g, _M) if g and g % self._word == 0 else None
        g0 = self._field(m, 0) if m else None
        return m if g0 and self._field(g0, _M) == m else None

    def g0(self, m: int) -> int | None:
        """The g whose stack is the thread's own."""
        return self._field(m, 0)

    def sched(self, g: int) -> Saved | None:
        """The place where `g` was left."""
        sp, pc = self._field(g, _SCHED_SP), self._field(g, _SCHED_PC)
        link = self._field(g, _SCHED_LINK[0]) or self._field(g, _SCHED_LINK[1]) or 0
        return Saved(pc, sp, link) if sp and pc is not None else None

    def stack_high(self, g: int) -> int | None:
        """End of `g`'s stack."""
        return self._field(g, _STACK_HIGH)

    def current(self, m: int) -> int | None:
        """The goroutine that runs on `m` (m.curg), while the thread is on its own stack."""
        g0 = self.g0(m)
        known: list[int] = []
        for value in self._m_words(m):
            if value != g0 and value not in known and self._is_g(value) and self._field(value, _M) == m:
                known.append(value)
                if len(known) == 2:
                    return value
        return None

    def locked(self, m: int) -> int | None:
        """The parked goroutine that only `m` may run (m.lockedg): its thread waits until it can run."""
        for value in self._m_words(m):
            if self._is_g(value) and not self._field(value, _M):
                saved = self.sched(value)
                if (
                    saved
                    and self._field(value, _SCHED_G) == value
                    and m in self._reader.words(value, _G_WORDS)
                ):
                    return value
        return None

    def _m_words(self, m: int) -> list[int]:
        return self._reader.words(m + _M_SEARCH_FROM * self._word, _M_WORDS)

    def _is_g(self, value: int) -> bool:
        if not value or value % self._word:
            return False
        low, high = self._field(value, 0), self._field(value, _STACK_HIGH)
        return bool(low and high and 0 < high - low <= 1 << 30)
