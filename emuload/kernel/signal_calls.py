"""The calls around signals: sigaction(2), sigprocmask(2), sigreturn(2), sigtimedwait(2), kill(2), sigaltstack(2).

Sending and delivery are in `emuload.kernel.signals`.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import SWITCH, Result, syscall
from emuload.kernel.integers import int32
from emuload.kernel.siginfo import encode, signal_name
from emuload.kernel.signals import (
    DEFAULT,
    SIGSET_SIZE,
    SS_AUTODISARM,
    UNBLOCKABLE,
    bit,
    dequeue,
    force,
    is_ignored,
    on_stack,
    read_set,
    recalculate,
    send_signal,
    set_mask,
    set_temporary_mask,
    write_set,
)
from emuload.kernel.state import Action
from emuload.kernel.task import SS_DISABLE, SS_ONSTACK, AltStack, SigInfo, Task, Wait
from emuload.kernel.time import read_timespec
from emuload.machine.memory import MemoryFault
from emuload.machine.signal_frames import BadFrame, layout
from emuload.machine.signal_numbers import SI_KERNEL, SI_TKILL, SI_USER, SIGINFO_SIZE, SIGKILL, SIGRTMAX, SIGSEGV, SIGSTOP

# -- coming back from a handler ----------------------------------------------------------------------------------


def _sigreturn(k: Kernel, task: Task, rt: bool) -> Result:
    if not k.stopped:
        return k.defer(task)
    cpu = k.cpu
    assert cpu is not None
    try:
        mask, stack = layout(k.abi.name).restore_signal_frame(cpu, rt)
    except (MemoryFault, BadFrame) as problem:
        k.events.emit("signal-frame-failed", task.tid, signal="", why=str(problem))
        force(k, task, SigInfo(SIGSEGV, SI_KERNEL))
        return SWITCH
    if stack is not None:
        _set_altstack(k, task, AltStack(*stack), cpu.sp)
    if k.events.enabled:
        task.pc = k.events.pc = cpu.pc
        k.events.emit("signal-returned", task.tid)
    set_mask(k, task, mask)
    return SWITCH


@syscall("rt_sigreturn")
def sys_rt_sigreturn(k: Kernel, task: Task) -> Result:
    """rt_sigreturn(2): registers, mask and alternate stack from the frame at the stack pointer."""
    return _sigreturn(k, task, True)


@syscall("sigreturn")
def sys_sigreturn(k: Kernel, task: Task) -> Result:
    """sigreturn(2): the older call, of handlers without SA_SIGINFO."""
    return _sigreturn(k, task, False)


# -- actions, masks, waiting, sending ------------------------------------------------------------------------------


@syscall("rt_sigaction")
def sys_rt_sigaction(k: Kernel, task: Task, signo: int, new: int, old: int, size: int) -> int:
    """sigaction(2); the kernel's struct is handler, flags, restorer (words) and mask (8 bytes)."""
    signo &= 0xFFFFFFFF
    if size != SIGSET_SIZE or not 1 <= signo <= SIGRTMAX:
        return -errno.EINVAL
    if new and signo in (SIGKILL, SIGSTOP):
        return -errno.EINVAL
    word = k.abi.word
    previous = k.signals.actions.get(signo, DEFAULT)
    action: Action | None = None
    if new:
        data = k.memory.user_read(new, 3 * word + SIGSET_SIZE)
        handler, flags, restorer = (int.from_bytes(data[i * word : (i + 1) * word], "little") for i in range(3))
        mask = int.from_bytes(data[3 * word :], "little") & ~UNBLOCKABLE
        action = Action(handler, flags, restorer, mask)
    if old:
        words = (previous.handler, previous.flags, previous.restorer)
        data = b"".join(value.to_bytes(word, "little") for value in words)
        k.memory.user_write(old, data + previous.mask.to_bytes(SIGSET_SIZE, "little"))
    if action is not None:
        k.signals.actions[signo] = action
        if k.events.enabled:
            name = signal_name(signo)
            k.events.emit("signal-action", task.tid, signal=name, handler=action.handler, flags=action.flags)
        if is_ignored(k, signo):
            _discard(k, signo)
    return 0


