"""Signals: sending, choosing a thread, building frames, default actions. The system calls are in `signal_calls`.

Sources: signal(7), sigaction(2), sigaltstack(2), Linux kernel/signal.c (prepare_signal, complete_signal,
force_sig_info, get_signal, signal_setup_done).
"""

from __future__ import annotations

from enum import Enum

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.identity import RLIMIT_SIGPENDING
from emuload.kernel.siginfo import encode, signal_name
from emuload.kernel.state import INTERVAL_TIMERS, Action, Death
from emuload.kernel.task import SS_DISABLE, AltStack, SigInfo, Task
from emuload.kernel.time import write_timespec
from emuload.machine.cpu import Cpu
from emuload.machine.memory import MemoryFault
from emuload.machine.signal_frames import BadFrame, SignalFrame, layout
from emuload.machine.signal_numbers import (
    SA_NODEFER,
    SA_ONSTACK,
    SA_RESETHAND,
    SA_RESTART,
    SI_KERNEL,
    SI_TIMER,
    SI_USER,
    SIGABRT,
    SIGBUS,
    SIGCHLD,
    SIGCONT,
    SIGFPE,
    SIGILL,
    SIGKILL,
    SIGQUIT,
    SIGRTMIN,
    SIGSEGV,
    SIGSTOP,
    SIGSYS,
    SIGTRAP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGWINCH,
    SIGXCPU,
    SIGXFSZ,
)
from emuload.machine.stops import Fault

__all__ = [
    "SI_KERNEL", "SI_TIMER", "Delivery", "deliver", "force_fault", "queue_is_full", "send_signal", "set_mask",
    "set_temporary_mask",
]  # fmt: skip

SIG_DFL, SIG_IGN = 0, 1
SS_AUTODISARM = 0x8000_0000
SIGSET_SIZE = 8

_IGNORED = frozenset({SIGCHLD, SIGCONT, SIGURG, SIGWINCH})
_STOPPING = frozenset({SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU})
_CORE = frozenset({SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS})
UNBLOCKABLE = 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1)
DEFAULT = Action()


def bit(signo: int) -> int:
    """A signal's bit in a sigset_t."""
    return 1 << (signo - 1)


def read_set(k: Kernel, address: int) -> int:
    """A kernel sigset_t. Raises MemoryFault."""
    return int.from_bytes(k.memory.user_read(address, SIGSET_SIZE), "little")


def write_set(k: Kernel, address: int, mask: int) -> None:
    """Store a kernel sigset_t. Raises MemoryFault."""
    k.memory.user_write(address, mask.to_bytes(SIGSET_SIZE, "little"))


# -- the mask ----------------------------------------------------------------------------------------------------


def set_mask(k: Kernel, task: Task, mask: int) -> None:
    """Change a thread's blocked signals; process-wide ones it no longer takes go to another thread."""
    mask &= ~UNBLOCKABLE
    newly_blocked = mask & ~task.sigmask
    task.sigmask = mask
    passed = newly_blocked & k.signals.pending.mask
    for signo in range(1, passed.bit_length() + 1):
        if passed & bit(signo):
            _choose_thread(k, signo, None)
    recalculate(k, task)


def set_temporary_mask(k: Kernel, task: Task, mask: int) -> None:
    """Set the mask of sigsuspend, ppoll, pselect, epoll_pwait; the end of the call or sigreturn restores the old one."""
    if task.saved_mask is None:
        task.saved_mask = task.sigmask
    set_mask(k, task, mask)


def recalculate(k: Kernel, task: Task) -> None:
    """Set `attention` if a pending signal is not blocked."""
    task.attention = bool((task.pending.mask | k.signals.pending.mask) & ~task.sigmask)


# -- sending -----------------------------------------------------------------------------------------------------


def is_ignored(k: Kernel, signo: int) -> bool:
    """True if the signal's action is to do nothing; stopping counts, since no process stops here."""
    action = k.signals.actions.get(signo, DEFAULT)
    return action.handler == SIG_IGN or (action.handler == SIG_DFL and signo in _IGNORED | _STOPPING)


def _waits_for(task: Task, signo: int) -> bool:
    """True if the thread waits in rt_sigtimedwait for this signal."""
    wait = task.wait
    return wait is not None and wait.kind == "signal" and bool(wait.bitset & bit(signo))


def queue_is_full(k: Kernel) -> bool:
    """True if signals and POSIX timers have taken all the places that RLIMIT_SIGPENDING allows (sigqueue_alloc)."""
    timers = len(k.timers.timers) - sum(ident in k.timers.timers for ident in INTERVAL_TIMERS)
    queued = len(k.signals.pending) + sum(len(task.pending) for task in k.tasks.values())
    return timers + queued >= k.limits.values[RLIMIT_SIGPENDING][0]


