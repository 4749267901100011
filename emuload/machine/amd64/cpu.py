"""amd64: System V ABI, AMD64 supplement (calling convention 3.2, process start 3.4), Linux's SYSCALL convention (A.2).

The emulated CPU is a Sandy Bridge without AVX, which Unicorn does not announce: SSE4.2, POPCNT and AES, so GOAMD64=v1 and v2
run.
It has no RDRAND, which would bring the host's chance into the guest; RDTSC counts virtual nanoseconds. Addresses are checked to
be canonical by a TLB hook, because Unicorn's own TLB cuts them to 52 bits.
"""

from __future__ import annotations

import struct
from functools import cached_property

from emuload.machine import engine as uc
from emuload.machine.amd64 import ABI
from emuload.machine.cpu import Cpu
from emuload.machine.disassembly import Disassembler
from emuload.machine.hooks import install
from emuload.machine.signal_numbers import (
    FPE_INTDIV,
    ILL_ILLOPC,
    SEGV_MAPERR,
    SI_KERNEL,
    SIGFPE,
    SIGILL,
    SIGSEGV,
    SIGTRAP,
    TRAP_BRKPT,
)
from emuload.machine.stops import Fault, Reason, Stop

_IDS = {
    "rax": 35, "rbx": 37, "rcx": 38, "rdx": 40, "rsi": 43, "rdi": 39, "rbp": 36, "rsp": 44,
    "r8": 106, "r9": 107, "r10": 108, "r11": 109, "r12": 110, "r13": 111, "r14": 112, "r15": 113,
    "rip": 41, "eflags": 25, "fs_base": 250, "gs_base": 251, "mxcsr": 249, "fpcw": 246, "fpsw": 31, "fptag": 247,
}  # fmt: skip
_ST0, _XMM0 = 114, 122
# unicorn/unicorn.h and x86.h: UC_ARCH_X86, UC_MODE_64, UC_CPU_X86_SANDYBRIDGE, UC_X86_INS_*
_ARCH_X86, _MODE_64, _SANDY_BRIDGE = 4, 1 << 3, 17
_INSN_SYSCALL, _INSN_RDTSC, _INSN_RDTSCP = 699, 608, 609
_INTERRUPT_DIVIDE, _INTERRUPT_DEBUG, _INTERRUPT_BREAKPOINT, _INTERRUPT_FPU, _INTERRUPT_SIMD = 0, 1, 3, 16, 19
_CANONICAL_HOLE = range(1 << 47, (1 << 64) - (1 << 47))


