"""Which events of a trace synchronise: the channels that each acquires and releases.

A channel is a name for something by which threads wait for one another: a mutex by its address, a thread that is born, one
signal that was sent. Whoever acquires a channel comes after everybody who released it before. The channels of most kinds are
declared with them (`emuload.trace.kinds`); the rules here are for kinds where they depend on the events before.

    threads            task-create → everything the child does; task-exit → join-done
    locks              release → every later acquire of the same mutex, loader's lock or reader-writer lock (a reader's release
                       orders writers only)
    semaphore          sem-post → every later sem-acquire
    once               once-exit → once-pass, and the end of a once-wait
    barrier            barrier-wait → barrier-leave of the same generation
    futex              futex-wake → the next event of each thread it woke; and, used like a channel: a call that wakes, even if
                       nobody waits → a call that would have waited but found the word changed (-EAGAIN)
    condition          by its futex: cond-wake comes before the futex-wake that ends the waits
    signal             signal-sent by a thread → its delivery, or acceptance by sigtimedwait
    host               its calls one after the other (call-enter); call-exit → what it calls once it has the result (call-result)
    Go                 runtime_init_done and main_init_done → bodies of exports on threads that are not the runtime's own, if
                       the library's code waits for them (go-library; runtime/cgo/gcc_libinit.c, runtime/cgocall.go), which it
                       does unless somebody changed it; the steps of the goroutine that initialises, wherever it runs

Nothing is ordered by what a trace does not show: reads and writes of memory (atomics, spin locks, a flag that was found set),
pipes and eventfds, Go's channels and locks, timers. Nor is it by Go's scheduler: the futexes and preemption signals of a Go
runtime pass processors from thread to thread, which is luck to the program (The Go Memory Model, https://go.dev/ref/mem).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence

from emuload.order.go_objects import GoObjects
from emuload.trace.events import Event, Value
from emuload.trace.kinds.catalogue import KINDS

Channels = Sequence[Hashable]
_NONE: Channels = ()

_FUTEX_CALLS = ("futex", "futex_time64")
_FUTEX_ARGUMENTS = 6
_COMMAND = 127
"""The bits of a futex operation that hold the command; above them are flags (linux/futex.h)."""

(
    _WAIT, _WAKE, _FD, _REQUEUE, _CMP_REQUEUE, _WAKE_OP, _LOCK_PI, _UNLOCK_PI, _TRYLOCK_PI, _WAIT_BITSET, _WAKE_BITSET,
    _WAIT_REQUEUE_PI, _CMP_REQUEUE_PI, _LOCK_PI2,
) = range(14)  # fmt: skip
_WAKING = frozenset((_WAKE, _REQUEUE, _CMP_REQUEUE, _WAKE_OP, _UNLOCK_PI, _WAKE_BITSET, _CMP_REQUEUE_PI))
_WAITING = frozenset((_WAIT, _WAIT_BITSET, _WAIT_REQUEUE_PI))
_TAKING = frozenset((_LOCK_PI, _LOCK_PI2, _TRYLOCK_PI))
_EAGAIN = -11

_SIG_DFL, _SIG_IGN = 0, 1
_SI_TIMER = -2
_REALTIME = "SIGRT"
_IGNORED_BY_DEFAULT = frozenset(("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"))
_PREEMPTION = "SIGURG"
"""Sent by Go's scheduler to a thread whose goroutine has run for long (runtime/signal_unix.go, sigPreempt)."""

_GO_WAITS = ("runtime_init_done", "main_init_done")
"""The steps that calls of exports wait for in an unchanged Go library."""


