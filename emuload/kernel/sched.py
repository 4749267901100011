"""Processors and priorities: sched(7) and membarrier(2). One CPU executes everything, whatever `Kernel.cpus` says."""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.clock import SECOND
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import syscall
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.kernel.time import write_timespec


def _task_of(k: Kernel, task: Task, pid: int) -> Task | None:
    target = task if not pid else k.tasks.get(pid)
    return None if target is None or target.exited else target


@syscall("sched_yield")
def sys_sched_yield(k: Kernel, task: Task) -> int:
    """sched_yield(2): ends the slice."""
    task.yielded = True
    return 0


@syscall("sched_getaffinity")
def sys_sched_getaffinity(k: Kernel, task: Task, pid: int, size: int, address: int) -> int:
    """sched_getaffinity(2): bytes written, a multiple of a word that holds all processors."""
    if size * 8 < k.cpus or size % k.abi.word:
        return -errno.EINVAL
    if _task_of(k, task, int32(pid)) is None:
        return -errno.ESRCH
    needed = -(-k.cpus // (8 * k.abi.word)) * k.abi.word
    length = min(size, needed)
    k.memory.user_write(address, ((1 << k.cpus) - 1).to_bytes(length, "little"))
    return length


@syscall("sched_setaffinity")
def sys_sched_setaffinity(k: Kernel, task: Task, pid: int, size: int, address: int) -> int:
    """sched_setaffinity(2): accepted when it names a processor there is; there is one CPU that executes."""
    if _task_of(k, task, int32(pid)) is None:
        return -errno.ESRCH
    mask = int.from_bytes(k.memory.user_read(address, min(size, 128)), "little")
    return 0 if mask & ((1 << k.cpus) - 1) else -errno.EINVAL


@syscall("getcpu")
def sys_getcpu(k: Kernel, task: Task, cpu: int, node: int) -> int:
    """getcpu(2)."""
    for address in (cpu, node):
        if address:
            k.put_u32(address, 0)
    return 0


@syscall("sched_getscheduler")
def sys_sched_getscheduler(k: Kernel, task: Task, pid: int) -> int:
    """sched_getscheduler(2): SCHED_OTHER."""
    return 0 if _task_of(k, task, int32(pid)) is not None else -errno.ESRCH


@syscall("sched_setscheduler", "sched_setparam")
def sys_sched_setscheduler(k: Kernel, task: Task, pid: int, policy: int, param: int) -> int:
    """sched_setscheduler(2): real-time policies need a privilege."""
    if _task_of(k, task, int32(pid)) is None:
        return -errno.ESRCH
    if k.call_name(task) == "sched_setparam":
        return 0 if k.get_u32(policy) == 0 else -errno.EINVAL
    if policy in (1, 2, 6):
        return -errno.EPERM
    return 0 if policy in (0, 3, 5) and k.get_u32(param) == 0 else -errno.EINVAL


@syscall("sched_getparam")
def sys_sched_getparam(k: Kernel, task: Task, pid: int, param: int) -> int:
    """sched_getparam(2)."""
    if not param or int32(pid) < 0:
        return -errno.EINVAL
    if _task_of(k, task, int32(pid)) is None:
        return -errno.ESRCH
    k.put_u32(param, 0)
    return 0


@syscall("sched_get_priority_max", "sched_get_priority_min")
def sys_sched_get_priority(k: Kernel, task: Task, policy: int) -> int:
    """sched_get_priority_max(2), sched_get_priority_min(2)."""
    if policy in (1, 2):
        return 99 if k.call_name(task).endswith("max") else 1
    return 0 if policy in (0, 3, 5, 6) else -errno.EINVAL


@syscall("sched_rr_get_interval", "sched_rr_get_interval_time64")
def sys_sched_rr_get_interval(k: Kernel, task: Task, pid: int, address: int) -> int:
    """sched_rr_get_interval(2)."""
    if _task_of(k, task, int32(pid)) is None:
        return -errno.ESRCH
    write_timespec(k, address, SECOND // 10, 8 if k.call_name(task).endswith("64") else k.abi.word)
    return 0


@syscall("getpriority")
def sys_getpriority(k: Kernel, task: Task, which: int, who: int) -> int:
    """getpriority(2): nice 0, which the kernel reports as 20."""
    return 20 if which <= 2 else -errno.EINVAL


@syscall("setpriority")
def sys_setpriority(k: Kernel, task: Task, which: int, who: int, nice: int) -> int:
    """setpriority(2): being nicer is allowed and changes nothing."""
    if which > 2:
        return -errno.EINVAL
    return 0 if int32(nice) >= 0 else -errno.EACCES


_MEMBARRIER_COMMANDS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10


@syscall("membarrier")
def sys_membarrier(k: Kernel, task: Task, command: int, flags: int) -> int:
    """membarrier(2): one CPU executes everything, so every barrier holds at once."""
    if flags:
        return -errno.EINVAL
    if command == 0:
        return _MEMBARRIER_COMMANDS
    return 0 if command & _MEMBARRIER_COMMANDS and not command & (command - 1) else -errno.EINVAL