class Amd64(Cpu):
    """The amd64 CPU."""

    abi = ABI
    registers_shown = (
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "eflags",
    )  # fmt: skip
    sp_name = "rsp"
    pc_name, flags_name = "rip", "eflags"
    _ids = _IDS
    _pc, _sp, _tp, _result = _IDS["rip"], _IDS["rsp"], _IDS["fs_base"], _IDS["rax"]

    def __init__(self, *, native_hooks: bool = True) -> None:
        self._call_group = uc.RegisterGroup(
            [_IDS[name] for name in ("rip", "rax", "rdi", "rsi", "rdx", "r10", "r8", "r9", "eflags")]
        )
        self._return_group = uc.RegisterGroup([_IDS["rax"], _IDS["rcx"], _IDS["r11"]])
        super().__init__(_ARCH_X86, _MODE_64, _SANDY_BRIDGE, native_hooks=native_hooks)

    def _install(self) -> None:
        install.install_canonical_tlb(self.engine, self._instruments.code)
        self.engine.hook_instruction(_INSN_SYSCALL, uc.SYSCALL_CALLBACK(self._on_syscall))
        ticks = uc.INSTRUCTION_CALLBACK(self._on_time_stamp)
        self.engine.hook_instruction(_INSN_RDTSC, ticks)
        self.engine.hook_instruction(_INSN_RDTSCP, ticks)
        self.engine.hook(uc.HOOK_INTR, uc.INTERRUPT_CALLBACK(self._on_interrupt))
        self.set_register("mxcsr", 0x1F80)
        self.set_register("fpcw", 0x37F)
        self.set_register("fptag", 0xFFFF)
        self.set_register("eflags", 0x202)

    def argument_registers(self) -> tuple[str, ...]:
        """AMD64 psABI 3.2.3."""
        return ("rdi", "rsi", "rdx", "rcx", "r8", "r9")

    def set_return_address(self, address: int) -> None:
        """The return address is pushed, as CALL does."""
        self.sp -= 8
        self.memory.write_int(self.sp, address, 8)

    def return_address(self) -> int:
        """The word that CALL pushed."""
        return self.memory.read_int(self.sp, 8)

    def stub_code(self) -> bytes:
        """syscall; ret"""
        return bytes.fromhex("0f05c3")

    def sigreturn_code(self) -> bytes:
        """mov eax, 15 (rt_sigreturn); syscall"""
        return bytes.fromhex("b80f0000000f05")

    def _on_syscall(self, _: int, user: int) -> None:
        pc, number, a, b, c, d, e, f, flags = self.engine.read_group(self._call_group)
        result = self._trap(pc, number, (a, b, c, d, e, f))
        if result is not None:
            self.engine.write_group(self._return_group, (result & 0xFFFFFFFFFFFFFFFF, pc + 2, flags))

    def _on_time_stamp(self, _: int, user: int) -> int:
        """RDTSC and RDTSCP: virtual time in edx:eax, processor 0 in ecx for both, as the second has it."""
        try:
            self._stand_at(self.pc)
            ticks = self.ticks()
            self.engine.write_register(_IDS["rax"], ticks & 0xFFFFFFFF)
            self.engine.write_register(_IDS["rdx"], ticks >> 32 & 0xFFFFFFFF)
        except BaseException as error:
            self._fail(error)
        self._go_on()
        return 1

    def _on_interrupt(self, _: int, number: int, user: int) -> None:
        pc = self.pc
        if number == _INTERRUPT_DIVIDE:
            fault = Fault(SIGFPE, FPE_INTDIV, pc, 0, 0, "divide error")
        elif number == _INTERRUPT_BREAKPOINT:
            fault = Fault(SIGTRAP, SI_KERNEL, 0, 3, 0, "breakpoint")
        elif number == _INTERRUPT_DEBUG:
            fault = Fault(SIGTRAP, TRAP_BRKPT, pc, 1, 0, "debug exception")
        elif number in (_INTERRUPT_FPU, _INTERRUPT_SIMD):
            fault = Fault(SIGFPE, 0, pc, number, 0, "floating-point exception")
        elif number == 6:
            fault = Fault(SIGILL, ILL_ILLOPC, pc, 6, 0, "illegal instruction")
        else:
            fault = Fault(SIGSEGV, SI_KERNEL, 0, 13, 0, f"exception {number}")
        self._halt(Stop(Reason.FAULT, fault))

    def _memory_fault(self, kind: int, address: int) -> Fault:
        if address in _CANONICAL_HOLE:
            return Fault(SIGSEGV, SI_KERNEL, 0, 13, 0, f"non-canonical address {address:#x}")
        return super()._memory_fault(kind, address)

    def _memory_error(self, kind: int, mapped: bool) -> tuple[int, int]:
        """Page-fault error code: present, write, user, instruction fetch (Intel SDM 3A 4.7)."""
        write = kind in (uc.MEM_WRITE_UNMAPPED, uc.MEM_WRITE_PROT)
        fetch = kind in (uc.MEM_FETCH_UNMAPPED, uc.MEM_FETCH_PROT)
        return 14, int(mapped) | write << 1 | 4 | fetch << 4

    def _unexplained(self, error: int) -> Fault:
        if error == uc.ERR_OK and self.pc == self.abi.word_mask:
            return Fault(SIGSEGV, SEGV_MAPERR, self.pc, 14, 0x14, "cannot execute the last address")
        return Fault(SIGSEGV, SI_KERNEL, 0, 13, 0, "privileged instruction or general protection fault")

    @cached_property
    def _disassembler(self) -> Disassembler:
        return Disassembler(ABI.name)

    def instructions_in(self, code: bytes, address: int) -> int:
        """Instructions are of any length, so they are decoded."""
        return len(self._disassembler.instructions(code, address))

    def fp_state(self) -> bytes:
        """The 512 bytes of FXSAVE64 (Intel SDM 1, table 10-2)."""
        read = self.engine.read_register
        tag = read(_IDS["fptag"])
        abridged = sum(1 << i for i in range(8) if (tag >> 2 * i) & 3 != 3)
        control, status, mxcsr = (read(_IDS[name]) for name in ("fpcw", "fpsw", "mxcsr"))
        head = struct.pack("<HHBBHQQII", control, status, abridged, 0, 0, 0, 0, mxcsr, 0xFFFF)
        x87 = b"".join(self.engine.read_wide(_ST0 + i, 10) + bytes(6) for i in range(8))
        sse = b"".join(self.engine.read_wide(_XMM0 + i, 16) for i in range(16))
        return (head + x87 + sse).ljust(512, b"\0")

    def set_fp_state(self, data: bytes) -> None:
        """Load an FXSAVE64 image."""
        control, status, abridged = struct.unpack_from("<HHB", data)
        write = self.engine.write_register
        for i in range(8):
            self.engine.write_wide(_ST0 + i, data[32 + 16 * i : 42 + 16 * i])
        write(_IDS["fpcw"], control)
        write(_IDS["fpsw"], status)
        write(_IDS["fptag"], sum(0 if abridged >> i & 1 else 3 << 2 * i for i in range(8)))
        write(_IDS["mxcsr"], struct.unpack_from("<I", data, 24)[0])
        for i in range(16):
            self.engine.write_wide(_XMM0 + i, data[160 + 16 * i : 176 + 16 * i])

    def read_float_register(self, index: int) -> bytes:
        """xmm<index>, 16 bytes."""
        return self.engine.read_wide(_XMM0 + index, 16)

    def write_float_register(self, index: int, data: bytes) -> None:
        """xmm<index>."""
        self.engine.write_wide(_XMM0 + index, data.ljust(16, b"\0"))


def create(*, native_hooks: bool = True) -> Cpu:
    """A fresh amd64 CPU."""
    return Amd64(native_hooks=native_hooks)

