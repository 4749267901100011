"""arm (EABI) signal frames.

Sources: Linux arch/arm/include/asm/ucontext.h (struct ucontext, vfp_sigframe), uapi/asm/sigcontext.h,
arch/arm/kernel/signal.c (setup_frame, setup_rt_frame, setup_return, restore_sigframe) and sigreturn_codes.S.
With SA_SIGINFO: siginfo (128 bytes), ucontext (744), retcode (4 words). Without: ucontext with uc_flags 0x5ac3c35a,
retcode. Coprocessor blocks begin at ucontext + 232: the VFP block (288 bytes), then an end word. lr is the restorer,
or the sigreturn page's code for the handler's state and kind.
"""

from __future__ import annotations

import struct

from emuload.machine.cpu import Cpu
from emuload.machine.signal_frames import BadFrame, SignalFrame
from emuload.machine.signal_numbers import SA_RESTORER, SA_SIGINFO, SIGINFO_SIZE

_CODES = (0xE3A07077, 0xEF900077, 0xDF002777, 0xE3A070AD, 0xEF9000AD, 0xDF0027AD)
"""mov r7, #NR; svc; and movs r7, #NR with svc in Thumb; for sigreturn (119) and for rt_sigreturn (173)."""
TRAMPOLINE = struct.pack("<6I", *_CODES)

VFP_MAGIC, VFP_SIZE = 0x56465001, 288
_PLAIN_FRAME_MARK = 0x5AC3C35A

# uc_flags, uc_link, uc_stack{ss_sp, ss_flags, ss_size}; trap_no, error_code, oldmask, r0-r15, cpsr, fault_address;
# uc_sigmask
_UCONTEXT = struct.Struct("<IIIII" + "3I17II" + "Q")
_REGISTERS = (*(f"r{i}" for i in range(13)), "sp", "lr", "pc", "cpsr")
_FIRST_REGISTER = 8
_MASK = -1
REGSPACE = 232
_VFP = struct.Struct("<II256sI4xIII4x")
UCONTEXT_SIZE = 744
RETCODE_SIZE = 16

_THUMB = 0x20
_STATE = 0x0600_FC00 | 0x0100_0000 | _THUMB
"""IT, J and T: the execution state that a handler does not inherit."""
_ENDIAN = 0x200
_USER_BITS = 0xF80F_0000 | 0x0600_FC00 | _THUMB
"""Flags, GE, IT and T come back from the frame; the mode does not."""
_FPSCR_VECTOR = 0x0037_0000
"""Vector length and stride, which a handler does not inherit."""
_FPEXC_ENABLED = 0x4000_0000


def build_signal_frame(cpu: Cpu, frame: SignalFrame) -> None:
    """Write the frame, then enter the handler in ARM or Thumb state, as bit 0 of its address says."""
    memory = cpu.memory
    registers = cpu.registers()
    rt = bool(frame.flags & SA_SIGINFO)
    top = registers["sp"] if frame.stack_top is None else frame.stack_top
    size = UCONTEXT_SIZE + RETCODE_SIZE + (SIGINFO_SIZE if rt else 0)
    base = (top - size) & ~7
    context = _UCONTEXT.pack(
        0 if rt else _PLAIN_FRAME_MARK,
        0,
        *(frame.altstack if rt else (0, 0, 0)),
        frame.trapno,
        frame.error,
        frame.mask & 0xFFFFFFFF,
        *(registers[name] & 0xFFFFFFFF for name in _REGISTERS),
        frame.fault_address & 0xFFFFFFFF,
        frame.mask,
    )
    fp = cpu.fp_state()
    (fpscr,) = struct.unpack_from("<I", fp, 256)
    vfp = _VFP.pack(VFP_MAGIC, VFP_SIZE, fp[:256], fpscr, _FPEXC_ENABLED, 0, 0)
    body = (context.ljust(REGSPACE, b"\0") + vfp).ljust(UCONTEXT_SIZE, b"\0")

    thumb = frame.handler & 1
    code = 2 * thumb + (3 if rt else 0)
    retcode = struct.pack("<2I", _CODES[code], _CODES[code + 1] if code < 5 else 0).ljust(RETCODE_SIZE, b"\0")
    if frame.flags & SA_RESTORER:
        back = frame.restorer
        retcode = bytes(RETCODE_SIZE)
    else:
        back = cpu.abi.sigreturn_trampoline + 4 * code + thumb
    memory.user_write(base, (frame.siginfo if rt else b"") + body + retcode)

    cpu.set_fp_state(fp[:256] + struct.pack("<I", fpscr & ~_FPSCR_VECTOR))
    cpsr = registers["cpsr"] & ~_STATE & ~_ENDIAN
    cpu.set_register("cpsr", cpsr | (_THUMB if thumb else 0))
    cpu.set_register("r0", frame.signo)
    if rt:
        cpu.set_register("r1", base)
        cpu.set_register("r2", base + SIGINFO_SIZE)
    cpu.set_register("lr", back)
    cpu.sp = base
    cpu.enter(frame.handler if thumb else frame.handler & ~3)


def restore_signal_frame(cpu: Cpu, rt: bool) -> tuple[int, tuple[int, int, int] | None]:
    """All registers from the frame at sp. Raises BadFrame when sp or the VFP block is not as Linux wants it."""
    sp = cpu.sp
    if sp & 7:
        raise BadFrame("unaligned frame")
    ucontext = sp + SIGINFO_SIZE if rt else sp
    data = cpu.memory.user_read(ucontext, UCONTEXT_SIZE)
    fields = _UCONTEXT.unpack_from(data)
    values = dict(zip(_REGISTERS, fields[_FIRST_REGISTER : _FIRST_REGISTER + len(_REGISTERS)], strict=True))
    magic, size, vectors, fpscr, *_ = _VFP.unpack_from(data, REGSPACE)
    if (magic, size) != (VFP_MAGIC, VFP_SIZE):
        raise BadFrame("no VFP block")
    cpsr = cpu.register("cpsr") & ~_USER_BITS & 0xFFFFFFFF | values.pop("cpsr") & _USER_BITS
    pc = values.pop("pc")
    cpu.set_register("cpsr", cpsr)
    for name, value in values.items():
        cpu.set_register(name, value)
    cpu.set_fp_state(vectors + struct.pack("<I", fpscr))
    cpu.pc = pc | (1 if cpsr & _THUMB else 0)
    cpu.set_register("cpsr", cpsr)
    return fields[_MASK], (fields[2], fields[3], fields[4]) if rt else None


def rewind(cpu: Cpu) -> None:
    """Back onto the SVC, which is two bytes long in Thumb state."""
    cpsr = cpu.register("cpsr")
    if cpsr & _THUMB:
        cpu.pc = (cpu.pc - 2) | 1
        cpu.set_register("cpsr", cpsr)
    else:
        cpu.pc -= 4
