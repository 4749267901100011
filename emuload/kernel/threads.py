"""Threads: clone(2), clone3(2), exit(2), exit_group(2), set_tid_address(2), thread pointers; fork(2), which is refused.

Sources: the man pages, Linux kernel/fork.c (copy_process) and kernel/exit.c.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import SWITCH, Result, syscall
from emuload.kernel.futex_calls import exit_task
from emuload.kernel.signals import recalculate
from emuload.kernel.task import Task
from emuload.machine.memory import PAGE

CLONE_VM, CLONE_SIGHAND, CLONE_THREAD = 0x100, 0x800, 0x10000
CLONE_SETTLS, CLONE_PARENT_SETTID = 0x80000, 0x100000
CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x200000, 0x1000000
_CLONE3_MINIMUM = 64
"""Bytes of struct clone_args as clone3(2) first had it (CLONE_ARGS_SIZE_VER0)."""
_ARCH_SET_GS, _ARCH_SET_FS, _ARCH_GET_FS, _ARCH_GET_GS = 0x1001, 0x1002, 0x1003, 0x1004


def new_process(k: Kernel, task: Task, name: str) -> int:
    """The one place where a second process would begin. Not emulated: the call is reported and answered with -ENOSYS."""
    k.report_unsupported(task, name)
    return -errno.ENOSYS


@syscall("fork", "vfork")
def sys_fork(k: Kernel, task: Task) -> int:
    """fork(2), vfork(2)."""
    return new_process(k, task, k.call_name(task))


@syscall("execve", "execveat")
def sys_execve(k: Kernel, task: Task) -> int:
    """execve(2): refused, since a run has one program."""
    k.report_unsupported(task, k.call_name(task))
    return -errno.EACCES


def _clone(k: Kernel, task: Task, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> Result:
    if flags & CLONE_THREAD and not flags & CLONE_SIGHAND:
        return -errno.EINVAL
    if flags & CLONE_SIGHAND and not flags & CLONE_VM:
        return -errno.EINVAL
    if not flags & CLONE_THREAD:
        return new_process(k, task, k.call_name(task) + " (new process)")
    if len(k.living) >= k.max_tasks:
        return -errno.EAGAIN
    if not k.stopped:
        return k.defer(task)
    assert k.cpu is not None
    own_tls = bool(flags & CLONE_SETTLS)
    context = k.cpu.child_context(stack, tls if own_tls else None)
    child = k.spawn(context, parent=task, thread_pointer=tls if own_tls else 0)
    if flags & CLONE_PARENT_SETTID:
        k.put_u32(parent_tid, child.tid)
    if flags & CLONE_CHILD_SETTID:
        k.put_u32(child_tid, child.tid)
    if flags & CLONE_CHILD_CLEARTID:
        child.clear_child_tid = child_tid
    return child.tid


@syscall("clone")
def sys_clone(k: Kernel, task: Task, flags: int, stack: int, parent_tid: int, fourth: int, fifth: int) -> Result:
    """clone(2); the order of the last two arguments is the architecture's."""
    if k.abi.clone_tls_before_child_tid:
        return _clone(k, task, flags, stack, parent_tid, fifth, fourth)
    return _clone(k, task, flags, stack, parent_tid, fourth, fifth)


@syscall("clone3")
def sys_clone3(k: Kernel, task: Task, address: int, size: int) -> Result:
    """clone3(2): flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, all 64 bits wide."""
    if size > PAGE:
        return -errno.E2BIG
    if size < _CLONE3_MINIMUM:
        return -errno.EINVAL
    data = k.memory.user_read(address, _CLONE3_MINIMUM)
    flags, _, child_tid, parent_tid, _, stack, stack_size, tls = (
        int.from_bytes(data[at : at + 8], "little") for at in range(0, _CLONE3_MINIMUM, 8)
    )
    if bool(stack) != bool(stack_size):
        return -errno.EINVAL
    return _clone(k, task, flags, stack + stack_size, parent_tid, child_tid, tls)


@syscall("set_tid_address")
def sys_set_tid_address(k: Kernel, task: Task, address: int) -> int:
    """set_tid_address(2)."""
    task.clear_child_tid = address
    return task.tid


