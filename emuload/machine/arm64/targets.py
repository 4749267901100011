"""Builds for arm64."""

from __future__ import annotations

from emuload.machine.targets import LibcTarget, Target

LIBC = (LibcTarget("arm64", "aarch64-linux-gnu", ("-mcpu=generic",), "arm64", "aarch64linux"),)

GUESTS = (
    Target("arm64-gnu", "arm64", "", "aarch64-linux-gnu", sample="arm64"),
    Target("arm64-musl", "arm64", "", "aarch64-linux-musl"),
)
