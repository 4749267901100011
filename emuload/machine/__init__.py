"""CPU and address space on Unicorn; one file per architecture."""

from __future__ import annotations

from importlib import import_module

from emuload.machine.cpu import Cpu

ARCHITECTURES = ("amd64", "arm", "arm64")


def create_cpu(architecture: str, *, native_hooks: bool = True) -> Cpu:
    """A fresh CPU of one of ARCHITECTURES. Raises ValueError for another name."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}: choose from {', '.join(ARCHITECTURES)}")
    cpu: Cpu = import_module(f"emuload.machine.{architecture}.cpu").create(native_hooks=native_hooks)
    return cpu
