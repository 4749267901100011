"""amd64 signal frames.

Sources: Linux arch/x86/include/uapi/asm/sigcontext.h (struct sigcontext_64, _fpstate_64), asm-generic/ucontext.h,
arch/x86/kernel/signal.c (get_sigframe) and signal_64.c (x64_setup_rt_frame, rt_sigreturn).
From low to high: return address, ucontext (304 bytes), siginfo (128); above it, 64-byte aligned, the FXSAVE image.
The frame is that of a CPU without XSAVE: uc_flags has no UC_FP_XSTATE and the image carries no magic words. Below
the interrupted stack pointer 128 bytes (the red zone, psABI 3.2.2) stay untouched.
"""

from __future__ import annotations

import struct

from emuload.machine.cpu import Cpu
from emuload.machine.signal_frames import BadFrame, SignalFrame
from emuload.machine.signal_numbers import SA_RESTORER, SIGINFO_SIZE

TRAMPOLINE = b""
"""None: Linux on amd64 refuses a handler without SA_RESTORER."""

RED_ZONE = 128
FXSAVE_SIZE = 512
UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS = 2, 4
USER_CS, USER_DS = 0x33, 0x2B

# uc_flags, uc_link, uc_stack{ss_sp, ss_flags, ss_size}; sigcontext_64 (see _ORDER); uc_sigmask
_UCONTEXT = struct.Struct("<QQQI4xQ" + "18Q4H5Q64xQ")
_ORDER = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "eflags",
)  # fmt: skip
UCONTEXT_SIZE = _UCONTEXT.size
FRAME_SIZE = 8 + UCONTEXT_SIZE + SIGINFO_SIZE
_FIRST_REGISTER = 5
_FPSTATE, _MASK = -2, -1

_FLAGS_CLEARED = 0x400 | 0x1_0000 | 0x100
"""DF, RF and TF are off in a handler."""
_FLAGS_RESTORED = 0x40000 | 0x1_0000 | 0x800 | 0x400 | 0x100 | 0xD5
"""AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF come back from the frame (FIX_EFLAGS)."""

_INITIAL_FP = struct.pack("<HHBBHQQII", 0x37F, 0, 0, 0, 0, 0, 0, 0x1F80, 0xFFFF).ljust(FXSAVE_SIZE, b"\0")


def build_signal_frame(cpu: Cpu, frame: SignalFrame) -> None:
    """Write the frame, then enter the handler with (signo, siginfo, ucontext)."""
    if not frame.flags & SA_RESTORER:
        raise BadFrame("no SA_RESTORER")
    memory = cpu.memory
    registers = cpu.registers()
    sp = registers["rsp"] - RED_ZONE if frame.stack_top is None else frame.stack_top
    fpstate = (sp - FXSAVE_SIZE) & -64
    base = ((fpstate - FRAME_SIZE) & -16) - 8
    context = _UCONTEXT.pack(
        UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        0,
        *frame.altstack,
        *(registers[name] for name in _ORDER),
        USER_CS, 0, 0, USER_DS,
        frame.error,
        frame.trapno,
        frame.mask,
        frame.fault_address,
        fpstate,
        frame.mask,
    )  # fmt: skip
    memory.user_write(fpstate, cpu.fp_state())
    memory.user_write(base, frame.restorer.to_bytes(8, "little") + context + frame.siginfo)
    cpu.set_fp_state(_INITIAL_FP)
    cpu.set_register("rdi", frame.signo)
    cpu.set_register("rsi", base + 8 + UCONTEXT_SIZE)
    cpu.set_register("rdx", base + 8)
    cpu.set_register("rax", 0)
    cpu.set_register("eflags", registers["eflags"] & ~_FLAGS_CLEARED)
    cpu.sp = base
    cpu.enter(frame.handler)


def restore_signal_frame(cpu: Cpu, rt: bool) -> tuple[int, tuple[int, int, int]]:
    """All registers from the ucontext above the popped return address."""
    fields = _UCONTEXT.unpack(cpu.memory.user_read(cpu.sp, UCONTEXT_SIZE))
    values = dict(zip(_ORDER, fields[_FIRST_REGISTER : _FIRST_REGISTER + len(_ORDER)], strict=True))
    fpstate = fields[_FPSTATE]
    fp = cpu.memory.user_read(fpstate, FXSAVE_SIZE) if fpstate else _INITIAL_FP
    values["eflags"] = cpu.register("eflags") & ~_FLAGS_RESTORED | values["eflags"] & _FLAGS_RESTORED
    pc = values.pop("rip")
    for name, value in values.items():
        cpu.set_register(name, value)
    cpu.set_fp_state(fp)
    cpu.enter(pc)
    return fields[_MASK], (fields[2], fields[3], fields[4])


def rewind(cpu: Cpu) -> None:
    """Back onto the two bytes of SYSCALL; rax still holds the number."""
    cpu.pc -= 2
