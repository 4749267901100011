"""Files: the guest's file system, its descriptors, and the system calls on them.

`attach` gives a kernel both. Importing this package registers the calls, except those of `dispatch.LATER`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emuload.kernel.fs import calls_files, calls_io, calls_paths, calls_stat
from emuload.kernel.fs.defaults import populate
from emuload.kernel.fs.inodes import FsError
from emuload.kernel.fs.output import BoundExceeded, Input, Output
from emuload.kernel.fs.table import FileTable
from emuload.kernel.fs.tree import FileSystem

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel

__all__ = [
    "BoundExceeded", "FileSystem", "FileTable", "FsError", "Input", "Output", "attach", "calls_files", "calls_io",
    "calls_paths", "calls_stat",
]  # fmt: skip


def attach(kernel: Kernel, stdin: bytes | Callable[[int], bytes] = b"") -> None:
    """Give the kernel a file system and a descriptor table with the standard streams on 0, 1 and 2.

    `stdin` is the input's bytes, or a function of the host that is called with a size and returns up to that many bytes, none
    at the end.
    """
    kernel.fs = FileSystem(kernel)
    populate(kernel.fs)
    kernel.fs.stdin = Input(stdin) if isinstance(stdin, bytes) else Input(source=stdin)
    kernel.files = FileTable(kernel)
