"""One step up a Go stack: by the function table's frame sizes, across the runtime's stack switches.

Sources: runtime/traceback.go (unwinder.resolveInternal, next) for plain frames and injected calls; for the switches
runtime/asm_<arch>.s (systemstack, morestack, mcall, asmcgocall, cgocallback) and runtime/cgo/asm_<arch>.s (crosscall2). Go's
own traceback stops at C code, and this continues: the machine's row has the places where the switches keep the other stack's
pointer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emuload.golang.library import GoLibrary
from emuload.golang.pclntab import FLAG_TOP_FRAME, Function
from emuload.machine.unwind import SavedFrame, UnwindRow
from emuload.unwind.goroutine import Goroutines
from emuload.unwind.reader import Reader

_INJECTED = ("runtime.sigpanic", "runtime.asyncPreempt")
"""Functions that a signal handler makes the interrupted code call: their caller did not execute a call."""
_SCRATCH = 512
"""Bytes that an assembly function may put below its frame before it calls C."""
_ENDS = ("runtime.goexit", "runtime.rt0_go")


@dataclass
class Cursor:
    """The present position of unwinding.

        registers     known registers, pc and sp among them
        exact         pc is an instruction that has not run, not the return address of a call
        g             a g of this thread, the last one seen; 0 before
        m             that g's m, the thread's record; 0 if unknown
        g0_sp         where g0's stack was left for the callback that is unwound now, once one was crossed
        from_c        the last step left a C function
        callee        the Go function that the last step left, "" before
        switched      the last step went to another stack, so SP says nothing about progress
    """

    registers: dict[str, int]
    exact: bool = True
    g: int = 0
    m: int = 0
    g0_sp: int | None = None
    from_c: bool = False
    callee: str = ""
    switched: bool = False


class GoStack:
    """Steps over Go frames of one machine."""

    def __init__(self, row: UnwindRow, reader: Reader, is_code: Callable[[int], bool]) -> None:
        self._row = row
        self._reader = reader
        self._is_code = is_code
        self._goroutines = Goroutines(reader)

    def find_g(self, cursor: Cursor) -> None:
        """Take the g register for the current g if it holds one."""
        candidate = cursor.registers.get(self._row.go_g, 0)
        if candidate != cursor.g:
            self._take_g(cursor, candidate)

    def _take_g(self, cursor: Cursor, g: int) -> None:
        m = self._goroutines.thread(g)
        if m is not None:
            cursor.g, cursor.m = g, m

    def step(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """Make `cursor` the caller's; False when `function` has no caller or it cannot be found."""
        if cursor.exact or cursor.from_c:
            self.find_g(cursor)
        if not cursor.exact:
            switch = self._SWITCHES.get(function.name)
            if switch is not None and self._has_switched(cursor, function):
                return switch(self, cursor, library, function, bias)
            frame = self._row.saved_frames.get(function.name)
            if frame is not None:
                return self.saved_frame(cursor, frame)
        if function.name in _ENDS:
            return False
        size = self._to_own_frame(cursor, library, function) if cursor.from_c else None
        if not self._plain(cursor, library, bias, size):
            return False
        if function.name in _INJECTED:
            cursor.exact = True
            self._drop_injected(cursor, library, bias)
        return True

    def _has_switched(self, cursor: Cursor, function: Function) -> bool:
        """True if `function` made the present call after its stack switch: it also makes some calls before."""
        name = function.name
        if name == "runtime.cgocallback":
            return cursor.callee == "runtime.cgocallbackg"
        if name.startswith("runtime.asmcgocall"):
            return cursor.from_c
        return cursor.g == 0 or cursor.g == self._goroutines.g0(cursor.m)

    def is_end(self, library: GoLibrary, function: Function) -> bool:
        """True if nothing in Go calls `function`; a signal's return code or C may."""
        return bool(library.table.flags(function.number) & FLAG_TOP_FRAME)

    # -- plain frames -------------------------------------------------------------------------------------------------

    def _plain(self, cursor: Cursor, library: GoLibrary, bias: int, size: int | None = None) -> bool:
        """Step over a frame of `size` bytes, by default the function table's size at pc."""
        row, registers = self._row, cursor.registers
        sp = registers[row.sp]
        if size is None:
            place = registers[row.pc] - bias - (0 if cursor.exact else 1)
            size = library.table.frame_size(place)
        if size is None or size < 0:
            return False
        end = sp + size + row.go_pushed
        if row.link:
            back = (
                registers[row.link] if size == 0 and row.link in registers else self._saved_link(cursor, sp)
            )
            saved_fp = sp + row.go_saved_fp if row.go_saved_fp is not None and size else None
        else:
            back = self._reader.word(end - row.word)
            saved_fp = end + row.go_saved_fp if row.go_saved_fp is not None and size else None
        if back is None:
            return False
        if saved_fp is not None:
            fp = self._reader.word(saved_fp)
            if fp is not None:
                registers[row.fp] = fp
        self._return_to(cursor, back, end)
        return True

    def _saved_link(self, cursor: Cursor, sp: int) -> int | None:
        """The return address that a frame keeps at SP, or the register's if an assembly function overwrote that word."""
        saved, link = self._reader.word(sp), cursor.registers.get(self._row.link, 0)
        overwritten = saved is not None and not self._is_code(saved & self._row.code_mask)
        return link if cursor.exact and overwritten and self._is_code(link & self._row.code_mask) else saved

    def _return_to(self, cursor: Cursor, pc: int, sp: int) -> None:
        row, registers = self._row, cursor.registers
        registers[row.pc] = pc & row.code_mask
        registers[row.sp] = sp & row.word_mask
        if row.link:
            registers.pop(row.link, None)
        cursor.exact = False

    def _drop_injected(self, cursor: Cursor, library: GoLibrary, bias: int) -> None:
        """Undo what preparing an injected call did to the interrupted function's stack."""
        row, registers = self._row, cursor.registers
        if not row.go_injected:
            return
        sp = registers[row.sp]
        link = self._reader.word(sp)
        registers[row.sp] = sp + row.go_injected
        if link is not None:
            registers[row.link] = link

    def saved_frame(self, cursor: Cursor, frame: SavedFrame) -> bool:
        """Step over a hand-written function that saves registers at known places."""
        row, sp = self._row, cursor.registers[self._row.sp]
        for name, offset in frame.registers:
            value = self._reader.word(sp + offset)
            if value is None:
                return False
            cursor.registers[name] = value
        self._return_to(cursor, cursor.registers[row.pc], sp + frame.size)
        return True

    def _to_own_frame(self, cursor: Cursor, library: GoLibrary, function: Function) -> int | None:
        """Undo an assembly function's change of SP before its call of C, using the frame pointer; the function's frame
        size.

        callCgoSigaction, callCgoMmap, sigfwd and similar functions align SP or move it down; C code keeps the frame pointer.
        """
        row, sp = self._row, cursor.registers[self._row.sp]
        size, fp = self._own_size(library, function), cursor.registers.get(row.fp, 0)
        if row.go_saved_fp is None or not size:
            return None
        own = fp - row.go_saved_fp - (0 if row.link else size + row.go_pushed)
        if not sp <= own < sp + _SCRATCH:
            return None
        cursor.registers[row.sp] = own
        return size

    def _own_size(self, library: GoLibrary, function: Function) -> int:
        """A function's frame size after its prologue."""
        return next((size for size in library.table.frame_sizes(function.number) if size), 0)

    # -- stack switches -----------------------------------------------------------------------------------------------

    def _systemstack(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """On g0: continue where systemstack left the goroutine's stack, in systemstack's own frame there."""
        current = self._goroutines.current(cursor.m) if cursor.m else None
        saved = self._goroutines.sched(current) if current is not None else None
        if saved is None or current is None:
            return False
        self._switch(cursor, current, saved.sp)
        return self._plain(cursor, library, bias)

    def _morestack(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """On g0: continue in the function that needed more stack or was preempted in its prologue; nothing of it has run."""
        current = self._goroutines.current(cursor.m) if cursor.m else None
        return self._resume(cursor, current) or self._mcall(cursor, library, function, bias)

    def _mcall(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """On g0 for good: continue with the goroutine that is locked to this thread, if one is parked."""
        return self._resume(cursor, self._goroutines.locked(cursor.m) if cursor.m else None)

    def _resume(self, cursor: Cursor, g: int | None) -> bool:
        """Continue where `g` was left."""
        saved = self._goroutines.sched(g) if g is not None else None
        if saved is None or g is None:
            return False
        self._switch(cursor, g, saved.sp)
        self._return_to(cursor, saved.pc, saved.sp)
        if self._row.link:
            cursor.registers[self._row.link] = saved.link & self._row.code_mask
        return True

    def _asmcgocall(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """Step from C on g0 to the stack of the goroutine that called it."""
        row, sp = self._row, cursor.registers[self._row.sp]
        g, depth = (self._reader.word(sp + offset) for offset in row.asmcgocall)
        if g is None or depth is None:
            return False
        high = self._goroutines.stack_high(g) if g else 0
        if high is None:
            return False
        if g:
            self._switch(cursor, g, high - depth)
        else:
            cursor.registers[row.sp] = depth
        return self._plain(cursor, library, bias, self._own_size(library, function))

    def _asmcgocall_no_g(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """Step from C that was called without a g: the stack was only aligned."""
        save, sp = self._row.asmcgocall_no_g, cursor.registers[self._row.sp]
        before = sp + save.skip if save.offset is None else self._reader.word(sp + save.offset)
        if before is None:
            return False
        cursor.registers[self._row.sp] = before
        return self._plain(cursor, library, bias, save.size)

    def _cgocallback(self, cursor: Cursor, library: GoLibrary, function: Function, bias: int) -> bool:
        """Step from a goroutine's stack back to g0's, where C called Go."""
        g0 = self._goroutines.g0(cursor.m) if cursor.m else None
        if g0 is None:
            return False
        sp = cursor.g0_sp
        if sp is None:
            saved = self._goroutines.sched(g0)
            sp = saved.sp if saved else None
        if sp is None:
            return False
        cursor.g0_sp = self._reader.word(sp + self._row.callback_saved_sp)
        self._switch(cursor, g0, sp)
        return self._plain(cursor, library, bias)

    def _switch(self, cursor: Cursor, g: int, sp: int) -> None:
        self._take_g(cursor, g)
        cursor.registers[self._row.sp] = sp
        cursor.switched = True

    _SWITCHES: ClassVar[dict[str, Callable[[GoStack, Cursor, GoLibrary, Function, int], bool]]] = {
        "runtime.systemstack": _systemstack,
        "runtime.morestack": _morestack,
        "runtime.mcall": _mcall,
        "runtime.asmcgocall": _asmcgocall,
        "runtime.asmcgocall_no_g": _asmcgocall_no_g,
        "runtime.cgocallback": _cgocallback,
    }
