"""From a thread's registers to its frames, over Go, C and signal handlers, by whatever tables the files have.

Tried in this order: a signal's return code; the Go function table; the ARM exception tables or call frame information; a
return address where a function that was just entered keeps it; the frame pointer. Unwinding ends at code that belongs to no
object, where SP does not move up the same stack, or after `limit` calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emuload.golang.library import GoLibrary, open_library
from emuload.golang.pclntab import Function, Position
from emuload.machine.unwind import UnwindRow, row_for, row_of
from emuload.unwind import ehabi
from emuload.unwind.dwarf import CallFrames
from emuload.unwind.frames import Frame, LoadedObject, Machine, Memory, Registers
from emuload.unwind.gostack import Cursor, GoStack
from emuload.unwind.lines import Lines
from emuload.unwind.reader import Reader
from emuload.unwind.symbols import DATA_TYPES, SymbolTable
from loader.elf import ElfFile
from loader.errors import one_line
from loader.gabi import PT_ARM_EXIDX
from loader.image import Image

LIMIT = 64


@dataclass
class _Code:
    """One file's code: each kind of table, read when it is first needed."""

    image: Image
    row: UnwindRow
    _go: tuple[GoLibrary | None] | None = None
    _frames: CallFrames | None = None
    _index: ehabi.ExceptionIndex | None = None
    _symbols: SymbolTable | None = None
    _data: SymbolTable | None = None
    _lines: Lines | None = None

    @property
    def go(self) -> GoLibrary | None:
        if self._go is None:
            self._go = (open_library(self.image.elf),)
        return self._go[0]

    @property
    def frames(self) -> CallFrames:
        if self._frames is None:
            self._frames = CallFrames(self.image, self.row)
        return self._frames

    @property
    def index(self) -> ehabi.ExceptionIndex | None:
        if self._index is None and self.image.elf.segment(PT_ARM_EXIDX) is not None:
            self._index = ehabi.ExceptionIndex(self.image)
        return self._index

    @property
    def symbols(self) -> SymbolTable:
        if self._symbols is None:
            self._symbols = SymbolTable(self.image, self.row.code_mask)
        return self._symbols

    @property
    def data(self) -> SymbolTable:
        if self._data is None:
            self._data = SymbolTable(self.image, self.row.word_mask, DATA_TYPES)
        return self._data

    @property
    def lines(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self.image)
        return self._lines


class Unwinder:
    """Unwinds threads of one process. Caches data of files, and nothing of a run."""

    def __init__(self) -> None:
        self._known: dict[ElfFile, _Code] = {}

    def __deepcopy__(self, memo: dict[int, object]) -> Unwinder:
        return self

    def frames(
        self,
        registers: Registers,
        memory: Memory,
        machine: Machine,
        objects: Iterable[LoadedObject],
        limit: int = LIMIT,
    ) -> list[Frame]:
        """A thread's frames, innermost first, at most `limit` calls.

        `registers` are the thread's as `Cpu.registers()` gives them, `objects` those of the link map. No guest state makes
        it raise.
        """
        return list(_Walk(self, row_of(machine.name), memory, list(objects), registers).frames(limit))

    def describe(self, pc: int, objects: Iterable[LoadedObject], *, exact: bool = True) -> list[Frame]:
        """The frames at `pc`: calls inlined there, then the function itself."""
        for loaded in objects:
            if loaded.contains(pc):
                code = self.code(loaded.elf)
                return list(_describe(code, loaded, pc, exact)) if code is not None else []
        return [Frame(pc, "", kind="unknown")]

    def data_name(self, loaded: LoadedObject, address: int) -> str:
        """`name` or `name+offset` of the variable in the file's symbols that holds an address; empty if none does."""
        code = self.code(loaded.elf)
        found = code.data.find(address - loaded.bias) if code is not None else None
        if found is None:
            return ""
        name, start = found
        offset = address - loaded.bias - start
        return one_line(f"{name}+{offset:#x}" if offset else name)

    def code(self, elf: ElfFile) -> _Code | None:
        """The tables of a file; None for an unknown machine."""
        if elf not in self._known:
            row = row_for(elf.machine.e_machine)
            if row is None:
                return None
            self._known[elf] = _Code(Image(elf), row)
        return self._known[elf]


