"""Unwinding on arm64.

Sources: DWARF register numbers from AADWARF64, 4.1; signal frames from Linux's arch/arm64/kernel/signal.c; Go's calls and
stack switches from runtime/asm_arm64.s, runtime/cgo/asm_arm64.s and cmd/compile/abi-internal.md.
"""

from __future__ import annotations

from emuload.machine.unwind import CallEncoding, SavedFrame, SignalFrame, StackSave, UnwindRow

_REGISTERS = (*(f"x{i}" for i in range(31)), "sp")

ROW = UnwindRow(
    name="arm64",
    word=8,
    pc="pc",
    sp="sp",
    fp="x29",
    link="x30",
    code_mask=(1 << 64) - 1,
    dwarf_registers=_REGISTERS,
    return_column=30,
    call=CallEncoding(size=4, step=4, mask=0xFC000000, match=0x94000000, shift=0, bits=26, unit=4, base=0),
    signal_frames=(
        # mov x8, #139 (rt_sigreturn); svc: SP is at the siginfo (128 bytes), then ucontext, its sigcontext at
        # 176.
        SignalFrame(bytes.fromhex("681180d2010000d4"), ("", *_REGISTERS, "pc"), 128 + 176),
    ),
    frame_record=0,
    goarch="arm64",
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
