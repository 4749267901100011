"""Unwinding by call frame information: `.eh_frame`, else `.debug_frame`.

Only the entry that is needed is decoded, found through `.eh_frame_hdr`'s sorted table: a C library's section has ten
thousand entries, and a report needs five.

Sources: DWARF 5, sections 6.4 and 7.24; Linux Standard Base 5.0, section 10.6 (`.eh_frame`, `.eh_frame_hdr`, pointer
encodings).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import iter_unpack, unpack_from
from typing import NamedTuple

from emuload.machine.unwind import UnwindRow
from emuload.unwind.expression import evaluate, leb128
from emuload.unwind.reader import Reader
from loader.gabi import PT_GNU_EH_FRAME
from loader.image import Image

_SHF_COMPRESSED = 0x800
_TABLE_HEADER = bytes((1, 0x1B, 0x03, 0x3B))
"""`.eh_frame_hdr`, version 1: pointer pcrel sdata4, count udata4, table datarel sdata4. Linkers make no other."""
_LONGEST_AUGMENTATION, _LONGEST_EXPRESSION, _DEEPEST, _MOST_INSTRUCTIONS = 16, 4096, 64, 1 << 16
"""Bounds on an entry: bytes of a CIE's augmentation string and of an expression, remembered states, instructions."""


class Rule(NamedTuple):
    """The rule for a register of the caller: `kind` is "offset", "value", "register", or, by `code`, "at" or "is"."""

    kind: str
    number: int = 0
    code: bytes = b""


@dataclass
class _State:
    """A row of the table while instructions run."""

    cfa: tuple[int, int] | bytes = (0, 0)
    registers: dict[int, Rule | None] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(self.cfa, dict(self.registers))


class _Common(NamedTuple):
    """A CIE."""

    code_align: int
    data_align: int
    return_column: int
    encoding: int
    has_augmentation: bool
    instructions: memoryview


class _Entry(NamedTuple):
    """An FDE."""

    start: int
    end: int
    common: _Common
    instructions: memoryview
    place: int


class _Section:
    """One frame section: `data` is loaded at (or, unloaded, counted from) `address`."""

    def __init__(self, data: bytes, address: int, word: int, is_eh: bool) -> None:
        self.data = data
        self.view = memoryview(data)
        self.address = address
        self.word = word
        self.is_eh = is_eh
        self._commons: dict[int, _Common] = {}
        self._scanned: list[tuple[int, int]] | None = None

    def entries(self) -> list[tuple[int, int]]:
        """(first address, offset) of every FDE, sorted; entries that cannot be read are left out."""
        if self._scanned is None:
            found = []
            for place in self._places():
                try:
                    entry = self.entry(place)
                except (IndexError, ValueError):
                    continue
                if entry is not None:
                    found.append((entry.start, place))
            self._scanned = sorted(found)
        return self._scanned

    def _places(self) -> Iterator[int]:
        at = 0
        while at + 8 <= len(self.data):
            (size,) = unpack_from("<I", self.data, at)
            if size == 0 and self.is_eh:
                return
            if size >= 0xFFFFFFF0 or size < 4:
                return
            yield at
            at += 4 + size

    def entry(self, place: int) -> _Entry | None:
        """The FDE at `place`; None for a CIE. Raises IndexError or ValueError when it is broken."""
        if place < 0 or place + 8 > len(self.data):
            raise ValueError("entry outside the section")
        size, common_at = unpack_from("<II", self.data, place)
        end = place + 4 + size
        if common_at == (0 if self.is_eh else 0xFFFFFFFF) or end > len(self.data):
            return None
        common = self._common(place + 4 - common_at if self.is_eh else common_at)
        start, at = self._pointer(place + 8, common.encoding)
        length, at = self._pointer(at, common.encoding & 0x0F)
        if common.has_augmentation:
            skip, at = leb128(self.data, at)
            at += skip
        return _Entry(start, start + length, common, self.view[at:end], place)

    def _common(self, place: int) -> _Common:
        known = self._commons.get(place)
        if known is not None:
            return known
        data = self.data
        if place < 0 or place + 9 > len(data):
            raise ValueError("CIE outside the section")
        size, _, version = unpack_from("<IIB", data, place)
        end, at = place + 4 + size, place + 9
        stop = data.index(b"\0", at, at + _LONGEST_AUGMENTATION)
        augmentation = data[at:stop]
        at = stop + 1
        if version == 4:
            at += 2
        code_align, at = leb128(data, at)
        data_align, at = leb128(data, at, signed=True)
        if version == 1:
            column, at = data[at], at + 1
        else:
            column, at = leb128(data, at)
        encoding = 0
        has_augmentation = augmentation.startswith(b"z")
        if has_augmentation:
            length, at = leb128(data, at)
            encoding = self._augmentation(augmentation[1:], at)
            at += length
        common = _Common(code_align, data_align, column, encoding, has_augmentation, self.view[at:end])
        self._commons[place] = common
        return common

    def _augmentation(self, letters: bytes, at: int) -> int:
        """The encoding of FDE pointers, from a CIE's augmentation data."""
        for letter in letters:
            if letter == ord("R"):
                return self.data[at]
            if letter == ord("L"):
                at += 1
            elif letter == ord("P"):
                _, at = self._pointer(at + 1, self.data[at] & 0x7F)
        return 0

    def _pointer(self, at: int, encoding: int) -> tuple[int, int]:
        """An encoded pointer and the offset after it (LSB 10.5.1)."""
        base = self.address + at if encoding & 0x70 == 0x10 else 0
        form = encoding & 0x0F
        if form in (1, 9):
            value, at = leb128(self.data, at, signed=form == 9)
        else:
            letters = {0: "QI"[self.word == 4], 2: "H", 3: "I", 4: "Q", 10: "h", 11: "i", 12: "q"}
            letter = letters.get(form)
            if letter is None or at + 8 > len(self.data) + 8 - self.word:
                raise ValueError("pointer encoding")
            raw = self.data[at : at + {"H": 2, "h": 2, "I": 4, "i": 4, "Q": 8, "q": 8}[letter]]
            value, at = int.from_bytes(raw, "little", signed=letter.islower()), at + len(raw)
        return (base + value) & ((1 << 8 * self.word) - 1), at


