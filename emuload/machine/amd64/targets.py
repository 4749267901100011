"""Builds for amd64."""

from __future__ import annotations

from emuload.machine.targets import LibcTarget, Target

LIBC = (LibcTarget("amd64", "x86_64-linux-gnu", ("-mcpu=x86_64",), "amd64", "elf_x86_64"),)

GUESTS = (
    Target("amd64-gnu", "amd64", "", "x86_64-linux-gnu", sample="amd64"),
    Target("amd64-musl", "amd64", "", "x86_64-linux-musl"),
)
