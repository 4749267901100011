"""Identity, limits, processor and system calls that answer from the kernel's own data, and those always refused."""

from __future__ import annotations

import struct

from emuload.kernel import errno
from emuload.kernel.clock import SECOND
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import syscall
from emuload.kernel.identity import INFINITY, RLIMIT_NOFILE
from emuload.kernel.mm import PAGE, page_up
from emuload.kernel.task import Task
from emuload.kernel.time import s32, write_timespec, write_timeval
from emuload.machine.memory import MemoryFault

_NOFILE_MAX = 1 << 20
_NAME_SIZE = 16

# -- users and groups --------------------------------------------------------------------------------------------


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
    uid = s32(uid)
    if uid == -1:
        return -errno.EINVAL
    return _set_uids(k, uid, uid, uid) if k.credentials.euid == 0 else _set_uids(k, -1, uid, -1)


@syscall("setgid", "setgid32")
def sys_setgid(k: Kernel, task: Task, gid: int) -> int:
    """setgid(2)."""
    gid = s32(gid)
    if gid == -1:
        return -errno.EINVAL
    return _set_gids(k, gid, gid, gid) if k.credentials.euid == 0 else _set_gids(k, -1, gid, -1)


@syscall("setreuid", "setreuid32")
def sys_setreuid(k: Kernel, task: Task, real: int, effective: int) -> int:
    """setreuid(2)."""
    real, effective = s32(real), s32(effective)
    saved = effective if real != -1 or effective not in (-1, k.credentials.uid) else -1
    return _set_uids(k, real, effective, saved)


@syscall("setregid", "setregid32")
def sys_setregid(k: Kernel, task: Task, real: int, effective: int) -> int:
    """setregid(2)."""
    real, effective = s32(real), s32(effective)
    saved = effective if real != -1 or effective not in (-1, k.credentials.gid) else -1
    return _set_gids(k, real, effective, saved)


@syscall("setresuid", "setresuid32")
def sys_setresuid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """setresuid(2)."""
    return _set_uids(k, s32(real), s32(effective), s32(saved))


@syscall("setresgid", "setresgid32")
def sys_setresgid(k: Kernel, task: Task, real: int, effective: int, saved: int) -> int:
    """setresgid(2)."""
    return _set_gids(k, s32(real), s32(effective), s32(saved))


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
    groups, size = k.credentials.groups, s32(size)
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
    """capget(2): none."""
    version = k.get_u32(header)
    if version not in _CAPABILITY_VERSIONS:
        k.put_u32(header, 0x20080522)
        return -errno.EINVAL if data else 0
    if data:
        k.memory.user_write(data, bytes(12 * _CAPABILITY_VERSIONS[version]))
    return 0


# -- limits and usage --------------------------------------------------------------------------------------------


def _set_limit(k: Kernel, resource: int, soft: int, hard: int) -> int:
    if soft > hard:
        return -errno.EINVAL
    if hard > k.limits.values[resource][1] or (resource == RLIMIT_NOFILE and hard > _NOFILE_MAX):
        return -errno.EPERM
    k.limits.values[resource] = (soft, hard)
    return 0


@syscall("prlimit64")
def sys_prlimit64(k: Kernel, task: Task, pid: int, resource: int, new: int, old: int) -> int:
    """prlimit(2)."""
    if resource >= len(k.limits.values):
        return -errno.EINVAL
    if pid not in (0, k.pid) and pid not in k.tasks:
        return -errno.ESRCH
    before = k.limits.values[resource]
    wanted = struct.unpack("<QQ", k.memory.user_read(new, 16)) if new else None
    if wanted is not None:
        error = _set_limit(k, resource, *wanted)
        if error:
            return error
    if old:
        k.memory.user_write(old, struct.pack("<QQ", *before))
    return 0


@syscall("getrlimit", "ugetrlimit")
def sys_getrlimit(k: Kernel, task: Task, resource: int, address: int) -> int:
    """getrlimit(2) with machine words, in which a larger limit shows as none."""
    if resource >= len(k.limits.values):
        return -errno.EINVAL
    soft, hard = k.limits.values[resource]
    k.put_word(address, min(soft, k.abi.word_mask))
    k.put_word(address + k.abi.word, min(hard, k.abi.word_mask))
    return 0


