"""Numbers of Linux's file interface that are the same on every architecture here.

Sources: include/uapi/asm-generic/fcntl.h, include/uapi/linux/{stat,fcntl,eventpoll,eventfd,timerfd,poll}.h.
Numbers that differ between architectures are in `emuload.machine.structures`.
"""

from __future__ import annotations

from typing import Final

# open(2) flags
O_ACCMODE: Final = 0o3
O_RDONLY: Final = 0o0
O_WRONLY: Final = 0o1
O_RDWR: Final = 0o2
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_NOCTTY: Final = 0o400
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
O_NONBLOCK: Final = 0o4000
O_ASYNC: Final = 0o20000
O_NOATIME: Final = 0o1000000
O_CLOEXEC: Final = 0o2000000
O_PATH: Final = 0o10000000
O_TMPFILE_BIT: Final = 0o20000000

# st_mode
S_IFMT: Final = 0o170000
S_IFSOCK: Final = 0o140000
S_IFLNK: Final = 0o120000
S_IFREG: Final = 0o100000
S_IFDIR: Final = 0o040000
S_IFCHR: Final = 0o020000
S_IFIFO: Final = 0o010000
S_ISVTX: Final = 0o001000

# *at(2)
AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_REMOVEDIR: Final = 0x200
AT_EACCESS: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_NO_AUTOMOUNT: Final = 0x800
AT_EMPTY_PATH: Final = 0x1000
AT_STATX_SYNC_TYPE: Final = 0x6000

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2

# access(2) and permission checks
R_OK: Final = 4
W_OK: Final = 2
X_OK: Final = 1

# fcntl(2)
F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_GETLK: Final = 5
F_SETLK: Final = 6
F_SETLKW: Final = 7
F_SETOWN: Final = 8
F_GETOWN: Final = 9
F_SETSIG: Final = 10
F_GETSIG: Final = 11
F_GETLK64: Final = 12
F_SETLK64: Final = 13
F_SETLKW64: Final = 14
F_SETOWN_EX: Final = 15
F_GETOWN_EX: Final = 16
F_OFD_GETLK: Final = 36
F_OFD_SETLK: Final = 37
F_OFD_SETLKW: Final = 38
F_DUPFD_CLOEXEC: Final = 1030
F_SETPIPE_SZ: Final = 1031
F_GETPIPE_SZ: Final = 1032
F_ADD_SEALS: Final = 1033
F_GET_SEALS: Final = 1034
FD_CLOEXEC: Final = 1
F_RDLCK: Final = 0
F_WRLCK: Final = 1
F_UNLCK: Final = 2
F_OWNER_TID: Final = 0
F_OWNER_PID: Final = 1
F_OWNER_PGRP: Final = 2

F_SEAL_SEAL: Final = 0x1
F_SEAL_SHRINK: Final = 0x2
F_SEAL_GROW: Final = 0x4
F_SEAL_WRITE: Final = 0x8

# ioctl(2)
TCGETS: Final = 0x5401
TIOCGWINSZ: Final = 0x5413
FIONREAD: Final = 0x541B
FIONBIO: Final = 0x5421
FIONCLEX: Final = 0x5450
FIOCLEX: Final = 0x5451
FIOASYNC: Final = 0x5452

# lseek(2)
SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2
SEEK_DATA: Final = 3
SEEK_HOLE: Final = 4

# poll(2) and epoll(7); the low bits are shared (include/linux/poll.h)
POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020
POLLRDNORM: Final = 0x040
POLLRDBAND: Final = 0x080
POLLWRNORM: Final = 0x100
POLLWRBAND: Final = 0x200
POLLRDHUP: Final = 0x2000
READABLE: Final = POLLIN | POLLRDNORM
WRITABLE: Final = POLLOUT | POLLWRNORM
EPOLLEXCLUSIVE: Final = 1 << 28
EPOLLWAKEUP: Final = 1 << 29
EPOLLONESHOT: Final = 1 << 30
EPOLLET: Final = 1 << 31
EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EPOLL_CTL_MOD: Final = 3

EFD_SEMAPHORE: Final = 1
TFD_TIMER_ABSTIME: Final = 1
TFD_TIMER_CANCEL_ON_SET: Final = 2
MFD_CLOEXEC: Final = 1
MFD_ALLOW_SEALING: Final = 2
CLOSE_RANGE_UNSHARE: Final = 2
CLOSE_RANGE_CLOEXEC: Final = 4

NAME_MAX: Final = 255
PATH_MAX: Final = 4096
MAX_SYMLINKS: Final = 40
"""Symbolic links followed in one path before -ELOOP (include/linux/namei.h: MAXSYMLINKS)."""
MAX_RW_COUNT: Final = 0x7FFFF000
"""Most bytes one read or write moves (include/linux/fs.h: INT_MAX & PAGE_MASK)."""
IOV_MAX: Final = 1024
PIPE_BUF: Final = 4096
PIPE_SIZE: Final = 65536
PIPE_MAX_SIZE: Final = 1 << 20

# st_dev of the file systems; without a disk the major number is 0 (fs/super.c, get_anon_bdev)
DEV_DEVICE: Final = (0, 5)
SOCKET_DEVICE: Final = (0, 8)
PIPE_DEVICE: Final = (0, 14)
ANON_DEVICE: Final = (0, 15)
"""eventfd, epoll and the like."""
SYS_DEVICE: Final = (0, 20)
PROC_DEVICE: Final = (0, 21)
ROOT_DEVICE: Final = (0, 26)
"""Files in memory, as in a tmpfs."""
