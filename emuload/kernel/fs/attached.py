"""The kernel as modules of the file system see it: with the tree and the table of descriptors attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.kernel import core

if TYPE_CHECKING:
    from emuload.kernel.fs.table import FileTable
    from emuload.kernel.fs.tree import FileSystem


class Kernel(core.Kernel):
    """Linux for one process, with files. The builder of the process sets `fs`, then `files`."""

    fs: FileSystem
    files: FileTable