def _without_info(k: Kernel, info: SigInfo) -> SigInfo | None:
    """The signal as it is queued where RLIMIT_SIGPENDING is reached: as it is if the kernel or a timer made it, None if that
    is refused, else without its siginfo (kernel/signal.c, __send_signal_locked and sigqueue_alloc).
    """
    if info.code == SI_TIMER or (info.signo < SIGRTMIN and info.code >= 0):
        return info
    if not queue_is_full(k):
        return info
    return None if info.signo >= SIGRTMIN and info.code != SI_USER else SigInfo(info.signo, SI_USER)


def send_signal(k: Kernel, info: SigInfo, target: Task | None, forced: bool = False) -> int:
    """Queue a signal for one thread, or for the process when `target` is None: 0, or -EAGAIN if it has no room for it."""
    receiver = target or next(iter(k.tasks.values()))
    gone = receiver.exited and target is not None
    queue = k.signals.pending if target is None else target.pending
    signo = info.signo
    blocked = bool(receiver.sigmask & bit(signo)) or _waits_for(receiver, signo)
    ignored = not forced and not blocked and is_ignored(k, signo)
    known = bool(queue.mask & bit(signo))
    dropped = gone or ignored or (known and signo < SIGRTMIN)
    kept = None if dropped else _without_info(k, info)
    if kept is None and not dropped:
        return -errno.EAGAIN
    if k.events.enabled:
        k.events.emit(
            "signal-sent", k.current.tid if k.current else 0,
            signal=signal_name(signo), code=info.code, to=target.tid if target else 0,
        )  # fmt: skip
    if kept is None:
        return 0
    if kept is info or not known:
        queue.append(kept)
    if target is not None:
        if _wants(k, target, signo):
            _wake_for_signal(k, target, signo)
    else:
        _choose_thread(k, signo, receiver)
    return 0


def _wants(k: Kernel, task: Task, signo: int) -> bool:
    if task.exited:
        return False
    if _waits_for(task, signo):
        return True
    return not task.sigmask & bit(signo)


def _choose_thread(k: Kernel, signo: int, first: Task | None) -> None:
    """Let one thread that does not block a process-wide signal take it: `first` if it can, else the oldest.

    Threads that run or have no other signal to handle come first, threads in an uninterruptible wait last.
    """

    def rank(task: Task) -> int:
        if task.wait is not None and not task.wait.interruptible:
            return 2
        return 1 if task.attention and task is not k.current else 0

    candidates = [task for task in ([first] if first else []) + list(k.tasks.values()) if _wants(k, task, signo)]
    if candidates:
        _wake_for_signal(k, min(candidates, key=rank), signo)


def _wake_for_signal(k: Kernel, task: Task, signo: int) -> None:
    if _waits_for(task, signo):
        k.wake_again(task)
        return
    task.attention = True
    if task.wait is not None and (task.wait.interruptible or signo == SIGKILL):
        k.interrupt(task)


def force_fault(k: Kernel, cpu: Cpu, task: Task, fault: Fault) -> None:
    """Queue the signal of the thread's synchronous exception. It can be handled, but not blocked or ignored."""
    task.trap = (fault.trapno, fault.error, fault.address)
    task.pc = k.events.pc = cpu.pc
    k.events.emit("fault", task.tid, signal=signal_name(fault.signo), code=fault.code, address=fault.address, what=fault.what)
    force(k, task, SigInfo(fault.signo, fault.code, address=fault.address))


def force(k: Kernel, task: Task, info: SigInfo, fatal: bool = False) -> None:
    """Queue a signal; if it is blocked or ignored, its default action is taken (force_sig_info)."""
    signo = info.signo
    action = k.signals.actions.get(signo, DEFAULT)
    blocked = bool(task.sigmask & bit(signo))
    if fatal or blocked or action.handler == SIG_IGN:
        k.signals.actions[signo] = Action()
        task.sigmask &= ~bit(signo)
    task.pending.append(info)
    task.attention = True


# -- delivery ----------------------------------------------------------------------------------------------------


def dequeue(k: Kernel, task: Task, mask: int) -> SigInfo | None:
    """Remove and return the next signal not in `mask`: synchronous faults, then the thread's by number, then the process's."""
    found = task.pending.take_fault(mask) or task.pending.take(mask) or k.signals.pending.take(mask)
    if found is not None and found.code == SI_TIMER:
        _collect_overrun(k, found)
    return found


def _collect_overrun(k: Kernel, info: SigInfo) -> None:
    timer = k.timers.timers.get(info.timer)
    if timer is not None:
        info.overrun, timer.overrun = timer.overrun, 0


class Delivery(Enum):
    """Result of delivering a task's signals: it may RUN, must STOP, or makes its interrupted call AGAIN."""

    RUN = 1
    STOP = 2
    AGAIN = 3


