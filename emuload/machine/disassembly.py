"""Machine code as text, by capstone, for each CPU of `emuload.machine`."""

from __future__ import annotations

from typing import Any, NamedTuple

THUMB = "thumb"
"""The arm CPU's other instruction set."""

# (CS_ARCH_*, CS_MODE_*, bytes of the shortest instruction), by name so that capstone is imported late
_MACHINES = {
    "amd64": ("CS_ARCH_X86", "CS_MODE_64", 1),
    "arm": ("CS_ARCH_ARM", "CS_MODE_ARM", 4),
    THUMB: ("CS_ARCH_ARM", "CS_MODE_THUMB", 2),
    "arm64": ("CS_ARCH_ARM64", "CS_MODE_LITTLE_ENDIAN", 4),
}


class Instruction(NamedTuple):
    """One instruction: its guest address, its bytes, and what it says."""

    address: int
    code: bytes
    text: str


class Disassembler:
    """Disassembles for one name of the table above. Raises KeyError for another name."""

    def __init__(self, name: str) -> None:
        import capstone

        arch, mode, self._unit = _MACHINES[name]
        if arch == "CS_ARCH_ARM64" and not hasattr(capstone, arch):
            arch = "CS_ARCH_AARCH64"  # its name from capstone 6 on
        self._engine: Any = capstone.Cs(getattr(capstone, arch), getattr(capstone, mode))

    def instructions(self, code: bytes, address: int) -> list[Instruction]:
        """All of `code`, which lies at `address`; what capstone does not know stands as bytes."""
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
