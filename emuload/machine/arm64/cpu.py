"""arm64: Procedure Call Standard for the Arm 64-bit Architecture (IHI 0055), Linux's SVC 0 convention (x8, x0-x5)."""

from __future__ import annotations

import struct

from emuload.machine import engine as uc
from emuload.machine.arm64 import ABI
from emuload.machine.cpu import Cpu
from emuload.machine.interrupt_cpu import InterruptCpu

_X = [199 + i for i in range(29)] + [1, 2]
_IDS = {f"x{i}": register for i, register in enumerate(_X)} | {
    "sp": 4, "pc": 260, "pstate": 265, "tpidr_el0": 262, "fpcr": 291, "fpsr": 292, "cpacr_el1": 261,
}  # fmt: skip
_V0 = 228
_ARCH_ARM64, _LITTLE_ENDIAN, _CORTEX_A72 = 2, 0, 2
"""unicorn/unicorn.h and arm64.h."""


class Arm64(InterruptCpu):
    """The arm64 CPU (a Cortex-A72)."""

    abi = ABI
    registers_shown = (*(f"x{i}" for i in range(31)), "sp", "pc", "pstate")
    sp_name = "sp"
    pc_name, flags_name = "pc", "pstate"
    _ids = _IDS
    _pc, _sp, _tp, _result = _IDS["pc"], _IDS["sp"], _IDS["tpidr_el0"], _IDS["x0"]

    def __init__(self, *, native_hooks: bool = True) -> None:
        self._call_group = uc.RegisterGroup([_IDS[name] for name in ("pstate", "pc", "x8", "x0", "x1", "x2", "x3", "x4", "x5")])
        super().__init__(_ARCH_ARM64, _LITTLE_ENDIAN, _CORTEX_A72, native_hooks=native_hooks)

    def _install(self) -> None:
        super()._install()
        self.set_register("cpacr_el1", 3 << 20)
        self.set_register("pstate", 0)

    def argument_registers(self) -> tuple[str, ...]:
        """AAPCS64 6.4: x0 to x7."""
        return tuple(f"x{i}" for i in range(8))

    def set_return_address(self, address: int) -> None:
        """x30 is the link register."""
        self.set_register("x30", address)

    def return_address(self) -> int:
        """x30"""
        return self.register("x30")

    def stub_code(self) -> bytes:
        """svc 0; ret"""
        return bytes.fromhex("010000d4c0035fd6")

    def sigreturn_code(self) -> bytes:
        """mov x8, #139 (rt_sigreturn); svc 0"""
        return bytes.fromhex("681180d2010000d4")

    def _exclusive_load(self) -> bytes:
        """ldxr x0, [x1]"""
        return bytes.fromhex("207c5fc8")

    def fp_state(self) -> bytes:
        """v0-v31, fpsr, fpcr, as Linux's fpsimd_context has them (asm/sigcontext.h) but for the order; 520 bytes."""
        vectors = b"".join(self.engine.read_wide(_V0 + i, 16) for i in range(32))
        return vectors + struct.pack("<II", self.register("fpsr") & 0xFFFFFFFF, self.register("fpcr") & 0xFFFFFFFF)

    def set_fp_state(self, data: bytes) -> None:
        """Load what fp_state gave."""
        for i in range(32):
            self.engine.write_wide(_V0 + i, data[16 * i : 16 * i + 16])
        fpsr, fpcr = struct.unpack_from("<II", data, 512)
        self.set_register("fpsr", fpsr)
        self.set_register("fpcr", fpcr)

    def read_float_register(self, index: int) -> bytes:
        """v<index>, 16 bytes."""
        return self.engine.read_wide(_V0 + index, 16)

    def write_float_register(self, index: int, data: bytes) -> None:
        """v<index>."""
        self.engine.write_wide(_V0 + index, data.ljust(16, b"\0"))


def create(*, native_hooks: bool = True) -> Cpu:
    """A fresh arm64 CPU."""
    return Arm64(native_hooks=native_hooks)
