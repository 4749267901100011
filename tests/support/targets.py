"""The targets that the tests build guests for and compare with: one row each, for all tests.

`arch` is emuload's name. `qemu` is qemu-user's program with its options, `root` the folder of the C library it runs, `packages`
Debian's packages for that; empty where nothing is compared. `gcc` is Debian's cross compiler and its packages.
"""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A row of the table."""

    name: str
    arch: str
    qemu: tuple[str, ...] = ()
    root: str = ""
    packages: str = ""
    gcc: tuple[str, str] | None = None


TARGETS = {
    row.name: row
    for row in (
        Target("amd64-gnu", "amd64", ("qemu-x86_64",), "/", "qemu-user", ("x86_64-linux-gnu-gcc", "gcc libc6-dev")),
        Target(
            "armv7-gnueabihf",
            "arm",
            ("qemu-arm",),
            "/usr/arm-linux-gnueabihf",
            "libc6-armhf-cross libgcc-s1-armhf-cross",
            ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"),
        ),
        Target(
            "armv5-gnueabi",
            "arm",
            ("qemu-arm", "-cpu", "arm926"),
            "/usr/arm-linux-gnueabi",
            "libc6-armel-cross libgcc-s1-armel-cross",
        ),
        Target(
            "arm64-gnu",
            "arm64",
            ("qemu-aarch64",),
            "/usr/aarch64-linux-gnu",
            "libc6-arm64-cross libgcc-s1-arm64-cross",
            ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
        ),
        Target("amd64-musl", "amd64"),
        Target("armv7-musleabihf", "arm"),
        Target("arm64-musl", "arm64"),
    )
}

ALL = tuple(TARGETS)
GNU = tuple(name for name, row in TARGETS.items() if row.qemu)
"""Those with glibc, which can be compared with qemu-user."""
MUSL = tuple(name for name in ALL if name not in GNU)


def arch_of(target: str) -> str:
    """The architecture that a target is for."""
    return TARGETS[target].arch
