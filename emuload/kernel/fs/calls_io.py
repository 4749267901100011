"""Reading and writing: read(2), write(2), readv(2), pread(2), lseek(2), sendfile(2), copy_file_range(2), fsync(2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.kernel import errno
from emuload.kernel.dispatch import Result
from emuload.kernel.fs.constants import AT_FDCWD, F_SEAL_GROW, F_SEAL_SHRINK, S_IFDIR, S_IFLNK, S_IFREG, W_OK
from emuload.kernel.fs.descriptions import Description
from emuload.kernel.fs.file_descriptions import FileDescription
from emuload.kernel.fs.inodes import DataInode, FsError, Inode, Regular
from emuload.kernel.fs.support import PIECE, UserBuffers, file_call, gone, inode_at, one_buffer, vector, wait_for, wide
from emuload.kernel.integers import int32, int64
from emuload.kernel.signals import send_signal
from emuload.kernel.task import SigInfo, Task
from emuload.machine.memory import MemoryFault
from emuload.machine.signal_numbers import SI_USER, SIGPIPE

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel


def broken_pipe(kernel: Kernel, task: Task) -> int:
    """Send SIGPIPE for a write without readers. Returns -EPIPE (pipe(7))."""
    send_signal(kernel, SigInfo(SIGPIPE, SI_USER, kernel.pid, kernel.credentials.uid), task)
    return -errno.EPIPE


def read_into(kernel: Kernel, task: Task, fd: int, buffers: UserBuffers, what: str) -> Result:
    """Read at the descriptor's position."""
    description = kernel.files.get(fd)
    if description is None or not description.readable or gone(task, description):
        return -errno.EBADF
    done = 0
    while True:
        want = min(buffers.total - done, PIECE)
        data = description.read(kernel, want)
        if isinstance(data, int):
            if data == -errno.EAGAIN and not description.nonblocking:
                return wait_for(kernel, task, description, f"{what}(fd {int32(fd)}")
            return done or data
        try:
            buffers.put(done, data)
        except MemoryFault:
            if done:
                return done
            raise
        done += len(data)
        if len(data) < want or done >= buffers.total or not description.bulk:
            return done


def write_from(kernel: Kernel, task: Task, fd: int, buffers: UserBuffers, what: str) -> Result:
    """Write at the descriptor's position."""
    description = kernel.files.get(fd)
    if description is None or not description.writable or gone(task, description):
        return -errno.EBADF
    done = task.resumed.done if task.resumed is not None else 0
    while True:
        try:
            data = buffers.get(done, min(buffers.total - done, PIECE))
            count = description.write(kernel, data)
        except (MemoryFault, FsError):
            if done:
                return done
            raise
        if count < 0:
            if count == -errno.EPIPE:
                broken_pipe(kernel, task)
            if count == -errno.EAGAIN and not description.nonblocking:
                return wait_for(kernel, task, description, f"{what}(fd {int32(fd)}", done)
            return done or count
        done += count
        if done >= buffers.total or not count or description.kind == "eventfd":
            return done


@file_call("read")
def sys_read(kernel: Kernel, task: Task, fd: int, address: int, size: int) -> Result:
    """read(2)."""
    return read_into(kernel, task, fd, one_buffer(kernel, address, size), "read")


@file_call("write")
def sys_write(kernel: Kernel, task: Task, fd: int, address: int, size: int) -> Result:
    """write(2)."""
    return write_from(kernel, task, fd, one_buffer(kernel, address, size), "write")


@file_call("readv")
def sys_readv(kernel: Kernel, task: Task, fd: int, address: int, count: int) -> Result:
    """readv(2)."""
    return read_into(kernel, task, fd, vector(kernel, address, count), "readv")


@file_call("writev")
def sys_writev(kernel: Kernel, task: Task, fd: int, address: int, count: int) -> Result:
    """writev(2)."""
    return write_from(kernel, task, fd, vector(kernel, address, count), "writev")


