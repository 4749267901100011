"""Sizes and offsets of structures in user memory, against figures from a C compiler (layouts.c)."""

from __future__ import annotations

import pytest

from emuload.kernel.fs import layouts
from emuload.kernel.fs.layouts import FileSystemFigures
from emuload.machine.structures import Attributes, uapi

# Output of layouts.c: "name@offset+size", without the prefixes st_, f_, stx_ and l_.
PRINTED = {
    "amd64": {
        "stat": (144, "dev@0+8 ino@8+8 mode@24+4 nlink@16+8 uid@28+4 gid@32+4 rdev@40+8 size@48+8 blksize@56+8 "
                 "blocks@64+8 atime@72+8 atime_nsec@80+8 mtime@88+8 mtime_nsec@96+8 ctime@104+8 ctime_nsec@112+8"),
        "statfs": (120, "type@0+8 bsize@8+8 blocks@16+8 bfree@24+8 bavail@32+8 files@40+8 ffree@48+8 namelen@64+8 "
                   "frsize@72+8 flags@80+8"),
        "epoll": (12, "data@4+8"),
        "flock": (32, "type@0+2 whence@2+2 start@8+8 len@16+8 pid@24+4"),
    },
    "arm": {
        "stat": (64, "dev@0+4 ino@4+4 mode@8+2 nlink@10+2 uid@12+2 gid@14+2 rdev@16+4 size@20+4 blksize@24+4 "
                 "blocks@28+4 atime@32+4 atime_nsec@36+4 mtime@40+4 mtime_nsec@44+4 ctime@48+4 ctime_nsec@52+4"),
        "stat64": (104, "dev@0+8 ino@96+8 mode@16+4 nlink@20+4 uid@24+4 gid@28+4 rdev@32+8 size@48+8 blksize@56+4 "
                   "blocks@64+8 atime@72+4 atime_nsec@76+4 mtime@80+4 mtime_nsec@84+4 ctime@88+4 ctime_nsec@92+4"),
        "statfs": (64, "type@0+4 bsize@4+4 blocks@8+4 bfree@12+4 bavail@16+4 files@20+4 ffree@24+4 namelen@36+4 "
                   "frsize@40+4 flags@44+4"),
        "statfs64": (84, "type@0+4 bsize@4+4 blocks@8+8 bfree@16+8 bavail@24+8 files@32+8 ffree@40+8 namelen@56+4 "
                     "frsize@60+4 flags@64+4"),
        "epoll": (16, "data@8+8"),
        "flock": (16, "type@0+2 whence@2+2 start@4+4 len@8+4 pid@12+4"),
        "flock64": (32, "type@0+2 whence@2+2 start@8+8 len@16+8 pid@24+4"),
    },
    "arm64": {
        "stat": (128, "dev@0+8 ino@8+8 mode@16+4 nlink@20+4 uid@24+4 gid@28+4 rdev@32+8 size@48+8 blksize@56+4 "
                 "blocks@64+8 atime@72+8 atime_nsec@80+8 mtime@88+8 mtime_nsec@96+8 ctime@104+8 ctime_nsec@112+8"),
        "statfs": (120, "type@0+8 bsize@8+8 blocks@16+8 bfree@24+8 bavail@32+8 files@40+8 ffree@48+8 namelen@64+8 "
                   "frsize@72+8 flags@80+8"),
        "epoll": (16, "data@8+8"),
        "flock": (32, "type@0+2 whence@2+2 start@8+8 len@16+8 pid@24+4"),
    },
}  # fmt: skip
STATX = (
    256,
    "blksize@4+4 nlink@16+4 uid@20+4 gid@24+4 mode@28+2 ino@32+8 size@40+8 blocks@48+8 atime@64+16 ctime@96+16 "
    "mtime@112+16 rdev_major@128+4 rdev_minor@132+4 dev_major@136+4 dev_minor@140+4",
)
# (directory, nofollow, direct, largefile) as layouts.c printed them
FLAGS = {
    "amd64": (0o200000, 0o400000, 0o40000, 0o100000),
    "arm": (0o40000, 0o100000, 0o200000, 0o400000),
    "arm64": (0o40000, 0o100000, 0o200000, 0o400000),
}

NS = 10**9
SAMPLE = Attributes((8, 1), 101, 0o100644, 2, 3, 4, (1, 5), 6007, 4096, 16, 11 * NS + 12, 13 * NS + 14, 15 * NS + 16)
EXPECTED = {
    "dev": 0x801, "ino": 101, "mode": 0o100644, "nlink": 2, "uid": 3, "gid": 4, "rdev": 0x105, "size": 6007,
    "blksize": 4096, "blocks": 16, "atime": 11, "atime_nsec": 12, "mtime": 13, "mtime_nsec": 14, "ctime": 15,
    "ctime_nsec": 16, "rdev_major": 1, "rdev_minor": 5, "dev_major": 8, "dev_minor": 1,
}  # fmt: skip


def check(raw: bytes, printed: tuple[int, str], expected: dict[str, int]) -> None:
    size, members = printed
    assert len(raw) == size
    for member in members.split():
        name, _, place = member.partition("@")
        offset, width = (int(number) for number in place.split("+"))
        assert int.from_bytes(raw[offset : offset + min(width, 8)], "little") == expected[name], name


@pytest.mark.parametrize("row", PRINTED)
def test_stat(row: str) -> None:
    for layout, name in ((uapi(row).stat, "stat"), (uapi(row).stat64, "stat64")):
        if layout is not None:
            raw = layout.pack(SAMPLE)
            assert raw is not None
            check(raw, PRINTED[row][name], EXPECTED)


def test_statx() -> None:
    check(layouts.pack_statx(SAMPLE), STATX, EXPECTED)


def test_a_size_that_does_not_fit_is_refused() -> None:
    assert uapi("arm").stat.pack(SAMPLE._replace(size=1 << 31)) is None


@pytest.mark.parametrize("row", PRINTED)
def test_statfs(row: str) -> None:
    figures = FileSystemFigures(0x01021994, 4096, 70, 60, 50, 40, 255, 0x20)
    expected = {
        "type": 0x01021994, "bsize": 4096, "blocks": 70, "bfree": 60, "bavail": 60, "files": 50, "ffree": 40,
        "namelen": 255, "frsize": 4096, "flags": 0x20,
    }  # fmt: skip
    for layout, name in ((uapi(row).statfs, "statfs"), (uapi(row).statfs64, "statfs64")):
        if layout is not None:
            check(layouts.pack_statfs(layout, figures), PRINTED[row][name], expected)


@pytest.mark.parametrize("row", PRINTED)
def test_epoll_event_and_flock(row: str) -> None:
    packed = PRINTED[row]["epoll"][0] == 12
    layout = layouts.EPOLL_PACKED if packed else layouts.EPOLL_ALIGNED
    check(layout.pack(1, 77), PRINTED[row]["epoll"], {"data": 77})
    values = {"type": 1, "whence": 2, "start": 3, "len": 4, "pid": 5}
    word = 4 if "flock64" in PRINTED[row] else 8
    check(layouts.FLOCK[word].pack(1, 2, 3, 4, 5), PRINTED[row]["flock"], values)
    if "flock64" in PRINTED[row]:
        check(layouts.FLOCK[8].pack(1, 2, 3, 4, 5), PRINTED[row]["flock64"], values)


@pytest.mark.parametrize("row", PRINTED)
def test_open_flags(row: str) -> None:
    rules = uapi(row)
    assert (rules.o_directory, rules.o_nofollow, rules.o_direct, rules.o_largefile) == FLAGS[row]
