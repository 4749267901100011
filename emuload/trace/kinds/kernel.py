"""Events of the kernel: tasks, system calls, futexes, signals, output.

Everything a thread does comes after its creation, a `join-done` after the thread's end, the delivery of a signal after a thread
sent it, the next event of a woken thread after the `futex-wake`.
"""

from __future__ import annotations

from emuload.trace.kinds import BY_MACHINE, BY_TIMING, Kind, declared

TASK_CREATE = Kind(
    "task-create", "child, thread_pointer",
    "a thread exists; `tid` is its creator, `thread_pointer` what it starts with, 0 if none was set",
    creates="child", releases=[("birth", "child")],
)  # fmt: skip
TASK_EXIT = Kind("task-exit", "code", "a thread is gone", releases=[("end", "tid")])
PROCESS_EXIT = Kind("process-exit", "code", "exit_group")
PROCESS_KILLED = Kind("process-killed", "signal, code, core", "a signal ended the process")

SYSCALL = Kind(
    "syscall", "name, args, result", "a system call that did not wait; errors are negative",
    quiet=True, rule="calls", varies=BY_MACHINE,
)  # fmt: skip
SYSCALL_ENTER = Kind(
    "syscall-enter", "name, args, wait", "one that waits, and for what",
    begins=("syscall", "name"), rule="enters_call", varies=BY_MACHINE,
)  # fmt: skip
SYSCALL_EXIT = Kind(
    "syscall-exit", "name, result", "its end", ends=SYSCALL_ENTER, woken=True, rule="leaves_call", varies=BY_MACHINE
)
UNKNOWN_SYSCALL = Kind(
    "unknown-syscall", "name", "one that answers ENOSYS because it is not here; once for each name", varies=BY_MACHINE
)
FUTEX_WAIT = Kind(
    "futex-wait", "address, deadline", "FUTEX_WAIT goes to sleep; `deadline` in virtual ns, null for none",
    quiet=True, varies=BY_MACHINE,
)  # fmt: skip
FUTEX_WAKE = Kind(
    "futex-wake", "address, woken", "FUTEX_WAKE; `woken` are tids, in the order in which they were woken",
    wakes="woken", rule="wakes_threads", varies=BY_MACHINE,
)  # fmt: skip
FUTEX_REQUEUE = Kind(
    "futex-requeue", "address, to, moved", "FUTEX_REQUEUE moved this number of waiters", varies=BY_MACHINE
)

SIGNAL_ACTION = Kind("signal-action", "signal, handler, flags", "sigaction set a handler", rule="sets_handler")
SIGNAL_SENT = Kind(
    "signal-sent", "signal, code, to", "a signal is queued; `to` is a tid, 0 for the process",
    rule="sends_signal", varies=BY_TIMING,
)  # fmt: skip
SIGNAL_DELIVERED = Kind(
    "signal-delivered", "signal, code, address, handler", "a handler is about to run",
    rule="takes_signal", varies=BY_TIMING,
)  # fmt: skip
SIGNAL_ACCEPTED = Kind(
    "signal-accepted", "signal, code", "sigtimedwait took a signal that was sent", rule="takes_signal"
)
SIGNAL_RETURNED = Kind("signal-returned", "", "the handler returned", varies=BY_TIMING)
SIGNAL_FRAME_FAILED = Kind(
    "signal-frame-failed", "signal, why",
    "there was no room for a handler's frame, or the frame it returned by was broken",
)  # fmt: skip
FAULT = Kind("fault", "signal, code, address, what", "an instruction faulted")
WRITE = Kind("write", "fd, text", "output on descriptor 1 or 2, at most `EVENT_TEXT` bytes of it")

KINDS = declared(globals())
