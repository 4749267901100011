"""Builds for arm: hard float on ARMv7, soft float on ARMv5.

zig's own ARM default is ARMv7 with NEON; ARMv5 has to be asked for by the name of a CPU. Its support file has what a compiler
for ARMv5 leaves to its library and zig's lacks. The soft-float C library is for ARMv6 because it needs ldrex; it also serves
ARMv5 programs, whose ABI is the same.
"""

from __future__ import annotations

from emuload.machine.targets import LibcTarget, Target

LIBC = (
    LibcTarget("arm", "arm-linux-gnueabi", ("-mcpu=arm1176jzf_s", "-marm"), "arm", "armelf_linux_eabi"),
    LibcTarget("armhf", "arm-linux-gnueabihf", ("-mcpu=generic+v7a", "-marm"), "arm", "armelf_linux_eabi"),
)

GUESTS = (
    Target("armv7-gnueabihf", "arm", "7", "arm-linux-gnueabihf", sample="armv7"),
    Target("armv7-musleabihf", "arm", "7", "arm-linux-musleabihf"),
    Target("armv5-gnueabi", "arm", "5", "arm-linux-gnueabi", "arm926ej_s", "sync_armv5.c", "armv5"),
)
