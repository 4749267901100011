"""A machine with files, and system calls written as a C program would write them."""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.dispatch import BLOCKED, Result
from emuload.kernel.fs import attach
from emuload.kernel.fs.constants import AT_FDCWD
from emuload.kernel.fs.layouts import EPOLL_ALIGNED, EPOLL_PACKED
from emuload.kernel.task import Task
from tests.kernel.machine import Machine

PATH, PATH2, BUFFER = 0x100, 0x2100, 0x4100
"""Offsets into the data area: two paths, and room for bytes."""


class Guest(Machine):
    """Calls return what the kernel returns: a count, a descriptor or a negative error number."""

    def __init__(self, architecture: str = "amd64", stdin: bytes = b"") -> None:
        super().__init__(architecture)
        attach(self.kernel, stdin)

    def value(self, name: str, *args: int, task: Task | None = None) -> int:
        """A call that does not block."""
        result = self.call(name, *args, task=task)
        assert isinstance(result, int), name
        return result

    def path(self, text: str, second: bool = False) -> int:
        """Store a path. Its address."""
        at = self.data + (PATH2 if second else PATH)
        self.cpu.memory.write(at, text.encode("utf-8", "surrogateescape") + b"\0")
        return at

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int:
        return self.value("openat", AT_FDCWD, self.path(path), flags, mode)

    def write(self, fd: int, data: bytes, task: Task | None = None) -> Result:
        at = self.data + BUFFER
        self.cpu.memory.write(at, data)
        return self.call("write", fd, at, len(data), task=task)

    def read_bytes(self, fd: int, size: int = 4096) -> bytes | int:
        """Result of a read: bytes, or the negative error number."""
        count = self.value("read", fd, self.data + BUFFER, size)
        return count if count < 0 else self.cpu.memory.read(self.data + BUFFER, count)

    def content(self, path: str) -> bytes:
        fd = self.open(path)
        assert fd >= 0, (path, errno.NAMES[-fd])
        parts = []
        while (data := self.read_bytes(fd)) and isinstance(data, bytes):
            parts.append(data)
        self.value("close", fd)
        return b"".join(parts)

    def pipe(self, flags: int = 0) -> tuple[int, int]:
        assert self.value("pipe2", self.data, flags) == 0
        return self.read(self.data), self.read(self.data + 4)

    # -- epoll -------------------------------------------------------------------------------------------------------

    def control(self, epoll: int, operation: int, fd: int, events: int = 0, data: int = 0) -> int:
        layout = EPOLL_PACKED if self.cpu.abi.epoll_packed else EPOLL_ALIGNED
        self.cpu.memory.write(self.data, layout.pack(events & 0xFFFFFFFF, data))
        return self.value("epoll_ctl", epoll, operation, fd, self.data)

    def epoll_wait(self, epoll: int, limit: int = 8, timeout: int = 0, task: Task | None = None) -> Result:
        return self.call("epoll_pwait", epoll, self.data + BUFFER, limit, timeout, 0, 8, task=task)

    def events_found(self, count: int) -> list[tuple[int, int]]:
        """(events, data) of the last epoll_wait."""
        layout = EPOLL_PACKED if self.cpu.abi.epoll_packed else EPOLL_ALIGNED
        raw = self.cpu.memory.read(self.data + BUFFER, count * layout.size)
        return [(events, data) for events, data in layout.iter_unpack(raw)]

    # -- blocked calls -----------------------------------------------------------------------------------------------

    def resume(self, task: Task) -> int | None:
        """Let a woken task continue. Its call's result, or None if it blocked again."""
        assert task.wait is None, "still waiting"
        if not self.finish(task):
            return None
        return self.outcome

    def finish(self, task: Task) -> bool:
        self.cpu.restore(task.context)
        self.outcome: int | None = None
        original = self.cpu.syscall_result

        def record(value: int) -> None:
            self.outcome = value
            original(value)

        self.cpu.syscall_result = record  # type: ignore[method-assign]
        try:
            return self.entry.prepare(self.cpu, task)
        finally:
            del self.cpu.syscall_result

    def jump(self, nanoseconds: int) -> None:
        """Let virtual time pass and fire the timers that are due."""
        self.clock.advance_to(self.clock.now() + nanoseconds)
        self.entry.timeouts(self.clock.now())


def blocked(result: Result) -> bool:
    """True if a call has to wait."""
    return result is BLOCKED
