"""What each event of a trace synchronises with: the channels that it acquires and releases.

A channel is a name for something by which threads wait for one another: a mutex by its address, a thread that is born, one
signal that was sent. Who acquires a channel comes after all who have released it before.

    threads            task-create → all the child does; task-exit → join-done
    locks              release → every later acquire of the same mutex, loader's lock or reader-writer lock (a reader's release
                       orders writers only)
    semaphore          sem-post → every later sem-acquire
    once               once-exit → once-pass, and the end of a once-wait
    barrier            barrier-wait → barrier-leave of the same generation
    futex              futex-wake → the next event of each thread it woke; and, used like a channel: a call that wakes, whether
                       or not anybody waits → a call that would have waited but found the word changed (-EAGAIN)
    condition          by its futex: cond-wake stands before the futex-wake that ends the waits
    signal             signal-sent by a thread → its delivery, or acceptance by sigtimedwait
    host               its calls one after the other (call-enter); call-exit → what it calls once it has the result (call-result)
    Go                 runtime_init_done and main_init_done → bodies of exports on threads that are not the runtime's own, where
                       the library's code waits for them (go-library; runtime/cgo/gcc_libinit.c, runtime/cgocall.go), which it
                       does unless somebody changed it; the steps of the goroutine that initialises, wherever it runs

What a trace does not show orders nothing: reads and writes of memory (atomics, spin locks, a flag that was found set), pipes and
eventfds, Go's channels and locks, timers. Nor does Go's scheduler: the futexes and preemption signals of a Go runtime pass
processors from thread to thread, which is luck to the program (The Go Memory Model, https://go.dev/ref/mem).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from emuload.order.go_objects import GoObjects
from emuload.trace.events import Event, Value

Channels = Sequence[Hashable]
_NONE: Channels = ()

_RELEASES = {
    "mutex-release": ("mutex", "mutex"),
    "loader-lock-release": ("loader lock", "lock"),
    "sem-post": ("sem", "sem"),
    "once-exit": ("once", "once"),
}
_ACQUIRES = {
    "mutex-acquire": ("mutex", "mutex"),
    "loader-lock-acquire": ("loader lock", "lock"),
    "sem-acquire": ("sem", "sem"),
    "once-pass": ("once", "once"),
    "join-done": ("end", "thread"),
}
"""Kinds of events, the family of channels each belongs to, and the field that names the channel."""

_FUTEX_CALLS = ("futex", "futex_time64")
_FUTEX_ARGUMENTS = 6
_COMMAND = 127
"""The bits of a futex operation that say what it does; above them are flags (linux/futex.h)."""

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
"""What Go's scheduler sends to a thread whose goroutine has run for long (runtime/signal_unix.go, sigPreempt)."""

_HOST = "the host"

_GO_DONE = {"go-runtime-init-done": "runtime_init_done", "go-main-init-done": "main_init_done"}
_GO_STEPS = ("go-runtime-main", "go-package-init-enter", "go-package-init-exit", *_GO_DONE)
"""Steps of the goroutine that initialises, and those that exports wait for, with the names of the waits."""


