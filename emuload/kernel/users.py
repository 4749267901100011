"""User and group ids: getuid(2), setresuid(2), getgroups(2), setgroups(2); capabilities(7), which are always empty."""

from __future__ import annotations

from emuload.kernel import errno
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import syscall
from emuload.kernel.integers import int32
from emuload.kernel.task import Task


@syscall("getuid", "getuid32")
def sys_getuid(k: Kernel, task: Task) -> int:
    """getuid(2)."""
    return k.credentials.uid


@syscall("geteuid", "geteuid32")
def sys_geteuid(k: Kernel, task: Task) -> int:
    """geteuid(2)."""
    return k.credentials.euid


@syscall("getgid", "getgid32")
def sys_getgid(k: Kernel, task: Task) -> int:
    """getgid(2)."""
    return k.credentials.gid


@syscall("getegid", "getegid32")
def sys_getegid(k: Kernel, task: Task) -> int:
    """getegid(2)."""
    return k.credentials.egid


@syscall("getresuid", "getresuid32")
def sys_getresuid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """getresuid(2)."""
    for address, value in zip((real, effective, saved), _uids(k), strict=True):
        k.put_u32(address, value)
    return 0


@syscall("getresgid", "getresgid32")
def sys_getresgid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """getresgid(2)."""
    for address, value in zip((real, effective, saved), _gids(k), strict=True):
        k.put_u32(address, value)
    return 0


def _uids(k: Kernel) -> tuple[int, int, int]:
    return k.credentials.uid, k.credentials.euid, k.credentials.suid


def _gids(k: Kernel) -> tuple[int, int, int]:
    return k.credentials.gid, k.credentials.egid, k.credentials.sgid


def _change(current: tuple[int, int, int], wanted: tuple[int, ...], root: bool) -> tuple[int, int, int] | None:
    """New (real, effective, saved) ids; -1 keeps one. Without root only ids already held are allowed."""
    held = set(current)
    result = []
    for old, value in zip(current, wanted, strict=True):
        if value == -1:
            result.append(old)
        elif root or value in held:
            result.append(value & 0xFFFFFFFF)
        else:
            return None
    return result[0], result[1], result[2]


def _set_uids(k: Kernel, *wanted: int) -> int:
    ids = _change(_uids(k), wanted, k.credentials.euid == 0)
    if ids is None:
        return -errno.EPERM
    k.credentials.uid, k.credentials.euid, k.credentials.suid = ids
    return 0


def _set_gids(k: Kernel, *wanted: int) -> int:
    ids = _change(_gids(k), wanted, k.credentials.euid == 0)
    if ids is None:
        return -errno.EPERM
    k.credentials.gid, k.credentials.egid, k.credentials.sgid = ids
    return 0


@syscall("setuid", "setuid32")
def sys_setuid(k: Kernel, task: Task, uid: int) -> int:
    """setuid(2)."""
    uid = int32(uid)
    if uid == -1:
        return -errno.EINVAL
    return _set_uids(k, uid, uid, uid) if k.credentials.euid == 0 else _set_uids(k, -1, uid, -1)


@syscall("setgid", "setgid32")
def sys_setgid(k: Kernel, task: Task, gid: int) -> int:
    """setgid(2)."""
    gid = int32(gid)
    if gid == -1:
        return -errno.EINVAL
    return _set_gids(k, gid, gid, gid) if k.credentials.euid == 0 else _set_gids(k, -1, gid, -1)


@syscall("setreuid", "setreuid32")
def sys_setreuid(k: Kernel, task: Task, real: int, effective: int) -> int:
    """setreuid(2)."""
    real, effective = int32(real), int32(effective)
    saved = effective if real != -1 or effective not in (-1, k.credentials.uid) else -1
    return _set_uids(k, real, effective, saved)


@syscall("setregid", "setregid32")
def sys_setregid(k: Kernel, task: Task, real: int, effective: int) -> int:
    """setregid(2)."""
    real, effective = int32(real), int32(effective)
    saved = effective if real != -1 or effective not in (-1, k.credentials.gid) else -1
    return _set_gids(k, real, effective, saved)


@syscall("setresuid", "setresuid32")
def sys_setresuid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """setresuid(2)."""
    return _set_uids(k, int32(real), int32(effective), int32(saved))


@syscall("setresgid", "setresgid32")
def sys_setresgid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """setresgid(2)."""
    return _set_gids(k, int32(real), int32(effective), int32(saved))


@syscall("setfsuid", "setfsuid32")
def sys_setfsuid(k: Kernel, task: Task, uid: int) -> int:
    """setfsuid(2): the previous id."""
    return k.credentials.euid


@syscall("setfsgid", "setfsgid32")
def sys_setfsgid(k: Kernel, task: Task, gid: int) -> int:
    """setfsgid(2): the previous id."""
    return k.credentials.egid


@syscall("getgroups", "getgroups32")
def sys_getgroups(k: Kernel, task: Task, size: int, address: int) -> int:
    """getgroups(2)."""
    groups, size = k.credentials.groups, int32(size)
    if size < 0 or 0 < size < len(groups):
        return -errno.EINVAL
    if size:
        k.memory.user_write(address, b"".join(group.to_bytes(4, "little") for group in groups))
    return len(groups)


@syscall("setgroups", "setgroups32")
def sys_setgroups(k: Kernel, task: Task, size: int, address: int) -> int:
    """setgroups(2)."""
    if k.credentials.euid != 0:
        return -errno.EPERM
    if size > 65536:
        return -errno.EINVAL
    data = k.memory.user_read(address, 4 * size)
    k.credentials.groups = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    return 0


_CAPABILITY_VERSIONS = {0x19980330: 1, 0x20071026: 2, 0x20080522: 2}


@syscall("capget")
def sys_capget(k: Kernel, task: Task, header: int, data: int) -> int:
    """capget(2): no capabilities."""
    version = k.get_u32(header)
    if version not in _CAPABILITY_VERSIONS:
        k.put_u32(header, 0x20080522)
        return -errno.EINVAL if data else 0
    if data:
        k.memory.user_write(data, bytes(12 * _CAPABILITY_VERSIONS[version]))
    return 0
