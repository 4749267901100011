"""The ELF machines the loader knows, by ``e_machine`` and by name."""

from __future__ import annotations

from . import aarch64, arm, x86_64
from .base import Machine, Relocation

MACHINES: tuple[Machine, ...] = (x86_64.MACHINE, arm.MACHINE, aarch64.MACHINE)
BY_NUMBER: dict[int, Machine] = {machine.e_machine: machine for machine in MACHINES}
BY_NAME: dict[str, Machine] = {machine.name: machine for machine in MACHINES}

#: machines we do not load, for the error's words (gABI, figure "e_machine")
OTHER_NAMES: dict[int, str] = {
    2: "SPARC",
    3: "Intel 80386",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC64",
    22: "IBM S/390",
    43: "SPARC v9",
    50: "Intel IA-64",
    243: "RISC-V",
    258: "LoongArch",
}


def machine_title(number: int) -> str:
    """The name of an ``e_machine`` number, known to us or not."""
    machine = BY_NUMBER.get(number)
    return machine.title if machine else OTHER_NAMES.get(number, f"machine {number}")


__all__ = ["BY_NAME", "BY_NUMBER", "MACHINES", "Machine", "Relocation", "machine_title"]