@syscall("exit")
def sys_exit(k: Kernel, task: Task, code: int) -> Result:
    """exit(2) of one thread. The process ends with its last thread and has the first thread's code."""
    task.exit_code = code & 0xFF
    exit_task(k, task)
    task.exited = True
    task.pending.clear()
    task.attention = False
    for ident in [t.ident for t in k.timers.timers.values() if t.clock == task.tid]:
        del k.timers.timers[ident]
    k.events.emit("task-exit", task.tid, code=task.exit_code)
    if not k.living:
        k.end(next(iter(k.tasks.values())).exit_code)
    else:
        _pass_on_signals(k)
    return SWITCH


def _pass_on_signals(k: Kernel) -> None:
    """Pass process-wide signals that the exiting thread would have taken to other threads."""
    if k.signals.pending:
        for other in k.living:
            recalculate(k, other)
            if other.attention and other.wait is not None and other.wait.interruptible:
                k.interrupt(other)


@syscall("exit_group")
def sys_exit_group(k: Kernel, task: Task, code: int) -> Result:
    """exit_group(2)."""
    task.exit_code = code & 0xFF
    k.events.emit("process-exit", task.tid, code=task.exit_code)
    k.end(task.exit_code)
    return SWITCH


# -- ids ---------------------------------------------------------------------------------------------------------


@syscall("gettid")
def sys_gettid(k: Kernel, task: Task) -> int:
    """gettid(2)."""
    return task.tid


@syscall("getpid", "getpgrp")
def sys_getpid(k: Kernel, task: Task) -> int:
    """getpid(2); the process leads its own group."""
    return k.pid


@syscall("getppid")
def sys_getppid(k: Kernel, task: Task) -> int:
    """getppid(2)."""
    return k.ppid


@syscall("getpgid", "getsid")
def sys_getpgid(k: Kernel, task: Task, pid: int) -> int:
    """getpgid(2), getsid(2)."""
    return k.pid if pid in (0, k.pid) else -errno.ESRCH


@syscall("setpgid")
def sys_setpgid(k: Kernel, task: Task, pid: int, group: int) -> int:
    """setpgid(2): the process is its session's leader already."""
    return -errno.EPERM if pid in (0, k.pid) else -errno.ESRCH


@syscall("setsid")
def sys_setsid(k: Kernel, task: Task) -> int:
    """setsid(2)."""
    return -errno.EPERM


@syscall("wait4", "waitid", "waitpid")
def sys_wait4(k: Kernel, task: Task) -> int:
    """wait4(2): there are no children."""
    return -errno.ECHILD


# -- thread pointers ---------------------------------------------------------------------------------------------


@syscall("arch_prctl")
def sys_arch_prctl(k: Kernel, task: Task, code: int, address: int) -> int:
    """arch_prctl(2)."""
    cpu = k.cpu
    assert cpu is not None
    if code in (_ARCH_SET_FS, _ARCH_SET_GS) and address >= 1 << 47:
        return -errno.EPERM
    if code == _ARCH_SET_FS:
        cpu.tp = address
    elif code == _ARCH_GET_FS:
        k.put_word(address, cpu.tp)
    elif code == _ARCH_SET_GS:
        cpu.set_register("gs_base", address)
    elif code == _ARCH_GET_GS:
        k.put_word(address, cpu.register("gs_base"))
    else:
        return -errno.EINVAL
    return 0


@syscall("ARM_set_tls")
def sys_arm_set_tls(k: Kernel, task: Task, value: int) -> int:
    """The ARM-private call that sets TPIDRURO."""
    assert k.cpu is not None
    k.cpu.tp = value
    return 0


@syscall("ARM_get_tls")
def sys_arm_get_tls(k: Kernel, task: Task) -> int:
    """The ARM-private call that reads TPIDRURO."""
    assert k.cpu is not None
    return k.cpu.tp


@syscall("ARM_cacheflush")
def sys_arm_cacheflush(k: Kernel, task: Task, start: int, end: int, flags: int) -> int:
    """The ARM-private call behind __clear_cache. Nothing to do: code that is written is translated anew."""
    return -errno.EINVAL if end < start or flags else 0
