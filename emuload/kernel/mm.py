"""Memory calls: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), mincore(2) and the locking family.

A file is copied into its mapping: changes of a MAP_SHARED mapping are not written back.
"""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.dispatch import syscall
from emuload.kernel.fs.attached import Kernel
from emuload.kernel.fs.inodes import FsError
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.machine.memory import PAGE, MemoryFault, OutOfMemory, page_up
from loader.memory import PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE

_PROT = PROT_READ | PROT_WRITE | PROT_EXEC
_PROT_KNOWN = _PROT | 8 | 0x10 | 0x20 | 0x0100_0000 | 0x0200_0000
"""With PROT_SEM, PROT_BTI, PROT_MTE, PROT_GROWSDOWN and PROT_GROWSUP, which change nothing here."""
MAP_TYPE, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE = 0xF, 1, 2, 3
MAP_FIXED, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE = 0x10, 0x20, 0x100000
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
MADV_DONTNEED, MADV_REMOVE = 4, 9
_MADV_KNOWN = frozenset({*range(5), *range(8, 26)})
_BREAK_ROOM = 1 << 26


def _map_failure(problem: Exception, no_replace: bool) -> int:
    if isinstance(problem, MemoryFault) and no_replace:
        return -errno.EEXIST
    return -errno.ENOMEM