def unwind(
    registers: Registers,
    memory: Memory,
    machine: Machine,
    objects: Iterable[LoadedObject],
    limit: int = LIMIT,
) -> list[Frame]:
    """`Unwinder.frames` for a single use. A process that unwinds often keeps an `Unwinder` and its cache."""
    return Unwinder().frames(registers, memory, machine, objects, limit)


def describe(address: int, objects: Iterable[LoadedObject]) -> str:
    """A code address as `function+offset (object)`."""
    frame = Unwinder().describe(address, objects)[-1]
    if not frame.object:
        return f"{address:#x}"
    return f"{frame.function or '?'}+{frame.offset:#x} ({frame.object})"


def _describe(code: _Code, loaded: LoadedObject, pc: int, exact: bool) -> Iterator[Frame]:
    """The frames at `pc`, innermost inlined call first. A return address is looked up at the call before it."""
    place = pc - loaded.bias - (0 if exact else 1)
    if code.go is not None and (function := code.go.table.find(place)) is not None:
        calls = list(code.go.inline_stack(place))
        for number, (name, file, line) in enumerate(calls):
            inlined = number < len(calls) - 1
            offset = pc - loaded.bias - function.entry
            yield Frame(pc, one_line(name), loaded.path, one_line(file), line, "go", 0 if inlined else offset, inlined)
        return
    found = code.symbols.find(place)
    name, start = found if found else ("", pc - loaded.bias)
    where = code.lines.find(place) if not loaded.is_builtin else Position("", 0)
    kind = "libc" if loaded.is_builtin else "c"
    yield Frame(pc, one_line(name), loaded.path, one_line(where.file), where.line, kind, pc - loaded.bias - start)


