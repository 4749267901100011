"""ARM and Thumb instructions that hold an address or a distance: AAELF32, section 5.6.1.5 to 5.6.1.7 (REL addends and
encodings), the encodings themselves in the Arm Architecture Reference Manual.

glibc applies PC24 in a loaded file (sysdeps/arm/dl-machine.h, relocate_pc24), without the detour it takes for what is
farther than 32 MB; no Linux linker applies the others.
"""

from __future__ import annotations

from .base import Form


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


# -- branches: 24 bits of words in ARM code, 25 bits of bytes in Thumb code -----------------------------------------------


def _arm_addend(word: int) -> int:
    return _signed(word, 24) << 2


def _arm_branch(word: int, value: int) -> int | None:
    distance = _signed(value, 32)
    if not -(1 << 25) <= distance < 1 << 25:
        return None
    return word & 0xFF000000 | distance >> 2 & 0xFFFFFF


def _arm_call(word: int, value: int) -> int | None:
    """A call to Thumb code becomes BLX, whose lowest bit of distance has a place of its own."""
    changed = _arm_branch(word, value)
    if changed is None or not value & 1:
        return changed
    return 0xFA000000 | (value >> 1 & 1) << 24 | changed & 0xFFFFFF


def _thumb_addend(word: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    sign = first >> 10 & 1
    high = ~(second >> 13 ^ sign) & 1
    low = ~(second >> 11 ^ sign) & 1
    return _signed(sign << 24 | high << 23 | low << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1, 25)


def _thumb_branch(word: int, value: int) -> int | None:
    distance = _signed(value, 32) & ~1
    if not -(1 << 24) <= distance < 1 << 24:
        return None
    sign = distance >> 24 & 1
    first = word & 0xF800 | sign << 10 | distance >> 12 & 0x3FF
    ends = (~(distance >> 23) ^ sign) & 1, (~(distance >> 22) ^ sign) & 1
    second = word >> 16 & 0xD000 | ends[0] << 13 | ends[1] << 11 | distance >> 1 & 0x7FF
    return first | second << 16


def _thumb_call(word: int, value: int) -> int | None:
    """A call to ARM code becomes BLX, which counts from a multiple of four."""
    if value & 1:
        return _thumb_branch(word | 0x1000 << 16, value)
    return _thumb_branch(word & ~(0x1000 << 16), value + 3 & ~3)


# -- 16 bits of a constant ------------------------------------------------------------------------------------------------


def _arm_half(word: int) -> int:
    return _signed(word >> 4 & 0xF000 | word & 0xFFF, 16)


def _arm_set(word: int, half: int) -> int:
    return word & 0xFFF0F000 | (half & 0xF000) << 4 | half & 0xFFF


def _thumb_half(word: int) -> int:
    first, second = word & 0xFFFF, word >> 16
    return _signed((first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF, 16)


def _thumb_set(word: int, half: int) -> int:
    first = word & 0xFBF0 | half >> 12 & 0xF | (half >> 11 & 1) << 10
    second = word >> 16 & 0x8F00 | (half >> 8 & 7) << 12 | half & 0xFF
    return first | second << 16


def _low(word: int, value: int) -> int:
    return _arm_set(word, value & 0xFFFF)


def _high(word: int, value: int) -> int:
    return _arm_set(word, value >> 16 & 0xFFFF)


def _thumb_low(word: int, value: int) -> int:
    return _thumb_set(word, value & 0xFFFF)


def _thumb_high(word: int, value: int) -> int:
    return _thumb_set(word, value >> 16 & 0xFFFF)


FORMS: dict[int, Form] = {
    1: Form(True, _arm_addend, _arm_branch),
    10: Form(True, _thumb_addend, _thumb_call),
    28: Form(True, _arm_addend, _arm_call),
    29: Form(True, _arm_addend, _arm_branch),
    30: Form(True, _thumb_addend, _thumb_branch),
    43: Form(False, _arm_half, _low),
    44: Form(False, _arm_half, _high),
    45: Form(True, _arm_half, _low),
    46: Form(True, _arm_half, _high),
    47: Form(False, _thumb_half, _thumb_low),
    48: Form(False, _thumb_half, _thumb_high),
    49: Form(True, _thumb_half, _thumb_low),
    50: Form(True, _thumb_half, _thumb_high),
}