class CallFrames:
    """One file's call frame information. Addresses are the file's own (no load bias)."""

    def __init__(self, image: Image, row: UnwindRow) -> None:
        self._row = row
        self._sections = _frame_sections(image)
        self._starts, self._places = _search_table(image)

    def step(self, pc: int, registers: dict[str, int], reader: Reader) -> dict[str, int] | None:
        """The caller's registers; None when nothing describes `pc` (unbiased) or memory cannot be read."""
        try:
            entry = self._find(pc)
            state = None if entry is None else _run(entry, pc)
        except (IndexError, ValueError):
            return None
        if entry is None or state is None:
            return None
        return self._apply(state, entry.common.return_column, registers, reader)

    def _apply(
        self, state: _State, return_column: int, registers: dict[str, int], reader: Reader
    ) -> dict[str, int] | None:
        row, names = self._row, self._row.dwarf_registers
        cfa: int | None
        if isinstance(state.cfa, bytes):
            cfa = evaluate(state.cfa, registers, names, reader)
        else:
            number, offset = state.cfa
            base = registers.get(names[number]) if number < len(names) else None
            cfa = None if base is None else (base + offset) & row.word_mask
        if cfa is None:
            return None
        caller = dict(registers)
        caller[row.sp] = cfa
        if row.link:
            caller[row.pc] = registers.get(row.link, 0)
        for number, rule in state.registers.items():
            if number >= len(names):
                continue
            value = None if rule is None else self._value(rule, registers, cfa, reader)
            target = row.pc if number == return_column else names[number]
            if value is None and target == row.pc:
                return None
            if value is None:
                caller.pop(target, None)
                continue
            caller[target] = value
            if number == return_column and row.link:
                caller[row.link] = value
        return caller

    def _value(self, rule: Rule, registers: dict[str, int], cfa: int, reader: Reader) -> int | None:
        names = self._row.dwarf_registers
        if rule.kind == "offset":
            return reader.word((cfa + rule.number) & self._row.word_mask)
        if rule.kind == "value":
            return (cfa + rule.number) & self._row.word_mask
        if rule.kind == "register":
            return registers.get(names[rule.number]) if rule.number < len(names) else None
        value = evaluate(rule.code, registers, names, reader, cfa)
        return value if value is None or rule.kind == "is" else reader.word(value)

    def _find(self, pc: int) -> _Entry | None:
        for section in self._sections:
            if section.is_eh and self._starts:
                at = bisect_right(self._starts, pc) - 1
                place = self._places[at] - section.address if at >= 0 else -1
            else:
                rows = section.entries()
                at = bisect_right(rows, (pc, len(section.data))) - 1
                place = rows[at][1] if at >= 0 else -1
            entry = section.entry(place) if place >= 0 else None
            if entry is not None and entry.start <= pc < entry.end:
                return entry
        return None


def _frame_sections(image: Image) -> list[_Section]:
    """The file's frame sections, the loaded one first."""
    found = []
    section = image.section(".eh_frame")
    if section is not None and section.size:
        data = image.data[section.offset : section.offset + section.size]
        found.append(_Section(data, section.address, image.word, True))
    else:
        header = image.elf.segment(PT_GNU_EH_FRAME)
        start = image.read(header.vaddr, 8) if header else b""
        if header is not None and len(start) == 8 and start[1] == _TABLE_HEADER[1]:
            address = header.vaddr + 4 + int.from_bytes(start[4:], "little", signed=True)
            found.append(_Section(image.read(address, len(image.data)), address, image.word, True))
    section = image.section(".debug_frame")
    if section is not None and not section.flags & _SHF_COMPRESSED:
        data = image.data[section.offset : section.offset + section.size]
        found.append(_Section(data, section.address, image.word, False))
    return found


