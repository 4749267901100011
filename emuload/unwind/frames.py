"""A frame, and the loaded object and guest memory as unwinding sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from emuload.errors import Frame as ReportFrame
from loader.elf import ElfFile

Registers = Mapping[str, int]
"""A thread's registers by the names `Cpu.registers()` uses."""


class Memory(Protocol):
    """The guest's memory: bytes at an address, or an exception if nothing is mapped there."""

    def read(self, address: int, size: int) -> bytes: ...


class LoadedObject(Protocol):
    """An object in the link map, such as loader.objects.LinkedObject."""

    @property
    def elf(self) -> ElfFile: ...
    @property
    def path(self) -> str: ...
    @property
    def bias(self) -> int: ...
    @property
    def is_builtin(self) -> bool: ...
    def contains(self, address: int) -> bool: ...


class Machine(Protocol):
    """The architecture of the registers; emuload.machine.abi.Abi is one."""

    @property
    def name(self) -> str: ...


class Frame(ReportFrame):
    """One call on a thread's stack, with its place in the function.

    `pc` is the address of the next instruction (innermost frame, or interrupted by a signal), else the one the call returns
    to. `offset` is the bytes from the function's start to `pc`. `inlined`: the call was inlined into the frame that follows.
    """

    def __init__(
        self,
        pc: int,
        function: str,
        object: str = "",
        file: str = "",
        line: int = 0,
        kind: str = "c",
        offset: int = 0,
        inlined: bool = False,
    ) -> None:
        super().__init__(pc, function, object, file, line, kind)
        self.offset = offset
        self.inlined = inlined

    def __str__(self) -> str:
        where = f" at {self.file}:{self.line}" if self.file else f" in {self.object}" if self.object else ""
        return f"{self.pc:#x} {self.function or '?'}+{self.offset:#x}{where}"
