"""What unwinding, Go's handoff and inspection need to know of each machine, one row per machine.

Sources: DWARF register numbers from the psABI of each machine (x86-64 psABI 3.6.2, AADWARF32 4.1, AADWARF64
4.1); signal frames from Linux's arch/*/kernel/signal.c and the uapi sigcontext headers; Go's calls and stack
switches from runtime/asm_<arch>.s, runtime/cgo/asm_<arch>.s, and the ABIInternal document
(cmd/compile/abi-internal.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from emuload.machine.arm.attributes import describe_abi


class CallEncoding(NamedTuple):
    """How a direct call looks: `size` bytes, little-endian, of which `mask` must equal `match`.

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
        """(address, what `targets` says of the address called) of each call of one of `targets`."""
        sign, field = 1 << (self.bits - 1), (1 << self.bits) - 1
        for at, word in self._candidates(code):
            distance = (word >> self.shift) & field
            distance = (distance ^ sign) - sign
            found = targets.get(start + at + self.base + distance * self.unit)
            if found is not None:
                yield start + at, found

    def _candidates(self, code: bytes) -> Iterator[tuple[int, int]]:
        """(place, instruction) of what has the opcode; where instructions have any length, the opcode is their first byte."""
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
    """A signal trampoline's code and where, counted from SP at its first instruction, the interrupted
    registers lie.
    """

    code: bytes
    registers: tuple[str, ...]
    """Names of the saved registers, word by word from `offset`; "" for a word that is none."""
    offset: int


class SavedFrame(NamedTuple):
    """The frame of a hand-written function: its size and where, from SP at its call, it keeps registers.

    The return address stands under the program counter's name.
    """

    size: int
    registers: tuple[tuple[str, int], ...]


class StackSave(NamedTuple):
    """Where the SP of before is kept, from SP (None: it is `skip` bytes above), and the frame's size at that
    SP.
    """

    offset: int | None
    skip: int
    size: int


class UnwindRow(NamedTuple):
    """One machine. Registers go by the names that `Cpu.registers()` uses; offsets and sizes are bytes."""

    name: str
    elf_machine: int
    word: int
    pc: str
    sp: str
    fp: str
    link: str
    """Register that holds the return address on entry; "" where the call pushes it."""
    code_mask: int
    """Bits of a code address that are an address (bit 0 says Thumb on ARM)."""
    dwarf_registers: tuple[str, ...]
    """Names by DWARF number."""
    return_column: int
    """DWARF number of the column that holds the return address."""
    call: CallEncoding
    signal_frames: tuple[SignalFrame, ...]
    frame_record: int
    """Where, from the frame pointer, the caller's frame pointer lies; the return address is one word
    above.
    """
    go_g: str
    """Register that holds the current g in Go code."""
    go_arguments: tuple[str, ...]
    """Integer argument registers of ABIInternal; none where arguments go on the stack."""
    go_stack_arguments: int
    """Place of the first stack argument, from SP at a call instruction."""
    go_pushed: int
    """Bytes a call pushes."""
    go_saved_fp: int | None
    """Where a Go frame saves the caller's frame pointer: from the frame's end on x86, from SP elsewhere."""
    go_injected: int
    """Bytes that a call injected by a signal handler (sigpanic, asyncPreempt) leaves below the interrupted
    frame.
    """
    asmcgocall: tuple[int, int]
    """Where asmcgocall keeps, from SP at its call of the C function: the g it left, the depth of that
    stack.
    """
    asmcgocall_no_g: StackSave
    """How asmcgocall_no_g, which switches no stack but aligns it, keeps the SP it had."""
    callback_saved_sp: int
    """Where cgocallback keeps the former g0.sched.sp, from its SP on g0."""
    saved_frames: Mapping[str, SavedFrame]
    """Frames, at their calls, of hand-written functions whose frame size the Go function table does not tell,
    or that save a C caller's registers: crosscall2 (C calls Go), crosscall1 (a thread enters Go), sigtramp.
    """

    attributes_section: str = ""
    """Section with the file's build attributes."""
    describe_abi: Callable[[int, bytes], dict[str, str]] | None = None
    """What e_flags and the build attributes say of a file's ABI, in words."""

    @property
    def word_mask(self) -> int:
        """All bits of a word."""
        return (1 << 8 * self.word) - 1


_AMD64_DWARF = (
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_AMD64_SIGCONTEXT = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip",
)  # fmt: skip
_ARM = (*(f"r{i}" for i in range(13)), "sp", "lr", "pc")
_ARM64 = (*(f"x{i}" for i in range(31)), "sp")


_hex = bytes.fromhex

