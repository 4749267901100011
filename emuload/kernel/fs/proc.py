"""/proc and the generated files of /sys: each text is made when its file is opened (proc(5)).

`GENERATORS` maps a generator's name, which an inode keeps, to its function of the kernel and a thread id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emuload.kernel import errno
from emuload.kernel.clock import SECOND, TICK
from emuload.kernel.fs.constants import O_CLOEXEC, PROC_DEVICE, S_IFDIR, S_IFLNK, S_IFREG, W_OK
from emuload.kernel.fs.inodes import Directory, FsError, Generated, Inode, Symlink
from emuload.kernel.identity import INFINITY
from emuload.machine.memory import text_bytes
from loader.memory import PROT_EXEC, PROT_READ, PROT_WRITE

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.fs.tree import FileSystem
    from emuload.kernel.task import Task

HUGE_PAGE: Final = 2 << 20


def _task(kernel: Kernel, tid: int) -> Task:
    task = kernel.tasks.get(tid)
    if task is None or task.exited:
        raise FsError(errno.ESRCH)
    return task


def _name(kernel: Kernel, tid: int) -> str:
    name = _task(kernel, tid).name
    return (name or kernel.fs.process.executable.rpartition("/")[2])[:15]


def _state(task: Task) -> str:
    return "R" if task.wait is None else "S"


def _living(kernel: Kernel) -> list[int]:
    return [tid for tid, task in kernel.tasks.items() if not task.exited]


def _maps(kernel: Kernel, tid: int) -> str:
    lines = []
    for region in kernel.memory.regions():
        rights = "".join(
            letter if region.prot & bit else "-" for letter, bit in (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC))
        )
        shared = "s" if getattr(region, "shared", False) else "p"
        head = f"{region.start:08x}-{region.end:08x} {rights}{shared} 00000000 00:00 0 "
        lines.append((f"{head:<73}{region.name}" if region.name else head) + "\n")
    return "".join(lines)


def _sizes(kernel: Kernel) -> tuple[int, int]:
    """(mapped bytes, accessible bytes)."""
    total = accessible = 0
    for region in kernel.memory.regions():
        size = region.end - region.start
        total += size
        if region.prot:
            accessible += size
    return total, accessible


def _auxv(kernel: Kernel, tid: int) -> bytes:
    return kernel.fs.process.auxv


def _cmdline(kernel: Kernel, tid: int) -> bytes:
    return b"".join(argument + b"\0" for argument in kernel.fs.process.arguments)


def _environ(kernel: Kernel, tid: int) -> bytes:
    return b"".join(entry + b"\0" for entry in kernel.fs.process.environment)


def _comm(kernel: Kernel, tid: int) -> str:
    return _name(kernel, tid) + "\n"


def _status(kernel: Kernel, tid: int) -> str:
    task = _task(kernel, tid)
    total, accessible = _sizes(kernel)
    fs = kernel.fs
    state = {"R": "R (running)", "S": "S (sleeping)"}[_state(task)]
    return (
        f"Name:\t{_name(kernel, tid)}\nUmask:\t{kernel.credentials.umask:04o}\nState:\t{state}\nTgid:\t{kernel.pid}\n"
        f"Ngid:\t0\nPid:\t{tid}\nPPid:\t{kernel.ppid}\nTracerPid:\t0\n"
        f"Uid:\t{fs.uid}\t{fs.uid}\t{fs.uid}\t{fs.uid}\nGid:\t{fs.gid}\t{fs.gid}\t{fs.gid}\t{fs.gid}\n"
        f"FDSize:\t{max(64, len(kernel.files.slots))}\nGroups:\t{fs.gid} \n"
        f"VmPeak:\t{total >> 10:8d} kB\nVmSize:\t{total >> 10:8d} kB\nVmLck:\t{0:8d} kB\n"
        f"VmHWM:\t{accessible >> 10:8d} kB\nVmRSS:\t{accessible >> 10:8d} kB\n"
        f"Threads:\t{len(_living(kernel))}\n"
        f"SigBlk:\t{task.sigmask & (1 << 64) - 1:016x}\n"
        f"NoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t{(1 << kernel.cpus) - 1:x}\n"
        f"Cpus_allowed_list:\t{_cpu_list(kernel)}\n"
        f"Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
    )


def _stat(kernel: Kernel, tid: int) -> str:
    task = _task(kernel, tid)
    total, accessible = _sizes(kernel)
    ticks = kernel.clock.now() // TICK
    head = [kernel.ppid, kernel.pid, kernel.pid, 0, -1, 0x400000, 0, 0, 0, 0, ticks, 0, 0, 0, 20, 0]
    tail = [len(_living(kernel)), 0, 0, total, accessible >> 12, (1 << kernel.abi.word * 8) - 1] + [0] * 27
    numbers = " ".join(str(number) for number in head + tail)
    return f"{tid} ({_name(kernel, tid)}) {_state(task)} {numbers}\n"


def _statm(kernel: Kernel, tid: int) -> str:
    total, accessible = _sizes(kernel)
    return f"{total >> 12} {accessible >> 12} 0 0 0 {accessible >> 12} 0\n"


_LIMITS: Final = (
    (0, "Max cpu time", "seconds"), (1, "Max file size", "bytes"), (2, "Max data size", "bytes"),
    (3, "Max stack size", "bytes"), (4, "Max core file size", "bytes"), (5, "Max resident set", "bytes"),
    (6, "Max processes", "processes"), (7, "Max open files", "files"), (8, "Max locked memory", "bytes"),
    (9, "Max address space", "bytes"), (10, "Max file locks", "locks"), (11, "Max pending signals", "signals"),
    (12, "Max msgqueue size", "bytes"), (13, "Max nice priority", ""), (14, "Max realtime priority", ""),
    (15, "Max realtime timeout", "us"),
)  # fmt: skip


def _limits(kernel: Kernel, tid: int) -> str:
    def text(value: int) -> str:
        return "unlimited" if value >= INFINITY else str(value)

    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"]
    for number, name, unit in _LIMITS:
        soft, hard = kernel.limits.values[number]
        lines.append(f"{name:<25} {text(soft):<20} {text(hard):<20} {unit:<10}\n")
    return "".join(lines)


def _mountinfo(kernel: Kernel, tid: int) -> str:
    return (
        "1 0 0:26 / / rw,noatime - tmpfs none rw\n"
        "21 1 0:21 / /proc rw,nosuid,nodev,noexec,noatime - proc proc rw\n"
        "20 1 0:20 / /sys rw,nosuid,nodev,noexec,noatime - sysfs sysfs rw\n"
        "25 20 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,noatime - cgroup2 cgroup2 rw\n"
    )


def _mounts(kernel: Kernel, tid: int) -> str:
    return (
        "none / tmpfs rw,noatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,noatime 0 0\n"
        "sysfs /sys sysfs rw,nosuid,nodev,noexec,noatime 0 0\n"
        "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,noatime 0 0\n"
    )


def _cpuinfo(kernel: Kernel, tid: int) -> str:
    return "".join(f"processor\t: {cpu}\nmodel name\t: {kernel.abi.uname_machine}\n\n" for cpu in range(kernel.cpus))


def _meminfo(kernel: Kernel, tid: int) -> str:
    total = kernel.system.memory >> 10
    rows = (
        ("MemTotal", total), ("MemFree", total // 2), ("MemAvailable", total // 2), ("Buffers", 0),
        ("Cached", 0), ("SwapCached", 0), ("SwapTotal", 0), ("SwapFree", 0),
    )  # fmt: skip
    return "".join(f"{name + ':':<16}{size:8d} kB\n" for name, size in rows)


def _system_stat(kernel: Kernel, tid: int) -> str:
    ticks = kernel.clock.now() // TICK
    row = f"{ticks} 0 0 0 0 0 0 0 0 0"
    cpus = "".join(f"cpu{cpu} {row}\n" for cpu in range(kernel.cpus))
    started = (kernel.clock.realtime() - kernel.clock.now()) // SECOND
    return f"cpu  {row}\n{cpus}intr 0\nctxt 0\nbtime {started}\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n"


def _uptime(kernel: Kernel, tid: int) -> str:
    hundredths = kernel.clock.now() // TICK
    return f"{hundredths // 100}.{hundredths % 100:02d} 0.00\n"


def _uuid(kernel: Kernel, tid: int) -> str:
    raw = bytearray(kernel.entropy.bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}\n"


def _fdinfo(kernel: Kernel, fd: int) -> str:
    description = kernel.files.get(fd)
    if description is None:
        raise FsError(errno.ENOENT)
    flags = description.flags | (O_CLOEXEC if fd in kernel.files.cloexec else 0)
    return f"pos:\t{description.position}\nflags:\t0{flags:o}\nmnt_id:\t1\nino:\t{description.inode.ino}\n"


def _cpu_list(kernel: Kernel) -> str:
    return "0" if kernel.cpus == 1 else f"0-{kernel.cpus - 1}"


Text = bytes | str
GENERATORS: Final[dict[str, Callable[[Kernel, int], Text]]] = {
    "auxv": _auxv, "cmdline": _cmdline, "comm": _comm, "environ": _environ, "limits": _limits, "maps": _maps,
    "mountinfo": _mountinfo, "mounts": _mounts, "stat": _stat, "statm": _statm, "status": _status,
    "fdinfo": _fdinfo, "cpuinfo": _cpuinfo, "meminfo": _meminfo, "system-stat": _system_stat, "uptime": _uptime,
    "uuid": _uuid,
    "cgroup": lambda kernel, tid: "0::/\n",
    "oom_score_adj": lambda kernel, tid: "0\n",
    "loadavg": lambda kernel, tid: "0.00 0.00 0.00 1/1 1\n",
    "cpus": lambda kernel, tid: _cpu_list(kernel) + "\n",
    "filesystems": lambda kernel, tid: "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\n",
    "osrelease": lambda kernel, tid: kernel.system.release + "\n",
    "version": lambda kernel, tid: f"Linux version {kernel.system.release} (emuload)\n",
}  # fmt: skip


def generate(kernel: Kernel, node: Generated) -> bytes:
    """The content of a generated file now. Raises FsError(ESRCH) if the thread has exited.

    A generator called `=text` gives that text as a line.
    """
    if node.generator.startswith("="):
        return node.generator[1:].encode() + b"\n"
    return text_bytes(GENERATORS[node.generator](kernel, node.argument))


def store(kernel: Kernel, node: Generated, data: bytes) -> int:
    """Write to a generated file: a thread's name is set, anything else is accepted and forgotten."""
    if node.generator == "comm":
        _task(kernel, node.argument).name = data[:15].decode("utf-8", "replace").rstrip("\n\0")
    return len(data)


