"""Pipes, and the AF_UNIX socket pair.

A pipe is a queue of slots of one page, as in fs/pipe.c: the part of a write beyond whole pages is appended to the last slot if
it fits there; the rest takes new slots. This decides which writes are atomic and when a pipe is full or writable.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from emuload.kernel import errno
from emuload.kernel.fs.constants import (
    O_ACCMODE,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    PIPE_BUF,
    PIPE_DEVICE,
    PIPE_MAX_SIZE,
    PIPE_SIZE,
    POLLERR,
    POLLHUP,
    POLLRDHUP,
    READABLE,
    S_IFIFO,
    S_IFSOCK,
    SOCKET_DEVICE,
    WRITABLE,
)
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.inodes import Inode
from emuload.machine.signal_numbers import POLL_HUP, POLL_IN, POLL_OUT

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.fs.table import FileTable


@dataclass(slots=True, eq=False, repr=False)
class Slot:
    """One page of a pipe: its bytes, of which `used` have been read."""

    data: bytearray
    used: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Pipe:
    """The bytes between the ends, and the ends that are open."""

    capacity: int = PIPE_SIZE // PIPE_BUF
    slots: deque[Slot] = field(default_factory=deque)
    readers: list[PipeEnd] = field(default_factory=list)
    writers: list[PipeEnd] = field(default_factory=list)

    def waiting(self) -> int:
        """Bytes that can be read."""
        return sum(len(slot.data) - slot.used for slot in self.slots)

    def full(self) -> bool:
        """True if no slot is free."""
        return len(self.slots) >= self.capacity

    def put(self, data: bytes) -> int:
        """Store as many bytes as fit. The count stored."""
        done = 0
        tail = len(data) % PIPE_BUF
        if tail and self.slots and len(self.slots[-1].data) + tail <= PIPE_BUF:
            self.slots[-1].data += data[:tail]
            done = tail
        while done < len(data) and not self.full():
            piece = data[done : done + PIPE_BUF]
            self.slots.append(Slot(bytearray(piece)))
            done += len(piece)
        return done

    def take(self, size: int) -> bytes:
        """Remove up to `size` bytes."""
        parts = bytearray()
        while self.slots and len(parts) < size:
            slot = self.slots[0]
            piece = slot.data[slot.used : slot.used + size - len(parts)]
            slot.used += len(piece)
            parts += piece
            if slot.used == len(slot.data):
                self.slots.popleft()
        return bytes(parts)

    def resize(self, size: int) -> int:
        """F_SETPIPE_SZ: the new size in bytes, a power of two, or -EPERM, -EBUSY, -EINVAL."""
        if size > 1 << 31 or size < 0:
            return -errno.EINVAL
        slots = 1
        while slots * PIPE_BUF < size:
            slots *= 2
        if slots * PIPE_BUF > PIPE_MAX_SIZE:
            return -errno.EPERM
        if slots < len(self.slots):
            return -errno.EBUSY
        self.capacity = slots
        return slots * PIPE_BUF


@dataclass(slots=True, eq=False, repr=False)
class PipeInode(Inode):
    """The inode that both ends share."""

    pipe: Pipe = field(default_factory=Pipe)


class PipeEnd(Description):
    """A read end, a write end, or (through /proc/self/fd) one that is both."""

    __slots__ = ()

    kind: ClassVar[str] = "pipe"
    pollable: ClassVar[bool] = True

    @property
    def pipe(self) -> Pipe:
        """The pipe it is an end of."""
        assert isinstance(self.inode, PipeInode)
        return self.inode.pipe

    def shown_path(self) -> str:
        return f"pipe:[{self.inode.ino}]"

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        pipe = self.pipe
        if not size:
            return b""
        if not pipe.slots:
            return -errno.EAGAIN if pipe.writers else b""
        was_full = pipe.full()
        data = pipe.take(size)
        for end in pipe.writers:
            if was_full and not pipe.full():
                end.notify(kernel, WRITABLE)
            end.send_sigio(kernel, POLL_OUT)
        return data

    def write(self, kernel: Kernel, data: bytes) -> int:
        pipe = self.pipe
        if not data:
            return 0
        if not pipe.readers:
            return -errno.EPIPE
        count = pipe.put(data)
        if not count:
            return -errno.EAGAIN
        for end in pipe.readers:
            end.notify(kernel, READABLE)
            end.send_sigio(kernel, POLL_IN)
        return count

    def poll(self, kernel: Kernel) -> int:
        pipe = self.pipe
        mask = 0
        if self.readable:
            if pipe.slots:
                mask |= READABLE
            if not pipe.writers:
                mask |= POLLHUP
        if self.writable:
            if not pipe.full():
                mask |= WRITABLE
            if not pipe.readers:
                mask |= POLLERR
        return mask

    def available(self, kernel: Kernel) -> int:
        return self.pipe.waiting()

    def opened(self, kernel: Kernel) -> None:
        if self.flags & O_ACCMODE != O_WRONLY:
            self.pipe.readers.append(self)
        if self.flags & O_ACCMODE != O_RDONLY:
            self.pipe.writers.append(self)

    def release(self, kernel: Kernel) -> None:
        pipe = self.pipe
        if self in pipe.readers:
            pipe.readers.remove(self)
        if self in pipe.writers:
            pipe.writers.remove(self)
        for end in pipe.readers:
            end.notify(kernel, READABLE | POLLERR | POLLHUP)
            end.send_sigio(kernel, POLL_IN)
        for end in pipe.writers:
            end.notify(kernel, WRITABLE | POLLERR | POLLHUP)
            end.send_sigio(kernel, POLL_OUT)


AF_UNIX: Final = 1
SOCK_STREAM: Final = 1
SOCK_DGRAM: Final = 2
SOCK_SEQPACKET: Final = 5
SOCKET_BUFFER: Final = 212_992
"""Bytes one direction holds (net.core.wmem_default)."""
MSG_PEEK: Final = 2
SHUT_RD: Final = 1
SHUT_WR: Final = 2


@dataclass(slots=True, eq=False, repr=False)
class SocketEnd(Description):
    """One end of a socketpair(2). `incoming` holds messages; a stream's may be cut anywhere.

    `shut` holds SHUT_RD and SHUT_WR bits of this end.
    """

    type: int = SOCK_STREAM
    peer: SocketEnd | None = None
    incoming: deque[bytes] = field(default_factory=deque)
    held: int = 0
    shut: int = 0

    kind: ClassVar[str] = "socket"
    pollable: ClassVar[bool] = True

    def shown_path(self) -> str:
        return f"socket:[{self.inode.ino}]"

    def read(self, kernel: Kernel, size: int) -> bytes | int:
        return self.receive(kernel, size)

    def receive(self, kernel: Kernel, size: int, peek: bool = False) -> bytes | int:
        """Take bytes of the stream, or one message, whose bytes beyond `size` are lost."""
        if not self.incoming:
            if self.shut & SHUT_RD or self.peer is None or self.peer.shut & SHUT_WR:
                return b""
            return -errno.EAGAIN
        if self.type != SOCK_STREAM:
            message = self.incoming[0]
            if not peek:
                self.incoming.popleft()
                self._freed(kernel, len(message))
            return message[:size]
        parts = bytearray()
        pieces = self.incoming.copy() if peek else self.incoming
        while pieces and len(parts) < size:
            piece = pieces.popleft()
            room = size - len(parts)
            parts += piece[:room]
            if len(piece) > room:
                pieces.appendleft(piece[room:])
        if not peek:
            self._freed(kernel, len(parts))
        return bytes(parts)

    def _freed(self, kernel: Kernel, count: int) -> None:
        self.held -= count
        if self.peer is not None:
            self.peer.notify(kernel, WRITABLE)
            self.peer.send_sigio(kernel, POLL_OUT)

    def write(self, kernel: Kernel, data: bytes) -> int:
        peer = self.peer
        if self.shut & SHUT_WR or peer is None or peer.shut & SHUT_RD:
            return -errno.EPIPE
        if self.type != SOCK_STREAM and len(data) > SOCKET_BUFFER:
            return -errno.EMSGSIZE
        if self.type == SOCK_STREAM and not data:
            return 0
        room = SOCKET_BUFFER - peer.held
        if room <= 0 or (self.type != SOCK_STREAM and room < len(data)):
            return -errno.EAGAIN
        data = data[:room]
        peer.incoming.append(data)
        peer.held += len(data)
        peer.notify(kernel, READABLE)
        peer.send_sigio(kernel, POLL_IN)
        return len(data)

    def poll(self, kernel: Kernel) -> int:
        peer = self.peer
        mask = 0
        remote_done = peer is None or bool(peer.shut & SHUT_WR)
        if self.shut & SHUT_RD or remote_done:
            mask |= POLLRDHUP | READABLE
        if peer is None or self.shut == SHUT_RD | SHUT_WR:
            mask |= POLLHUP
        if self.incoming:
            mask |= READABLE
        if peer is None or peer.held * 4 <= SOCKET_BUFFER:
            mask |= WRITABLE
        return mask

    def available(self, kernel: Kernel) -> int:
        if self.type != SOCK_STREAM:
            return len(self.incoming[0]) if self.incoming else 0
        return self.held

    def shutdown(self, kernel: Kernel, how: int) -> None:
        """shutdown(2), with SHUT_RD and SHUT_WR bits."""
        self.shut |= how
        if self.peer is not None:
            self.peer.notify(kernel, READABLE | WRITABLE | POLLHUP | POLLRDHUP)
        self.notify(kernel, READABLE | WRITABLE | POLLHUP | POLLRDHUP)

    def release(self, kernel: Kernel) -> None:
        peer = self.peer
        if peer is not None:
            peer.peer = None
            self.peer = None
            peer.notify(kernel, READABLE | WRITABLE | POLLHUP | POLLRDHUP)
            peer.send_sigio(kernel, POLL_HUP)


def new_pipe(table: FileTable, flags: int) -> tuple[PipeEnd, PipeEnd]:
    """Read and write end of a new pipe; `flags` may hold O_NONBLOCK and O_DIRECT."""
    node = PipeInode(table.kernel.fs.new_ino(), S_IFIFO | 0o600, PIPE_DEVICE)
    table.owned(node)
    return (
        PipeEnd(node, flags & ~O_ACCMODE | O_RDONLY, table.new_queue()),
        PipeEnd(node, flags & ~O_ACCMODE | O_WRONLY, table.new_queue()),
    )


def new_socket_pair(table: FileTable, kind: int, flags: int) -> tuple[SocketEnd, SocketEnd]:
    """Two connected sockets of type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET."""
    ends = []
    for _ in range(2):
        node = table.owned(Inode(table.kernel.fs.new_ino(), S_IFSOCK | 0o777, SOCKET_DEVICE))
        ends.append(SocketEnd(node, O_RDWR | flags & O_NONBLOCK, table.new_queue(), type=kind))
    first, second = ends
    first.peer, second.peer = second, first
    return first, second