@syscall("setrlimit")
def sys_setrlimit(k: Kernel, task: Task, resource: int, address: int) -> int:
    """setrlimit(2) with machine words."""
    if resource >= len(k.limits.values):
        return -errno.EINVAL
    words = (k.get_word(address), k.get_word(address + k.abi.word))
    soft, hard = (INFINITY if value == k.abi.word_mask else value for value in words)
    return _set_limit(k, resource, soft, hard)


@syscall("getrusage")
def sys_getrusage(k: Kernel, task: Task, who: int, address: int) -> int:
    """getrusage(2): user time and resident size; RUSAGE_SELF 0, CHILDREN -1, THREAD 1."""
    who = s32(who)
    if who not in (0, 1, -1):
        return -errno.EINVAL
    used = {0: k.clock.executed(), 1: k.cpu_time(task), -1: 0}[who]
    k.memory.user_write(address, bytes(18 * k.abi.word))
    write_timeval(k, address, used)
    k.put_word(address + 4 * k.abi.word, 0 if who == -1 else k.memory.accessible >> 10)
    return 0


# -- processors --------------------------------------------------------------------------------------------------


def _task_of(k: Kernel, task: Task, pid: int) -> Task | None:
    target = task if not pid else k.tasks.get(pid)
    return None if target is None or target.exited else target


@syscall("sched_yield")
def sys_sched_yield(k: Kernel, task: Task) -> int:
    """sched_yield(2): ends the slice."""
    task.yielded = True
    return 0


