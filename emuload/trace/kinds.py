"""The kinds of events there are, in the order of their catalogue (traces/README.md), for what somebody writes to choose some."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

KINDS = (
    "object-found", "object-mapped", "object-dependencies", "object-relocated", "object-unmapped", "relro-protected",
    "tls-registered", "static-tls", "tls-image", "tls-block", "warning", "preload-refused", "ifunc-resolved",
    "slot-bound", "constructor-enter", "constructor-exit", "destructor-enter", "destructor-exit", "dlopen-enter",
    "dlopen-exit", "dlclose-enter", "dlclose-exit", "dlsym-enter", "dlsym-exit", "startup-enter", "startup-exit",
    "shutdown-enter", "shutdown-exit", "loader-lock-wait", "loader-lock-acquire", "loader-lock-release",
    "constructors-wait", "call-enter", "call-exit", "call-result", "missing-function", "thread-create", "thread-start",
    "thread-exit", "join-wait", "join-done", "key-destructor", "mutex-wait", "mutex-acquire", "mutex-release",
    "cond-wait", "cond-wake", "cond-return", "sem-wait", "sem-acquire", "sem-post", "once-wait", "once-enter",
    "once-exit", "once-pass", "rwlock-wait", "rwlock-acquire", "rwlock-release", "barrier-wait", "barrier-leave",
    "wait-over", "atexit", "abort", "assert", "task-create", "task-exit", "process-exit", "process-killed", "syscall",
    "syscall-enter", "syscall-exit", "unknown-syscall", "futex-wait", "futex-wake", "futex-requeue", "signal-action",
    "signal-sent", "signal-delivered", "signal-accepted", "signal-returned", "signal-frame-failed", "fault", "write",
    "go-library", "go-package-imports", "go-rt0-lib", "go-rt0-lib-go", "go-rt0-go", "go-args", "go-schedinit",
    "go-runtime-main", "go-sysmon", "go-runtime-init-done", "go-package-init-enter", "go-package-init-exit",
    "go-main-init-done", "go-export-enter", "go-export-wait", "go-export-body", "go-export-return", "go-goroutine",
    "go-throw", "go-fatal", "go-fatalpanic", "go-die",
)  # fmt: skip
"""Every kind of the present schema."""


def refusal(patterns: Iterable[str]) -> str | None:
    """What is wrong with the first of some shell patterns that matches no kind, with what may have been meant; None if all do."""
    for pattern in patterns:
        if not any(fnmatchcase(kind, pattern) for kind in KINDS):
            from difflib import get_close_matches

            near = get_close_matches(pattern, KINDS, n=3)
            return f"no kind of event matches {pattern!r}" + (f": is it {' or '.join(near)}?" if near else "")
    return None