def _search_table(image: Image) -> tuple[array[int], array[int]]:
    """`.eh_frame_hdr`'s table: first addresses, sorted, and the addresses of their FDEs; empty if the file has none."""
    starts, places = array("Q"), array("Q")
    header = image.elf.segment(PT_GNU_EH_FRAME)
    raw = image.read(header.vaddr, header.filesz) if header else b""
    if header is None or len(raw) < 12 or raw[:4] != _TABLE_HEADER:
        return starts, places
    count = min(int.from_bytes(raw[8:12], "little"), (len(raw) - 12) // 8)
    mask = (1 << 8 * image.word) - 1
    for start, place in iter_unpack("<ii", raw[12 : 12 + 8 * count]):
        starts.append((header.vaddr + start) & mask)
        places.append((header.vaddr + place) & mask)
    return starts, places


def _run(entry: _Entry, pc: int) -> _State:
    """The table's row for `pc`: the CIE's instructions, then the FDE's up to `pc`."""
    initial = _State()
    _execute(entry.common.instructions, entry.common, entry.start, pc, initial, initial)
    state = initial.copy()
    _execute(entry.instructions, entry.common, entry.start, pc, state, initial)
    return state


def _execute(code: memoryview, common: _Common, location: int, pc: int, state: _State, initial: _State) -> None:
    """Run call frame instructions on `state` until `location` passes `pc`. Raises ValueError for an unknown instruction."""
    stack: list[_State] = []
    at, data = 0, common.data_align
    rules = state.registers
    for _ in range(_MOST_INSTRUCTIONS):
        if at >= len(code):
            return
        op = code[at]
        at += 1
        primary, low = op & 0xC0, op & 0x3F
        if primary == 0x40 or 0x02 <= op <= 0x04:
            size = 0 if primary else 1 << (op - 2)
            low = low if primary else int.from_bytes(code[at : at + size], "little")
            at += size
            location += low * common.code_align
            if location > pc:
                return
        elif primary == 0x80:
            value, at = leb128(code, at)
            rules[low] = Rule("offset", value * data)
        elif primary == 0xC0:
            _restore(low, rules, initial)
        elif op == 0x0A:
            stack.append(state.copy())
            if len(stack) > _DEEPEST:
                raise ValueError("too many states to remember")
        elif op == 0x0B:
            saved = stack.pop()
            state.cfa = saved.cfa
            rules.clear()
            rules.update(saved.registers)
        elif op in (0x00, 0x2D):
            pass  # DW_CFA_nop; DW_CFA_AARCH64_negate_ra_state, of no account without pointer authentication
        elif op == 0x2E:
            _, at = leb128(code, at)  # DW_CFA_GNU_args_size
        elif op in (0x0C, 0x0D, 0x0E, 0x0F, 0x12, 0x13):
            at = _define_cfa(op, code, at, state, data)
        else:
            at = _define_register(op, code, at, rules, initial, data)
    raise ValueError("too many call frame instructions")


def _restore(number: int, rules: dict[int, Rule | None], initial: _State) -> None:
    if number in initial.registers:
        rules[number] = initial.registers[number]
    else:
        rules.pop(number, None)


def _define_cfa(op: int, code: memoryview, at: int, state: _State, data: int) -> int:
    register, offset = state.cfa if not isinstance(state.cfa, bytes) else (0, 0)
    if op == 0x0F:
        state.cfa, at = _block(code, at)
        return at
    if op in (0x0C, 0x0D, 0x12):
        register, at = leb128(code, at)
    if op in (0x0C, 0x0E):
        offset, at = leb128(code, at)
    elif op in (0x12, 0x13):
        offset, at = leb128(code, at, signed=True)
        offset *= data
    state.cfa = (register, offset)
    return at


def _block(code: memoryview, at: int) -> tuple[bytes, int]:
    """An expression that is preceded by its length, and the offset after it."""
    size, at = leb128(code, at)
    if size > _LONGEST_EXPRESSION:
        raise ValueError(f"an expression of {size} bytes")
    return bytes(code[at : at + size]), at + size


def _define_register(
    op: int, code: memoryview, at: int, rules: dict[int, Rule | None], initial: _State, data: int
) -> int:
    number, at = leb128(code, at)
    if op in (0x05, 0x11, 0x14, 0x15, 0x2F):
        value, at = leb128(code, at, signed=op in (0x11, 0x15))
        value *= -data if op == 0x2F else data
        rules[number] = Rule("value" if op in (0x14, 0x15) else "offset", value)
    elif op == 0x06:
        _restore(number, rules, initial)
    elif op == 0x07:
        rules[number] = None
    elif op == 0x08:
        rules[number] = Rule("register", number)
    elif op == 0x09:
        other, at = leb128(code, at)
        rules[number] = Rule("register", other)
    elif op in (0x10, 0x16):
        expression, at = _block(code, at)
        rules[number] = Rule("at" if op == 0x10 else "is", 0, expression)
    else:
        raise ValueError(f"call frame instruction {op:#x}")
    return at