_THREAD_FILES: Final = (
    ("auxv", 0o400), ("cgroup", 0o444), ("cmdline", 0o444), ("comm", 0o644), ("environ", 0o400), ("limits", 0o444),
    ("maps", 0o444), ("mountinfo", 0o444), ("mounts", 0o444), ("oom_score_adj", 0o644), ("stat", 0o444),
    ("statm", 0o444), ("status", 0o444),
)  # fmt: skip
_THREAD_LINKS: Final = ("cwd", "exe", "root")
_DYNAMIC_BASE: Final = 0x1000_0000
"""First inode number of files that come and go with threads; their numbers are made of a thread id and an index."""


def _dynamic_ino(tid: int, index: int) -> int:
    return _DYNAMIC_BASE + (tid << 12) + index


@dataclass(slots=True, eq=False, repr=False)
class MagicLink(Symlink):
    """A link of /proc whose target only the kernel knows: "exe", "cwd", "root", "self", "thread-self" or "fd"."""

    kind: str = ""
    argument: int = 0

    def size(self) -> int:
        return 64 if self.kind == "fd" else 0

    def target(self, fs: FileSystem) -> str:
        kernel = fs.kernel
        if self.kind == "exe":
            return fs.process.executable
        if self.kind == "cwd":
            return fs.path_of(kernel.files.cwd)
        if self.kind == "self":
            return str(kernel.pid)
        if self.kind == "thread-self":
            return f"{kernel.pid}/task/{kernel.current.tid if kernel.current else kernel.pid}"
        if self.kind == "fd":
            description = kernel.files.get(self.argument)
            if description is None:
                raise FsError(errno.ENOENT)
            return description.shown_path()
        return self.text or "/"

    def jump(self, fs: FileSystem) -> Inode | None:
        if self.kind == "fd":
            description = fs.kernel.files.get(self.argument)
            if description is None:
                raise FsError(errno.ENOENT)
            return description.inode
        return None


