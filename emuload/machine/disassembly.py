"""Machine code as text, by capstone."""

from __future__ import annotations

from typing import Any, NamedTuple

from emuload.machine.architecture import facts

SECOND = 1
"""The number of an architecture's other instruction set, whose code addresses have bit 0 set."""


class Instruction(NamedTuple):
    """One instruction: its guest address, its bytes and its text."""

    address: int
    code: bytes
    text: str


class Disassembler:
    """Disassembles one of an architecture's instruction sets. Raises KeyError for an unknown architecture."""

    def __init__(self, architecture: str, instruction_set: int = 0) -> None:
        sets = facts(architecture).instruction_sets
        arch, mode, self._unit = sets[instruction_set]
        self.sets = len(sets)
        """The number of the architecture's instruction sets."""
        import capstone

        named = next(name for name in arch.split() if hasattr(capstone, name))
        self._engine: Any = capstone.Cs(getattr(capstone, named), getattr(capstone, mode))

    def instructions(self, code: bytes, address: int) -> list[Instruction]:
        """All of `code`, which lies at `address`; bytes that capstone does not know are given as such."""
        found: list[Instruction] = []
        at = 0
        while at < len(code):
            for where, size, mnemonic, operands in self._engine.disasm_lite(code[at:], address + at):
                found.append(Instruction(where, code[at : at + size], f"{mnemonic} {operands}".rstrip()))
                at += size
            if at < len(code):
                unknown = code[at : at + self._unit]
                found.append(Instruction(address + at, unknown, f".byte {unknown.hex(' ')}"))
                at += len(unknown)
        return found
