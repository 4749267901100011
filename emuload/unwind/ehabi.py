"""Unwinding by the ARM exception tables: `.ARM.exidx`, `.ARM.extab`.

Source: Exception Handling ABI for the Arm Architecture (IHI0038), sections 6 (index table), 7 (handling
table) and 10.3 (the unwind instructions). Only what restores core registers matters here; VFP registers are
stepped over. The tables describe a function's body, not its first and last instructions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from struct import unpack_from

from emuload.unwind.reader import Reader
from loader.gabi import PT_ARM_EXIDX
from loader.image import Image

_CANT_UNWIND = 1
_SP, _LR, _PC = 13, 14, 15


def _prel31(word: int, place: int) -> int:
    """A 31-bit place-relative offset (IHI0038 section 4)."""
    offset = word & 0x7FFFFFFF
    return (place + (offset - 0x80000000 if offset & 0x40000000 else offset)) & 0xFFFFFFFF


class ExceptionIndex:
    """One file's index table. Addresses are the file's own (no load bias)."""

    def __init__(self, image: Image) -> None:
        self._image = image
        segment = image.elf.segment(PT_ARM_EXIDX)
        self._place = segment.vaddr if segment else 0
        raw = image.read(self._place, segment.memsz) if segment else b""
        words = unpack_from(f"<{len(raw) // 8 * 2}I", raw)
        self._starts = array("I", [_prel31(word, self._place + 8 * at) for at, word in enumerate(words[::2])])
        self._words = array("I", words[1::2])

    def instructions(self, pc: int) -> bytes | None:
        """The unwind instructions of the function that holds `pc`; None when it cannot be unwound."""
        at = bisect_right(self._starts, pc) - 1
        if at < 0:
            return None
        word = int(self._words[at])
        if word == _CANT_UNWIND:
            return None
        if word & 0x80000000:
            return word.to_bytes(4, "big")[1:]
        return self._table(_prel31(word, self._place + 8 * at + 4))

    def _table(self, place: int) -> bytes | None:
        raw = self._image.read(place, 4 + 4 + 4 * 256)
        if len(raw) < 8:
            raw += b"\0" * 8
        word = int.from_bytes(raw[:4], "little")
        if (
            not word & 0x80000000
        ):  # a personality routine of its own: GCC's keep the instructions in the next word
            raw, word = raw[4:], int.from_bytes(raw[4:8], "little")
            more, taken = word >> 24, 1
        else:
            model = (word >> 24) & 15
            if model > 2:
                return None
            more, taken = ((word >> 16) & 0xFF, 2) if model else (0, 1)
        words = unpack_from(f"<{min(more, len(raw) // 4 - 1)}I", raw, 4)
        return word.to_bytes(4, "big")[taken:] + b"".join(value.to_bytes(4, "big") for value in words)


def step(instructions: bytes, registers: dict[str, int], reader: Reader) -> dict[str, int] | None:
    """The caller's registers, or None if the instructions refuse or memory cannot be read.

    `registers` are the callee's by name (r0 … r12, sp, lr, pc); registers that are not restored keep their values.
    """
    names = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc")
    values = {number: registers[name] for number, name in enumerate(names) if name in registers}
    restored = False
    vsp = values[_SP]
    code = iter(instructions)
    for byte in code:
        popped: list[int] = []
        if byte < 0x40:
            vsp += ((byte & 0x3F) << 2) + 4
        elif byte < 0x80:
            vsp -= ((byte & 0x3F) << 2) + 4
        elif byte < 0x90:
            mask = (byte & 15) << 8 | next(code, 0)
            if not mask:
                return None
            popped = [4 + bit for bit in range(12) if mask >> bit & 1]
        elif byte < 0xA0:
            if byte & 15 in (_SP, _PC) or byte & 15 not in values:
                return None
            vsp = values[byte & 15]
        elif byte < 0xB0:
            popped = [*range(4, 5 + (byte & 7)), *([_LR] if byte & 8 else [])]
        elif byte == 0xB0:
            break
        elif byte == 0xB1:
            mask = next(code, 0)
            if not 0 < mask < 16:
                return None
            popped = [bit for bit in range(4) if mask >> bit & 1]
        elif byte == 0xB2:
            vsp += 0x204 + (_uleb128(code) << 2)
        else:
            size = _vfp_size(byte, code)
            if size is None:
                return None
            vsp += size
        for number in popped:
            value = reader.word(vsp)
            if value is None:
                return None
            values[number] = value
            restored |= number == _PC
            vsp += 4
        if _SP in popped:
            vsp = values[_SP]
        vsp &= 0xFFFFFFFF
    if not restored:
        if _LR not in values:
            return None
        values[_PC] = values[_LR]
    values[_SP] = vsp
    return {names[number]: value for number, value in sorted(values.items())}


def _uleb128(code: Iterator[int]) -> int:
    value = shift = 0
    for byte in code:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value & 0xFFFFFFFF


def _vfp_size(byte: int, code: Iterator[int]) -> int | None:
    """Bytes popped by an instruction that restores coprocessor registers; None for a spare instruction."""
    if byte in (0xB3, 0xC8, 0xC9):
        count = (next(code, 0) & 15) + 1
        return 8 * count + (4 if byte == 0xB3 else 0)
    if byte == 0xB4:
        return 4
    if 0xB8 <= byte <= 0xBF:
        return 8 * ((byte & 7) + 1) + 4
    if 0xC0 <= byte <= 0xC5 or 0xD0 <= byte <= 0xD7:
        return 8 * ((byte & 7) + 1)
    if byte == 0xC6:
        return 8 * ((next(code, 0) & 15) + 1)
    if byte == 0xC7:
        return 4 * (next(code, 0) & 15).bit_count()
    return None