@dataclass(slots=True, eq=False, repr=False)
class ProcDirectory(Directory):
    """A folder of /proc, made when it is looked up: "process" and "task" of a thread, "tasks", "fd" and "fdinfo"."""

    kind: str = ""
    tid: int = 0

    @property
    def writable_mount(self) -> bool:
        return False

    def size(self) -> int:
        return 0

    def own_names(self, fs: FileSystem) -> list[str]:
        if self.kind == "tasks":
            return [str(tid) for tid in _living(fs.kernel)]
        if self.kind in ("fd", "fdinfo"):
            return [str(fd) for fd in fs.kernel.files.numbers()]
        names = [name for name, _ in _THREAD_FILES] + [*_THREAD_LINKS, "fd", "fdinfo"]
        return [*names, "task"] if self.kind == "process" else names

    def names(self, fs: FileSystem) -> list[str]:
        names = self.own_names(fs)
        return sorted(names, key=int) if self.kind in ("tasks", "fd", "fdinfo") else sorted(names)

    def find(self, fs: FileSystem, name: str) -> Inode | None:
        node = self._numbered(fs, name) if self.kind in ("tasks", "fd", "fdinfo") else self._named(fs, name)
        if node is not None:
            node.uid, node.gid = fs.uid, fs.gid
            node.atime = node.mtime = node.ctime = fs.now()
        return node

    def _folder(self, kind: str, tid: int, name: str, index: int) -> ProcDirectory:
        return ProcDirectory(
            _dynamic_ino(tid, index), S_IFDIR | 0o555, PROC_DEVICE, nlink=2, name=name, parent=self, kind=kind, tid=tid
        )

    def _numbered(self, fs: FileSystem, name: str) -> Inode | None:
        if not (name.isascii() and name.isdigit() and str(int(name)) == name):
            return None
        number = int(name)
        if self.kind == "tasks":
            return self._folder("task", number, name, 1) if number in _living(fs.kernel) else None
        if fs.kernel.files.get(number) is None:
            return None
        ino = _dynamic_ino(self.tid, (1024 if self.kind == "fd" else 2048) + number % 1024)
        if self.kind == "fd":
            return MagicLink(ino, S_IFLNK | 0o700, PROC_DEVICE, kind="fd", argument=number)
        return Generated(ino, S_IFREG | 0o400, PROC_DEVICE, generator="fdinfo", argument=number)

    def _named(self, fs: FileSystem, name: str) -> Inode | None:
        if name == "task" and self.kind == "process":
            return self._folder("tasks", self.tid, name, 2)
        if name in ("fd", "fdinfo"):
            return self._folder(name, self.tid, name, 3 if name == "fd" else 4)
        for index, link in enumerate(_THREAD_LINKS):
            if name == link:
                ino = _dynamic_ino(self.tid, 8 + index)
                return MagicLink(ino, S_IFLNK | 0o777, PROC_DEVICE, kind=link, argument=self.tid)
        for index, (file, mode) in enumerate(_THREAD_FILES):
            if name == file:
                ino = _dynamic_ino(self.tid, 16 + index + (64 if self.kind == "task" else 0))
                return Generated(ino, S_IFREG | mode, PROC_DEVICE, generator=name, argument=self.tid)
        return None

    def attach(self, fs: FileSystem, name: str, node: Inode) -> None:
        raise FsError(errno.EPERM if fs.permitted(self, W_OK) else errno.EACCES)


class ProcRoot(Directory):
    """/proc itself: fixed entries, and the folder of the process."""

    __slots__ = ()

    def size(self) -> int:
        return 0

    def own_names(self, fs: FileSystem) -> list[str]:
        return [*self.entries, str(fs.kernel.pid)]

    def find(self, fs: FileSystem, name: str) -> Inode | None:
        if name == str(fs.kernel.pid):
            pid = fs.kernel.pid
            node = ProcDirectory(
                _dynamic_ino(pid, 0), S_IFDIR | 0o555, PROC_DEVICE, fs.uid, fs.gid, 9,
                name=name, parent=self, kind="process", tid=pid,
            )  # fmt: skip
            node.atime = node.mtime = node.ctime = fs.now()
            return node
        return self.entries.get(name)

    def attach(self, fs: FileSystem, name: str, node: Inode) -> None:
        raise FsError(errno.EPERM)
