"""The native hooks for AArch64 hosts (AAPCS64).

What each does stands in `emuload.machine.hooks.native`, what the cells are in `emuload.machine.hooks.cells` (here: byte offsets).
Arguments: x0 uc, x1 … x5; `user`, the last one, is the address of the cells. x19 and higher are kept.
"""

from __future__ import annotations

BLOCK = bytes.fromhex(
    "640040f9"  # ldr x4, [x3]
    "2540228b"  # add x5, x1, w2, uxtw   (end)
    "9f0000f1"  # cmp x4, #0
    "ad000054"  # b.le used
    "844022cb"  # run: sub x4, x4, w2, uxtw
    "640000f9"  # str x4, [x3]
    "619401a9"  # stp x1, x5, [x3, #24]   (start)
    "c0035fd6"  # ret
    "661040f9"  # used: ldr x6, [x3, #32]   (end)
    "df0001eb"  # cmp x6, x1
    "40ffff54"  # b.eq run
    "26008052"  # mov w6, #1
    "660800f9"  # str x6, [x3, #16]   (stopped)
    "650440f9"  # ldr x5, [x3, #8]   (stop)
    "a0001fd6"  # br x5
)
LOG = bytes.fromhex(
    "640040f9"  # ldr x4, [x3]
    "2540228b"  # add x5, x1, w2, uxtw   (end)
    "9f0000f1"  # cmp x4, #0
    "ad080054"  # b.le used
    "661c40f9"  # go: ldr x6, [x3, #56]   (full)
    "060900b5"  # cbnz x6, full
    "69a846a9"  # ldp x9, x10, [x3, #104]   (ranges, their number)
    "8a0100b4"  # search: cbz x10, chosen
    "4bfd41d3"  # lsr x11, x10, #1
    "2c110b8b"  # add x12, x9, x11, lsl #4
    "8d0140f9"  # ldr x13, [x12]   (the middle range's end)
    "bf0101eb"  # cmp x13, x1
    "a8000054"  # b.hi left
    "89410091"  # add x9, x12, #16
    "4a010bcb"  # sub x10, x10, x11
    "4a0500d1"  # sub x10, x10, #1
    "f7ffff17"  # b search
    "ea030baa"  # left: mov x10, x11
    "f5ffff17"  # b search
    "844022cb"  # chosen: sub x4, x4, w2, uxtw
    "640000f9"  # str x4, [x3]
    "619401a9"  # stp x1, x5, [x3, #24]   (start)
    "2b0540f9"  # ldr x11, [x9, #8]   (the range's start)
    "bf000beb"  # cmp x5, x11
    "09050054"  # b.ls outside
    "26008052"  # mov w6, #1
    "664000f9"  # str x6, [x3, #128]   (inside)
    "27c002aa"  # orr x7, x1, x2, lsl #48   (key)
    "683c40f9"  # ldr x8, [x3, #120]   (skipped)
    "680300b5"  # cbnz x8, gap
    "682c40f9"  # log: ldr x8, [x3, #88]   (blocks)
    "08050091"  # add x8, x8, #1
    "682c00f9"  # str x8, [x3, #88]   (blocks)
    "692440f9"  # ldr x9, [x3, #72]   (slot)
    "2a0140f9"  # ldr x10, [x9]
    "5f0107eb"  # cmp x10, x7
    "01010054"  # b.ne missed
    "6a2840f9"  # next: ldr x10, [x3, #80]   (mult)
    "4a7d079b"  # mul x10, x10, x7
    "4afd71d3"  # lsr x10, x10, #49
    "6b2040f9"  # ldr x11, [x3, #64]   (table)
    "6b0d0a8b"  # add x11, x11, x10, lsl #3
    "6b2400f9"  # str x11, [x3, #72]   (slot)
    "c0035fd6"  # ret
    "270100f9"  # missed: str x7, [x9]
    "6c3040f9"  # ldr x12, [x3, #96]   (missed_at)
    "0d010ccb"  # sub x13, x8, x12
    "683000f9"  # str x8, [x3, #96]   (missed_at)
    "6eb042a9"  # ldp x14, x12, [x3, #40]   (cursor, limit)
    "c73581a8"  # stp x7, x13, [x14], #16
    "6e1400f9"  # str x14, [x3, #40]   (cursor)
    "df010ceb"  # cmp x14, x12
    "23feff54"  # b.lo next
    "2c008052"  # mov w12, #1
    "6c1c00f9"  # str x12, [x3, #56]   (full)
    "eeffff17"  # b next
    "ef0307aa"  # gap: mov x15, x7
    "f0031eaa"  # mov x16, x30
    "073d50b2"  # orr x7, x8, #0xffff000000000000
    "7f3c00f9"  # str xzr, [x3, #120]   (skipped)
    "e2ffff97"  # bl log
    "e7030faa"  # mov x7, x15
    "fe0310aa"  # mov x30, x16
    "dfffff17"  # b log
    "683c40f9"  # outside: ldr x8, [x3, #120]   (skipped)
    "0841228b"  # add x8, x8, w2, uxtw
    "683c00f9"  # str x8, [x3, #120]   (skipped)
    "664040f9"  # ldr x6, [x3, #128]   (inside)
    "660000b4"  # cbz x6, done
    "664440f9"  # ldr x6, [x3, #136]   (away)
    "664000f9"  # str x6, [x3, #128]   (inside)
    "c0035fd6"  # done: ret
    "661040f9"  # used: ldr x6, [x3, #32]   (end)
    "df0001eb"  # cmp x6, x1
    "40f7ff54"  # b.eq go
    "26008052"  # mov w6, #1
    "02000014"  # b stop
    "46008052"  # full: mov w6, #2
    "660800f9"  # stop: str x6, [x3, #16]   (stopped)
    "650440f9"  # ldr x5, [x3, #8]   (stop)
    "a0001fd6"  # br x5
)
STEP = bytes.fromhex(
    "644040f9"  # ldr x4, [x3, #128]   (inside)
    "a40500b4"  # cbz x4, watch
    "fd7bbca9"  # stp x29, x30, [sp, #-64]!
    "f30f01a9"  # stp x19, x3, [sp, #16]
    "e00702a9"  # stp x0, x1, [sp, #32]
    "e21b00f9"  # str x2, [sp, #48]
    "f30303aa"  # mov x19, x3
    "618a49a9"  # ldp x1, x2, [x19, #152]   (ids, pointers)
    "635640f9"  # ldr x3, [x19, #168]   (count)
    "644a40f9"  # ldr x4, [x19, #144]   (uc_reg_read_batch)
    "80003fd6"  # blr x4
    "e11740f9"  # ldr x1, [sp, #40]   (address)
    "660e40f9"  # ldr x6, [x19, #24]   (start)
    "260006cb"  # sub x6, x1, x6
    "674240f9"  # ldr x7, [x19, #128]   (inside)
    "ff0400f1"  # cmp x7, #1
    "60000054"  # b.eq inside
    "e6ff9f52"  # mov w6, #65535
    "7f4200f9"  # str xzr, [x19, #128]   (inside)
    "652e40f9"  # inside: ldr x5, [x19, #88]   (blocks)
    "a50400d1"  # sub x5, x5, #1
    "c54005aa"  # orr x5, x6, x5, lsl #16
    "a5dc78d3"  # lsl x5, x5, #8
    "692a4ba9"  # ldp x9, x10, [x19, #176]   (values, shadow)
    "6b324ca9"  # ldp x11, x12, [x19, #192]   (cursor, limit)
    "6d5640f9"  # ldr x13, [x19, #168]   (count)
    "0e0080d2"  # mov x14, #0
    "2f796ef8"  # each: ldr x15, [x9, x14, lsl #3]
    "50796ef8"  # ldr x16, [x10, x14, lsl #3]
    "ff0110eb"  # cmp x15, x16
    "80000054"  # b.eq same
    "4f792ef8"  # str x15, [x10, x14, lsl #3]
    "b1000e8b"  # add x17, x5, x14
    "713d81a8"  # stp x17, x15, [x11], #16
    "ce050091"  # same: add x14, x14, #1
    "df010deb"  # cmp x14, x13
    "e3feff54"  # b.lo each
    "6b6200f9"  # str x11, [x19, #192]   (registers)
    "7f010ceb"  # cmp x11, x12
    "63000054"  # b.lo room
    "2c008052"  # mov w12, #1
    "6c1e00f9"  # str x12, [x19, #56]   (full)
    "e00742a9"  # room: ldp x0, x1, [sp, #32]
    "e21b40f9"  # ldr x2, [sp, #48]
    "f30f41a9"  # ldp x19, x3, [sp, #16]
    "fd7bc4a8"  # ldp x29, x30, [sp], #64
    "692840f9"  # watch: ldr x9, [x3, #80]   (mult)
    "297d019b"  # mul x9, x9, x1
    "29fd71d3"  # lsr x9, x9, #49
    "6a8040f9"  # ldr x10, [x3, #256]   (watched)
    "4b7969f8"  # probe: ldr x11, [x10, x9, lsl #3]
    "7f0101eb"  # cmp x11, x1
    "a0000054"  # b.eq hit
    "cb0000b4"  # cbz x11, done
    "29050091"  # add x9, x9, #1
    "29394092"  # and x9, x9, #0x7fff
    "faffff17"  # b probe
    "6b8440f9"  # hit: ldr x11, [x3, #264]   (watch)
    "60011fd6"  # br x11
    "c0035fd6"  # done: ret
)
WRITE = bytes.fromhex(
    "a64040f9"  # ldr x6, [x5, #128]   (inside)
    "df0400f1"  # cmp x6, #1
    "e1030054"  # b.ne done
    "fd7bbda9"  # stp x29, x30, [sp, #-48]!
    "e20f01a9"  # stp x2, x3, [sp, #16]
    "e41702a9"  # stp x4, x5, [sp, #32]
    "a17840f9"  # ldr x1, [x5, #240]   (pc_id)
    "a2e00391"  # add x2, x5, #248   (pc)
    "a67440f9"  # ldr x6, [x5, #232]   (uc_reg_read)
    "c0003fd6"  # blr x6
    "e41742a9"  # ldp x4, x5, [sp, #32]
    "e20f41a9"  # ldp x2, x3, [sp, #16]
    "fd7bc3a8"  # ldp x29, x30, [sp], #48
    "a77c40f9"  # ldr x7, [x5, #248]   (pc)
    "a80c40f9"  # ldr x8, [x5, #24]   (start)
    "e70008cb"  # sub x7, x7, x8
    "e73c4092"  # and x7, x7, #0xffff
    "a62c40f9"  # ldr x6, [x5, #88]   (blocks)
    "c60400d1"  # sub x6, x6, #1
    "e64006aa"  # orr x6, x7, x6, lsl #16
    "63001932"  # orr w3, w3, #0x80
    "662006aa"  # orr x6, x3, x6, lsl #8
    "a7204da9"  # ldp x7, x8, [x5, #208]   (cursor, limit)
    "a97040f9"  # ldr x9, [x5, #224]   (writes_end)
    "ff0009eb"  # cmp x7, x9
    "02010054"  # b.hs done
    "e60881a8"  # stp x6, x2, [x7], #16
    "e48400f8"  # str x4, [x7], #8
    "a76800f9"  # str x7, [x5, #208]   (writes)
    "ff0008eb"  # cmp x7, x8
    "63000054"  # b.lo done
    "29008052"  # mov w9, #1
    "a91c00f9"  # str x9, [x5, #56]   (full)
    "c0035fd6"  # done: ret
)