class Synchronisation:
    """Reads a trace event by event: give `step` each, in order."""

    def __init__(self) -> None:
        self._owed: dict[int, list[Hashable]] = {}
        """Channels that a thread acquires at its next event, by tid."""
        self._readers: Counter[tuple[int, Hashable]] = Counter()
        """How often a thread holds a reader-writer lock to read: (tid, lock)."""
        self._once: dict[int, Hashable] = {}
        """The once that a thread waits for, by tid."""
        self._calls: dict[int, list[int]] = {}
        """Arguments of the futex call that a thread waits in, by tid."""
        self._sent: dict[tuple[int, str], deque[Hashable]] = {}
        """Signals sent and not yet taken, by (tid or 0, name)."""
        self._actions: dict[str, Value] = {}
        """The handler last set for a signal, by name."""
        self._waits: dict[Hashable, Sequence[Hashable]] = {}
        """The steps that calls of exports wait for, by Go library."""
        self._go = GoObjects()

    def step(self, event: Event) -> tuple[Channels, Channels]:
        """The channels that an event acquires, and those that it releases."""
        self._go.see(event)
        acquired, released = self._channels(event)
        if event.tid in self._owed:
            acquired = [*self._owed.pop(event.tid), *acquired]
        return acquired, released

    def _channels(self, event: Event) -> tuple[Channels, Channels]:
        kind = KINDS.get(event.kind)
        if kind is None:
            return _NONE, _NONE
        if kind.rule:
            return RULES[kind.rule](self, event)
        if not (kind.acquires or kind.releases):
            return _NONE, _NONE
        acquired, released = ([_channel(event, each) for each in channels] for channels in (kind.acquires, kind.releases))
        if kind.creates:
            for channel in released:
                self._owe(event.fields.get(kind.creates), channel)
        return acquired, released

    def _owe(self, tid: object, channel: Hashable) -> None:
        if isinstance(tid, int):
            self._owed.setdefault(tid, []).append(channel)

    # -- locks -----------------------------------------------------------------------------------------------------------

    def takes_rwlock(self, event: Event) -> tuple[Channels, Channels]:
        """A writer comes after everybody, a reader after writers only."""
        lock = _named(event, "rwlock")
        if event.fields.get("write"):
            return [("rwlock", lock), ("rwlock readers", lock)], _NONE
        self._readers[event.tid, lock] += 1
        return [("rwlock", lock)], _NONE

    def returns_rwlock(self, event: Event) -> tuple[Channels, Channels]:
        """The release of a reader or of a writer, by how the thread took the lock."""
        lock = _named(event, "rwlock")
        if not self._readers[event.tid, lock]:
            return _NONE, [("rwlock", lock)]
        self._readers[event.tid, lock] -= 1
        return _NONE, [("rwlock readers", lock)]

    def waits_for_once(self, event: Event) -> tuple[Channels, Channels]:
        """Remembers the once: the end of the wait comes after the routine."""
        self._once[event.tid] = _named(event, "once")
        return _NONE, _NONE

    def wait_over(self, event: Event) -> tuple[Channels, Channels]:
        """The end of a wait for a once comes after the routine; any other wait ended without success."""
        once = self._once.pop(event.tid, None)
        return ([("once", once)] if once is not None and once == _named(event, "object") else _NONE), _NONE

    # -- futexes -------------------------------------------------------------------------------------------------------

    def wakes_threads(self, event: Event) -> tuple[Channels, Channels]:
        """The threads it woke come after it at their next event, unless Go's scheduler woke them."""
        woken = event.fields.get("woken")
        if not isinstance(woken, list) or self._go.is_code(event.pc):
            return _NONE, _NONE
        channel = ("wake", event.seq)
        for tid in woken:
            self._owe(tid, channel)
        return _NONE, [channel]

    def calls(self, event: Event) -> tuple[Channels, Channels]:
        """A futex call that did not wait."""
        arguments = self._futex_call(event)
        return self._futex_result(arguments, event.fields.get("result")) if arguments else (_NONE, _NONE)

    def enters_call(self, event: Event) -> tuple[Channels, Channels]:
        """Remembers the arguments of a futex call that waits."""
        arguments = self._futex_call(event)
        if arguments:
            self._calls[event.tid] = arguments
        return _NONE, _NONE

    def leaves_call(self, event: Event) -> tuple[Channels, Channels]:
        """The end of a futex call that waited."""
        return self._futex_result(self._calls.pop(event.tid, None), event.fields.get("result"))

    def _futex_call(self, event: Event) -> list[int] | None:
        """The arguments of a futex call that is not of Go's scheduler."""
        if event.fields.get("name") not in _FUTEX_CALLS or self._go.is_code(event.pc):
            return None
        given = event.fields.get("args")
        arguments = [value for value in given if isinstance(value, int)] if isinstance(given, list) else []
        return arguments if len(arguments) == _FUTEX_ARGUMENTS else None

    def _futex_result(self, arguments: list[int] | None, result: Value) -> tuple[Channels, Channels]:
        if arguments is None or not isinstance(result, int):
            return _NONE, _NONE
        address, command, second = arguments[0], arguments[1] & _COMMAND, arguments[4]
        if command in _WAKING and result >= 0:
            return _NONE, [("futex", address), ("futex", second)] if command == _WAKE_OP else [("futex", address)]
        if (command in _WAITING and result == _EAGAIN) or (command in _TAKING and result == 0):
            return [("futex", address)], _NONE
        return _NONE, _NONE

    # -- signals -------------------------------------------------------------------------------------------------------

    def sets_handler(self, event: Event) -> tuple[Channels, Channels]:
        """Signals that become ignored are dropped."""
        name = str(event.fields.get("signal"))
        self._actions[name] = event.fields.get("handler")
        if self._ignored(name):
            for (_, other), queue in self._sent.items():
                if other == name:
                    queue.clear()
        return _NONE, _NONE

    def _ignored(self, name: str) -> bool:
        handler = self._actions.get(name, _SIG_DFL)
        return handler == _SIG_IGN or (handler == _SIG_DFL and name in _IGNORED_BY_DEFAULT)

    def sends_signal(self, event: Event) -> tuple[Channels, Channels]:
        """A signal sent by a thread, unless it is ignored or a preemption by Go's scheduler."""
        fields = event.fields
        name, to = str(fields.get("signal")), fields.get("to")
        if not _by_a_thread(fields.get("code")) or self._ignored(name) or not isinstance(to, int):
            return _NONE, _NONE
        if name == _PREEMPTION and self._go.is_code(event.pc):
            return _NONE, _NONE
        channel = ("signal", event.seq)
        self._sent.setdefault((to, name), deque()).append(channel)
        return _NONE, [channel]

    def takes_signal(self, event: Event) -> tuple[Channels, Channels]:
        """The thread's own signals come first. A standard one is delivered once for all that were sent while it was pending."""
        name = str(event.fields.get("signal"))
        queue = self._sent.get((event.tid, name)) or self._sent.get((0, name))
        if not queue or not _by_a_thread(event.fields.get("code")):
            return _NONE, _NONE
        if name.startswith(_REALTIME):
            return [queue.popleft()], _NONE
        taken = list(queue)
        queue.clear()
        return taken, _NONE

    # -- Go --------------------------------------------------------------------------------------------------------------

    def go_library(self, event: Event) -> tuple[Channels, Channels]:
        """Remembers what the library's code waits for."""
        waits = event.fields.get("waits")
        self._waits[_named(event, "object")] = waits if isinstance(waits, list) else ()
        return _NONE, _NONE

    def go_export(self, event: Event) -> tuple[Channels, Channels]:
        """A call from outside comes after the steps that the library waits for."""
        name = _named(event, "object")
        if self._go.is_own_thread(str(name), event.tid):
            return _NONE, _NONE
        return [(wait, name) for wait in self._waits.get(name, _GO_WAITS)], _NONE


def _named(event: Event, name: str) -> Hashable:
    """A field that names a channel; "tid" is the event's thread."""
    value = event.tid if name == "tid" else event.fields.get(name)
    return tuple(value) if isinstance(value, list) else value


def _channel(event: Event, declared: tuple[str, ...]) -> Hashable:
    """A declared channel, with the event's values."""
    family, *names = declared
    return (family, *(_named(event, name) for name in names))


def _by_a_thread(code: Value) -> bool:
    """True if si_code is that of a signal sent by a thread: not by the kernel or a timer (asm-generic/siginfo.h)."""
    return isinstance(code, int) and code <= 0 and code != _SI_TIMER


_Rule = Callable[[Synchronisation, Event], tuple[Channels, Channels]]

RULES: dict[str, _Rule] = {
    name: rule for name, rule in vars(Synchronisation).items() if not name.startswith("_") and name != "step"
}
"""The rules that declarations of kinds name."""
