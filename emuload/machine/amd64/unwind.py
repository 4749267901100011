"""Unwinding on amd64.

Sources: DWARF register numbers from the x86-64 psABI, 3.6.2; signal frames from Linux's arch/x86/kernel/signal_64.c; Go's
calls and stack switches from runtime/asm_amd64.s, runtime/cgo/asm_amd64.s and cmd/compile/abi-internal.md.
"""

from __future__ import annotations

from emuload.machine.unwind import CallEncoding, SavedFrame, SignalFrame, StackSave, UnwindRow

_DWARF = (
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_SIGCONTEXT = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip",
)  # fmt: skip

ROW = UnwindRow(
    name="amd64",
    word=8,
    pc="rip",
    sp="rsp",
    fp="rbp",
    link="",
    code_mask=(1 << 64) - 1,
    dwarf_registers=_DWARF,
    return_column=16,
    call=CallEncoding(size=5, step=1, mask=0xFF, match=0xE8, shift=8, bits=32, unit=1, base=5),
    signal_frames=(
        # mov $15, %rax; syscall. The return address has been popped: SP is at the ucontext; uc_mcontext is at
        # 40.
        SignalFrame(bytes.fromhex("48c7c00f0000000f05"), _SIGCONTEXT, 40),
        SignalFrame(bytes.fromhex("b80f0000000f05"), _SIGCONTEXT, 40),
    ),
    frame_record=0,
    goarch="amd64",
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