@syscall("sched_getaffinity")
def sys_sched_getaffinity(k: Kernel, task: Task, pid: int, size: int, address: int) -> int:
    """sched_getaffinity(2): bytes written, a multiple of a word that holds all processors."""
    if size * 8 < k.cpus or size % k.abi.word:
        return -errno.EINVAL
    if _task_of(k, task, s32(pid)) is None:
        return -errno.ESRCH
    needed = -(-k.cpus // (8 * k.abi.word)) * k.abi.word
    length = min(size, needed)
    k.memory.user_write(address, ((1 << k.cpus) - 1).to_bytes(length, "little"))
    return length


@syscall("sched_setaffinity")
def sys_sched_setaffinity(k: Kernel, task: Task, pid: int, size: int, address: int) -> int:
    """sched_setaffinity(2): accepted when it names a processor there is; there is one CPU that executes."""
    if _task_of(k, task, s32(pid)) is None:
        return -errno.ESRCH
    mask = int.from_bytes(k.memory.user_read(address, min(size, 128)), "little")
    return 0 if mask & ((1 << k.cpus) - 1) else -errno.EINVAL


@syscall("getcpu")
def sys_getcpu(k: Kernel, task: Task, cpu: int, node: int) -> int:
    """getcpu(2)."""
    for address in (cpu, node):
        if address:
            k.put_u32(address, 0)
    return 0


@syscall("sched_getscheduler")
def sys_sched_getscheduler(k: Kernel, task: Task, pid: int) -> int:
    """sched_getscheduler(2): SCHED_OTHER."""
    return 0 if _task_of(k, task, s32(pid)) is not None else -errno.ESRCH


@syscall("sched_setscheduler", "sched_setparam")
def sys_sched_setscheduler(k: Kernel, task: Task, pid: int, policy: int, param: int) -> int:
    """sched_setscheduler(2): real-time policies need a privilege."""
    if _task_of(k, task, s32(pid)) is None:
        return -errno.ESRCH
    if k.call_name(task) == "sched_setparam":
        return 0 if k.get_u32(policy) == 0 else -errno.EINVAL
    if policy in (1, 2, 6):
        return -errno.EPERM
    return 0 if policy in (0, 3, 5) and k.get_u32(param) == 0 else -errno.EINVAL


@syscall("sched_getparam")
def sys_sched_getparam(k: Kernel, task: Task, pid: int, param: int) -> int:
    """sched_getparam(2)."""
    if not param or s32(pid) < 0:
        return -errno.EINVAL
    if _task_of(k, task, s32(pid)) is None:
        return -errno.ESRCH
    k.put_u32(param, 0)
    return 0


@syscall("sched_get_priority_max", "sched_get_priority_min")
def sys_sched_get_priority(k: Kernel, task: Task, policy: int) -> int:
    """sched_get_priority_max(2), sched_get_priority_min(2)."""
    if policy in (1, 2):
        return 99 if k.call_name(task).endswith("max") else 1
    return 0 if policy in (0, 3, 5, 6) else -errno.EINVAL


@syscall("sched_rr_get_interval", "sched_rr_get_interval_time64")
def sys_sched_rr_get_interval(k: Kernel, task: Task, pid: int, address: int) -> int:
    """sched_rr_get_interval(2)."""
    if _task_of(k, task, s32(pid)) is None:
        return -errno.ESRCH
    write_timespec(k, address, SECOND // 10, 8 if k.call_name(task).endswith("64") else k.abi.word)
    return 0


@syscall("getpriority")
def sys_getpriority(k: Kernel, task: Task, which: int, who: int) -> int:
    """getpriority(2): nice 0, which the kernel reports as 20."""
    return 20 if which <= 2 else -errno.EINVAL


@syscall("setpriority")
def sys_setpriority(k: Kernel, task: Task, which: int, who: int, nice: int) -> int:
    """setpriority(2): being nicer is allowed and changes nothing."""
    if which > 2:
        return -errno.EINVAL
    return 0 if s32(nice) >= 0 else -errno.EACCES


_MEMBARRIER_COMMANDS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10


@syscall("membarrier")
def sys_membarrier(k: Kernel, task: Task, command: int, flags: int) -> int:
    """membarrier(2): one CPU executes everything, so every barrier holds at once."""
    if flags:
        return -errno.EINVAL
    if command == 0:
        return _MEMBARRIER_COMMANDS
    return 0 if command & _MEMBARRIER_COMMANDS and not command & (command - 1) else -errno.EINVAL


# -- system ------------------------------------------------------------------------------------------------------


@syscall("uname")
def sys_uname(k: Kernel, task: Task, address: int) -> int:
    """uname(2)."""
    system = k.system
    fields = ("Linux", system.nodename, system.release, system.version, k.abi.uname_machine, system.domainname)
    k.memory.user_write(address, b"".join(field.encode()[:64].ljust(65, b"\0") for field in fields))
    return 0


@syscall("sysinfo")
def sys_sysinfo(k: Kernel, task: Task, address: int) -> int:
    """sysinfo(2)."""
    total = k.system.memory
    free = max(0, total - k.memory.accessible)
    count = len(k.living)
    uptime = k.clock.now() // SECOND
    if k.abi.word == 8:
        data = struct.pack("<q3Q6QHxx4xQQI4x", uptime, 0, 0, 0, total, free, 0, 0, 0, 0, count, 0, 0, 1)
    else:
        data = struct.pack("<i3I6IHxxIII8x", uptime, 0, 0, 0, total, free, 0, 0, 0, 0, count, 0, 0, 1)
    k.memory.user_write(address, data)
    return 0


@syscall("getrandom")
def sys_getrandom(k: Kernel, task: Task, address: int, size: int, flags: int) -> int:
    """getrandom(2), from the run's seed."""
    if flags & ~7 or flags & 6 == 6:
        return -errno.EINVAL
    size = min(size, 0x7FFF_FFFF & -PAGE, 1 << 20)
    k.memory.user_write(address, k.entropy.bytes(size))
    return size


@syscall("personality")
def sys_personality(k: Kernel, task: Task, persona: int) -> int:
    """personality(2)."""
    old = k.system.personality
    if persona & 0xFFFFFFFF != 0xFFFFFFFF:
        k.system.personality = persona & 0xFFFFFFFF
    return old


@syscall("sethostname", "setdomainname", "reboot", "swapon", "swapoff", "mount", "umount2", "pivot_root")
@syscall("syslog", "ptrace", "perf_event_open", "kcmp", "process_vm_readv", "process_vm_writev", "acct", "bpf")
@syscall("init_module", "finit_module", "delete_module", "setns", "unshare", "quotactl", "iopl", "ioperm")
def sys_refused(k: Kernel, task: Task) -> int:
    """Calls an ordinary user may not make."""
    return -errno.EPERM


@syscall("seccomp")
def sys_seccomp(k: Kernel, task: Task) -> int:
    """seccomp(2): built without."""
    return -errno.EINVAL


@syscall("rseq", "futex_waitv", "userfaultfd")
@syscall("modify_ldt", "restart_syscall", "pkey_alloc", "pkey_free", "map_shadow_stack", "pidfd_open")
@syscall("cachestat", "process_madvise", "mseal", "futex_wait", "futex_wake", "futex_requeue")
def sys_not_built(k: Kernel, task: Task) -> int:
    """Known calls that an older or smaller kernel does not have; not worth a report."""
    return -errno.ENOSYS


# -- prctl -------------------------------------------------------------------------------------------------------

(
    _PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG, _PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_GET_KEEPCAPS, _PR_SET_KEEPCAPS,
    _PR_SET_NAME, _PR_GET_NAME, _PR_GET_SECCOMP, _PR_CAPBSET_READ, _PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK,
    _PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS,
    _PR_GET_TID_ADDRESS, _PR_SET_THP_DISABLE, _PR_GET_THP_DISABLE,
) = (1, 2, 3, 4, 7, 8, 15, 16, 21, 23, 29, 30, 36, 37, 38, 39, 40, 41, 42)  # fmt: skip
_PR_SET_VMA, _PR_SET_VMA_ANON_NAME = 0x53564D41, 0
_PR_SET_PTRACER = 0x59616D61


@syscall("prctl")
def sys_prctl(k: Kernel, task: Task, option: int, a: int, b: int, c: int, d: int) -> int:
    """prctl(2)."""
    system = k.system
    if option == _PR_SET_NAME:
        task.name = k.memory.read_cstring(a)[: _NAME_SIZE - 1].decode("utf-8", "replace")
        return 0
    if option == _PR_GET_NAME:
        k.memory.user_write(a, task.name.encode()[: _NAME_SIZE - 1].ljust(_NAME_SIZE, b"\0"))
        return 0
    if option == _PR_SET_VMA:
        return _name_memory(k, a, b, c, d)
    if option == _PR_SET_PDEATHSIG:
        system.parent_death_signal = a
        return 0 if a <= 64 else -errno.EINVAL
    if option in (_PR_GET_PDEATHSIG, _PR_GET_CHILD_SUBREAPER):
        k.put_u32(a, system.parent_death_signal if option == _PR_GET_PDEATHSIG else system.child_subreaper)
        return 0
    if option == _PR_SET_DUMPABLE:
        if a > 1:
            return -errno.EINVAL
        system.dumpable = a
        return 0
    if option == _PR_SET_NO_NEW_PRIVS:
        if a != 1 or b or c or d:
            return -errno.EINVAL
        system.no_new_privs = 1
        return 0
    if option == _PR_SET_CHILD_SUBREAPER:
        system.child_subreaper = int(bool(a))
        return 0
    if option == _PR_SET_TIMERSLACK:
        system.timer_slack = a or 50_000
        return 0
    if option == _PR_SET_THP_DISABLE:
        system.thp_disable = int(bool(a))
        return 0
    if option == _PR_GET_TID_ADDRESS:
        k.put_word(a, task.clear_child_tid)
        return 0
    if option in (_PR_SET_KEEPCAPS, _PR_SET_PTRACER):
        return 0
    if option == _PR_CAPBSET_READ:
        return 1 if a <= 40 else -errno.EINVAL
    return {
        _PR_GET_DUMPABLE: system.dumpable,
        _PR_GET_KEEPCAPS: 0,
        _PR_GET_SECCOMP: 0,
        _PR_GET_TIMERSLACK: system.timer_slack,
        _PR_GET_NO_NEW_PRIVS: system.no_new_privs,
        _PR_GET_THP_DISABLE: system.thp_disable,
    }.get(option, -errno.EINVAL)


def _name_memory(k: Kernel, attribute: int, address: int, size: int, name_at: int) -> int:
    """PR_SET_VMA_ANON_NAME: the name shows as [anon:NAME] in /proc/self/maps."""
    if attribute != _PR_SET_VMA_ANON_NAME or address % PAGE:
        return -errno.EINVAL
    name = ""
    if name_at:
        raw = k.memory.read_cstring(name_at, 80)
        if any(byte < 0x20 or byte > 0x7E or byte in b"\\`$[]" for byte in raw):
            return -errno.EINVAL
        name = f"[anon:{raw.decode()}]"
    end = address + page_up(size)
    at = address
    while at < end:
        region = k.memory.region_at(at)
        if region is None:
            return -errno.ENOMEM
        if region.name and not region.name.startswith("[anon:"):
            return -errno.EBADF
        at = region.end
    try:
        k.memory.rename(address, size, name)
    except MemoryFault:
        return -errno.ENOMEM
    return 0
