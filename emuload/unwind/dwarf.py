"""Unwinding by call frame information: `.eh_frame`, else `.debug_frame`.

Sources: DWARF 5 section 6.4; Linux Standard Base 5.0, section 10.6 (`.eh_frame`, `.eh_frame_hdr`). pyelftools
decodes the tables; it is imported when the first frame needs it.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable
from struct import unpack_from
from typing import Any

from emuload.golang.image import Image
from emuload.machine.unwind_rows import UnwindRow
from emuload.unwind.reader import Reader
from loader.elf import PT_GNU_EH_FRAME


class CallFrames:
    """One file's call frame information. Addresses are the file's own (no load bias)."""

    def __init__(self, image: Image, row: UnwindRow) -> None:
        self._row = row
        self._entries: list[tuple[int, int, Any]] = []
        self._decoded: dict[int, Any] = {}
        for start, data, is_eh in _frame_sections(image):
            self._entries += _entries(start, data, is_eh, row)
        self._entries.sort(key=lambda entry: entry[:2])
        self._starts = [entry[0] for entry in self._entries]

    def step(self, pc: int, registers: dict[str, int], reader: Reader, bias: int) -> dict[str, int] | None:
        """The caller's registers; None when nothing describes `pc` (unbiased) or memory cannot be read."""
        rules = self._rules(pc)
        if rules is None:
            return None
        row, names = self._row, self._row.dwarf_registers
        cfa = self._cfa(rules["cfa"], registers, reader)
        if cfa is None:
            return None
        caller = dict(registers)
        if row.link:
            caller[row.pc] = registers.get(row.link, 0)
        caller[row.sp] = cfa
        for number, rule in rules.items():
            if not isinstance(number, int):
                continue
            target = row.pc if number == row.return_column else names[number] if number < len(names) else ""
            if not target:
                continue
            value = self._register(rule, registers, cfa, reader, number)
            if value is None:
                if target == row.pc:
                    return None
                caller.pop(target, None)
                continue
            caller[target] = value
            if number == row.return_column and row.link:
                caller[row.link] = value
        return caller

    def _rules(self, pc: int) -> Any:
        """The row of the table that holds at `pc`."""
        at = bisect_right(self._starts, pc) - 1
        if at < 0 or pc >= self._entries[at][1]:
            return None
        if at not in self._decoded:
            try:
                self._decoded[at] = self._entries[at][2].get_decoded().table
            except Exception:  # a broken table means no unwinding, not a broken report
                self._decoded[at] = []
        found = None
        for rules in self._decoded[at]:
            if rules["pc"] > pc:
                break
            found = rules
        return found

    def _cfa(self, rule: Any, registers: dict[str, int], reader: Reader) -> int | None:
        names = self._row.dwarf_registers
        if rule.expr is not None:
            return _evaluate(bytes(rule.expr), registers, names, reader, None)
        number, offset = int(rule.reg), int(rule.offset)
        base = registers.get(names[number]) if number < len(names) else None
        return None if base is None else (base + offset) & self._row.word_mask

    def _register(
        self, rule: Any, registers: dict[str, int], cfa: int, reader: Reader, number: int
    ) -> int | None:
        names, kind = self._row.dwarf_registers, rule.type
        if kind == "OFFSET":
            return reader.word(cfa + rule.arg)
        if kind == "VAL_OFFSET":
            return (cfa + int(rule.arg)) & self._row.word_mask
        if kind in ("REGISTER", "SAME_VALUE"):
            source = rule.arg if kind == "REGISTER" else number
            return registers.get(names[source]) if source < len(names) else None
        if kind in ("EXPRESSION", "VAL_EXPRESSION"):
            value = _evaluate(bytes(rule.arg), registers, names, reader, cfa)
            return value if value is None or kind == "VAL_EXPRESSION" else reader.word(value)
        return None


def _frame_sections(image: Image) -> list[tuple[int, bytes, bool]]:
    """(address, bytes, whether in `.eh_frame`'s form) of the frame sections, the loaded one first."""
    found = []
    section = image.section(".eh_frame")
    if section is not None:
        found.append((section.address, image.data[section.offset : section.offset + section.size], True))
    else:
        header = image.elf.segment(PT_GNU_EH_FRAME)
        address = _eh_frame_address(image.read(header.vaddr, 8), header.vaddr) if header else None
        if address is not None:
            found.append((address, _until_terminator(image.read(address, len(image.data))), True))
    section = image.section(".debug_frame")
    if section is not None and not section.flags & 0x800:  # SHF_COMPRESSED
        found.append((section.address, image.data[section.offset : section.offset + section.size], False))
    return found


