"""futex(2): waiting on a word of memory, in first-come order, with time-outs on the virtual clock.

Sources: futex(2), Linux kernel/futex/{core,waitwake,requeue,pi}.c, Documentation/locking/robust-futex-ABI.rst.
There is one process, so a futex is its address, PRIVATE or not.
"""

from __future__ import annotations

from contextlib import suppress

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Result, syscall
from emuload.kernel.task import Task, Wait
from emuload.kernel.time import read_timespec
from emuload.machine.memory import MemoryFault

(
    FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI,
    FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI2,
) = range(14)  # fmt: skip
FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME = 128, 256
_COMMAND = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
ANY = 0xFFFFFFFF

FUTEX_WAITERS, FUTEX_OWNER_DIED, FUTEX_TID_MASK = 0x8000_0000, 0x4000_0000, 0x3FFF_FFFF

_TIMED = frozenset({FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI})
_REALTIME_ALLOWED = frozenset({FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2})
_ROBUST_LIST_LIMIT = 2048
_WAIT, _WAKE = ("address", "deadline"), ("address", "woken")
"""Fields of the events."""


@syscall("futex")
def sys_futex(k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int) -> Result:
    """The call whose timespec is two machine words."""
    return _futex(k, task, uaddr, op, val, timeout, uaddr2, val3, k.abi.word)


@syscall("futex_time64")
def sys_futex_time64(
    k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int
) -> Result:
    """The 32-bit machines' call with a 64-bit timespec."""
    return _futex(k, task, uaddr, op, val, timeout, uaddr2, val3, 8)


def _futex(
    k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int, width: int
) -> Result:
    command = op & _COMMAND & 0xFFFFFFFF
    realtime = bool(op & FUTEX_CLOCK_REALTIME)
    if realtime and command not in _REALTIME_ALLOWED:
        return -errno.ENOSYS
    val &= 0xFFFFFFFF
    val3 &= 0xFFFFFFFF
    if command == FUTEX_WAKE:
        return wake(k, task, uaddr, val, ANY)
    deadline: int | None = None
    if command in _TIMED and timeout:
        nanoseconds = read_timespec(k, timeout, width)
        if nanoseconds is None:
            return -errno.EINVAL
        if command == FUTEX_WAIT:
            deadline = k.deadline(task, nanoseconds)
        else:
            deadline = nanoseconds - EPOCH if realtime or command == FUTEX_LOCK_PI else nanoseconds
    if command == FUTEX_WAIT:
        return _wait(k, task, uaddr, val, deadline, ANY)
    if command == FUTEX_WAIT_BITSET:
        return _wait(k, task, uaddr, val, deadline, val3)
    if command == FUTEX_WAKE_BITSET:
        return wake(k, task, uaddr, val, val3)
    if command == FUTEX_REQUEUE:
        return _requeue(k, task, uaddr, val, timeout, uaddr2, None)
    if command == FUTEX_CMP_REQUEUE:
        return _requeue(k, task, uaddr, val, timeout, uaddr2, val3)
    if command == FUTEX_WAKE_OP:
        return _wake_op(k, task, uaddr, val, timeout, uaddr2, val3)
    if command in (FUTEX_LOCK_PI, FUTEX_LOCK_PI2):
        return _lock_pi(k, task, uaddr, deadline)
    if command == FUTEX_TRYLOCK_PI:
        return _trylock_pi(k, task, uaddr)
    if command == FUTEX_UNLOCK_PI:
        return _unlock_pi(k, task, uaddr)
    if command == FUTEX_WAIT_REQUEUE_PI:
        return _wait_requeue_pi(k, task, uaddr, val, deadline, uaddr2)
    if command == FUTEX_CMP_REQUEUE_PI:
        return _cmp_requeue_pi(k, task, uaddr, val, timeout, uaddr2, val3)
    return -errno.ENOSYS


# -- the queues --------------------------------------------------------------------------------------------------


