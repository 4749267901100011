"""An instruction log as text: each instruction with its bytes, disassembly, function and source line.

The log holds only the code of the kernel's pages: the files it names are read again, and must be unchanged.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property

from emuload.errors import UsageError
from emuload.ilog.reader import Block, IlogFile, MappedObject
from emuload.libc.builtins import BUILT
from emuload.machine.disassembly import SECOND, Disassembler, Instruction
from emuload.unwind import Frame, Unwinder
from loader.elf import ElfFile
from loader.gabi import STT_FUNC
from loader.image import Image
from loader.search import read_file
from loader.sections import SHT_SYMTAB

_MODES = {b"$a": False, b"$t": True}
"""ARM's mapping symbols (ELF for the Arm Architecture, IHI 0044, 5.5.5)."""


class Line:
    """One instruction to show; its function is looked up at first use."""

    __slots__ = ("_frames", "_head", "_look_up", "_where", "instruction")

    def __init__(self, instruction: Instruction, look_up: Callable[[int], list[Frame]]) -> None:
        self.instruction = instruction
        self._look_up = look_up
        self._frames: list[Frame] | None = None
        self._head = ""
        self._where = ""

    @property
    def frames(self) -> list[Frame]:
        """The frame of the function, after the frames of calls inlined there."""
        if self._frames is None:
            self._frames = self._look_up(self.instruction.address)
        return self._frames

    def text(self, tid: int, effects: str | None = None) -> str:
        """The line for thread `tid`; with a column for the instruction's effects, if they are known."""
        if not self._head:
            address, code, text = self.instruction
            self._head = f"{address:#x}  {code.hex():<16}  {text:<36}"
            self._where = _where(self.frames[0]) if self.frames else ""
        did = "" if effects is None else f"{effects:<32}  "
        return f"{tid} {self._head}  {did}{self._where}".rstrip()


def _where(shown: Frame) -> str:
    """Function and source line; the object if the function is not known."""
    if not shown.function:
        return shown.object
    offset = "" if shown.inlined else f"+{shown.offset:#x}"
    return f"{shown.function}{offset}" + (f" {shown.file}:{shown.line}" if shown.file else "")


class _File:
    """A mapped object's file, in the form the unwinder takes."""

    def __init__(self, mapped: MappedObject, data: bytes) -> None:
        self.elf = ElfFile(data, mapped.path)
        self.path = mapped.path
        self.bias = mapped.bias
        self.is_builtin = mapped.builtin
        self.image = Image(self.elf)
        self._span = range(mapped.start, mapped.end)

    def contains(self, address: int) -> bool:
        """True if the address lies in the mapped span."""
        return address in self._span

    @cached_property
    def _states(self) -> tuple[list[int], list[bool]]:
        """Where Thumb and ARM code begin: by the mapping symbols, in a stripped file by bit 0 of functions' addresses."""
        rows = self._mapping_symbols() or [
            (symbol.value & ~1, bool(symbol.value & 1))
            for symbol in self.elf.symbols()
            if symbol.type == STT_FUNC and symbol.shndx
        ]
        rows.sort()
        return [row[0] for row in rows], [row[1] for row in rows]

    def _mapping_symbols(self) -> list[tuple[int, bool]]:
        image = self.image
        table = next((section for section in image.sections.values() if section.type == SHT_SYMTAB), None)
        if table is None or image.word != 4 or table.link >= len(image.section_list):
            return []
        strings = image.section_list[table.link]
        layout, rows = self.elf.layout.sym, []
        raw = image.data[table.offset : table.offset + table.size // layout.size * layout.size]
        for name, value, *_ in layout.iter_unpack(raw):
            mode = _MODES.get(bytes(image.data[strings.offset + name : strings.offset + name + 2]))
            if mode is not None:
                rows.append((value, mode))
        return rows

    def in_second_set(self, address: int, size: int) -> bool:
        """True if the code at `address` is Thumb, in a file of a machine with two instruction sets."""
        if address & 3 or size & 3:
            return True
        starts, modes = self._states
        at = bisect_right(starts, address - self.bias) - 1
        return at >= 0 and modes[at]


class LoggedCode:
    """The code of a log's blocks. Raises UsageError for a file that is gone or has changed."""

    def __init__(self, log: IlogFile) -> None:
        self._log = log
        self._arch = str(log.header.get("arch"))
        self._unwinder = Unwinder()
        self._files: dict[int, _File] = {}
        self._lines: dict[tuple[int, int, int], list[Line]] = {}
        self._instructions: dict[tuple[int, int, int], list[Instruction]] = {}
        try:
            self._disassembler = Disassembler(self._arch)
        except KeyError:
            raise UsageError(f"{log.path}: the header names an unknown architecture {self._arch!r}") from None

    @cached_property
    def _second(self) -> Disassembler:
        return Disassembler(self._arch, SECOND)

    def lines(self, block: Block) -> list[Line]:
        """The instructions of a block, with their places; none if the code is not known."""
        mapped = self._log.object_at(block.address, block.number)
        key = (block.address, block.size, id(mapped))
        known = self._lines.get(key)
        if known is None:
            look_up = self._in(mapped) if mapped is not None else _nothing
            known = self._lines[key] = [Line(each, look_up) for each in self.instructions(block)]
        return known

    def instructions(self, block: Block) -> list[Instruction]:
        """`lines` without the places."""
        mapped = self._log.object_at(block.address, block.number)
        key = (block.address, block.size, id(mapped))
        known = self._instructions.get(key)
        if known is None:
            known = self._instructions[key] = self._read(block, mapped)
        return known

    def _read(self, block: Block, mapped: MappedObject | None) -> list[Instruction]:
        if mapped is None:
            return self._disassembler.instructions(self._kept(block), block.address)
        file = self._file(mapped)
        code = file.image.read(block.address - mapped.bias, block.size)
        second = self._disassembler.sets > SECOND and file.in_second_set(block.address, block.size)
        return (self._second if second else self._disassembler).instructions(code, block.address)

    def _in(self, mapped: MappedObject) -> Callable[[int], list[Frame]]:
        """A function that looks up addresses in an object."""
        files = [self._file(mapped)]
        return lambda address: self._unwinder.describe(address, files)

    def _kept(self, block: Block) -> bytes:
        for start, code in self._log.code.items():
            if start <= block.address < start + len(code):
                return code[block.address - start : block.address - start + block.size].ljust(block.size, b"\0")
        return b""

    def _file(self, mapped: MappedObject) -> _File:
        known = self._files.get(id(mapped))
        if known is None:
            data = _builtin(mapped.sha256) if mapped.builtin else read_file(mapped.path)
            if data is None or hashlib.sha256(data).hexdigest() != mapped.sha256:
                raise UsageError(f"{mapped.path}: not the file that the log {self._log.path} is of")
            known = self._files[id(mapped)] = _File(mapped, data)
        return known


def _nothing(address: int) -> list[Frame]:
    """The frames of code that no file holds: none."""
    return []


def _builtin(sha256: str) -> bytes | None:
    """The emulated C library's build with that hash."""
    for name in sorted(os.listdir(BUILT)):
        if name.endswith(".so"):
            data = read_file(os.path.join(BUILT, name))
            if hashlib.sha256(data).hexdigest() == sha256:
                return data
    return None
