"""DWARF expressions: the part that call frame information uses (DWARF 5, section 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emuload.unwind.reader import Reader

_BINARY: dict[int, Callable[[int, int], int]] = {
    0x1A: int.__and__,
    0x1C: int.__sub__,
    0x1E: int.__mul__,
    0x21: int.__or__,
    0x22: int.__add__,
    0x24: lambda left, right: left << min(right, 64),
    0x25: lambda left, right: left >> min(right, 64),
    0x27: int.__xor__,
    0x29: lambda left, right: int(left == right),
    0x2A: lambda left, right: int(left >= right),
    0x2B: lambda left, right: int(left > right),
    0x2C: lambda left, right: int(left <= right),
    0x2D: lambda left, right: int(left < right),
    0x2E: lambda left, right: int(left != right),
}
"""Operations on the two topmost values; here comparisons only ever have small positive operands."""


def leb128(code: bytes | memoryview, at: int, *, signed: bool = False) -> tuple[int, int]:
    """A LEB128 number of at most 64 bits and the offset after it. Raises IndexError if `code` ends inside it, ValueError if
    it is longer."""
    value = shift = 0
    while shift < 70:
        byte = code[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value - (1 << shift) if signed and byte & 0x40 else value), at
    raise ValueError("a LEB128 number of more than 64 bits")


def evaluate(
    code: bytes,
    registers: Mapping[str, int],
    names: tuple[str, ...],
    reader: Reader,
    start: int | None = None,
) -> int | None:
    """The expression's value, with `start` on the stack if given; None if an operand is unknown."""
    stack = [] if start is None else [start]
    mask = (1 << 8 * reader.size) - 1
    at = 0
    try:
        while at < len(code):
            at = _operation(code, at, stack, registers, names, reader)
            if stack:
                stack[-1] &= mask
        return stack[-1]
    except (IndexError, KeyError, ValueError):
        return None


def _operation(
    code: bytes,
    at: int,
    stack: list[int],
    registers: Mapping[str, int],
    names: tuple[str, ...],
    reader: Reader,
) -> int:
    """Carry out the operation at `at` and return the offset after it."""
    op = code[at]
    at += 1
    if 0x30 <= op <= 0x4F:  # DW_OP_lit0 …
        stack.append(op - 0x30)
    elif 0x70 <= op <= 0x8F:  # DW_OP_breg0 …
        offset, at = leb128(code, at, signed=True)
        stack.append(registers[names[op - 0x70]] + offset)
    elif 0x08 <= op <= 0x0F:  # DW_OP_const1u … const8s
        size = 1 << ((op - 0x08) >> 1)
        stack.append(int.from_bytes(code[at : at + size], "little", signed=bool(op & 1)))
        at += size
    elif op in (0x10, 0x11):  # DW_OP_constu, consts
        value, at = leb128(code, at, signed=op == 0x11)
        stack.append(value)
    elif op == 0x23:  # DW_OP_plus_uconst
        value, at = leb128(code, at)
        stack.append(stack.pop() + value)
    elif op == 0x06:  # DW_OP_deref
        word = reader.word(stack.pop())
        if word is None:
            raise ValueError("unreadable")
        stack.append(word)
    elif op == 0x12:  # DW_OP_dup
        stack.append(stack[-1])
    elif op == 0x13:  # DW_OP_drop
        stack.pop()
    elif op == 0x14:  # DW_OP_over
        stack.append(stack[-2])
    elif op == 0x16:  # DW_OP_swap
        stack[-1], stack[-2] = stack[-2], stack[-1]
    else:
        right, left = stack.pop(), stack.pop()
        stack.append(_BINARY[op](left, right))
    return at