@dataclass(eq=False)
class Synchronisation:
    """Reads a trace event by event: give `step` each, in order."""

    _owed: dict[int, list[Hashable]] = field(default_factory=dict)
    """What a thread acquires at its next event, by tid."""
    _readers: Counter[tuple[int, Hashable]] = field(default_factory=Counter)
    """How often a thread holds a reader-writer lock to read: (tid, lock)."""
    _once: dict[int, Hashable] = field(default_factory=dict)
    """The once that a thread waits for, by tid."""
    _calls: dict[int, list[int]] = field(default_factory=dict)
    """Arguments of the futex call that a thread waits in, by tid."""
    _sent: dict[tuple[int, str], deque[Hashable]] = field(default_factory=dict)
    """Signals sent and not yet taken, by (tid or 0, name)."""
    _actions: dict[str, Value] = field(default_factory=dict)
    """The handler last set for a signal, by name."""
    _waits: dict[Hashable, Sequence[Hashable]] = field(default_factory=dict)
    """What calls of exports wait for, by Go library."""
    _go: GoObjects = field(default_factory=GoObjects)

    def step(self, event: Event) -> tuple[Channels, Channels]:
        """The channels that an event acquires, and those that it releases."""
        self._go.see(event)
        handler = _HANDLERS.get(event.kind)
        acquired, released = handler(self, event) if handler is not None else (_NONE, _NONE)
        if event.tid in self._owed:
            acquired = [*self._owed.pop(event.tid), *acquired]
        return acquired, released

    def _owe(self, tid: Hashable, channel: Hashable) -> None:
        if isinstance(tid, int):
            self._owed.setdefault(tid, []).append(channel)

    # -- threads, locks and their like -----------------------------------------------------------------------------------

    def _acquire(self, event: Event) -> tuple[Channels, Channels]:
        family, name = _ACQUIRES[event.kind]
        return [(family, _named(event, name))], _NONE

    def _release(self, event: Event) -> tuple[Channels, Channels]:
        family, name = _RELEASES[event.kind]
        return _NONE, [(family, _named(event, name))]

    def _create(self, event: Event) -> tuple[Channels, Channels]:
        child = _named(event, "child")
        self._owe(child, ("birth", child))
        return _NONE, [("birth", child)]

    def _end(self, event: Event) -> tuple[Channels, Channels]:
        return _NONE, [("end", event.tid)]

    def _rwlock_acquire(self, event: Event) -> tuple[Channels, Channels]:
        lock = _named(event, "rwlock")
        if event.fields.get("write"):
            return [("rwlock", lock), ("rwlock readers", lock)], _NONE
        self._readers[event.tid, lock] += 1
        return [("rwlock", lock)], _NONE

    def _rwlock_release(self, event: Event) -> tuple[Channels, Channels]:
        lock = _named(event, "rwlock")
        if not self._readers[event.tid, lock]:
            return _NONE, [("rwlock", lock)]
        self._readers[event.tid, lock] -= 1
        return _NONE, [("rwlock readers", lock)]

    def _once_wait(self, event: Event) -> tuple[Channels, Channels]:
        self._once[event.tid] = _named(event, "once")
        return _NONE, _NONE

    def _wait_over(self, event: Event) -> tuple[Channels, Channels]:
        once = self._once.pop(event.tid, None)
        return ([("once", once)] if once is not None and once == _named(event, "object") else _NONE), _NONE

    def _barrier_wait(self, event: Event) -> tuple[Channels, Channels]:
        return _NONE, [("barrier", _named(event, "barrier"), _named(event, "generation"))]

    def _barrier_leave(self, event: Event) -> tuple[Channels, Channels]:
        return [("barrier", _named(event, "barrier"), _named(event, "generation"))], _NONE

    # -- futexes -------------------------------------------------------------------------------------------------------

    def _futex_wake(self, event: Event) -> tuple[Channels, Channels]:
        woken = event.fields.get("woken")
        if not isinstance(woken, list) or self._go.is_code(event.pc):
            return _NONE, _NONE
        channel = ("wake", event.seq)
        for tid in woken:
            self._owe(tid, channel)
        return _NONE, [channel]

    def _syscall(self, event: Event) -> tuple[Channels, Channels]:
        arguments = self._futex_call(event)
        return self._futex_result(arguments, event.fields.get("result")) if arguments else (_NONE, _NONE)

    def _syscall_enter(self, event: Event) -> tuple[Channels, Channels]:
        arguments = self._futex_call(event)
        if arguments:
            self._calls[event.tid] = arguments
        return _NONE, _NONE

    def _syscall_exit(self, event: Event) -> tuple[Channels, Channels]:
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

    def _signal_action(self, event: Event) -> tuple[Channels, Channels]:
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

    def _signal_sent(self, event: Event) -> tuple[Channels, Channels]:
        fields = event.fields
        name, to = str(fields.get("signal")), fields.get("to")
        if not _by_a_thread(fields.get("code")) or self._ignored(name) or not isinstance(to, int):
            return _NONE, _NONE
        if name == _PREEMPTION and self._go.is_code(event.pc):
            return _NONE, _NONE
        channel = ("signal", event.seq)
        self._sent.setdefault((to, name), deque()).append(channel)
        return _NONE, [channel]

    def _signal_taken(self, event: Event) -> tuple[Channels, Channels]:
        """The thread's own signals come first; a standard one stands for all that were sent while it was pending."""
        name = str(event.fields.get("signal"))
        queue = self._sent.get((event.tid, name)) or self._sent.get((0, name))
        if not queue or not _by_a_thread(event.fields.get("code")):
            return _NONE, _NONE
        if name.startswith(_REALTIME):
            return [queue.popleft()], _NONE
        taken = list(queue)
        queue.clear()
        return taken, _NONE

    # -- the host, and Go ------------------------------------------------------------------------------------------------

    def _host_result(self, event: Event) -> tuple[Channels, Channels]:
        return _NONE, [_HOST]

    def _host_call(self, event: Event) -> tuple[Channels, Channels]:
        return [_HOST], [_HOST]

    def _go_initialises(self, event: Event) -> tuple[Channels, Channels]:
        name = _named(event, "object")
        goroutine = ("init goroutine", name)
        done = _GO_DONE.get(event.kind)
        return [goroutine], [goroutine, (done, name)] if done is not None else [goroutine]

    def _go_library(self, event: Event) -> tuple[Channels, Channels]:
        waits = event.fields.get("waits")
        self._waits[_named(event, "object")] = waits if isinstance(waits, list) else ()
        return _NONE, _NONE

    def _go_export(self, event: Event) -> tuple[Channels, Channels]:
        name = _named(event, "object")
        if self._go.is_own_thread(str(name), event.tid):
            return _NONE, _NONE
        return [(wait, name) for wait in self._waits.get(name, tuple(_GO_DONE.values()))], _NONE


