"""Machine code for hosts, run in Unicorn: its CPU stands for the host's, its memory is host memory at the same addresses."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from emuload.ilog.selection import merged
from emuload.machine import engine as uc

HOSTS = ("x86_64", "aarch64")
CODE, EXIT, STACK, END = 0x10000, 0x12F00, 0x13800, 0x14000

# arguments, return address or stack pointer, registers that a function keeps
_REGISTERS = {
    "x86_64": ((39, 43, 40, 38, 106, 107), 44, (37, 36, 110, 111, 112, 113)),
    "aarch64": ((199, 200, 201, 202, 203, 204), 4, tuple(range(218, 228))),
}
_LINK = 2  # x30
_KEPT = 0x5555


class HostCode:
    """A host's code and what it works on: `memory` are (address, size) of host memory."""

    def __init__(self, host: str, memory: Sequence[tuple[int, int]]) -> None:
        self._host = host
        self.engine = uc.Engine(*((4, 8) if host == "x86_64" else (2, 0)))  # UC_ARCH_X86 and UC_MODE_64; UC_ARCH_ARM64
        self._pages = ctypes.create_string_buffer(END - CODE + 4096)
        self._base = (ctypes.addressof(self._pages) + 4095) & -4096
        self.engine.map(CODE, END - CODE, 7, self._base)
        for pages in merged(range(a & -4096, (a + n + 4095) & -4096) for a, n in memory):
            self.engine.map(pages.start, len(pages), 3, pages.start)

    def put(self, at: int, code: bytes) -> int:
        """Write code or data at an address between CODE and END; returns it."""
        assert CODE <= at <= END - len(code)
        ctypes.memmove(self._base + at - CODE, code, len(code))
        return at

    def get(self, at: int, size: int) -> bytes:
        """What is there."""
        return ctypes.string_at(self._base + at - CODE, size)

    def call(self, at: int, *arguments: int) -> int:
        """Call the function there as the host's calling convention says, and return what it returned.

        A function that jumps to EXIT ends the call too.
        """
        places, stack, kept = _REGISTERS[self._host]
        for register, value in zip(places, arguments, strict=False):
            self.engine.write_register(register, value)
        for register in kept:
            self.engine.write_register(register, _KEPT + register)
        if self._host == "x86_64":
            self.put(STACK - 8, EXIT.to_bytes(8, "little"))
            self.engine.write_register(stack, STACK - 8)
        else:
            self.engine.write_register(_LINK, EXIT)
            self.engine.write_register(stack, STACK)
        assert self.engine.start(at, EXIT) == 0
        for register in kept:
            assert self.engine.read_register(register) == _KEPT + register
        assert self.engine.read_register(stack) in (STACK, STACK - 8)
        return self.engine.read_register(35 if self._host == "x86_64" else places[0])


def commented(path: str | None, name: str) -> list[str]:
    """The mnemonics in the comments beside the bytes called `name` in a module."""
    from pathlib import Path

    assert path is not None
    body = Path(path).read_text().partition(f"\n{name} = bytes.fromhex(\n")[2].partition("\n)\n")[0]
    comments = [line.partition("# ")[2] for line in body.splitlines()]
    return [comment.rpartition(": ")[2].split()[0] for comment in comments]


def disassembled(host: str, code: bytes) -> list[str]:
    """The mnemonics of machine code, all of which must be instructions."""
    import capstone

    if host == "x86_64":
        machine = capstone.CS_ARCH_X86, capstone.CS_MODE_64
    else:
        machine = getattr(capstone, "CS_ARCH_ARM64", None) or capstone.CS_ARCH_AARCH64, capstone.CS_MODE_LITTLE_ENDIAN
    found = list(capstone.Cs(*machine).disasm(code, 0))
    assert sum(instruction.size for instruction in found) == len(code)
    return [instruction.mnemonic for instruction in found]
