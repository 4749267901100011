"""arm: Procedure Call Standard for the Arm Architecture (IHI 0042), Linux EABI's SVC 0 convention (r7, r0-r6).

The emulated CPU is a Cortex-A15 with VFPv4 and NEON; it runs code for ARMv5 and v6 too, whose Go and C libraries use the
kernel's helper page at 0xffff0f60-0xffff0fff (Linux Documentation/arch/arm/kernel_user_helpers.rst). Kernels can be built
without that page, so it can be switched off: `kuser_helpers=False` leaves it unmapped.
"""

from __future__ import annotations

import struct

from emuload.machine import engine as uc
from emuload.machine.arm import ABI
from emuload.machine.arm.signals import TRAMPOLINE
from emuload.machine.cpu import Cpu
from emuload.machine.interrupt_cpu import InterruptCpu
from emuload.machine.memory import MemoryFault
from emuload.machine.signal_numbers import SEGV_MAPERR, SIGSEGV
from emuload.machine.stops import Fault
from loader.memory import PROT_EXEC, PROT_READ

_R = [66 + i for i in range(13)]
_IDS = {f"r{i}": register for i, register in enumerate(_R)} | {
    "sp": 12, "lr": 10, "pc": 11, "cpsr": 3, "tpidruro": 113, "tpidrurw": 112, "cpacr": 111, "fpexc": 4, "fpscr": 6,
}  # fmt: skip
_D0 = 14
_ARCH_ARM, _LITTLE_ENDIAN, _CORTEX_A15 = 1, 0, 17
"""unicorn/unicorn.h and arm.h."""

_THUMB = 0x20
_FIRST_WIDE = 0b11101
_USER_MODE = 0x10

HELPER_PAGE = 0xFFFF0000
_CMPXCHG = bytes.fromhex(
    "5bf07ff5"  # dmb ish
    "9f3f92e1"  # 1: ldrex r3, [r2]
    "003053e0"  # subs r3, r3, r0
    "913f8201"  # strexeq r3, r1, [r2]
    "01003303"  # teqeq r3, #1
    "faffff0a"  # beq 1b
    "000073e2"  # rsbs r0, r3, #0
    "efffffea"  # b 0xffff0fa0: the barrier, which returns; a slot has room for eight instructions
)
# int cmpxchg64(const int64_t *old, const int64_t *new, volatile int64_t *ptr): r0, r1, r2; zero and C set on success
_CMPXCHG64 = bytes.fromhex(
    "f0002de9"  # push {r4-r7}
    "d040c0e1"  # ldrd r4, r5, [r0]
    "d060c1e1"  # ldrd r6, r7, [r1]
    "5bf07ff5"  # dmb ish
    "9f0fb2e1"  # 1: ldrexd r0, r1, [r2]
    "043030e0"  # eors r3, r0, r4
    "05302100"  # eoreq r3, r1, r5  (flags unchanged)
    "00005303"  # cmpeq r3, #0
    "963fa201"  # strexdeq r3, r6, r7, [r2]
    "01003303"  # teqeq r3, #1
    "f8ffff0a"  # beq 1b
    "5bf07ff5"  # dmb ish
    "000073e2"  # rsbs r0, r3, #0
    "f000bde8"  # pop {r4-r7}
    "1eff2fe1"  # bx lr
)
_MEMORY_BARRIER = bytes.fromhex("5bf07ff51eff2fe1")  # dmb ish; bx lr
_GET_TLS = bytes.fromhex("700f1dee1eff2fe1")  # mrc p15, 0, r0, c13, c0, 3; bx lr
_HELPERS = ((0xFFFF0F60, _CMPXCHG64), (0xFFFF0FA0, _MEMORY_BARRIER), (0xFFFF0FC0, _CMPXCHG), (0xFFFF0FE0, _GET_TLS))
_HELPER_ENDS = (0xFFFF0FA0, 0xFFFF0FC0, 0xFFFF0FE0, 0xFFFF0FFC)
_HELPER_VERSION = 5