def _discard(k: Kernel, signo: int) -> None:
    """Drop the pending signals of this number, which is ignored from now on."""
    k.signals.pending.discard(signo)
    for task in k.tasks.values():
        task.pending.discard(signo)


@syscall("rt_sigprocmask")
def sys_rt_sigprocmask(k: Kernel, task: Task, how: int, new: int, old: int, size: int) -> int:
    """sigprocmask(2), of the calling thread."""
    if size != SIGSET_SIZE:
        return -errno.EINVAL
    before = task.sigmask
    if new:
        value = read_set(k, new)
        if how == 0:
            mask = before | value
        elif how == 1:
            mask = before & ~value
        elif how == 2:
            mask = value
        else:
            return -errno.EINVAL
        if mask != before:
            set_mask(k, task, mask)
    if old:
        write_set(k, old, before)
    return 0


@syscall("rt_sigpending")
def sys_rt_sigpending(k: Kernel, task: Task, address: int, size: int) -> int:
    """sigpending(2): blocked signals that wait for the thread or the process."""
    if size > SIGSET_SIZE:
        return -errno.EINVAL
    pending = task.pending.mask | k.signals.pending.mask
    k.memory.user_write(address, (pending & task.sigmask).to_bytes(SIGSET_SIZE, "little")[:size])
    return 0


@syscall("rt_sigsuspend")
def sys_rt_sigsuspend(k: Kernel, task: Task, address: int, size: int) -> Result:
    """sigsuspend(2)."""
    if size != SIGSET_SIZE:
        return -errno.EINVAL
    set_temporary_mask(k, task, read_set(k, address))
    return k.block(task, Wait("pause", what="sigsuspend"))


@syscall("pause")
def sys_pause(k: Kernel, task: Task) -> Result:
    """pause(2)."""
    return k.block(task, Wait("pause", what="pause"))


def _sigtimedwait(k: Kernel, task: Task, address: int, info_at: int, timeout: int, size: int, width: int) -> Result:
    if size != SIGSET_SIZE:
        return -errno.EINVAL
    wanted = read_set(k, address) & ~UNBLOCKABLE
    nanoseconds = read_timespec(k, timeout, width) if timeout else None
    if timeout and nanoseconds is None:
        return -errno.EINVAL
    info = dequeue(k, task, ~wanted)
    if info is not None:
        recalculate(k, task)
        if k.events.enabled:
            k.events.emit("signal-accepted", task.tid, signal=signal_name(info.signo), code=info.code)
        if info_at:
            k.memory.user_write(info_at, encode(info, k.abi.word)[:SIGINFO_SIZE])
        return info.signo
    if task.timed_out or nanoseconds == 0:
        return -errno.EAGAIN
    deadline = None if nanoseconds is None else k.deadline(task, nanoseconds)
    names = [signal_name(signo) for signo in range(1, SIGRTMAX + 1) if wanted & bit(signo)]
    what = "signals " + (" ".join(names) if len(names) < 8 else f"({len(names)} of them)")
    wait = Wait("signal", deadline=deadline, timeout_result=None, retry=True, what=what, bitset=wanted)
    return k.block(task, wait)


@syscall("rt_sigtimedwait")
def sys_rt_sigtimedwait(k: Kernel, task: Task, address: int, info: int, timeout: int, size: int) -> Result:
    """sigtimedwait(2)."""
    return _sigtimedwait(k, task, address, info, timeout, size, k.abi.word)


@syscall("rt_sigtimedwait_time64")
def sys_rt_sigtimedwait_time64(k: Kernel, task: Task, address: int, info: int, timeout: int, size: int) -> Result:
    """sigtimedwait(2) with a 64-bit timespec."""
    return _sigtimedwait(k, task, address, info, timeout, size, 8)


def _user_info(k: Kernel, signo: int, code: int) -> SigInfo:
    return SigInfo(signo, code, pid=k.pid, uid=k.credentials.uid)


@syscall("kill")
def sys_kill(k: Kernel, task: Task, pid: int, signo: int) -> int:
    """kill(2). The only process in reach is this one, with its own process group."""
    pid, signo = int32(pid), int32(signo)
    if not 0 <= signo <= SIGRTMAX:
        return -errno.EINVAL
    if pid == 1:
        return -errno.EPERM
    owner = k.tasks.get(pid)
    if pid not in (0, k.pid, -k.pid) and (owner is None or owner.exited):
        return -errno.ESRCH
    if signo:
        return send_signal(k, _user_info(k, signo, SI_USER), None)
    return 0