AMD64 = UnwindRow(
    name="amd64",
    elf_machine=62,
    word=8,
    pc="rip",
    sp="rsp",
    fp="rbp",
    link="",
    code_mask=(1 << 64) - 1,
    dwarf_registers=_AMD64_DWARF,
    return_column=16,
    call=CallEncoding(size=5, step=1, mask=0xFF, match=0xE8, shift=8, bits=32, unit=1, base=5),
    signal_frames=(
        # mov $15, %rax; syscall. The return address has been popped: SP is at the ucontext; uc_mcontext is at
        # 40.
        SignalFrame(_hex("48c7c00f0000000f05"), _AMD64_SIGCONTEXT, 40),
        SignalFrame(_hex("b80f0000000f05"), _AMD64_SIGCONTEXT, 40),
    ),
    frame_record=0,
    go_g="r14",
    go_arguments=("rax", "rbx", "rcx", "rdi", "rsi", "r8", "r9", "r10", "r11"),
    go_stack_arguments=0,
    go_pushed=8,
    go_saved_fp=-16,
    go_injected=0,
    asmcgocall=(8, 0),
    asmcgocall_no_g=StackSave(8, 0, 40),
    callback_saved_sp=0,
    saved_frames={
        "crosscall2": SavedFrame(
            88, (("rbx", 24), ("r12", 32), ("r13", 40), ("r14", 48), ("r15", 56), ("rbp", 72), ("rip", 80))
        ),
        "crosscall1": SavedFrame(
            56, (("r15", 0), ("r14", 8), ("r13", 16), ("r12", 24), ("rbp", 32), ("rbx", 40), ("rip", 48))
        ),
    },
)

ARM = UnwindRow(
    name="arm",
    elf_machine=40,
    word=4,
    pc="pc",
    sp="sp",
    fp="r11",
    link="lr",
    code_mask=0xFFFF_FFFE,
    dwarf_registers=_ARM,
    return_column=14,
    call=CallEncoding(size=4, step=4, mask=0x0F000000, match=0x0B000000, shift=0, bits=24, unit=4, base=8),
    signal_frames=(
        # mov r7, #173 (rt_sigreturn); svc: SP is at the siginfo (128 bytes), then ucontext, its sigcontext at
        # 20.
        SignalFrame(_hex("ad70a0e3000000ef"), ("", "", "", *_ARM), 128 + 20),
        SignalFrame(_hex("ad70a0e3ad0090ef"), ("", "", "", *_ARM), 128 + 20),
        SignalFrame(_hex("ad2700df"), ("", "", "", *_ARM), 128 + 20),
        # mov r7, #119 (sigreturn); svc: SP is at the ucontext.
        SignalFrame(_hex("7770a0e3000000ef"), ("", "", "", *_ARM), 20),
        SignalFrame(_hex("7770a0e3770090ef"), ("", "", "", *_ARM), 20),
        SignalFrame(_hex("772700df"), ("", "", "", *_ARM), 20),
    ),
    frame_record=0,
    go_g="r10",
    go_arguments=(),
    go_stack_arguments=4,
    go_pushed=0,
    go_saved_fp=None,
    go_injected=4,
    asmcgocall=(20, 16),
    asmcgocall_no_g=StackSave(8, 0, 4),
    callback_saved_sp=4,
    saved_frames={
        "crosscall2": SavedFrame(124, (*((f"r{number}", 4 * number) for number in range(4, 13)), ("pc", 0))),
        "crosscall1": SavedFrame(
            40, (*((f"r{number}", 4 * number - 16) for number in range(4, 13)), ("pc", 36))
        ),
        "runtime.sigtramp": SavedFrame(
            52, (*((f"r{number}", 4 * number) for number in range(4, 12)), ("pc", 48))
        ),
    },
    attributes_section=".ARM.attributes",
    describe_abi=describe_abi,
)

ARM64 = UnwindRow(
    name="arm64",
    elf_machine=183,
    word=8,
    pc="pc",
    sp="sp",
    fp="x29",
    link="x30",
    code_mask=(1 << 64) - 1,
    dwarf_registers=_ARM64,
    return_column=30,
    call=CallEncoding(size=4, step=4, mask=0xFC000000, match=0x94000000, shift=0, bits=26, unit=4, base=0),
    signal_frames=(
        # mov x8, #139 (rt_sigreturn); svc: SP is at the siginfo (128 bytes), then ucontext, its sigcontext at
        # 176.
        SignalFrame(_hex("681180d2010000d4"), ("", *_ARM64, "pc"), 128 + 176),
    ),
    frame_record=0,
    go_g="x28",
    go_arguments=tuple(f"x{number}" for number in range(16)),
    go_stack_arguments=8,
    go_pushed=0,
    go_saved_fp=-8,
    go_injected=16,
    asmcgocall=(0, 8),
    asmcgocall_no_g=StackSave(None, 16, 16),
    callback_saved_sp=16,
    saved_frames={
        "crosscall2": SavedFrame(
            192, (*((f"x{number}", 8 * number - 120) for number in range(19, 29)), ("x29", 176), ("pc", 184))
        ),
    },
)

ROWS: dict[int, UnwindRow] = {row.elf_machine: row for row in (AMD64, ARM, ARM64)}
"""Rows by ELF machine number."""


def row_for(elf_machine: int) -> UnwindRow | None:
    """The row of an ELF machine number, or None for a machine that is not known here."""
    return ROWS.get(elf_machine)
