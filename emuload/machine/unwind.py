"""Facts of an architecture for unwinding, Go's handoff and inspection: one row each, in the `unwind` of its folder.

Sources: the psABI's DWARF register numbers; Linux's arch/*/kernel/signal.c and sigcontext headers for signal frames; Go's
runtime/asm_*.s, runtime/cgo/asm_*.s and cmd/compile/abi-internal.md for its calls and stack switches.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from emuload.machine.architecture import ARCHITECTURES, part
from loader.machines import BY_NUMBER


class CallEncoding(NamedTuple):
    """The encoding of a direct call: `size` bytes, little-endian, of which `mask` must equal `match`.

    The displacement is a signed field of `bits` bits from bit `shift`, in units of `unit` bytes, counted
    from the instruction's address plus `base`.
    """

    size: int
    step: int
    mask: int
    match: int
    shift: int
    bits: int
    unit: int
    base: int

    def sites(self, code: bytes, start: int, target: int) -> Iterator[int]:
        """Addresses of the instructions in `code`, which lies at `start`, that call `target`."""
        return (site for site, _ in self.calls(code, start, {target: 0}))

    def calls(self, code: bytes, start: int, targets: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """(address, the value in `targets` for the address called) of each call of one of `targets`."""
        sign, field = 1 << (self.bits - 1), (1 << self.bits) - 1
        for at, word in self._candidates(code):
            distance = (word >> self.shift) & field
            distance = (distance ^ sign) - sign
            found = targets.get(start + at + self.base + distance * self.unit)
            if found is not None:
                yield start + at, found

    def _candidates(self, code: bytes) -> Iterator[tuple[int, int]]:
        """(place, instruction) of all that has the opcode: whole words, or the first byte where instructions have any length."""
        if self.step == self.size:
            words = struct.unpack_from(f"<{len(code) // self.size}I", code)
            mask, match = self.mask, self.match
            yield from [(number * self.size, word) for number, word in enumerate(words) if word & mask == match]
            return
        at = code.find(self.match)
        while 0 <= at <= len(code) - self.size:
            yield at, int.from_bytes(code[at : at + self.size], "little")
            at = code.find(self.match, at + 1)


class SignalFrame(NamedTuple):
    """A signal trampoline: its code, and the interrupted registers' place from SP at its first instruction."""

    code: bytes
    registers: tuple[str, ...]
    """Names of the saved registers, word by word from `offset`; "" for a word that holds no register."""
    offset: int


class SavedFrame(NamedTuple):
    """The frame of a hand-written function: its size and where, from SP at its call, it keeps registers.

    The return address goes by the program counter's name.
    """

    size: int
    registers: tuple[tuple[str, int], ...]


class StackSave(NamedTuple):
    """The place of the former SP, from SP (None: it is `skip` bytes above), and the frame's size at that SP."""

    offset: int | None
    skip: int
    size: int


class UnwindRow(NamedTuple):
    """One machine. Registers go by the names that `Cpu.registers()` uses; offsets and sizes are bytes."""

    name: str
    word: int
    pc: str
    sp: str
    fp: str
    link: str
    """Register that holds the return address on entry; "" where the call pushes it."""
    code_mask: int
    """Bits of a code address that are an address (bit 0 may select an instruction set)."""
    dwarf_registers: tuple[str, ...]
    """Names by DWARF number."""
    return_column: int
    """DWARF number of the column that holds the return address."""
    call: CallEncoding
    signal_frames: tuple[SignalFrame, ...]
    frame_record: int
    """Offset of the caller's frame pointer from the frame pointer; the return address is one word above."""
    goarch: str
    """Go's name of the architecture, which some symbols have in theirs."""
    go_g: str
    """Register that holds the current g in Go code."""
    go_arguments: tuple[str, ...]
    """Integer argument registers of ABIInternal; empty where arguments go on the stack."""
    go_stack_arguments: int
    """Place of the first stack argument, from SP at a call instruction."""
    go_pushed: int
    """Bytes a call pushes."""
    go_saved_fp: int | None
    """Place of the caller's frame pointer in a Go frame: from the frame's end where calls push, else from SP."""
    go_injected: int
    """Bytes below the interrupted frame that a call injected by a signal handler leaves (sigpanic, asyncPreempt)."""
    asmcgocall: tuple[int, int]
    """Places, from SP at asmcgocall's call of the C function, of the g it left and of the depth of that stack."""
    asmcgocall_no_g: StackSave
    """The former SP in the frame of asmcgocall_no_g, which aligns the stack and does not switch it."""
    callback_saved_sp: int
    """Place of the former g0.sched.sp, from cgocallback's SP on g0."""
    saved_frames: Mapping[str, SavedFrame]
    """Frames, at their calls, of hand-written functions whose size is not in the Go function table, or that save a C caller's
    registers: crosscall2 (C calls Go), crosscall1 (a thread enters Go), sigtramp.
    """

    attributes_section: str = ""
    """Section with the file's build attributes."""
    describe_abi: Callable[[int, bytes], dict[str, str]] | None = None
    """(e_flags, content of that section) → title and text of each fact about a file's ABI."""

    @property
    def word_mask(self) -> int:
        """All bits of a word."""
        return (1 << 8 * self.word) - 1


@cache
def row_of(architecture: str) -> UnwindRow:
    """The row of an architecture."""
    row: UnwindRow = part(architecture, "unwind").ROW
    return row


def row_for(elf_machine: int) -> UnwindRow | None:
    """The row of an ELF machine number, or None for a machine that is not known here."""
    machine = BY_NUMBER.get(elf_machine)
    return row_of(machine.name) if machine is not None and machine.name in ARCHITECTURES else None
