"""Standard input, output and error as open files; their host's end is in `output`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from emuload.kernel.fs.constants import POLLHUP, READABLE, WRITABLE
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.inodes import Inode
from emuload.kernel.fs.output import BoundExceeded, shown

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


@dataclass(slots=True, eq=False, repr=False)
class StreamInode(Inode):
    """Inode of standard stream 0, 1 or 2. It looks like a pipe, as if another program had started this one."""

    stream: int = 0


class StreamDescription(Description):
    """Standard input, output or error."""

    __slots__ = ()

    kind: ClassVar[str] = "stream"
    pollable: ClassVar[bool] = True

    @property
    def stream(self) -> int:
        """0, 1 or 2."""
        assert isinstance(self.inode, StreamInode)
        return self.inode.stream

    def shown_path(self) -> str:
        return f"pipe:[{self.inode.ino}]"

    def shown_name(self) -> str:
        return ("stdin", "stdout", "stderr")[self.stream]

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        return kernel.fs.stdin.read(size)

    def write(self, kernel: Kernel, data: bytes) -> int:
        output = kernel.fs.output
        room = output.room()
        if len(data) > room:
            data = data[:room]
        if data:
            output.append(self.stream, data)
            task = kernel.current
            kernel.events.emit("write", task.tid if task else 0, fd=self.stream, text=shown(data))
            kernel.events.flush()
        elif room <= 0:
            raise BoundExceeded("output", output.limit)
        return len(data)

    def poll(self, kernel: Kernel) -> int:
        if self.stream:
            return WRITABLE
        return READABLE if kernel.fs.stdin.waiting() else POLLHUP

    def available(self, kernel: Kernel) -> int:
        return 0 if self.stream else kernel.fs.stdin.waiting()