def _eh_frame_address(header: bytes, place: int) -> int | None:
    """Where `.eh_frame` lies, from `.eh_frame_hdr`: version 1, pointer encoded as pcrel sdata4."""
    if len(header) < 8 or header[0] != 1 or header[1] != 0x1B:
        return None
    distance: int = unpack_from("<i", header, 4)[0]
    return place + 4 + distance


def _until_terminator(data: bytes) -> bytes:
    """The entries up to the one of length 0 that ends the section."""
    at = 0
    while at + 4 <= len(data):
        (size,) = unpack_from("<I", data, at)
        if size == 0 or size >= 0xFFFFFFF0:
            break
        at += 4 + size
    return data[:at]


def _entries(address: int, data: bytes, is_eh: bool, row: UnwindRow) -> list[tuple[int, int, Any]]:
    """(start, end, entry) of every function described; none when the section is broken."""
    from elftools.dwarf.callframe import FDE, CallFrameInfo
    from elftools.dwarf.structs import DWARFStructs

    structs = DWARFStructs(little_endian=True, dwarf_format=32, address_size=row.word)
    try:
        information = CallFrameInfo(io.BytesIO(data), len(data), address, structs, is_eh)
        found = [entry for entry in information.get_entries() if isinstance(entry, FDE)]
    except Exception:
        return []
    return [
        (entry["initial_location"], entry["initial_location"] + entry["address_range"], entry)
        for entry in found
        if entry["address_range"]
    ]


def _evaluate(
    code: bytes, registers: dict[str, int], names: tuple[str, ...], reader: Reader, start: int | None
) -> int | None:
    """A DWARF expression of the kind call frame information uses (DWARF 5, 2.5); None for any other
    operation.
    """
    stack = [] if start is None else [start]
    mask = (1 << 8 * reader.size) - 1
    at = 0

    def leb128(signed: bool) -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = code[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if signed and byte & 0x40 else value

    try:
        while at < len(code):
            op = code[at]
            at += 1
            if 0x30 <= op <= 0x4F:
                stack.append(op - 0x30)
            elif 0x70 <= op <= 0x8F:
                stack.append(registers[names[op - 0x70]] + leb128(True))
            elif 0x08 <= op <= 0x0F:
                size = 1 << ((op - 0x08) >> 1)
                stack.append(int.from_bytes(code[at : at + size], "little", signed=bool(op & 1)))
                at += size
            elif op in (0x10, 0x11):
                stack.append(leb128(op == 0x11))
            elif op == 0x23:
                stack.append(stack.pop() + leb128(False))
            elif op == 0x06:
                value = reader.word(stack.pop() & mask)
                if value is None:
                    return None
                stack.append(value)
            elif op in (0x12, 0x13, 0x14, 0x16):
                _shuffle(op, stack)
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(_BINARY[op](left & mask, right & mask))
            stack[-1:] = [value & mask for value in stack[-1:]]
    except (IndexError, KeyError):
        return None
    return stack[-1] if stack else None


def _shuffle(op: int, stack: list[int]) -> None:
    if op == 0x12:
        stack.append(stack[-1])
    elif op == 0x13:
        stack.pop()
    elif op == 0x14:
        stack.append(stack[-2])
    else:
        stack[-1], stack[-2] = stack[-2], stack[-1]


_BINARY: dict[int, Callable[[int, int], int]] = {
    0x1A: int.__and__,
    0x1C: int.__sub__,
    0x1E: int.__mul__,
    0x21: int.__or__,
    0x22: int.__add__,
    0x24: lambda left, right: left << min(right, 64),
    0x25: int.__rshift__,
    0x27: int.__xor__,
    0x29: lambda left, right: int(left == right),
    0x2A: lambda left, right: int(left >= right),
    0x2B: lambda left, right: int(left > right),
    0x2C: lambda left, right: int(left <= right),
    0x2D: lambda left, right: int(left < right),
    0x2E: lambda left, right: int(left != right),
}