def _named(event: Event, name: str) -> Hashable:
    """A field that names a channel."""
    value = event.fields.get(name)
    return tuple(value) if isinstance(value, list) else value


def _by_a_thread(code: Value) -> bool:
    """Whether si_code says that a thread sent the signal: not the kernel, not a timer (asm-generic/siginfo.h)."""
    return isinstance(code, int) and code <= 0 and code != _SI_TIMER


_Handler = Callable[[Synchronisation, Event], tuple[Channels, Channels]]

_HANDLERS: dict[str, _Handler] = {
    **dict.fromkeys(_ACQUIRES, Synchronisation._acquire),
    **dict.fromkeys(_RELEASES, Synchronisation._release),
    "task-create": Synchronisation._create,
    "task-exit": Synchronisation._end,
    "rwlock-acquire": Synchronisation._rwlock_acquire,
    "rwlock-release": Synchronisation._rwlock_release,
    "once-wait": Synchronisation._once_wait,
    "wait-over": Synchronisation._wait_over,
    "barrier-wait": Synchronisation._barrier_wait,
    "barrier-leave": Synchronisation._barrier_leave,
    "futex-wake": Synchronisation._futex_wake,
    "syscall": Synchronisation._syscall,
    "syscall-enter": Synchronisation._syscall_enter,
    "syscall-exit": Synchronisation._syscall_exit,
    "signal-action": Synchronisation._signal_action,
    "signal-sent": Synchronisation._signal_sent,
    "signal-delivered": Synchronisation._signal_taken,
    "signal-accepted": Synchronisation._signal_taken,
    "call-result": Synchronisation._host_result,
    "call-enter": Synchronisation._host_call,
    **dict.fromkeys(_GO_STEPS, Synchronisation._go_initialises),
    "go-library": Synchronisation._go_library,
    "go-export-body": Synchronisation._go_export,
}
