"""Futexes with priority inheritance: FUTEX_LOCK_PI and its relatives (futex(2), Linux kernel/futex/pi.c).

All tasks have one priority, so a PI lock is a queue; its word holds the owner's thread id.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Result
from emuload.kernel.futex import (
    FUTEX_OWNER_DIED,
    FUTEX_TID_MASK,
    FUTEX_WAITERS,
    enqueue,
    misaligned,
    move,
    report,
    wait_of,
)
from emuload.kernel.integers import int32
from emuload.kernel.task import Task, Wait


def try_pi(k: Kernel, task: Task, uaddr: int) -> int:
    """FUTEX_TRYLOCK_PI: 0 if the lock was taken, -EAGAIN if another thread owns it, other errors as in futex(2)."""
    if misaligned(uaddr):
        return -errno.EINVAL
    word = k.get_u32(uaddr)
    owner = word & FUTEX_TID_MASK
    if owner == task.tid:
        return -errno.EDEADLK
    if not owner:
        if uaddr in k.futexes.waiters:
            return -errno.EINVAL
        k.put_u32(uaddr, task.tid | word & FUTEX_OWNER_DIED)
        return 0
    holder = k.tasks.get(owner)
    if holder is None or holder.exited:
        return -errno.ESRCH
    return -errno.EAGAIN


def lock_pi(k: Kernel, task: Task, uaddr: int, deadline: int | None) -> Result:
    """FUTEX_LOCK_PI."""
    result = try_pi(k, task, uaddr)
    if result != -errno.EAGAIN:
        return result
    word = k.get_u32(uaddr)
    k.put_u32(uaddr, word | FUTEX_WAITERS)
    if deadline is not None and deadline <= k.clock.now():
        return -errno.ETIMEDOUT
    owner = word & FUTEX_TID_MASK
    wait = Wait(
        "futex", uaddr, deadline, -errno.ETIMEDOUT,
        what=f"PI lock {uaddr:#x} held by {owner}", restart=True, bitset=0,
    )  # fmt: skip
    return enqueue(k, task, wait)


def _take_pi(k: Kernel, uaddr: int) -> Task | None:
    queue = k.futexes.waiters.get(uaddr)
    if not queue:
        return None
    index = k.choice.choose_waiter(uaddr, queue) if len(queue) > 1 else 0
    tid = queue.pop(index)
    if not queue:
        del k.futexes.waiters[uaddr]
    return k.tasks[tid]


def hand_over(k: Kernel, releaser: Task, uaddr: int, died: int) -> None:
    """Give a PI lock to its next waiter, or free it. `died` is FUTEX_OWNER_DIED if its owner exited, else 0."""
    heir = _take_pi(k, uaddr)
    if heir is None:
        k.put_u32(uaddr, died)
        return
    more = FUTEX_WAITERS if uaddr in k.futexes.waiters else 0
    k.put_u32(uaddr, heir.tid | more | died)
    k.wake(heir, 0)
    report(k, releaser, uaddr, [heir.tid])


def unlock_pi(k: Kernel, task: Task, uaddr: int) -> int:
    """FUTEX_UNLOCK_PI."""
    if misaligned(uaddr):
        return -errno.EINVAL
    if k.get_u32(uaddr) & FUTEX_TID_MASK != task.tid:
        return -errno.EPERM
    hand_over(k, task, uaddr, 0)
    return 0


def wait_requeue_pi(k: Kernel, task: Task, uaddr: int, val: int, deadline: int | None, uaddr2: int) -> Result:
    """FUTEX_WAIT_REQUEUE_PI: wait on `uaddr` until FUTEX_CMP_REQUEUE_PI moves the task to the lock at `uaddr2`."""
    if misaligned(uaddr) or misaligned(uaddr2) or uaddr == uaddr2:
        return -errno.EINVAL
    if k.get_u32(uaddr) != val:
        return -errno.EAGAIN
    wait = Wait(
        "futex", uaddr, deadline, -errno.ETIMEDOUT,
        what=f"futex {uaddr:#x}, then PI lock {uaddr2:#x}", bitset=0, requeue_to=uaddr2,
    )  # fmt: skip
    return enqueue(k, task, wait)


def cmp_requeue_pi(k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_requeue: int, uaddr2: int, expected: int) -> int:
    """FUTEX_CMP_REQUEUE_PI: give the lock to the first waiter if it is free; the others wait for the lock from then on."""
    if nr_wake != 1 or misaligned(uaddr) or misaligned(uaddr2) or uaddr == uaddr2:
        return -errno.EINVAL
    if k.get_u32(uaddr) != expected:
        return -errno.EAGAIN
    queue = k.futexes.waiters.get(uaddr, [])
    if any(wait_of(k, tid).requeue_to != uaddr2 for tid in queue):
        return -errno.EINVAL
    woken = 0
    if queue:
        first = k.tasks[queue[0]]
        result = try_pi(k, first, uaddr2)
        if result == 0:
            _take_pi(k, uaddr)
            k.wake(first, 0)
            report(k, task, uaddr, [first.tid])
            woken = 1
        elif result != -errno.EAGAIN:
            return result
    moved = move(k, task, uaddr, uaddr2, int32(nr_requeue))
    if uaddr2 in k.futexes.waiters:
        k.put_u32(uaddr2, k.get_u32(uaddr2) | FUTEX_WAITERS)
    return woken + moved
