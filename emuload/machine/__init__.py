"""CPU and address space on Unicorn; one folder per architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.machine.architecture import ARCHITECTURES, part

if TYPE_CHECKING:
    from emuload.machine.cpu import Cpu

__all__ = ["ARCHITECTURES", "create_cpu"]


def create_cpu(architecture: str, *, native_hooks: bool = True) -> Cpu:
    """A fresh CPU of one of ARCHITECTURES. Raises ValueError for another name."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}: choose from {', '.join(ARCHITECTURES)}")
    cpu: Cpu = part(architecture, "cpu").create(native_hooks=native_hooks)
    return cpu
