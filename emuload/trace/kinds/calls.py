"""Events of the host's calls into the guest.

The host makes its calls one after the other: each comes after the results of those before (channel `host`).
"""

from __future__ import annotations

from emuload.trace.kinds import Kind, declared

_HOST = ("host",)

CALL_ENTER = Kind(
    "call-enter", "function", "the host calls a function on this thread",
    begins=("call", "function"), acquires=[_HOST], releases=[_HOST], role="foreign",
)  # fmt: skip
CALL_EXIT = Kind("call-exit", "function", "it returned", ends=CALL_ENTER)
CALL_RESULT = Kind(
    "call-result", "function", "the host, which waited for it, has the result", quiet=True, releases=[_HOST]
)
MISSING_FUNCTION = Kind(
    "missing-function", "name, caller", "a function was called that the emulated C library lacks"
)

KINDS = declared(globals())