def _mmap(k: Kernel, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    kind = flags & MAP_TYPE
    if not length or kind not in (MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE) or offset % PAGE:
        return -errno.EINVAL
    fixed = bool(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
    no_replace = bool(flags & MAP_FIXED_NOREPLACE)
    if fixed and address % PAGE:
        return -errno.EINVAL
    if page_up(length) > k.abi.word_mask:
        return -errno.ENOMEM
    prot &= _PROT
    name, data = "", b""
    if not flags & MAP_ANONYMOUS:
        found = _file_content(k, int32(fd), prot, kind, offset, length)
        if isinstance(found, int):
            return found
        name, data = found
    shared = kind != MAP_PRIVATE
    try:
        place = k.memory.mmap(address, length, prot, fixed=fixed, name=name, no_replace=no_replace, shared=shared)
    except (MemoryFault, OutOfMemory) as problem:
        return _map_failure(problem, no_replace)
    if data:
        _fill(k, place, length, prot, data)
    return place


def _file_content(k: Kernel, fd: int, prot: int, kind: int, offset: int, length: int) -> tuple[str, bytes] | int:
    """(name, bytes) of the part of a file that a mapping shows, or -errno."""
    description = k.files.get(fd)
    if description is None:
        return -errno.EBADF
    if not description.readable or (kind != MAP_PRIVATE and prot & PROT_WRITE and not description.writable):
        return -errno.EACCES
    try:
        return description.shown_path(), description.content(k, offset, length)
    except FsError as error:
        return -error.number


def _fill(k: Kernel, place: int, length: int, prot: int, data: bytes) -> None:
    """Write a file's bytes into a new mapping, whatever its protection."""
    if not prot:
        k.memory.mprotect(place, length, PROT_READ)
        k.memory.write(place, data)
        k.memory.mprotect(place, length, prot)
    else:
        k.memory.write(place, data)


@syscall("mmap")
def sys_mmap(k: Kernel, task: Task, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    """mmap(2)."""
    return _mmap(k, address, length, prot, flags, fd, offset)


@syscall("mmap2")
def sys_mmap2(k: Kernel, task: Task, address: int, length: int, prot: int, flags: int, fd: int, pages: int) -> int:
    """mmap2(2): the offset counts units of 4096 bytes."""
    return _mmap(k, address, length, prot, flags, fd, pages * k.abi.mmap_unit)


@syscall("munmap")
def sys_munmap(k: Kernel, task: Task, address: int, length: int) -> int:
    """munmap(2)."""
    if address % PAGE or not length or address + length > k.abi.word_mask + 1:
        return -errno.EINVAL
    k.memory.munmap(address, length)
    return 0


@syscall("mprotect", "pkey_mprotect")
def sys_mprotect(k: Kernel, task: Task, address: int, length: int, prot: int) -> int:
    """mprotect(2)."""
    if address % PAGE or prot & ~_PROT_KNOWN:
        return -errno.EINVAL
    if not length:
        return 0
    try:
        k.memory.mprotect(address, length, prot & _PROT)
    except (MemoryFault, OutOfMemory):
        return -errno.ENOMEM
    return 0


@syscall("mremap")
def sys_mremap(k: Kernel, task: Task, old: int, old_size: int, new_size: int, flags: int, new: int) -> int:
    """mremap(2)."""
    if old % PAGE or not page_up(new_size) or flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED):
        return -errno.EINVAL
    fixed = bool(flags & MREMAP_FIXED)
    if fixed and (new % PAGE or not flags & MREMAP_MAYMOVE):
        return -errno.EINVAL
    if fixed and new < old + page_up(old_size) and old < new + page_up(new_size):
        return -errno.EINVAL
    if not old_size:
        return -errno.EINVAL
    return k.memory.mremap(old, old_size, new_size, bool(flags & MREMAP_MAYMOVE), new if fixed else None)


@syscall("brk")
def sys_brk(k: Kernel, task: Task, address: int) -> int:
    """brk(2): the new break, or the unchanged one if it cannot be moved. The first call reserves the area."""
    state = k.break_
    if not state.brk_start:
        try:
            state.brk_start = k.memory.mmap(0, _BREAK_ROOM, PROT_NONE, fixed=False, name="[heap]")
        except OutOfMemory:
            return 0
        state.brk, state.brk_limit = state.brk_start, state.brk_start + _BREAK_ROOM
    if not state.brk_start <= address <= state.brk_limit:
        return state.brk
    old_end, new_end = page_up(state.brk), page_up(address)
    try:
        if new_end > old_end:
            k.memory.mmap(old_end, new_end - old_end, PROT_READ | PROT_WRITE, fixed=True, name="[heap]")
        elif new_end < old_end:
            k.memory.mmap(new_end, old_end - new_end, PROT_NONE, fixed=True, name="[heap]")
    except OutOfMemory:
        return state.brk
    state.brk = address
    return address


def _all_mapped(k: Kernel, address: int, end: int) -> bool:
    while address < end:
        region = k.memory.region_at(address)
        if region is None:
            return False
        address = region.end
    return True


@syscall("madvise")
def sys_madvise(k: Kernel, task: Task, address: int, length: int, advice: int) -> int:
    """madvise(2). MADV_DONTNEED and MADV_REMOVE zero the range; other known advice has no visible effect."""
    advice = int32(advice)
    end = address + page_up(length)
    if address % PAGE or advice not in _MADV_KNOWN or end > k.abi.word_mask + 1:
        return -errno.EINVAL
    if not length:
        return 0
    if advice in (MADV_DONTNEED, MADV_REMOVE):
        k.memory.discard(address, length)
    if not _all_mapped(k, address, end):
        return -errno.ENOMEM
    return 0


@syscall("mincore")
def sys_mincore(k: Kernel, task: Task, address: int, length: int, vector: int) -> int:
    """mincore(2): every mapped page is in memory."""
    if address % PAGE:
        return -errno.EINVAL
    if not _all_mapped(k, address, address + page_up(length)):
        return -errno.ENOMEM
    k.memory.user_write(vector, b"\1" * (page_up(length) // PAGE))
    return 0


@syscall("msync", "mlock", "munlock", "mlock2")
def sys_msync(k: Kernel, task: Task, address: int, length: int, flags: int) -> int:
    """msync(2), mlock(2): memory is always present; only the range is checked."""
    if k.call_name(task) == "msync" and address % PAGE:
        return -errno.EINVAL
    start = address & -PAGE
    return 0 if _all_mapped(k, start, page_up(address + length)) else -errno.ENOMEM


@syscall("mlockall", "munlockall")
def sys_mlockall(k: Kernel, task: Task) -> int:
    """mlockall(2)."""
    return 0
