"""Events that the emulated C library reports, by number (enum em_event of emuload/libc/src/host.h).

A lock's release comes before every later acquire of it, a semaphore's post before every later decrement, a barrier's waits before
every leave of the same generation. `once-exit` comes before `once-pass` and before the end of a `once-wait`.
"""

from __future__ import annotations

from emuload.trace.kinds import BY_MACHINE, BY_TIMING, WAIT, Kind, declared

_WAIT = (WAIT, "")

THREAD_CREATE = Kind("thread-create", "child, routine, argument", "pthread_create made a thread", number=19)
THREAD_START = Kind("thread-start", "routine", "the thread's first step", number=20)
THREAD_EXIT = Kind("thread-exit", "", "the thread ends", number=21)
JOIN_WAIT = Kind(
    "join-wait", "thread", "pthread_join waits",
    number=17, begins=_WAIT, blocked_on="thread", holder="thread", varies=BY_TIMING,
)  # fmt: skip
JOIN_DONE = Kind(
    "join-done", "thread", "pthread_join is over", number=18, ends=JOIN_WAIT, acquires=[("end", "thread")]
)
KEY_DESTRUCTOR = Kind(
    "key-destructor", "key, function", "the destructor of a thread-specific value is called", number=22
)

MUTEX_WAIT = Kind(
    "mutex-wait", "mutex, owner", "another thread has the mutex",
    number=0, begins=_WAIT, blocked_on="mutex", holder="owner", varies=BY_MACHINE,
)  # fmt: skip
MUTEX_ACQUIRE = Kind(
    "mutex-acquire", "mutex", "the thread has the mutex",
    number=1, ends=MUTEX_WAIT, quiet=True, acquires=[("mutex", "mutex")], varies=BY_MACHINE,
)  # fmt: skip
MUTEX_RELEASE = Kind(
    "mutex-release", "mutex", "it gives it back", number=2, quiet=True, releases=[("mutex", "mutex")], varies=BY_MACHINE
)

COND_WAIT = Kind(
    "cond-wait", "cond, mutex", "a condition is waited for",
    number=3, begins=_WAIT, blocked_on="condition", varies=BY_MACHINE,
)  # fmt: skip
COND_WAKE = Kind(
    "cond-wake", "cond, all", "it is signalled; `all` is 1 for a broadcast", number=4, varies=BY_MACHINE
)
COND_RETURN = Kind("cond-return", "cond", "the wait is over", number=5, ends=COND_WAIT, varies=BY_MACHINE)

SEM_WAIT = Kind(
    "sem-wait", "sem", "a semaphore is 0", number=6, begins=_WAIT, blocked_on="semaphore", varies=BY_MACHINE
)
SEM_ACQUIRE = Kind(
    "sem-acquire", "sem", "it was counted down", number=7, ends=SEM_WAIT, acquires=[("sem", "sem")], varies=BY_MACHINE
)
SEM_POST = Kind("sem-post", "sem", "it was counted up", number=8, releases=[("sem", "sem")], varies=BY_MACHINE)

ONCE_WAIT = Kind(
    "once-wait", "once, owner", "another thread runs the pthread_once routine",
    number=9, begins=_WAIT, blocked_on="once", holder="owner", rule="waits_for_once", varies=BY_TIMING,
)  # fmt: skip
ONCE_ENTER = Kind("once-enter", "once, routine", "the routine is called", number=10, begins=("once", ""))
ONCE_EXIT = Kind(
    "once-exit", "once", "the routine is done", number=11, ends=ONCE_ENTER, releases=[("once", "once")]
)
ONCE_PASS = Kind(
    "once-pass", "once", "pthread_once finds the routine done", number=30, acquires=[("once", "once")]
)

RWLOCK_WAIT = Kind(
    "rwlock-wait", "rwlock, owner, write", "a reader-writer lock is taken",
    number=12, begins=_WAIT, blocked_on="rwlock", holder="owner", varies=BY_MACHINE,
)  # fmt: skip
RWLOCK_ACQUIRE = Kind(
    "rwlock-acquire", "rwlock, write", "the thread has it",
    number=13, ends=RWLOCK_WAIT, rule="takes_rwlock", varies=BY_MACHINE,
)  # fmt: skip
RWLOCK_RELEASE = Kind(
    "rwlock-release", "rwlock", "it gives it back", number=14, rule="returns_rwlock", varies=BY_MACHINE
)

BARRIER_WAIT = Kind(
    "barrier-wait", "barrier, generation", "a thread waits at a barrier that has been passed `generation` times",
    number=15, begins=_WAIT, blocked_on="barrier", releases=[("barrier", "barrier", "generation")], varies=BY_MACHINE,
)  # fmt: skip
BARRIER_LEAVE = Kind(
    "barrier-leave", "barrier, generation", "it goes on",
    number=16, ends=BARRIER_WAIT, acquires=[("barrier", "barrier", "generation")], varies=BY_MACHINE,
)  # fmt: skip

LOADER_LOCK_WAIT = Kind(
    "loader-lock-wait", "lock, owner", "a thread waits for the loader's lock",
    number=26, begins=_WAIT, blocked_on="loader lock", holder="owner", varies=BY_TIMING,
)  # fmt: skip
LOADER_LOCK_ACQUIRE = Kind(
    "loader-lock-acquire", "lock", "it has it",
    number=27, ends=LOADER_LOCK_WAIT, quiet=True, acquires=[("loader lock", "lock")],
)  # fmt: skip
LOADER_LOCK_RELEASE = Kind(
    "loader-lock-release", "lock", "it gives it back", number=28, quiet=True, releases=[("loader lock", "lock")]
)
CONSTRUCTORS_WAIT = Kind(
    "constructors-wait", "object, owner",
    "a thread waits for constructors of the object at that address, which another one runs",
    number=31, begins=_WAIT, blocked_on="constructors of", holder="owner", varies=BY_TIMING,
)  # fmt: skip

ITERATION_WAIT = Kind(
    "iteration-wait", "lock, owner", "a thread waits for the lock of dl_iterate_phdr",
    number=32, begins=_WAIT, blocked_on="lock of dl_iterate_phdr", holder="owner", varies=BY_TIMING,
)  # fmt: skip
ITERATION_ACQUIRE = Kind(
    "iteration-acquire", "lock", "it has it", number=33, ends=ITERATION_WAIT, quiet=True, varies=BY_TIMING
)

WAIT_OVER = Kind(
    "wait-over", "object", "any of the waits above ended without success; `object` is an address",
    number=29, ends_any=WAIT, quiet=True, rule="wait_over", varies=BY_MACHINE,
)  # fmt: skip
ATEXIT = Kind("atexit", "function", "a function registered to run at exit is called", number=23)
ABORT = Kind("abort", "", "abort was called", number=24)
ASSERT = Kind(
    "assert", "expression, file, line, function",
    "an assertion failed; the first, second and fourth are addresses of texts",
    number=25,
)  # fmt: skip

KINDS = declared(globals())
