"""The host's signals while a guest runs: their handlers only set a flag, which is read between slices.

An exception from a signal handler can come anywhere, in a hook of the CPU too, where it is lost or leaves a system call half
done. So, while a guest runs on Python's main thread, each signal of `DEFERRED` that has a handler in Python waits for the end of
the slice, some milliseconds. SIGQUIT, if nobody handles it, asks for a report of the run, which then goes on.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

# The functions behind `signal.signal` and `signal.getsignal`, which take 5 us to make an enum of what they return: a call of a
# guest's function, which defers signals, takes 150.
_handler: Callable[[int], Any] = _signal.getsignal
_set_handler: Callable[[int, Any], Any] = _signal.signal

DEFERRED = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGALRM") if (number := getattr(signal, name, None)) is not None
)
LOOK = getattr(signal, "SIGQUIT", None)

_MAIN = threading.main_thread().ident


def end_by_signal(number: int, frame: FrameType | None) -> None:
    """A handler for signals that are to end a run with a report: while no guest runs it raises SystemExit."""
    raise SystemExit(128 + number)


def go_on(number: int, frame: FrameType | None) -> None:
    """A handler for SIGQUIT while there is no guest to report on."""


_ENDING = (signal.default_int_handler, end_by_signal)


class HostSignals:
    """As a context manager it defers signals while the body runs; bodies may nest. The host's signals are one for the whole
    Python process, and so is this object, `HOST_SIGNALS`.
    """

    def __init__(self) -> None:
        self.asked = False
        """A signal has come, and waits."""
        self.at_once: Callable[[int], None] | None = None
        """Called with the number of an ending signal that comes while another waits; the handler that was there before if
        None."""
        self._depth = 0
        self._held = False
        self._before: dict[int, Any] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> None:
        if threading.get_ident() != _MAIN:
            return
        self._depth += 1
        for number in DEFERRED:
            before = _handler(number)
            if callable(before) and before != self._note:
                self._before[number] = before
                _set_handler(number, self._note)
        if LOOK is not None and (before := _handler(LOOK)) in (signal.SIG_DFL, go_on):
            self._before[LOOK] = before
            _set_handler(LOOK, self._note)

    def __exit__(self, *_: object) -> None:
        """Handle what still waits as it would have been without this object."""
        if threading.get_ident() != _MAIN:
            return
        self._depth -= 1
        if self._depth:
            return
        before, self._before = self._before, {}
        for number, handler in before.items():
            _set_handler(number, handler)
        waiting, self._waiting, self.asked = self._waiting, [], False
        for number in waiting:
            if callable(before[number]):
                before[number](number, sys._getframe())

    def hold(self) -> None:
        """Defer signals from now on, before there is a guest, until `release`."""
        self._held = True
        self.__enter__()

    def release(self) -> None:
        """End what `hold` began, if it did not end before."""
        if self._held:
            self._held = False
            self.__exit__()

    def _note(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if number in self._waiting:
            if self._before[number] in _ENDING and self.at_once is not None:
                self.at_once(number)
            if callable(self._before[number]):
                self._before[number](number, frame)
        else:
            self._waiting.append(number)
            self.asked = True

    def answer(self, look: Callable[[], None], end: Callable[[int], BaseException]) -> None:
        """Answer the signals that wait, in order: `look()` for SIGQUIT, raise `end(number)` for one that ends the run, else call
        the handler that was there before. Does nothing on other threads than Python's main one."""
        if threading.get_ident() != _MAIN:
            return
        while self._waiting:
            number = self._waiting.pop(0)
            before = self._before[number]
            if number == LOOK:
                look()
            elif before in _ENDING:
                self.asked = bool(self._waiting)
                raise end(number)
            else:
                before(number, sys._getframe())
        self.asked = False


HOST_SIGNALS = HostSignals()
