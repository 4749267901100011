"""A task, which is one guest thread as the kernel sees it, its wait and its signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emuload.kernel.dispatch import BLOCKED, SWITCH, Result, Stop
from emuload.kernel.pending import Pending, SigInfo

__all__ = ["BLOCKED", "SWITCH", "AltStack", "Result", "SigInfo", "Stop", "Task", "Wait"]

SS_ONSTACK = 1
SS_DISABLE = 2


TIMER_SLACK = 50_000
"""Default of the nanoseconds by which a thread's time-outs are late (prctl(2), PR_SET_TIMERSLACK; timerslack_ns of init_task)."""


@dataclass(slots=True, eq=False, repr=False)
class Wait:
    """Why a task does not run. Set by the handler that answers BLOCKED, cleared when the wait ends.

    kind            "futex", "sleep", "io", "signal", "host", "child", "pause"
    key             a futex address or one wait-queue id
    deadline        absolute virtual nanoseconds; None: no time-out
    timeout_result  result of the call at the deadline; None: the call is run again
    retry           a wake makes the handler run again with the same arguments
    restart         a handler with SA_RESTART restarts the call; otherwise it ends with -EINTR (signal(7))
    interruptible   a signal ends the wait
    queues          further wait-queue ids of an "io" wait (poll, select, epoll)
    what            one readable line for reports
    bitset          futex: FUTEX_WAIT_BITSET's mask
    requeue_to      futex: the PI lock to be taken when requeued (FUTEX_WAIT_REQUEUE_PI), or 0
    since, began    order among all waits, and virtual time, at which it began; set by `Kernel.block`
    done            io: bytes moved before it had to wait; when a signal handler ends the call, its result
    remain          sleep: (address, width) of the timespec that receives the rest when interrupted, or None
    """

    kind: str
    key: int = 0
    deadline: int | None = None
    timeout_result: int | None = 0
    retry: bool = False
    what: str = ""
    restart: bool = False
    interruptible: bool = True
    queues: tuple[int, ...] = ()
    bitset: int = 0xFFFFFFFF
    requeue_to: int = 0
    remain: tuple[int, int] | None = None
    since: int = 0
    began: int = 0
    done: int = 0


@dataclass(slots=True, eq=False, repr=False)
class AltStack:
    """An alternate signal stack (sigaltstack(2))."""

    sp: int = 0
    flags: int = SS_DISABLE
    size: int = 0


class Task:
    """One guest thread.

    context        registers while it is not on the CPU (opaque, from Cpu.save)
    wait           why it does not run, or None
    result         result of the call that ended, for the result register; written by `Entry.prepare`
    again          the wait ended and the call is to be run again, by `Entry.prepare`
    call           (number, arguments) of the call it is in, for retries and reports
    resumed        during a retry: the wait that ended; else None
    interrupted    the wait that a signal ended, until `Entry.prepare` decides between restart and -EINTR
    attention      a signal may be deliverable (Linux: TIF_SIGPENDING)
    deferred       the call needs the CPU stopped (sigreturn, clone): `Entry.prepare` runs it
    blocked_call   the start of the call in progress was reported, so its end must be reported too
    pc             address of the instruction at which it last entered the host
    trap           (trap number, error code, address) of the last fault
    timer_slack    (ns by which its time-outs are late, value that prctl(2) resets it to)
    yielded        the task gave up the rest of its slice; the scheduler clears it
    role           a word for reports, such as "loader" or "foreign", or ""
    blocked_on     the lock that the C library says it waits for: (kind, address, owner tid)
    """

    def __init__(self, tid: int, name: str = "", context: Any = None) -> None:
        self.tid = tid
        self.name = name
        self.context = context
        self.wait: Wait | None = None
        self.exited = False
        self.exit_code = 0
        self.sigmask = 0
        self.saved_mask: int | None = None
        self.pending = Pending()
        self.attention = False
        self.altstack = AltStack()
        self.clear_child_tid = 0
        self.robust_list: tuple[int, int] = (0, 0)
        self.parent = 0
        self.result: int | None = None
        self.again = False
        self.call: tuple[int, tuple[int, ...]] | None = None
        self.resumed: Wait | None = None
        self.timed_out = False
        self.interrupted: Wait | None = None
        self.deferred = False
        self.blocked_call = False
        self.pc = 0
        self.trap: tuple[int, int, int] = (0, 0, 0)
        self.timer_slack: tuple[int, int] = (TIMER_SLACK, TIMER_SLACK)
        self.yielded = False
        self.started = 0
        self.cpu_time = 0
        self.role = ""
        self.blocked_on: tuple[str, int, int] | None = None

    @property
    def runnable(self) -> bool:
        """True if the scheduler may give it the CPU."""
        return self.wait is None and not self.exited