class Arm(InterruptCpu):
    """The arm CPU, in ARM or Thumb state."""

    abi = ABI
    registers_shown = (*(f"r{i}" for i in range(13)), "sp", "lr", "pc", "cpsr")
    sp_name = "sp"
    pc_name, flags_name = "pc", "cpsr"
    _ids = _IDS
    _short = _THUMB
    _pc, _sp, _tp, _result = _IDS["pc"], _IDS["sp"], _IDS["tpidruro"], _IDS["r0"]

    def __init__(self, *, native_hooks: bool = True) -> None:
        called = ("cpsr", "pc", "r7", "r0", "r1", "r2", "r3", "r4", "r5", "r6")
        self._call_group = uc.RegisterGroup([_IDS[name] for name in called])
        self._enter_group = uc.RegisterGroup([_IDS["cpsr"], _IDS["pc"]])
        self._resume_group = uc.RegisterGroup([_IDS["pc"], _IDS["cpsr"]])
        super().__init__(_ARCH_ARM, _LITTLE_ENDIAN, _CORTEX_A15, native_hooks=native_hooks)

    def registers_logged(self) -> tuple[str, ...]:
        """With pc: a Thumb instruction whose condition fails calls no hook, which shows in its absence."""
        return self.registers_shown

    def _install(self) -> None:
        super()._install()
        self.set_register("cpacr", self.register("cpacr") | 0xF << 20)
        self.set_register("fpexc", 0x40000000)
        self.set_register("cpsr", _USER_MODE)

    def map_kernel_pages(self, *, kuser_helpers: bool = True) -> None:
        """The signal page, and the kernel's helper page unless switched off."""
        super().map_kernel_pages()
        if kuser_helpers:
            self.memory.mmap_kernel(HELPER_PAGE, 4096, PROT_READ | PROT_EXEC, "[vectors]")
            for (address, code), end in zip(_HELPERS, _HELPER_ENDS, strict=True):
                assert address + len(code) <= end
                self.memory.write(address, code)
            self.memory.write_int(0xFFFF0FFC, _HELPER_VERSION, 4)

    def sigreturn_code(self) -> bytes:
        """The six instructions of sigreturn_codes.S: a pair for every state and kind of a handler."""
        return TRAMPOLINE

    def _exclusive_load(self) -> bytes:
        """ldrex r0, [r1]"""
        return bytes.fromhex("9f0f91e1")

    def argument_registers(self) -> tuple[str, ...]:
        """AAPCS32 6.4: r0 to r3."""
        return ("r0", "r1", "r2", "r3")

    def set_return_address(self, address: int) -> None:
        """lr is the link register."""
        self.set_register("lr", address)

    def enter(self, pc: int) -> None:
        """Bit 0 of the address selects Thumb state, as BX does."""
        cpsr = self.register("cpsr") & ~_THUMB & ~0x0600FC00
        self.engine.write_group(self._enter_group, (cpsr | (_THUMB if pc & 1 else 0), pc))

    def code_address(self, pc: int) -> int:
        """Without the bit that selects Thumb state."""
        return pc & ~1

    def return_address(self) -> int:
        """lr"""
        return self.register("lr")

    def stub_code(self) -> bytes:
        """svc 0; bx lr"""
        return bytes.fromhex("000000ef1eff2fe1")

    def instructions_in(self, code: bytes, address: int) -> int:
        """In Thumb state a first halfword from 0b11101 on begins an instruction of two (Arm ARM DDI 0406, A6.1)."""
        if not self.register("cpsr") & _THUMB:
            return super().instructions_in(code, address)
        count = at = 0
        while at < len(code):
            at += 4 if code[min(at + 1, len(code) - 1)] >> 3 >= _FIRST_WIDE else 2
            count += 1
        return count

    def _start(self) -> int:
        pc, cpsr = self.engine.read_group(self._resume_group)
        return self.engine.start(pc | (cpsr >> 5 & 1), 0xFFFFFFFE)

    def _on_invalid(self) -> bool:
        """YIELD and WFE arrive here with the PC already past them: they are hints, so the guest goes on."""
        if self._after_hint(self.pc):
            return True
        return super()._on_invalid()

    def _after_hint(self, pc: int) -> bool:
        """True if the exception at `pc` is that of a hint, which lies before it, and not of an undefined instruction."""
        thumb = self.register("cpsr") & _THUMB
        size = 2 if thumb else 4
        try:
            hint = self.memory.read_int(pc - size, size)
            here = self.memory.read_int(pc, size)
        except MemoryFault:
            return False
        if thumb:
            return hint in (0xBF10, 0xBF20) and here >> 8 != 0xDE
        return hint & 0x0FFFFFFF in (0x0320F001, 0x0320F002) and here & 0x0FF000F0 != 0x07F000F0

    def _unexplained(self, error: int) -> Fault:
        pc = self.pc
        return Fault(SIGSEGV, SEGV_MAPERR, pc, 0, 0, f"emulation stopped at {pc:#x} (Unicorn error {error})")

    def _memory_error(self, kind: int, mapped: bool) -> tuple[int, int]:
        """trap_no 14 and the fault status register: bit 11 for writes, 7 translation or 15 permission fault of a page."""
        write = kind in (uc.MEM_WRITE_UNMAPPED, uc.MEM_WRITE_PROT)
        return 14, (0xF if mapped else 0x7) | write << 11

    def fp_state(self) -> bytes:
        """d0-d31 and fpscr: the body of Linux's user_vfp (asm/user.h), 260 bytes."""
        return b"".join(self.engine.read_wide(_D0 + i, 8) for i in range(32)) + struct.pack(
            "<I", self.register("fpscr") & 0xFFFFFFFF
        )

    def set_fp_state(self, data: bytes) -> None:
        """Load what fp_state gave."""
        for i in range(32):
            self.engine.write_wide(_D0 + i, data[8 * i : 8 * i + 8])
        self.set_register("fpscr", struct.unpack_from("<I", data, 256)[0])

    def read_float_register(self, index: int) -> bytes:
        """d<index>, 8 bytes."""
        return self.engine.read_wide(_D0 + index, 8)

    def write_float_register(self, index: int, data: bytes) -> None:
        """d<index>."""
        self.engine.write_wide(_D0 + index, data.ljust(8, b"\0"))


def create(*, native_hooks: bool = True) -> Cpu:
    """A fresh arm CPU."""
    return Arm(native_hooks=native_hooks)
