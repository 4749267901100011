"""Futexes: the queue of tasks that wait on each word of memory; waiting, waking and moving them (futex(2)).

Sources: futex(2), Linux kernel/futex/{core,waitwake,requeue}.c. There is one process, so a futex is its address, PRIVATE or
not. Priority inheritance is in `futex_pi`, the system calls are in `futex_calls`.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Result
from emuload.kernel.integers import int32
from emuload.kernel.task import Task, Wait

(
    FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI,
    FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI2,
) = range(14)  # fmt: skip
FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME = 128, 256
ANY = 0xFFFFFFFF

FUTEX_WAITERS, FUTEX_OWNER_DIED, FUTEX_TID_MASK = 0x8000_0000, 0x4000_0000, 0x3FFF_FFFF

_WAIT, _WAKE = ("address", "deadline"), ("address", "woken")
"""Fields of the events."""


# -- the queues --------------------------------------------------------------------------------------------------


def enqueue(k: Kernel, task: Task, wait: Wait) -> Result:
    """Let the task wait, last in the queue of `wait.key`."""
    k.futexes.waiters.setdefault(wait.key, []).append(task.tid)
    if k.events.enabled:
        k.events.repeat("futex-wait", task.tid, _WAIT, (wait.key, wait.deadline))
    return k.block(task, wait)


def take(k: Kernel, address: int, bitset: int) -> Task | None:
    """Remove and return the next waiter that matches the bitset; the run's choice decides among several."""
    queue = k.futexes.waiters.get(address)
    if not queue:
        return None
    fitting = queue
    if bitset != ANY or any(wait_of(k, tid).bitset & bitset == 0 for tid in queue):
        fitting = [tid for tid in queue if wait_of(k, tid).bitset & bitset]
    if not fitting:
        return None
    index = k.choice.choose_waiter(address, fitting) if len(fitting) > 1 else 0
    tid = fitting[index]
    queue.remove(tid)
    if not queue:
        del k.futexes.waiters[address]
    return k.tasks[tid]


def wait_of(k: Kernel, tid: int) -> Wait:
    """The wait of a task that is in a queue."""
    wait = k.tasks[tid].wait
    assert wait is not None
    return wait


def misaligned(address: int) -> bool:
    """True if a futex cannot be at this address."""
    return bool(address & 3)


# -- wait, wake, requeue -------------------------------------------------------------------------------------------


def wait(k: Kernel, task: Task, uaddr: int, val: int, deadline: int | None, bitset: int) -> Result:
    """FUTEX_WAIT and FUTEX_WAIT_BITSET: wait while the word is `val`."""
    if not bitset or uaddr & 3:
        return -errno.EINVAL
    if k.get_u32(uaddr) != val:
        return -errno.EAGAIN
    if deadline is not None and deadline <= k.clock.now():
        return -errno.ETIMEDOUT
    entry = Wait(
        "futex", uaddr, deadline, -errno.ETIMEDOUT,
        what=f"futex {uaddr:#x} while it is {val}", restart=deadline is None, bitset=bitset,
    )  # fmt: skip
    return enqueue(k, task, entry)


def wake(k: Kernel, waker: Task | None, uaddr: int, count: int, bitset: int) -> int:
    """Wake up to `count` waiters (a signed int; at least one, as on Linux). The number woken, or -errno."""
    if not bitset or uaddr & 3:
        return -errno.EINVAL
    if uaddr not in k.futexes.waiters:
        return 0
    wanted = int32(count)
    woken: list[int] = []
    while len(woken) < max(1, wanted):
        task = take(k, uaddr, bitset)
        if task is None:
            break
        k.wake(task, 0)
        woken.append(task.tid)
    report(k, waker, uaddr, woken)
    return len(woken)


def report(k: Kernel, waker: Task | None, uaddr: int, woken: list[int]) -> None:
    """Emit "futex-wake" unless nobody woke."""
    if woken and k.events.enabled:
        k.events.repeat("futex-wake", waker.tid if waker else 0, _WAKE, (uaddr, tuple(woken)))


def requeue(k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_requeue: int, uaddr2: int, expected: int | None) -> int:
    """FUTEX_REQUEUE and FUTEX_CMP_REQUEUE (`expected`): wake some waiters and move others. Tasks woken and moved, or -errno."""
    wake_count, move_count = int32(nr_wake), int32(nr_requeue)
    if wake_count < 0 or move_count < 0 or misaligned(uaddr) or misaligned(uaddr2):
        return -errno.EINVAL
    if expected is not None and k.get_u32(uaddr) != expected:
        return -errno.EAGAIN
    woken: list[int] = []
    while len(woken) < wake_count:
        waiter = take(k, uaddr, ANY)
        if waiter is None:
            break
        k.wake(waiter, 0)
        woken.append(waiter.tid)
    report(k, task, uaddr, woken)
    return len(woken) + move(k, task, uaddr, uaddr2, move_count)


def move(k: Kernel, task: Task, uaddr: int, uaddr2: int, count: int) -> int:
    """Move up to `count` waiters to the queue of `uaddr2`. The number moved."""
    moved: list[int] = []
    if uaddr != uaddr2:
        queue = k.futexes.waiters.get(uaddr, [])
        moved = queue[:count]
        if moved:
            del queue[: len(moved)]
            if not queue:
                del k.futexes.waiters[uaddr]
            k.futexes.waiters.setdefault(uaddr2, []).extend(moved)
            for tid in moved:
                wait_of(k, tid).key = uaddr2
            if k.events.enabled:
                k.events.emit("futex-requeue", task.tid, address=uaddr, to=uaddr2, moved=moved)
    return len(moved)


def _sign12(value: int) -> int:
    return value - 0x1000 if value & 0x800 else value


def wake_op(k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_wake2: int, uaddr2: int, encoded: int) -> int:
    """FUTEX_WAKE_OP: change *uaddr2, wake on uaddr, and on uaddr2 if the old value compares true."""
    if misaligned(uaddr) or misaligned(uaddr2):
        return -errno.EINVAL
    operation, compare = encoded >> 28 & 7, encoded >> 24 & 15
    argument, against = _sign12(encoded >> 12 & 0xFFF), _sign12(encoded & 0xFFF)
    if encoded >> 31:
        argument = 1 << (argument & 31)
    k.get_u32(uaddr)
    old = k.get_u32(uaddr2)
    if operation > 4 or compare > 5:
        return -errno.ENOSYS
    new = (argument, old + argument, old | argument, old & ~argument, old ^ argument)[operation]
    k.put_u32(uaddr2, new)
    signed = int32(old)
    true = (
        signed == against, signed != against, signed < against, signed <= against, signed > against, signed >= against,
    )[compare]  # fmt: skip
    woken = wake(k, task, uaddr, nr_wake, ANY)
    if true:
        woken += wake(k, task, uaddr2, nr_wake2, ANY)
    return woken