class _Walk:
    """One thread's unwinding."""

    def __init__(
        self,
        unwinder: Unwinder,
        row: UnwindRow,
        memory: Memory,
        objects: list[LoadedObject],
        registers: Registers,
    ) -> None:
        self._unwinder = unwinder
        self._row = row
        self._objects = objects
        self._reader = Reader(memory, row.word)
        self._go = GoStack(row, self._reader, lambda address: self._find(address)[0] is not None)
        self._cursor = Cursor({name: value & row.word_mask for name, value in registers.items()})
        self._cursor.registers[row.pc] &= row.code_mask

    def frames(self, limit: int) -> Iterator[Frame]:
        row, cursor = self._row, self._cursor
        seen: set[tuple[int, int]] = set()
        self._go.find_g(cursor)
        for count in range(limit):
            pc, sp = cursor.registers[row.pc], cursor.registers[row.sp]
            if (pc, sp) in seen:
                return
            seen.add((pc, sp))
            cursor.switched = False
            if self._signal_return(pc, sp):
                yield Frame(pc, "<signal handler called>", kind="signal")
                continue
            loaded, code = self._find(pc, exact=cursor.exact)
            if loaded is None or code is None:
                if count == 0:
                    yield Frame(pc, "", kind="unknown")
                    if self._just_entered() and self._find(cursor.registers[row.pc])[0] is not None:
                        continue
                return
            yield from _describe(code, loaded, pc, cursor.exact)
            if not self._step(loaded, code) or not (cursor.switched or cursor.registers[row.sp] >= sp):
                return

    def _find(self, pc: int, *, exact: bool = False) -> tuple[LoadedObject | None, _Code | None]:
        """The object that holds the instruction at `pc`, or the call that returns there."""
        for loaded in self._objects:
            if loaded.contains(pc) and (exact or loaded.contains(pc - 1)):
                return loaded, self._unwinder.code(loaded.elf)
        return None, None

    def _step(self, loaded: LoadedObject, code: _Code) -> bool:
        """Move the cursor to the caller."""
        row, cursor = self._row, self._cursor
        place = cursor.registers[row.pc] - loaded.bias - (0 if cursor.exact else 1)
        if code.go is not None and (function := code.go.table.find(place)) is not None:
            stepped = self._step_go(loaded, code.go, function)
            cursor.from_c, cursor.callee = False, function.name
            return stepped
        cursor.from_c = True
        found = None if cursor.exact else code.symbols.find(place)
        frame = row.saved_frames.get(found[0]) if found is not None else None
        if frame is not None and code.go is not None:
            return self._go.saved_frame(cursor, frame)
        return self._step_c(loaded, code, place)

    def _step_go(self, loaded: LoadedObject, library: GoLibrary, function: Function) -> bool:
        if not self._go.step(self._cursor, library, function, loaded.bias):
            return False
        if not self._go.is_end(library, function):
            return True
        pc = self._cursor.registers[self._row.pc]
        if self._is_signal_return(pc) is not None:
            return True
        caller, code = self._find(pc)
        return (
            caller is not None
            and code is not None
            and (code.go is None or code.go.table.find(pc - 1 - caller.bias) is None)
        )

    def _step_c(self, loaded: LoadedObject, code: _Code, place: int) -> bool:
        row, cursor = self._row, self._cursor
        if cursor.exact and code.symbols.names(place) is not None:
            return self._just_entered()
        caller: dict[str, int] | None = None
        if code.index is not None:
            instructions = code.index.instructions(place)
            if instructions is not None:
                caller = ehabi.step(instructions, cursor.registers, self._reader)
        if caller is None:
            caller = code.frames.step(place, cursor.registers, self._reader)
        if caller is None:
            return self._without_tables()
        caller[row.pc] &= row.code_mask
        cursor.registers, cursor.exact = caller, False
        return True

    def _without_tables(self) -> bool:
        """Without a table: use the link register of a function that may be a leaf, else the frame pointer."""
        row, cursor = self._row, self._cursor
        if (
            cursor.exact
            and row.link
            and self._find(cursor.registers.get(row.link, 0) & row.code_mask)[0] is not None
        ):
            return self._just_entered()
        fp = cursor.registers.get(row.fp, 0)
        if fp < cursor.registers[row.sp] or fp % row.word:
            return False
        outer, back = (self._reader.word(fp + row.frame_record + at * row.word) for at in (0, 1))
        if outer is None or back is None or self._find(back & row.code_mask)[0] is None:
            return False
        cursor.registers[row.fp] = outer
        cursor.registers[row.pc] = back & row.code_mask
        cursor.registers[row.sp] = fp + row.frame_record + 2 * row.word
        cursor.exact = False
        return True

    def _just_entered(self) -> bool:
        """Return from a function of which no instruction has run."""
        row, cursor = self._row, self._cursor
        sp = cursor.registers[row.sp]
        back = cursor.registers.get(row.link) if row.link else self._reader.word(sp)
        if back is None:
            return False
        cursor.registers[row.pc] = back & row.code_mask
        cursor.registers[row.sp] = sp + row.go_pushed
        if row.link:
            del cursor.registers[row.link]
        cursor.exact = False
        return True

    def _is_signal_return(self, pc: int) -> int | None:
        """The row's signal frame whose return code is at `pc`, or None."""
        for number, frame in enumerate(self._row.signal_frames):
            if self._reader.bytes(pc, len(frame.code)) == frame.code:
                return number
        return None

    def _signal_return(self, pc: int, sp: int) -> bool:
        """Step over a signal frame: all the interrupted registers."""
        number = self._is_signal_return(pc)
        if number is None:
            return False
        frame, row = self._row.signal_frames[number], self._row
        values = self._reader.words(sp + frame.offset, len(frame.registers))
        if len(values) != len(frame.registers):
            return False
        registers = {name: value for name, value in zip(frame.registers, values, strict=True) if name}
        registers[row.pc] &= row.code_mask
        self._cursor.registers = registers
        self._cursor.exact = self._cursor.switched = True
        self._go.find_g(self._cursor)
        return True
