"""Limits, usage, calls that only return the kernel's own data, prctl(2), and calls that are always refused."""

from __future__ import annotations

import struct

from emuload.kernel import errno
from emuload.kernel.clock import SECOND
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import syscall
from emuload.kernel.identity import INFINITY, NR_OPEN, RLIMIT_NOFILE
from emuload.kernel.integers import int32
from emuload.kernel.task import Task
from emuload.kernel.time import write_timeval
from emuload.machine.memory import PAGE, MemoryFault, page_up

_NAME_SIZE = 16

# -- limits and usage --------------------------------------------------------------------------------------------


def _set_limit(k: Kernel, resource: int, soft: int, hard: int) -> int:
    if soft > hard:
        return -errno.EINVAL
    if hard > k.limits.values[resource][1] or (resource == RLIMIT_NOFILE and hard > NR_OPEN):
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
    """getrlimit(2) with machine words; a limit that does not fit is shown as unlimited."""
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
    who = int32(who)
    if who not in (0, 1, -1):
        return -errno.EINVAL
    used = {0: k.clock.executed(), 1: k.cpu_time(task), -1: 0}[who]
    k.memory.user_write(address, bytes(18 * k.abi.word))
    write_timeval(k, address, used)
    k.put_word(address + 4 * k.abi.word, 0 if who == -1 else k.memory.accessible >> 10)
    return 0


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
    """Calls that an ordinary user may not make."""
    return -errno.EPERM


@syscall("seccomp")
def sys_seccomp(k: Kernel, task: Task) -> int:
    """seccomp(2), as in a kernel built without it."""
    return -errno.EINVAL


@syscall("rseq", "futex_waitv", "userfaultfd")
@syscall("modify_ldt", "restart_syscall", "pkey_alloc", "pkey_free", "map_shadow_stack", "pidfd_open")
@syscall("cachestat", "process_madvise", "mseal", "futex_wait", "futex_wake", "futex_requeue")
def sys_not_built(k: Kernel, task: Task) -> int:
    """Known calls that an older or smaller kernel lacks; not worth a report."""
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
        task.timer_slack = (a or task.timer_slack[1], task.timer_slack[1])
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
        _PR_GET_TIMERSLACK: task.timer_slack[0],
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