def _enqueue(k: Kernel, task: Task, wait: Wait) -> Result:
    k.futexes.waiters.setdefault(wait.key, []).append(task.tid)
    if k.events.enabled:
        k.events.repeat("futex-wait", task.tid, _WAIT, (wait.key, wait.deadline))
    return k.block(task, wait)


def _take(k: Kernel, address: int, bitset: int) -> Task | None:
    """Remove and give the next waiter that matches, as the run's choice says."""
    queue = k.futexes.waiters.get(address)
    if not queue:
        return None
    fitting = queue
    if bitset != ANY or any(_wait_of(k, tid).bitset & bitset == 0 for tid in queue):
        fitting = [tid for tid in queue if _wait_of(k, tid).bitset & bitset]
    if not fitting:
        return None
    index = k.choice.choose_waiter(address, fitting) if len(fitting) > 1 else 0
    tid = fitting[index]
    queue.remove(tid)
    if not queue:
        del k.futexes.waiters[address]
    return k.tasks[tid]


def _wait_of(k: Kernel, tid: int) -> Wait:
    wait = k.tasks[tid].wait
    assert wait is not None
    return wait


def _check(address: int) -> int:
    return -errno.EINVAL if address & 3 else 0


# -- wait, wake, requeue -------------------------------------------------------------------------------------------


def _wait(k: Kernel, task: Task, uaddr: int, val: int, deadline: int | None, bitset: int) -> Result:
    if not bitset or uaddr & 3:
        return -errno.EINVAL
    if k.get_u32(uaddr) != val:
        return -errno.EAGAIN
    if deadline is not None and deadline <= k.clock.now():
        return -errno.ETIMEDOUT
    wait = Wait(
        "futex", uaddr, deadline, -errno.ETIMEDOUT,
        what=f"futex {uaddr:#x} while it is {val}", restart=deadline is None, bitset=bitset,
    )  # fmt: skip
    return _enqueue(k, task, wait)


def wake(k: Kernel, waker: Task | None, uaddr: int, count: int, bitset: int) -> int:
    """Wake up to `count` (a signed int, as Linux takes it: at least one) waiters. How many woke, or -errno."""
    if not bitset or uaddr & 3:
        return -errno.EINVAL
    if uaddr not in k.futexes.waiters:
        return 0
    wanted = _count(count)
    woken: list[int] = []
    while len(woken) < max(1, wanted):
        task = _take(k, uaddr, bitset)
        if task is None:
            break
        k.wake(task, 0)
        woken.append(task.tid)
    _report(k, waker, uaddr, woken)
    return len(woken)


def _report(k: Kernel, waker: Task | None, uaddr: int, woken: list[int]) -> None:
    if woken and k.events.enabled:
        k.events.repeat("futex-wake", waker.tid if waker else 0, _WAKE, (uaddr, tuple(woken)))


