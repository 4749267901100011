"""Runs the built hooks of any host in Unicorn: its CPU in place of the host's, host memory at the same addresses."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from emuload.ilog.selection import merged
from emuload.machine import engine as uc
from emuload.machine.hooks import native

CONVENTIONS = ("x86_64-sysv", "x86_64-windows", "aarch64")
CODE, EXIT, STACK, END = 0x10000, 0x12F00, 0x13800, 0x14000

_RBP, _RBX, _RDI, _RSI, _R8, _R9 = 36, 37, 39, 43, 106, 107
_RCX, _RDX, _RAX, _RSP, _R12 = 38, 40, 35, 44, 110
_X0, _X18, _X19, _X29, _X30, _SP = 199, 217, 218, 1, 2, 4
_KEPT_BY_ALL = (_RBX, _RBP, *range(_R12, _R12 + 4))

# registers of arguments, stack pointer, register of the result, registers that a function keeps
_REGISTERS = {
    "x86_64-sysv": ((_RDI, _RSI, _RDX, _RCX, _R8, _R9), _RSP, _RAX, _KEPT_BY_ALL),
    "x86_64-windows": ((_RCX, _RDX, _R8, _R9), _RSP, _RAX, (*_KEPT_BY_ALL, _RDI, _RSI)),
    "aarch64": (tuple(range(_X0, _X0 + 8)), _SP, _X0, (_X18, *range(_X19, _X19 + 10), _X29)),
}
_KEPT = 0x5555


def built(convention: str) -> bytes:
    """The committed file of hooks for one calling convention."""
    return (Path(native.BUILT) / f"{convention}.bin").read_bytes()


class HostCode:
    """Code for hosts of one calling convention, and the memory it works on: (address, size) of host memory."""

    def __init__(self, convention: str, memory: Sequence[tuple[int, int]]) -> None:
        self._convention = convention
        self._x86 = convention.startswith("x86_64")
        self.engine = uc.Engine(*((4, 8) if self._x86 else (2, 0)))  # UC_ARCH_X86 and UC_MODE_64; UC_ARCH_ARM64
        self._pages = ctypes.create_string_buffer(END - CODE + 4096)
        self._base = (ctypes.addressof(self._pages) + 4095) & -4096
        self.engine.map(CODE, END - CODE, 7, self._base)
        for pages in merged(range(a & -4096, (a + n + 4095) & -4096) for a, n in memory):
            self.engine.map(pages.start, len(pages), 3, pages.start)

    def put_hooks(self) -> dict[str, int]:
        """Write the built hooks at CODE, and return their addresses."""
        data = built(self._convention)
        self.put(CODE, data)
        return {name: CODE + offset for name, offset in native.offsets(data).items()}

    def put(self, at: int, code: bytes) -> int:
        """Write code or data at an address between CODE and END; returns it."""
        assert CODE <= at <= END - len(code)
        ctypes.memmove(self._base + at - CODE, code, len(code))
        return at

    def get(self, at: int, size: int) -> bytes:
        """The bytes there."""
        return ctypes.string_at(self._base + at - CODE, size)

    def call(self, at: int, *arguments: int) -> int:
        """Call the function there as the host's calling convention says, and return its result.

        A function that jumps to EXIT ends the call too.
        """
        places, stack, result, kept = _REGISTERS[self._convention]
        for register, value in zip(places, arguments, strict=False):
            self.engine.write_register(register, value)
        for number, value in enumerate(arguments[len(places) :]):
            assert self._convention == "x86_64-windows"
            self.put(STACK + 32 + 8 * number, value.to_bytes(8, "little"))  # above the space for register arguments
        for register in kept:
            self.engine.write_register(register, _KEPT + register)
        if self._x86:
            self.put(STACK - 8, EXIT.to_bytes(8, "little"))
        else:
            self.engine.write_register(_X30, EXIT)
        self.engine.write_register(stack, STACK - 8 if self._x86 else STACK)
        assert self.engine.start(at, EXIT) == 0
        for register in kept:
            assert self.engine.read_register(register) == _KEPT + register
        assert self.engine.read_register(stack) in (STACK, STACK - 8)
        return self.engine.read_register(result)