def _read_at(kernel: Kernel, fd: int, buffers: UserBuffers, offset: int) -> int:
    description = kernel.files.get(fd)
    if description is None or not description.readable:
        return -errno.EBADF
    if offset < 0:
        return -errno.EINVAL
    done = 0
    while True:
        want = min(buffers.total - done, PIECE)
        data = description.read_at(kernel, offset + done, want)
        if isinstance(data, int):
            return done or data
        buffers.put(done, data)
        done += len(data)
        if len(data) < want or done >= buffers.total:
            return done


def _write_at(kernel: Kernel, fd: int, buffers: UserBuffers, offset: int) -> int:
    description = kernel.files.get(fd)
    if description is None or not description.writable:
        return -errno.EBADF
    if offset < 0:
        return -errno.EINVAL
    done = 0
    while True:
        try:
            data = buffers.get(done, min(buffers.total - done, PIECE))
            count = description.write_at(kernel, offset + done, data)
        except (MemoryFault, FsError):
            if done:
                return done
            raise
        if count < 0:
            return done or count
        done += count
        if done >= buffers.total or not count:
            return done


@file_call("pread64")
def sys_pread64(kernel: Kernel, task: Task, fd: int, address: int, size: int, a: int, b: int, c: int) -> int:
    """pread(2)."""
    offset, _ = wide(kernel, (fd, address, size, a, b, c), 3)
    return _read_at(kernel, fd, one_buffer(kernel, address, size), offset)


@file_call("pwrite64")
def sys_pwrite64(kernel: Kernel, task: Task, fd: int, address: int, size: int, a: int, b: int, c: int) -> int:
    """pwrite(2)."""
    offset, _ = wide(kernel, (fd, address, size, a, b, c), 3)
    return _write_at(kernel, fd, one_buffer(kernel, address, size), offset)


def _split_offset(kernel: Kernel, low: int, high: int) -> int:
    """The offset of preadv and pwritev: two words; a 64-bit machine uses only the first (fs/read_write.c: pos_from_hilo)."""
    return int64(low if kernel.abi.word == 8 else low & 0xFFFFFFFF | high << 32)


@file_call("preadv")
def sys_preadv(kernel: Kernel, task: Task, fd: int, address: int, count: int, low: int, high: int) -> int:
    """preadv(2)."""
    return _read_at(kernel, fd, vector(kernel, address, count), _split_offset(kernel, low, high))


@file_call("pwritev")
def sys_pwritev(kernel: Kernel, task: Task, fd: int, address: int, count: int, low: int, high: int) -> int:
    """pwritev(2)."""
    return _write_at(kernel, fd, vector(kernel, address, count), _split_offset(kernel, low, high))


@file_call("preadv2")
def sys_preadv2(kernel: Kernel, task: Task, fd: int, address: int, count: int, low: int, high: int, flags: int) -> Result:
    """preadv2(2) without flags; offset -1 is the current position."""
    if flags:
        return -errno.EOPNOTSUPP
    if _split_offset(kernel, low, high) == -1:
        return sys_readv(kernel, task, fd, address, count)
    return sys_preadv(kernel, task, fd, address, count, low, high)


@file_call("pwritev2")
def sys_pwritev2(kernel: Kernel, task: Task, fd: int, address: int, count: int, low: int, high: int, flags: int) -> Result:
    """pwritev2(2) without flags; offset -1 is the current position."""
    if flags:
        return -errno.EOPNOTSUPP
    if _split_offset(kernel, low, high) == -1:
        return sys_writev(kernel, task, fd, address, count)
    return sys_pwritev(kernel, task, fd, address, count, low, high)


@file_call("lseek")
def sys_lseek(kernel: Kernel, task: Task, fd: int, offset: int, whence: int) -> int:
    """lseek(2)."""
    position = kernel.files.require(fd).seek(kernel, kernel.abi.signed(offset), int32(whence))
    return -errno.EOVERFLOW if position > kernel.abi.word_mask >> 1 else position