def _count(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _requeue(
    k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_requeue: int, uaddr2: int, expected: int | None
) -> int:
    """FUTEX_REQUEUE and FUTEX_CMP_REQUEUE: the former counts the woken, both add the requeued."""
    wake_count, move_count = _count(nr_wake), _count(nr_requeue)
    if wake_count < 0 or move_count < 0 or _check(uaddr) or _check(uaddr2):
        return -errno.EINVAL
    if expected is not None and k.get_u32(uaddr) != expected:
        return -errno.EAGAIN
    woken: list[int] = []
    while len(woken) < wake_count:
        waiter = _take(k, uaddr, ANY)
        if waiter is None:
            break
        k.wake(waiter, 0)
        woken.append(waiter.tid)
    _report(k, task, uaddr, woken)
    return len(woken) + _move(k, task, uaddr, uaddr2, move_count)


def _move(k: Kernel, task: Task, uaddr: int, uaddr2: int, count: int) -> int:
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
                _wait_of(k, tid).key = uaddr2
            if k.events.enabled:
                k.events.emit("futex-requeue", task.tid, address=uaddr, to=uaddr2, moved=moved)
    return len(moved)


def _sign12(value: int) -> int:
    return value - 0x1000 if value & 0x800 else value


def _wake_op(k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_wake2: int, uaddr2: int, encoded: int) -> int:
    """FUTEX_WAKE_OP: change *uaddr2, wake on uaddr, and on uaddr2 if the old value compares true."""
    if _check(uaddr) or _check(uaddr2):
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
    signed = _count(old)
    true = (
        signed == against, signed != against, signed < against, signed <= against, signed > against, signed >= against,
    )[compare]  # fmt: skip
    woken = wake(k, task, uaddr, nr_wake, ANY)
    if true:
        woken += wake(k, task, uaddr2, nr_wake2, ANY)
    return woken


# -- priority inheritance: all tasks have one priority, so a PI lock is a queue ----------------------------------------


def _try_pi(k: Kernel, task: Task, uaddr: int) -> int:
    """0: taken. -EAGAIN: owned by another. Other errors as futex(2) says."""
    if uaddr & 3:
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


def _lock_pi(k: Kernel, task: Task, uaddr: int, deadline: int | None) -> Result:
    result = _try_pi(k, task, uaddr)
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
    return _enqueue(k, task, wait)


def _trylock_pi(k: Kernel, task: Task, uaddr: int) -> int:
    return _try_pi(k, task, uaddr)


def _take_pi(k: Kernel, uaddr: int) -> Task | None:
    queue = k.futexes.waiters.get(uaddr)
    if not queue:
        return None
    index = k.choice.choose_waiter(uaddr, queue) if len(queue) > 1 else 0
    tid = queue.pop(index)
    if not queue:
        del k.futexes.waiters[uaddr]
    return k.tasks[tid]


def _hand_over(k: Kernel, releaser: Task, uaddr: int, died: int) -> None:
    """Give a PI lock to its next waiter, or free it."""
    heir = _take_pi(k, uaddr)
    if heir is None:
        k.put_u32(uaddr, died)
        return
    more = FUTEX_WAITERS if uaddr in k.futexes.waiters else 0
    k.put_u32(uaddr, heir.tid | more | died)
    k.wake(heir, 0)
    _report(k, releaser, uaddr, [heir.tid])


def _unlock_pi(k: Kernel, task: Task, uaddr: int) -> int:
    if uaddr & 3:
        return -errno.EINVAL
    if k.get_u32(uaddr) & FUTEX_TID_MASK != task.tid:
        return -errno.EPERM
    _hand_over(k, task, uaddr, 0)
    return 0


def _wait_requeue_pi(k: Kernel, task: Task, uaddr: int, val: int, deadline: int | None, uaddr2: int) -> Result:
    if _check(uaddr) or _check(uaddr2) or uaddr == uaddr2:
        return -errno.EINVAL
    if k.get_u32(uaddr) != val:
        return -errno.EAGAIN
    wait = Wait(
        "futex", uaddr, deadline, -errno.ETIMEDOUT,
        what=f"futex {uaddr:#x}, then PI lock {uaddr2:#x}", bitset=0, requeue_to=uaddr2,
    )  # fmt: skip
    return _enqueue(k, task, wait)


def _cmp_requeue_pi(
    k: Kernel, task: Task, uaddr: int, nr_wake: int, nr_requeue: int, uaddr2: int, expected: int
) -> int:
    """Give the PI lock to the first waiter if it is free; the others wait for the lock from now on."""
    if nr_wake != 1 or _check(uaddr) or _check(uaddr2) or uaddr == uaddr2:
        return -errno.EINVAL
    if k.get_u32(uaddr) != expected:
        return -errno.EAGAIN
    queue = k.futexes.waiters.get(uaddr, [])
    if any(_wait_of(k, tid).requeue_to != uaddr2 for tid in queue):
        return -errno.EINVAL
    woken = 0
    if queue:
        first = k.tasks[queue[0]]
        result = _try_pi(k, first, uaddr2)
        if result == 0:
            _take_pi(k, uaddr)
            k.wake(first, 0)
            _report(k, task, uaddr, [first.tid])
            woken = 1
        elif result != -errno.EAGAIN:
            return result
    moved = _move(k, task, uaddr, uaddr2, _count(nr_requeue))
    if uaddr2 in k.futexes.waiters:
        k.put_u32(uaddr2, k.get_u32(uaddr2) | FUTEX_WAITERS)
    return woken + moved


# -- thread exit -------------------------------------------------------------------------------------------------


@syscall("set_robust_list")
def sys_set_robust_list(k: Kernel, task: Task, head: int, size: int) -> int:
    """set_robust_list(2)."""
    if size != 3 * k.abi.word:
        return -errno.EINVAL
    task.robust_list = (head, size)
    return 0


@syscall("get_robust_list")
def sys_get_robust_list(k: Kernel, task: Task, pid: int, head: int, size: int) -> int:
    """get_robust_list(2)."""
    target = k.tasks.get(pid & 0xFFFFFFFF) if pid & 0xFFFFFFFF else task
    if target is None or target.exited:
        return -errno.ESRCH
    k.put_word(size, 3 * k.abi.word)
    k.put_word(head, target.robust_list[0])
    return 0


def exit_task(k: Kernel, task: Task) -> None:
    """What an exiting thread owes its futexes: robust list, PI locks, the word of CLONE_CHILD_CLEARTID."""
    if task.robust_list[0]:
        with suppress(MemoryFault):
            _exit_robust_list(k, task)
    _exit_pi_locks(k, task)
    if task.clear_child_tid:
        address = task.clear_child_tid
        task.clear_child_tid = 0
        with suppress(MemoryFault):
            k.put_u32(address, 0)
            wake(k, task, address, 1, ANY)


def _exit_robust_list(k: Kernel, task: Task) -> None:
    head, word = task.robust_list[0], k.abi.word
    offset = k.abi.signed(k.get_word(head + word))
    pending = k.get_word(head + 2 * word)
    entry = k.get_word(head)
    for _ in range(_ROBUST_LIST_LIMIT):
        if entry & ~1 == head:
            break
        following = k.get_word(entry & ~1)
        if entry != pending:
            _owner_died(k, task, (entry & ~1) + offset, bool(entry & 1), False)
        entry = following
    if pending:
        _owner_died(k, task, (pending & ~1) + offset, bool(pending & 1), True)


def _owner_died(k: Kernel, task: Task, uaddr: int, pi: bool, pending: bool) -> None:
    """Mark one robust lock of an exiting thread (kernel/futex/core.c, handle_futex_death)."""
    if uaddr & 3:
        return
    word = k.get_u32(uaddr)
    owner = word & FUTEX_TID_MASK
    if pending and not pi and not owner:
        wake(k, task, uaddr, 1, ANY)
        return
    if owner != task.tid:
        return
    k.put_u32(uaddr, word & FUTEX_WAITERS | FUTEX_OWNER_DIED)
    if pi:
        if uaddr in k.futexes.waiters:
            _hand_over(k, task, uaddr, FUTEX_OWNER_DIED)
    elif word & FUTEX_WAITERS:
        wake(k, task, uaddr, 1, ANY)


def _exit_pi_locks(k: Kernel, task: Task) -> None:
    """PI locks the thread still owns and others wait for go to the next waiter, marked as orphaned."""
    for uaddr in list(k.futexes.waiters):
        first = _wait_of(k, k.futexes.waiters[uaddr][0])
        if first.bitset == 0 and first.requeue_to in (0, uaddr):
            try:
                if k.get_u32(uaddr) & FUTEX_TID_MASK == task.tid:
                    _hand_over(k, task, uaddr, FUTEX_OWNER_DIED)
            except MemoryFault:
                continue
