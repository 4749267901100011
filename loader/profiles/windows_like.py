"""Not a libc: glibc's rules with the loader lock of Windows, for questions of design.

There the loader lock is held while a library's initialisation runs, at start-up too, and a new thread needs it to tell
every library of itself before it may run, and again when it ends ("Dynamic-Link Library Best Practices"). So a
constructor that waits for a thread it started waits for ever; the first design of Go's shared libraries did that, and so
initialisation was moved to the first call.
"""

from __future__ import annotations

from .glibc import Glibc


class WindowsLike(Glibc):
    """See `Profile`."""

    family = "windows-like"
    locks = Glibc.locks._replace(at_start=True, new_threads=True)
