"""Host folders in the guest: visible files, hidden files, and that no path leads out of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from emuload.kernel import errno
from emuload.kernel.fs import constants as c
from emuload.kernel.fs.hostmap import HOST_TIME, mount
from emuload.kernel.fs.tree import FsError
from tests.kernel.fs.guest import BUFFER, Guest
from tests.kernel.fs.test_files import entries

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs links and fifos")


@pytest.fixture
def guest() -> Guest:
    return Guest("amd64")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder to map, beside a secret that is not mapped."""
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "mapped"
    (folder / "inner").mkdir(parents=True)
    (folder / "file").write_bytes(b"0123456789")
    (folder / "inner/other").write_bytes(b"other")
    (folder / "program").write_bytes(b"#!")
    (folder / "program").chmod(0o700)
    return folder


def test_files_are_read_as_they_are(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data")
    assert guest.content("/data/file") == b"0123456789"
    assert guest.content("/data/inner/../inner/other") == b"other"
    assert entries(guest, "/data") == [(".", 4), ("..", 4), ("file", 8), ("inner", 4), ("program", 8)]
    fd = guest.open("/data/file")
    guest.value("lseek", fd, -3, c.SEEK_END)
    (host / "file").write_bytes(b"changed now")
    assert guest.read_bytes(fd) == b" now"


def test_a_read_only_folder_refuses_changes(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data")
    erofs = -errno.EROFS
    assert guest.open("/data/file", os.O_RDWR) == erofs
    assert guest.open("/data/file", os.O_TRUNC) == erofs
    assert guest.open("/data/new", os.O_CREAT | os.O_RDWR) == erofs
    assert guest.value("unlink", guest.path("/data/file")) == erofs
    assert guest.value("mkdir", guest.path("/data/new"), 0o755) == erofs
    assert guest.value("rename", guest.path("/data/file"), guest.path("/data/new", True)) == erofs
    assert guest.value("chmod", guest.path("/data/file"), 0o777) == erofs
    assert guest.value("truncate", guest.path("/data/file"), 0) == erofs
    assert guest.value("access", guest.path("/data/file"), c.W_OK) == erofs
    assert guest.value("link", guest.path("/data/file"), guest.path("/data/new", True)) == erofs
    assert guest.value("utimensat", c.AT_FDCWD, guest.path("/data/file"), 0, 0) == erofs
    assert sorted(os.listdir(host)) == ["file", "inner", "program"]


def test_a_writable_folder_takes_them(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data", writable=True)
    fd = guest.open("/data/new", os.O_CREAT | os.O_RDWR | os.O_EXCL)
    assert guest.write(fd, b"made by the guest") == 17
    assert guest.open("/data/new", os.O_CREAT | os.O_EXCL) == -errno.EEXIST
    assert (host / "new").read_bytes() == b"made by the guest"
    assert guest.value("mkdir", guest.path("/data/d"), 0o755) == 0
    assert guest.value("rename", guest.path("/data/new"), guest.path("/data/d/moved", True)) == 0
    assert guest.read_bytes(fd) == b""
    guest.value("lseek", fd, 0, c.SEEK_SET)
    assert guest.read_bytes(fd) == b"made by the guest"
    assert guest.value("rmdir", guest.path("/data/d")) == -errno.ENOTEMPTY
    assert guest.value("rename", guest.path("/data/d"), guest.path("/data/e", True)) == 0
    assert guest.content("/data/e/moved") == b"made by the guest"
    assert guest.value("unlink", guest.path("/data/e/moved")) == 0
    assert guest.value("rmdir", guest.path("/data/e")) == 0
    assert guest.value("symlink", guest.path("file"), guest.path("/data/link", True)) == 0
    assert guest.content("/data/link") == b"0123456789"
    assert guest.value("truncate", guest.path("/data/file"), 4) == 0
    assert (host / "file").read_bytes() == b"0123"
    assert guest.value("rename", guest.path("/data/file"), guest.path("/tmp/file", True)) == -errno.EXDEV
    assert guest.value("ftruncate", fd, 1 << 50) < 0


def test_links_are_followed_in_the_guests_tree_only(guest: Guest, host: Path) -> None:
    (host / "up").symlink_to("../secret")
    (host / "absolute").symlink_to(host.parent / "secret")
    (host / "folder").symlink_to(host.parent)
    (host / "inside").symlink_to("inner/other")
    guest.kernel.fs.put("/secret", b"the guest's own")
    mount(guest.kernel.fs, host, "/data")
    assert guest.content("/data/up") == b"the guest's own"
    assert guest.content("/data/inside") == b"other"
    for path in ("/data/absolute", "/data/folder/secret", "/data/../mapped/file", "/data/inner/../../../secret2"):
        assert guest.open(path) == -errno.ENOENT, path
    assert guest.open("/data/inner/../../secret") > 0
    at = guest.data + BUFFER
    assert guest.value("readlink", guest.path("/data/up"), at, 100) == len("../secret")


def test_a_link_the_guest_makes_leads_nowhere_on_the_host(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data", writable=True)
    assert guest.value("symlink", guest.path(str(host.parent)), guest.path("/data/out", True)) == 0
    assert guest.open("/data/out/secret") == -errno.ENOENT
    assert guest.open("/data/out/new", os.O_CREAT | os.O_RDWR) == -errno.ENOENT


def test_a_folder_that_becomes_a_link_under_our_feet(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data", writable=True)
    fd = guest.open("/data/inner/other", os.O_RDWR)
    folder = guest.open("/data/inner")
    guest.value("fchdir", folder)
    (host / "inner/other").unlink()
    (host / "inner").rmdir()
    (host.parent / "elsewhere").mkdir()
    (host.parent / "elsewhere/other").write_bytes(b"outside")
    (host / "inner").symlink_to("../elsewhere")
    assert guest.read_bytes(fd) == -errno.ENOENT
    assert guest.write(fd, b"x") == -errno.ENOENT
    assert guest.open("other") == -errno.ENOENT
    assert guest.open("new", os.O_CREAT | os.O_RDWR) < 0
    assert (host.parent / "elsewhere/other").read_bytes() == b"outside"
    assert os.listdir(host.parent / "elsewhere") == ["other"]


def test_what_could_block_does_not_show(guest: Guest, host: Path) -> None:
    os.mkfifo(host / "fifo")
    mount(guest.kernel.fs, host, "/data")
    assert guest.open("/data/fifo") == -errno.ENOENT
    assert "fifo" not in [name for name, _ in entries(guest, "/data")]


def test_nothing_else_of_the_host_shows(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data")
    for path, mode in (("/data", 0o40755), ("/data/file", 0o100644), ("/data/program", 0o100755)):
        node = guest.kernel.fs.find(path)
        seen = node.attributes()
        assert (seen.mode, seen.uid, seen.gid) == (mode, 1000, 1000)
        assert {seen.atime, seen.mtime, seen.ctime} == {HOST_TIME}
        assert seen.ino < 1000


def test_a_single_file_at_its_own_path(guest: Guest, host: Path) -> None:
    path = str(host / "file")
    mount(guest.kernel.fs, path, path)
    assert guest.content(path) == b"0123456789"
    assert guest.open(str(host / "program")) == -errno.ENOENT
    assert [name for name, _ in entries(guest, str(host))] == [".", "..", "file"]
    assert guest.value("unlink", guest.path(path)) in (-errno.EBUSY, -errno.EACCES)


def test_a_file_over_a_mapped_folder(guest: Guest, host: Path) -> None:
    mount(guest.kernel.fs, host, "/data")
    mount(guest.kernel.fs, host.parent / "secret", "/data/inner/shown")
    guest.kernel.fs.put("/data/etc/conf", b"conf")
    assert guest.content("/data/inner/shown") == b"secret"
    assert guest.content("/data/etc/conf") == b"conf"
    assert "shown" in [name for name, _ in entries(guest, "/data/inner")]
    assert guest.value("unlink", guest.path("/data/inner/shown")) == -errno.EBUSY


def test_a_folder_as_root(guest: Guest, host: Path) -> None:
    (host / "etc").mkdir()
    (host / "etc/passwd").write_bytes(b"mine")
    mount(guest.kernel.fs, host, "/")
    assert guest.content("/etc/passwd") == b"mine"
    assert guest.content("etc/../etc/passwd") == b"mine"
    assert guest.value("getcwd", guest.data, 10) == 2
    assert guest.content("/proc/self/cgroup") == b"0::/\n"
    assert guest.open("/dev/null") > 0
    assert guest.open("/tmp/x", os.O_CREAT | os.O_RDWR) > 0
    assert guest.open("/x", os.O_CREAT | os.O_RDWR) == -errno.EROFS


def test_wrong_requests(guest: Guest, host: Path) -> None:
    with pytest.raises(ValueError, match="absolute"):
        mount(guest.kernel.fs, host, "data")
    with pytest.raises(FileNotFoundError):
        mount(guest.kernel.fs, host / "none", "/data")
    with pytest.raises(FsError):
        guest.kernel.fs.put("/etc/passwd/x", b"")
