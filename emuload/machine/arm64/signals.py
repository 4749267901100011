"""arm64 signal frames.

Sources: Linux arch/arm64/include/uapi/asm/sigcontext.h and ucontext.h, arch/arm64/kernel/signal.c
(setup_sigframe_layout, setup_rt_frame, setup_return, restore_sigframe).
From low to high: siginfo (128 bytes), ucontext (4560, of which 4096 are for records), then a frame record {x29, x30}
that lets an unwinder go on. Records: FPSIMD (528 bytes), ESR (16) after a fault, and an empty one at the end.
"""

from __future__ import annotations

import struct

from emuload.machine.cpu import Cpu
from emuload.machine.signal_frames import BadFrame, SignalFrame
from emuload.machine.signal_numbers import SA_RESTORER, SA_SIGINFO, SIGINFO_SIZE

TRAMPOLINE = bytes.fromhex("681180d2010000d4")
"""mov x8, #139 (rt_sigreturn); svc #0"""

FPSIMD_MAGIC, FPSIMD_SIZE = 0x46508001, 528
ESR_MAGIC, ESR_SIZE = 0x45535201, 16

# uc_flags, uc_link, uc_stack{ss_sp, ss_flags, ss_size}, uc_sigmask, 120 unused, pad to 16; fault_address, x0-x30,
# sp, pc, pstate, pad to 16
_UCONTEXT = struct.Struct("<QQQI4xQQ120x8x" + "Q31QQQQ8x")
_REGISTERS = (*(f"x{i}" for i in range(31)), "sp", "pc", "pstate")
_MASK = 5
_FIRST_REGISTER = 7
RECORDS = _UCONTEXT.size
RECORDS_SIZE = 4096
FRAME_SIZE = SIGINFO_SIZE + RECORDS + RECORDS_SIZE
FRAME_RECORD_SIZE = 16

_NZCV = 0xF000_0000


def build_signal_frame(cpu: Cpu, frame: SignalFrame) -> None:
    """Write frame record and frame, then enter the handler."""
    memory = cpu.memory
    registers = cpu.registers()
    top = registers["sp"] if frame.stack_top is None else frame.stack_top
    record = (top - FRAME_RECORD_SIZE) & -16
    base = record - FRAME_SIZE
    context = _UCONTEXT.pack(
        0,
        0,
        *frame.altstack,
        frame.mask,
        frame.fault_address,
        *(registers[name] for name in _REGISTERS),
    )
    fp = cpu.fp_state()
    vectors, status = fp[:512], fp[512:520]
    records = struct.pack("<II", FPSIMD_MAGIC, FPSIMD_SIZE) + status + vectors
    if frame.error:
        records += struct.pack("<IIQ", ESR_MAGIC, ESR_SIZE, frame.error)
    siginfo = frame.siginfo if frame.flags & SA_SIGINFO else bytes(SIGINFO_SIZE)
    memory.user_write(record, struct.pack("<QQ", registers["x29"], registers["x30"]))
    memory.user_write(base, siginfo + context + records + bytes(8))

    cpu.set_register("x0", frame.signo)
    if frame.flags & SA_SIGINFO:
        cpu.set_register("x1", base)
        cpu.set_register("x2", base + SIGINFO_SIZE)
    cpu.set_register("x29", record)
    back = frame.restorer if frame.flags & SA_RESTORER else cpu.abi.sigreturn_trampoline
    cpu.set_register("x30", back)
    cpu.sp = base
    cpu.enter(frame.handler)


def restore_signal_frame(cpu: Cpu, rt: bool) -> tuple[int, tuple[int, int, int]]:
    """All registers from the frame at sp. Raises BadFrame when sp or the records are not as Linux wants them."""
    sp = cpu.sp
    if sp & 15:
        raise BadFrame("unaligned frame")
    data = cpu.memory.user_read(sp + SIGINFO_SIZE, RECORDS + RECORDS_SIZE)
    fields = _UCONTEXT.unpack_from(data)
    fp = _fpsimd(data)
    values = dict(zip(_REGISTERS, fields[_FIRST_REGISTER : _FIRST_REGISTER + len(_REGISTERS)], strict=True))
    pstate = values.pop("pstate") & _NZCV | cpu.register("pstate") & ~_NZCV
    pc = values.pop("pc")
    for name, value in values.items():
        cpu.set_register(name, value)
    cpu.set_register("pstate", pstate)
    cpu.set_fp_state(fp)
    cpu.enter(pc)
    return fields[_MASK], (fields[2], fields[3], fields[4])


def _fpsimd(data: bytes) -> bytes:
    """The vector registers, in the order of Cpu.fp_state, from the record list."""
    offset = RECORDS
    found = b""
    while True:
        if offset + 8 > len(data):
            raise BadFrame("records without an end")
        magic, size = struct.unpack_from("<II", data, offset)
        if not magic and not size:
            break
        if size < 16 or size % 16 or offset + size > len(data):
            raise BadFrame("record of a wrong size")
        if magic == FPSIMD_MAGIC:
            if found or size < FPSIMD_SIZE:
                raise BadFrame("wrong FPSIMD record")
            found = data[offset + 16 : offset + 528] + data[offset + 8 : offset + 16]
        elif magic != ESR_MAGIC:
            raise BadFrame(f"unknown record {magic:#x}")
        offset += size
    if not found:
        raise BadFrame("no FPSIMD record")
    return found


def rewind(cpu: Cpu) -> None:
    """Back onto the SVC; x0 still holds the first argument."""
    cpu.pc -= 4