@file_call("_llseek")
def sys_llseek(kernel: Kernel, task: Task, fd: int, high: int, low: int, result: int, whence: int) -> int:
    """_llseek(2)."""
    position = kernel.files.require(fd).seek(kernel, int64(high << 32 | low & 0xFFFFFFFF), int32(whence))
    if position < 0:
        return position
    kernel.memory.user_write(result, position.to_bytes(8, "little"))
    return 0


@file_call("fsync", "fdatasync", "syncfs")
def sys_fsync(kernel: Kernel, task: Task, fd: int) -> int:
    """fsync(2): everything is always stored."""
    description = kernel.files.require(fd)
    return 0 if description.inode.type in (S_IFREG, S_IFDIR) else -errno.EINVAL


@file_call("sync")
def sys_sync(kernel: Kernel, task: Task) -> int:
    """sync(2)."""
    return 0


@file_call("sync_file_range", "sync_file_range2", "fadvise64", "arm_fadvise64_64", "readahead")
def sys_advice(kernel: Kernel, task: Task, fd: int) -> int:
    """Advice that changes nothing."""
    return -errno.ESPIPE if kernel.files.require(fd).pollable else 0


# -- sizes -----------------------------------------------------------------------------------------------------------


def _truncate(kernel: Kernel, inode: Inode, size: int) -> int:
    if size < 0:
        return -errno.EINVAL
    if not isinstance(inode, DataInode):
        return -errno.EISDIR if inode.type == S_IFDIR else -errno.EINVAL
    if isinstance(inode, Regular) and inode.seals and size != inode.length:
        sealed = F_SEAL_SHRINK if size < inode.length else F_SEAL_GROW
        if inode.seals & sealed:
            return -errno.EPERM
    inode.truncate(kernel.fs, size)
    return 0


def _truncate_path(kernel: Kernel, path: int, size: int) -> int:
    inode = inode_at(kernel, AT_FDCWD, path)
    kernel.fs.require(inode, W_OK)
    return _truncate(kernel, inode, size)


def _truncate_fd(kernel: Kernel, fd: int, size: int) -> int:
    description = kernel.files.require(fd)
    if not description.writable or not isinstance(description, FileDescription):
        return -errno.EINVAL
    return _truncate(kernel, description.inode, size)


@file_call("truncate")
def sys_truncate(kernel: Kernel, task: Task, path: int, size: int) -> int:
    """truncate(2)."""
    return _truncate_path(kernel, path, kernel.abi.signed(size))


@file_call("ftruncate")
def sys_ftruncate(kernel: Kernel, task: Task, fd: int, size: int) -> int:
    """ftruncate(2)."""
    return _truncate_fd(kernel, fd, kernel.abi.signed(size))


@file_call("truncate64")
def sys_truncate64(kernel: Kernel, task: Task, path: int, a: int, b: int, c: int) -> int:
    """truncate64(2)."""
    return _truncate_path(kernel, path, wide(kernel, (path, a, b, c), 1)[0])


@file_call("ftruncate64")
def sys_ftruncate64(kernel: Kernel, task: Task, fd: int, a: int, b: int, c: int) -> int:
    """ftruncate64(2)."""
    return _truncate_fd(kernel, fd, wide(kernel, (fd, a, b, c), 1)[0])


FALLOC_FL_KEEP_SIZE = 1
FALLOC_FL_PUNCH_HOLE = 2