def deliver(k: Kernel, cpu: Cpu, task: Task) -> Delivery:
    """Build a frame or take the default action for every deliverable signal of the task, whose registers are live."""
    while task.attention and not task.exited:
        info = dequeue(k, task, task.sigmask)
        if info is None:
            task.attention = False
            break
        recalculate(k, task)
        action = k.signals.actions.get(info.signo, DEFAULT)
        if action.handler == SIG_IGN:
            continue
        if action.handler == SIG_DFL:
            if info.signo in _IGNORED or info.signo in _STOPPING:
                continue
            _kill_process(k, cpu, task, info)
            return Delivery.STOP
        _enter_handler(k, cpu, task, info, action)
    if task.exited:
        return Delivery.STOP
    if task.interrupted is not None:
        return _restart_silently(k, task)
    if task.saved_mask is not None:
        mask, task.saved_mask = task.saved_mask, None
        set_mask(k, task, mask)
        if task.attention:
            return deliver(k, cpu, task)
    return Delivery.RUN


def _kill_process(k: Kernel, cpu: Cpu, task: Task, info: SigInfo) -> None:
    core = info.signo in _CORE
    k.death = Death(task.tid, info, cpu.pc, cpu.registers(), core)
    k.events.emit("process-killed", task.tid, signal=signal_name(info.signo), code=info.code, core=core)
    k.end(None, info.signo)


def _restart_silently(k: Kernel, task: Task) -> Delivery:
    """Continue the interrupted call as if nothing had happened, since no handler ran."""
    wait, task.interrupted = task.interrupted, None
    if wait is not None and wait.kind == "host":
        task.wait = wait
        return Delivery.STOP
    if task.saved_mask is not None:
        mask, task.saved_mask = task.saved_mask, None
        set_mask(k, task, mask)
    task.resumed = wait
    return Delivery.AGAIN


def _end_interrupted_call(k: Kernel, cpu: Cpu, task: Task, action: Action) -> None:
    """Before a handler runs, have the interrupted call restart afterwards or return -EINTR."""
    wait, task.interrupted = task.interrupted, None
    assert wait is not None
    if wait.kind == "host":
        layout(k.abi.name).rewind(cpu)
        return
    restart = wait.restart and bool(action.flags & SA_RESTART)
    result = wait.done or -errno.EINTR
    if k.events.enabled:
        name = k.call_name(task)
        k.events.emit("syscall-exit", task.tid, name=name, result="restart" if restart else result)
    task.blocked_call = False
    if restart:
        layout(k.abi.name).rewind(cpu)
        return
    if wait.remain is not None and wait.deadline is not None:
        address, width = wait.remain
        try:
            write_timespec(k, address, max(0, wait.deadline - k.clock.now()), width)
        except MemoryFault:
            cpu.syscall_result(-errno.EFAULT)
            return
    cpu.syscall_result(result)


def _enter_handler(k: Kernel, cpu: Cpu, task: Task, info: SigInfo, action: Action) -> None:
    if task.interrupted is not None:
        _end_interrupted_call(k, cpu, task, action)
    mask = task.sigmask if task.saved_mask is None else task.saved_mask
    task.saved_mask = None
    stack = task.altstack
    trapno, error, address = task.trap
    frame = SignalFrame(
        info.signo,
        encode(info, k.abi.word),
        action.handler,
        action.restorer,
        action.flags,
        mask,
        (stack.sp, stack.flags, stack.size),
        _stack_top(task, cpu.sp, action),
        trapno,
        error,
        address,
    )
    task.pc = k.events.pc = cpu.pc
    if action.flags & SA_RESETHAND:
        k.signals.actions[info.signo] = Action(SIG_DFL, action.flags, action.restorer, action.mask)
    try:
        layout(k.abi.name).build_signal_frame(cpu, frame)
    except (MemoryFault, BadFrame) as problem:
        k.events.emit("signal-frame-failed", task.tid, signal=signal_name(info.signo), why=str(problem))
        set_mask(k, task, mask)
        force(k, task, SigInfo(SIGSEGV, SI_KERNEL), fatal=info.signo == SIGSEGV)
        return
    if stack.flags & SS_AUTODISARM:
        task.altstack = AltStack()
    blocked = task.sigmask | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= bit(info.signo)
    if k.events.enabled:
        k.events.emit(
            "signal-delivered", task.tid, signal=signal_name(info.signo), code=info.code, address=info.address,
            handler=action.handler,
        )  # fmt: skip
    set_mask(k, task, blocked)


def on_stack(stack: AltStack, sp: int) -> bool:
    """True if the stack pointer is on this alternate stack."""
    if stack.flags & SS_AUTODISARM:
        return False
    return stack.size > 0 and stack.sp < sp <= stack.sp + stack.size


def _stack_top(task: Task, sp: int, action: Action) -> int | None:
    """The address below which the frame goes: the alternate stack's top, or None for the stack in use."""
    stack = task.altstack
    if not action.flags & SA_ONSTACK or not stack.size or stack.flags & SS_DISABLE or on_stack(stack, sp):
        return None
    return stack.sp + stack.size
