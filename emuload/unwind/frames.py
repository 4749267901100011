"""A frame, and the loaded object and guest memory as unwinding sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from emuload.reports import Frame as ReportFrame
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
    """The facts that identify the machine, as emuload.machine.abi.Abi has them."""

    @property
    def elf_machine(self) -> int: ...


@dataclass
class Frame(ReportFrame):
    """One call on a thread's stack, the innermost first.

    pc        guest address: of the instruction that runs next (innermost, or interrupted by a signal), else
    where
              the call returns to
    function  name, "" when unknown
    object    path of the object that holds the code, "" when none does
    file      source file and `line`, ("", 0) when unknown
    kind      "go", "c", "libc" (the emulated C library), "signal" (a handler's return code) or "unknown"
    offset    bytes from the function's start to `pc`
    inlined   the call was inlined into the frame that follows
    """

    offset: int = 0
    inlined: bool = False

    def __str__(self) -> str:
        where = f" at {self.file}:{self.line}" if self.file else f" in {self.object}" if self.object else ""
        return f"{self.pc:#x} {self.function or '?'}+{self.offset:#x}{where}"
