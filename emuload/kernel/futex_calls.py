"""The system calls futex(2) and set_robust_list(2), and the release of an exiting thread's futexes.

Sources: the man pages, Linux kernel/futex/syscalls.c and core.c (futex_cleanup), Documentation/locking/robust-futex-ABI.rst.
"""

from __future__ import annotations

from contextlib import suppress

from emuload.kernel import errno
from emuload.kernel.clock import EPOCH
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Result, syscall
from emuload.kernel.futex import (
    ANY,
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMP_REQUEUE,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI,
    FUTEX_LOCK_PI2,
    FUTEX_OWNER_DIED,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_TID_MASK,
    FUTEX_TRYLOCK_PI,
    FUTEX_UNLOCK_PI,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_WAITERS,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
    misaligned,
    requeue,
    wait,
    wait_of,
    wake,
    wake_op,
)
from emuload.kernel.futex_pi import (
    cmp_requeue_pi,
    hand_over,
    lock_pi,
    try_pi,
    unlock_pi,
    wait_requeue_pi,
)
from emuload.kernel.task import Task
from emuload.kernel.time import read_timespec
from emuload.machine.memory import MemoryFault

_COMMAND = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
_TIMED = frozenset({FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI})
_REALTIME_ALLOWED = frozenset({FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2})
_ROBUST_LIST_LIMIT = 2048
"""Entries looked at, so that a circular list ends (include/uapi/linux/futex.h: ROBUST_LIST_LIMIT)."""


@syscall("futex")
def sys_futex(k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int) -> Result:
    """futex(2) with a timespec of two machine words."""
    return _futex(k, task, uaddr, op, val, timeout, uaddr2, val3, k.abi.word)


@syscall("futex_time64")
def sys_futex_time64(k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int) -> Result:
    """futex(2) with a 64-bit timespec, on 32-bit machines."""
    return _futex(k, task, uaddr, op, val, timeout, uaddr2, val3, 8)


def _futex(k: Kernel, task: Task, uaddr: int, op: int, val: int, timeout: int, uaddr2: int, val3: int, width: int) -> Result:
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
        return wait(k, task, uaddr, val, deadline, ANY)
    if command == FUTEX_WAIT_BITSET:
        return wait(k, task, uaddr, val, deadline, val3)
    if command == FUTEX_WAKE_BITSET:
        return wake(k, task, uaddr, val, val3)
    if command == FUTEX_REQUEUE:
        return requeue(k, task, uaddr, val, timeout, uaddr2, None)
    if command == FUTEX_CMP_REQUEUE:
        return requeue(k, task, uaddr, val, timeout, uaddr2, val3)
    if command == FUTEX_WAKE_OP:
        return wake_op(k, task, uaddr, val, timeout, uaddr2, val3)
    if command in (FUTEX_LOCK_PI, FUTEX_LOCK_PI2):
        return lock_pi(k, task, uaddr, deadline)
    if command == FUTEX_TRYLOCK_PI:
        return try_pi(k, task, uaddr)
    if command == FUTEX_UNLOCK_PI:
        return unlock_pi(k, task, uaddr)
    if command == FUTEX_WAIT_REQUEUE_PI:
        return wait_requeue_pi(k, task, uaddr, val, deadline, uaddr2)
    if command == FUTEX_CMP_REQUEUE_PI:
        return cmp_requeue_pi(k, task, uaddr, val, timeout, uaddr2, val3)
    return -errno.ENOSYS


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
    """Release the futexes of an exiting thread: its robust list, PI locks, the word of CLONE_CHILD_CLEARTID."""
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
    if misaligned(uaddr):
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
            hand_over(k, task, uaddr, FUTEX_OWNER_DIED)
    elif word & FUTEX_WAITERS:
        wake(k, task, uaddr, 1, ANY)


def _exit_pi_locks(k: Kernel, task: Task) -> None:
    """Pass PI locks that the thread still owns to their next waiters, marked as orphaned."""
    for uaddr in list(k.futexes.waiters):
        first = wait_of(k, k.futexes.waiters[uaddr][0])
        if first.bitset == 0 and first.requeue_to in (0, uaddr):
            try:
                if k.get_u32(uaddr) & FUTEX_TID_MASK == task.tid:
                    hand_over(k, task, uaddr, FUTEX_OWNER_DIED)
            except MemoryFault:
                continue