def _thread(k: Kernel, tgid: int | None, tid: int) -> Task | int:
    if tid <= 0 or (tgid is not None and tgid <= 0):
        return -errno.EINVAL
    target = k.tasks.get(tid)
    if target is None or target.exited or (tgid is not None and tgid != k.pid):
        return -errno.ESRCH
    return target


def _tkill(k: Kernel, tgid: int | None, tid: int, signo: int) -> int:
    target = _thread(k, tgid, tid)
    if isinstance(target, int):
        return target
    if not 0 <= signo <= SIGRTMAX:
        return -errno.EINVAL
    if signo:
        return send_signal(k, _user_info(k, signo, SI_TKILL), target)
    return 0


@syscall("tgkill")
def sys_tgkill(k: Kernel, task: Task, tgid: int, tid: int, signo: int) -> int:
    """tgkill(2)."""
    return _tkill(k, int32(tgid), int32(tid), int32(signo))


@syscall("tkill")
def sys_tkill(k: Kernel, task: Task, tid: int, signo: int) -> int:
    """tkill(2)."""
    return _tkill(k, None, int32(tid), int32(signo))


def _queue_info(k: Kernel, signo: int, address: int) -> SigInfo | int:
    if not 0 <= signo <= SIGRTMAX:
        return -errno.EINVAL
    raw = k.memory.user_read(address, SIGINFO_SIZE)
    code = int.from_bytes(raw[8:12], "little", signed=True)
    return SigInfo(signo, code, raw=raw)


@syscall("rt_sigqueueinfo")
def sys_rt_sigqueueinfo(k: Kernel, task: Task, pid: int, signo: int, address: int) -> int:
    """rt_sigqueueinfo(2)."""
    info = _queue_info(k, int32(signo), address)
    if isinstance(info, int):
        return info
    if int32(pid) != k.pid:
        return -errno.ESRCH
    if info.signo:
        return send_signal(k, info, None)
    return 0


@syscall("rt_tgsigqueueinfo")
def sys_rt_tgsigqueueinfo(k: Kernel, task: Task, tgid: int, tid: int, signo: int, address: int) -> int:
    """rt_tgsigqueueinfo(2)."""
    info = _queue_info(k, int32(signo), address)
    if isinstance(info, int):
        return info
    target = _thread(k, int32(tgid), int32(tid))
    if isinstance(target, int):
        return target
    if info.signo:
        return send_signal(k, info, target)
    return 0


def _set_altstack(k: Kernel, task: Task, stack: AltStack, sp: int) -> int:
    mode = stack.flags & ~SS_AUTODISARM
    if on_stack(task.altstack, sp):
        return -errno.EPERM
    if mode not in (0, SS_ONSTACK, SS_DISABLE):
        return -errno.EINVAL
    if mode == SS_DISABLE:
        task.altstack = AltStack(0, stack.flags, 0)
        return 0
    if stack.size < k.abi.minsigstksz:
        return -errno.ENOMEM
    task.altstack = AltStack(stack.sp, stack.flags & SS_AUTODISARM, stack.size)
    return 0


@syscall("sigaltstack")
def sys_sigaltstack(k: Kernel, task: Task, new: int, old: int) -> int:
    """sigaltstack(2)."""
    assert k.cpu is not None
    word, sp, stack = k.abi.word, k.cpu.sp, task.altstack
    wanted: AltStack | None = None
    if new:
        data = k.memory.user_read(new, 3 * word)
        wanted = AltStack(
            int.from_bytes(data[:word], "little"),
            int.from_bytes(data[word : word + 4], "little"),
            int.from_bytes(data[2 * word :], "little"),
        )
    if old:
        if not stack.size:
            state = SS_DISABLE
        else:
            state = SS_ONSTACK if on_stack(stack, sp) else 0
        flags = state | stack.flags & SS_AUTODISARM
        words = (stack.sp, flags, stack.size)
        described = b"".join(value.to_bytes(word, "little") for value in words)
    if wanted is not None:
        error = _set_altstack(k, task, wanted, sp)
        if error:
            return error
    if old:
        k.memory.user_write(old, described)
    return 0
