"""The files that every guest finds: those that C libraries and language runtimes look at.

There is no /etc/localtime, so local time is UTC.
"""

from __future__ import annotations

from typing import Final

from emuload.kernel.fs.constants import DEV_DEVICE, PIPE_MAX_SIZE, PROC_DEVICE, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, SYS_DEVICE
from emuload.kernel.fs.inodes import Device, Directory, Generated, Inode
from emuload.kernel.fs.proc import HUGE_PAGE, MagicLink, ProcRoot
from emuload.kernel.fs.tree import FileSystem
from emuload.kernel.identity import NR_OPEN

_ETC: Final = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
    "/etc/group": b"root:x:0:\nuser:x:1000:\n",
    "/etc/hosts": b"127.0.0.1\tlocalhost\n::1\tlocalhost\n",
    "/etc/hostname": b"emuload\n",
    "/etc/resolv.conf": b"",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
    "/etc/timezone": b"Etc/UTC\n",
}

_DEVICES: Final = (
    ("null", (1, 3), "null"), ("zero", (1, 5), "zero"), ("full", (1, 7), "full"), ("random", (1, 8), "random"),
    ("urandom", (1, 9), "random"), ("tty", (5, 0), "tty"),
)  # fmt: skip

_PROC: Final = {
    "cpuinfo": "cpuinfo", "filesystems": "filesystems", "loadavg": "loadavg", "meminfo": "meminfo",
    "stat": "system-stat", "uptime": "uptime", "version": "version",
    "sys/kernel/osrelease": "osrelease", "sys/kernel/random/uuid": "uuid",
}  # fmt: skip

_PROC_TEXT: Final = {
    "sys/fs/file-max": "9223372036854775807", "sys/fs/nr_open": str(NR_OPEN), "sys/fs/pipe-max-size": str(PIPE_MAX_SIZE),
    "sys/kernel/cap_last_cap": "40", "sys/kernel/hostname": "emuload", "sys/kernel/ngroups_max": "65536",
    "sys/kernel/ostype": "Linux", "sys/kernel/random/boot_id": "6d0f4cd5-93b6-4a2f-8d5a-6d75c6f4a0b1",
    "sys/kernel/pid_max": "4194304", "sys/kernel/random/entropy_avail": "256",
    "sys/kernel/threads-max": "30000", "sys/kernel/yama/ptrace_scope": "1", "sys/net/core/somaxconn": "4096",
    "sys/vm/max_map_count": "65530", "sys/vm/overcommit_memory": "0",
}  # fmt: skip

_SYS: Final = dict.fromkeys(("online", "possible", "present"), "cpus")

_SYS_TEXT: Final = {
    "fs/cgroup/cgroup.controllers": "cpu memory pids",
    "fs/cgroup/cpu.max": "max 100000",
    "fs/cgroup/memory.max": "max",
    "fs/cgroup/pids.max": "max",
    "kernel/mm/transparent_hugepage/defrag": "always defer defer+madvise [madvise] never",
    "kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "kernel/mm/transparent_hugepage/hpage_pmd_size": str(HUGE_PAGE),
}


def populate(fs: FileSystem) -> None:
    """Fill an empty tree with them."""
    for path in ("/bin", "/dev", "/etc", "/home", "/lib", "/root", "/usr/bin", "/usr/lib", "/var/tmp", "/run"):
        fs.make_path(path)
    for path in ("/tmp", "/var/tmp", "/dev/shm"):
        fs.make_path(path).mode = S_IFDIR | 0o1777
    home = fs.make_path("/home/user")
    home.uid, home.gid = fs.uid, fs.gid
    fs.make_path("/root").mode = S_IFDIR | 0o700
    for path, data in _ETC.items():
        fs.put(path, data)
    _devices(fs)
    _proc(fs)
    _sys(fs)


def _devices(fs: FileSystem) -> None:
    folder = fs.make_path("/dev")
    for name, rdev, driver in _DEVICES:
        node = Device(fs.new_ino(), S_IFCHR | 0o666, DEV_DEVICE, rdev=rdev, driver=driver)
        node.atime = node.mtime = node.ctime = fs.now()
        folder.entries[name] = node
    fs.put_link("/dev/fd", "/proc/self/fd")
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        fs.put_link(f"/dev/{name}", f"/proc/self/fd/{fd}")


def _enter(fs: FileSystem, root: Directory, path: str, node: Inode) -> None:
    """Put a node below a generated root, making folders of the same device on the way."""
    *folders, name = path.split("/")
    here = root
    for folder in folders:
        inner = here.entries.get(folder)
        if not isinstance(inner, Directory):
            inner = Directory(fs.new_ino(), S_IFDIR | 0o555, root.device, nlink=2, parent=here, name=folder)
            inner.atime = inner.mtime = inner.ctime = fs.now()
            here.entries[folder] = inner
            here.nlink += 1
        here = inner
    node.atime = node.mtime = node.ctime = fs.now()
    here.entries[name] = node


def _proc(fs: FileSystem) -> None:
    proc = ProcRoot(fs.new_ino(), S_IFDIR | 0o555, PROC_DEVICE, nlink=3, parent=fs.root, name="proc")
    fs.root.entries["proc"] = proc
    fs.root.nlink += 1
    for path, generator in _PROC.items():
        _enter(fs, proc, path, Generated(fs.new_ino(), S_IFREG | 0o444, PROC_DEVICE, generator=generator))
    for path, text in _PROC_TEXT.items():
        _enter(fs, proc, path, Generated(fs.new_ino(), S_IFREG | 0o444, PROC_DEVICE, generator="=" + text))
    _enter(fs, proc, "mounts", MagicLink(fs.new_ino(), S_IFLNK | 0o777, PROC_DEVICE, text="self/mounts"))
    for name in ("self", "thread-self"):
        _enter(fs, proc, name, MagicLink(fs.new_ino(), S_IFLNK | 0o777, PROC_DEVICE, kind=name))


def _sys(fs: FileSystem) -> None:
    sys = Directory(fs.new_ino(), S_IFDIR | 0o555, SYS_DEVICE, nlink=2, parent=fs.root, name="sys")
    fs.root.entries["sys"] = sys
    fs.root.nlink += 1
    for name, generator in _SYS.items():
        node = Generated(fs.new_ino(), S_IFREG | 0o444, SYS_DEVICE, generator=generator, shown_size=4096)
        _enter(fs, sys, f"devices/system/cpu/{name}", node)
    for path, text in _SYS_TEXT.items():
        node = Generated(fs.new_ino(), S_IFREG | 0o444, SYS_DEVICE, generator="=" + text, shown_size=4096)
        _enter(fs, sys, path, node)
