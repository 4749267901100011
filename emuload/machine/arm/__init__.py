"""arm: 32-bit ARM, EABI.

Two instruction sets, ARM and Thumb; bit 0 of a code address selects Thumb. Arguments go in r0 to r3, with hard float also in
VFP registers d0 to d7; files are of one of the two float ABIs, and e_flags says which. lr has the return address. A system
call is SVC 0 with its number in r7; 64-bit arguments begin in an even register. The thread pointer is TPIDRURO, TLS lies above
it (variant I). Code for processors before ARMv7 calls the kernel's helper page. Go keeps its g in r10.

Documents: Procedure Call Standard for the Arm Architecture (AAPCS32, IHI 0042); ELF for the Arm Architecture (IHI 0044);
Linux's arch/arm and Documentation/arch/arm/kernel_user_helpers.rst.
"""

from __future__ import annotations

from emuload.machine.abi import Abi
from emuload.machine.architecture import Architecture, InstructionSet

ARCHITECTURE = Architecture(
    name="arm",
    triple="arm-linux-gnueabihf",
    linkers=(
        "ld-linux.so.3", "ld-linux-armhf.so.3", "libc.musl-armhf.so.1", "libc.musl-armv7.so.1",
        "ld-musl-arm.so.1", "ld-musl-armhf.so.1",
    ),
    instruction_sets=(InstructionSet("CS_ARCH_ARM", "CS_MODE_ARM", 4), InstructionSet("CS_ARCH_ARM", "CS_MODE_THUMB", 2)),
    libc_build="armhf",
    soft_float_build="arm",
    soft_float_flag=0x200,  # EF_ARM_ABI_FLOAT_SOFT: ELF for the Arm Architecture (IHI 0044), 5.2
    other_names=(
        "arm32", "armhf", "armel", "armv7", "armv7l", "armv7a", "armv7-a", "armv7hf", "armv7hl", "arm32v7", "armv6", "armv6l",
        "armv6hf", "arm32v6", "armv5", "armv5l", "armv5te", "armv5tel", "arm32v5", "armeabi", "armeabi-v7a", "armhfp",
    ),
)  # fmt: skip

# asm/hwcap.h: SWP HALF THUMB FAST_MULT VFP EDSP NEON VFPv3 TLS VFPv4 IDIVA IDIVT LPAE
_HWCAP = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 13 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 20

ABI = Abi(
    name="arm",
    word=4,
    uname_machine="armv7l",
    platform="v7l",
    hwcap=_HWCAP,
    hwcap2=0,
    mmap_unit=4096,
    clone_tls_before_child_tid=True,
    syscall_instruction_size=4,
    epoll_packed=False,
    minsigstksz=2048,
    sigreturn_trampoline=0xBEFF_D000,
    map_low=0x10000,
    map_high=0xBFFF_F000,
    map_top=0xB6FF_0000,
    stack_top=0xBEFF_C000,
)