@file_call("fallocate")
def sys_fallocate(kernel: Kernel, task: Task, fd: int, mode: int, a: int, b: int, c: int, d: int) -> int:
    """fallocate(2): growing a file, and punching holes in it."""
    registers = (fd, mode, a, b, c, d)
    offset, index = wide(kernel, registers, 2)
    length, _ = wide(kernel, registers, index)
    description = kernel.files.require(fd)
    if not description.writable:
        return -errno.EBADF
    if offset < 0 or length <= 0:
        return -errno.EINVAL
    if not isinstance(description, FileDescription):
        return -errno.ESPIPE if description.pollable else -errno.ENODEV
    node = description.data
    if mode == FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
        end = min(offset + length, node.size())
        while offset < end:
            part = min(PIECE, end - offset)
            node.write_at(kernel.fs, offset, bytes(part))
            offset += part
        return 0
    if mode not in (0, FALLOC_FL_KEEP_SIZE):
        return -errno.EOPNOTSUPP
    if not mode and offset + length > node.size():
        if offset + length > kernel.fs.storage_limit:
            return -errno.ENOSPC
        node.truncate(kernel.fs, offset + length)
    return 0


# -- copying in the kernel -------------------------------------------------------------------------------------------


def _sendfile(kernel: Kernel, task: Task, out: int, source: int, address: int, count: int, width: int) -> Result:
    reader, writer = kernel.files.require(source), kernel.files.require(out)
    if not reader.readable or not writer.writable:
        return -errno.EBADF
    if not isinstance(reader, FileDescription):
        return -errno.EINVAL
    offset = reader.position
    if address:
        offset = int.from_bytes(kernel.memory.user_read(address, width), "little", signed=True)
        if offset < 0:
            return -errno.EINVAL
    data = reader.data.read_at(offset, min(count, PIECE))
    written = writer.write(kernel, data) if data else 0
    if written == -errno.EPIPE:
        return broken_pipe(kernel, task)
    if written == -errno.EAGAIN and not writer.nonblocking:
        return wait_for(kernel, task, writer, f"sendfile(fd {int32(out)}")
    if written > 0:
        if address:
            kernel.memory.user_write(address, (offset + written).to_bytes(width, "little"))
        else:
            reader.position = offset + written
    return written


@file_call("sendfile")
def sys_sendfile(kernel: Kernel, task: Task, out: int, source: int, address: int, count: int) -> Result:
    """sendfile(2); moves at most 1 MiB a call, which the man page allows."""
    return _sendfile(kernel, task, out, source, address, count, kernel.abi.word)


@file_call("sendfile64")
def sys_sendfile64(kernel: Kernel, task: Task, out: int, source: int, address: int, count: int) -> Result:
    """sendfile64(2)."""
    return _sendfile(kernel, task, out, source, address, count, 8)


def _copy_end(kernel: Kernel, description: Description, address: int) -> tuple[FileDescription, int]:
    if description.inode.type == S_IFDIR:
        raise FsError(errno.EISDIR)
    if not isinstance(description, FileDescription) or description.inode.type == S_IFLNK:
        raise FsError(errno.EINVAL)
    if not address:
        return description, description.position
    return description, int.from_bytes(kernel.memory.user_read(address, 8), "little", signed=True)


@file_call("copy_file_range")
def sys_copy_file_range(
    kernel: Kernel, task: Task, source: int, source_at: int, target: int, target_at: int, count: int, flags: int
) -> int:
    """copy_file_range(2); moves at most 1 MiB a call, which the man page allows."""
    if flags:
        return -errno.EINVAL
    reader, start = _copy_end(kernel, kernel.files.require(source), source_at)
    writer, end = _copy_end(kernel, kernel.files.require(target), target_at)
    if not reader.readable or not writer.writable:
        return -errno.EBADF
    if start < 0 or end < 0:
        return -errno.EINVAL
    data = reader.data.read_at(start, min(count, PIECE))
    written = writer.data.write_at(kernel.fs, end, data) if data else 0
    for description, address, position in ((reader, source_at, start), (writer, target_at, end)):
        if address:
            kernel.memory.user_write(address, (position + written).to_bytes(8, "little"))
        else:
            description.position = position + written
    return written
