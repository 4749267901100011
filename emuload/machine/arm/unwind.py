"""Unwinding on arm.

Sources: DWARF register numbers from AADWARF32, 4.1; signal frames from Linux's arch/arm/kernel/signal.c; Go's calls and
stack switches from runtime/asm_arm.s, runtime/cgo/asm_arm.s and runtime/sys_linux_arm.s.
"""

from __future__ import annotations

from emuload.machine.arm.attributes import describe_abi
from emuload.machine.unwind import CallEncoding, SavedFrame, SignalFrame, StackSave, UnwindRow

_REGISTERS = (*(f"r{i}" for i in range(13)), "sp", "lr", "pc")

ROW = UnwindRow(
    name="arm",
    word=4,
    pc="pc",
    sp="sp",
    fp="r11",
    link="lr",
    code_mask=0xFFFF_FFFE,
    dwarf_registers=_REGISTERS,
    return_column=14,
    call=CallEncoding(size=4, step=4, mask=0x0F000000, match=0x0B000000, shift=0, bits=24, unit=4, base=8),
    signal_frames=(
        # mov r7, #173 (rt_sigreturn); svc: SP is at the siginfo (128 bytes), then ucontext, its sigcontext at
        # 20.
        SignalFrame(bytes.fromhex("ad70a0e3000000ef"), ("", "", "", *_REGISTERS), 128 + 20),
        SignalFrame(bytes.fromhex("ad70a0e3ad0090ef"), ("", "", "", *_REGISTERS), 128 + 20),
        SignalFrame(bytes.fromhex("ad2700df"), ("", "", "", *_REGISTERS), 128 + 20),
        # mov r7, #119 (sigreturn); svc: SP is at the ucontext.
        SignalFrame(bytes.fromhex("7770a0e3000000ef"), ("", "", "", *_REGISTERS), 20),
        SignalFrame(bytes.fromhex("7770a0e3770090ef"), ("", "", "", *_REGISTERS), 20),
        SignalFrame(bytes.fromhex("772700df"), ("", "", "", *_REGISTERS), 20),
    ),
    frame_record=0,
    goarch="arm",
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
