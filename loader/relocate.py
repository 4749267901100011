"""Applying an object's relocations.

The tables are unpacked whole. Base-relative entries — nearly all of a Go library's — are applied in one pass over
packed words; what is left goes through one verb each (see `loader.machines.base`). Order, as glibc's
elf/dynamic-link.h: RELR, then each table with its relative entries first, IRELATIVE after everything else of the
object.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Protocol

from .elf import STT_GNU_IFUNC, Symbol, Table, unpack_words
from .errors import LoadError
from .machines import base as verbs
from .memory import PROT_WRITE, Memory
from .objects import LinkedObject, Resolved
from .profiles import Profile
from .tls import TlsModule

#: entries unpacked at once: what a big table costs in Python's numbers is bounded
PART = 1 << 16


class Linkage(Protocol):
    """What relocation asks of the link map."""

    memory: Memory
    profile: Profile

    def resolve(self, obj: LinkedObject, symbol: Symbol, verb: str) -> Resolved:
        """What ``obj``'s reference ``symbol`` binds to; LoadError when nothing does."""
        ...

    def call_resolver(self, obj: LinkedObject, address: int) -> int:
        """The result of the IFUNC resolver at ``address``."""
        ...

    def static_tls(self, module: TlsModule, *, required_by: LinkedObject | None) -> bool:
        """See that the module has a place in static TLS; when ``required_by`` is given, failing is a LoadError."""
        ...

    def tlsdesc(self, obj: LinkedObject, module: TlsModule | None, value: int) -> tuple[int, int]:
        """(resolver, argument) of a TLS descriptor for byte ``value`` of ``module`` (None: undefined weak)."""
        ...

    def warn(self, obj: LinkedObject, message: str) -> None:
        """Something the real linker prints a warning about."""
        ...


class _Window:
    """A mapped region while it is being relocated: its bytes, and the same bytes as machine words."""

    __slots__ = ("end", "start", "view", "words", "writable")

    def __init__(self, start: int, end: int, view: memoryview, letter: str, writable: bool) -> None:
        self.start = start
        self.end = end
        self.view = view
        self.words = view.cast(letter) if sys.byteorder == "little" else None  # type: ignore[call-overload]
        self.writable = writable


class Relocator:
    """One relocation pass over one object. Holds views of memory, so it lives no longer than the pass."""

    def __init__(self, obj: LinkedObject, links: Linkage) -> None:
        self.obj = obj
        self.elf = obj.elf
        self.links = links
        self.machine = obj.elf.machine
        self.word = self.machine.word
        self.letter = obj.elf.layout.word
        self.bias = obj.bias
        self.windows = [
            _Window(
                r.start,
                r.end,
                links.memory.view(r.start, r.end - r.start),
                self.letter,
                bool(r.prot & PROT_WRITE) or obj.elf.textrel,
            )
            for r in obj.regions
            if r.prot
        ]
        self.counts: dict[str, int] = {}
        self._resolved: dict[tuple[int, str], Resolved] = {}
        self._copied = 0
        self._deferred: list[tuple[int, int, int | None]] = []
        self._do: dict[str, Callable[[int, int, int, int | None], None]] = {
            verbs.NONE: self._none,
            verbs.RELATIVE: self._relative,
            verbs.SYMBOLIC: self._symbolic,
            verbs.GLOB_DAT: self._glob_dat,
            verbs.JUMP_SLOT: self._jump_slot,
            verbs.PC_RELATIVE: self._pc_relative,
            verbs.COPY: self._copy,
            verbs.IRELATIVE: self._irelative,
            verbs.DTPMOD: self._dtpmod,
            verbs.DTPOFF: self._dtpoff,
            verbs.TPOFF: self._tpoff,
            verbs.TLSDESC: self._tlsdesc,
            verbs.SIZE: self._size,
        }

    def run(self) -> dict[str, int]:
        """Apply every table. Returns how many entries there were of each relocation name."""
        for table in self.elf.relocations:
            if table.kind == "RELR":
                if self.links.profile.applies_relr:
                    self._relr(table)
            else:
                self._table(table)
        for number, place, addend in self._deferred:
            self._irelative_now(number, place, addend)
        return self.counts

    # -- bulk ---------------------------------------------------------------------------------------------------------

    def _table(self, table: Table) -> None:
        for first in range(0, table.count, PART):
            self._part(table, first, min(PART, table.count - first))

    def _part(self, table: Table, first: int, count: int) -> None:
        """Entries ``first`` … ``first + count`` of a table, unpacked at once."""
        step = 3 if table.kind == "RELA" else 2
        offset = table.offset + first * step * self.word
        words = unpack_words(self.elf.data, offset, step * count, self.letter)
        places, infos = words[0::step], words[1::step]
        addends: Sequence[int] | None = words[2::step] if step == 3 else None
        relative = self.machine.relative
        others: Sequence[int] = ()
        if infos.count(relative) != len(infos):
            others = [i for i, info in enumerate(infos) if info != relative]
            keep = [i for i, info in enumerate(infos) if info == relative]
            relative_places: Sequence[int] = [places[i] for i in keep]
            relative_addends: Sequence[int] | None = None if addends is None else [addends[i] for i in keep]
        else:
            relative_places, relative_addends = places, addends
        self._add_bias(table, relative_places, relative_addends)
        shift, type_mask = (32, 0xFFFFFFFF) if self.word == 8 else (8, 0xFF)
        sign = 1 << (self.machine.elf_class - 1)
        rows = self.links.profile.relocations(self.machine)
        for i in others:
            number = infos[i] & type_mask
            row = rows.get(number)
            do = self._do.get(row.verb) if row else None
            addend = None if addends is None else (addends[i] ^ sign) - sign
            self._count(number, 1)
            try:
                if do is None:
                    raise self._refused(table, first + i, number)
                do(number, infos[i] >> shift, places[i], addend)
            except LoadError as error:
                if not error.where:
                    other = "" if error.path == self.obj.path else f" of {self.obj.path}"
                    error.where = self._entry(table, first + i, number) + other
                self._name_symbols(error, [infos[j] >> shift for j in others if j <= i])
                raise

    def _name_symbols(self, error: LoadError, indexes: Sequence[int]) -> None:
        """Add to an error what the entry's own symbol is called (``own_symbol``, "" for none), and which name the table
        mentioned last (``symbol``). ``indexes``: the symbols of the entries up to the one that failed."""
        named = next((index for index in reversed(indexes) if index), 0)
        error.facts.setdefault("own_symbol", self.elf.symbol(indexes[-1]).text if indexes[-1] else "")
        error.facts.setdefault("symbol", self.elf.symbol(named).text if named else "")

    def _relr(self, table: Table) -> None:
        """DT_RELR (gABI proposal of 2018): an even word is an address, an odd one a bitmap of the words that follow."""
        word, bits = self.word, self.machine.elf_class - 1
        left = len(self.elf.data) // word  # each place holds its addend, so the file has a word for each
        places: list[int] = []
        following: int | None = None
        for at in range(table.offset, table.offset + table.count * word, word):
            entry = int.from_bytes(self.elf.data[at : at + word], "little")
            if not entry & 1:
                places.append(entry)
                following = entry + word
                continue
            if following is None:
                raise self.elf.error(f"{table.tag} entry at {at:#x}", "bitmap before any address")
            entry >>= 1
            place = following
            while entry:
                if entry & 1:
                    places.append(place)
                entry >>= 1
                place += word
            following += bits * word
            if len(places) >= PART:
                left -= self._add_bias(table, places, None)
                places = []
            if left < len(places):
                raise self.elf.error(f"{table.tag} entry at {at:#x}", "more places than the file has words")
        self._add_bias(table, places, None)

    def _add_bias(self, table: Table, places: Sequence[int], addends: Sequence[int] | None) -> int:
        """Write bias + addend at every (unbiased) place; without addends, add the bias to what is there. Returns and
        counts how many places there are."""
        if not places:
            return 0
        ordered = sorted(places)
        if ordered != list(places):
            if addends is not None:
                pairs = sorted(zip(places, addends, strict=True), key=lambda pair: pair[0])
                addends = [addend for _, addend in pairs]
            places = ordered
        bias, mask, word = self.bias, self.machine.mask, self.word
        low = 0
        for window in self.windows:
            start, end = window.start - bias, window.end - bias
            if low == len(places) or places[low] < start:
                break
            high = bisect_left(places, end - word + 1, low)
            if high == low:
                continue
            part = places[low:high]
            if not window.writable:
                raise self._read_only(table, part[0])
            words = window.words
            if words is None or reduce(or_, part, start) & (word - 1):
                for i in range(low, high):
                    value = self._get(places[i], word) if addends is None else addends[i]
                    self._put(places[i], word, bias + value)
            elif addends is None:
                shift = word.bit_length() - 1
                for place in part:
                    i = (place - start) >> shift
                    words[i] = (words[i] + bias) & mask
            else:
                shift = word.bit_length() - 1
                for place, addend in zip(part, addends[low:high], strict=True):
                    words[(place - start) >> shift] = (bias + addend) & mask
            low = high
        if low != len(places):
            raise self._outside(table, places[low])
        self._count(self.machine.relative, len(places))
        return len(places)

    # -- places -------------------------------------------------------------------------------------------------------

    def _window(self, place: int, size: int, *, write: bool = True) -> tuple[_Window, int]:
        address = place + self.bias & self.machine.mask
        for window in self.windows:
            if window.start <= address and address + size <= window.end:
                if write and not window.writable:
                    raise self._read_only(None, place)
                return window, address - window.start
        raise self._outside(None, place)

    def _get(self, place: int, size: int) -> int:
        window, at = self._window(place, size, write=False)
        return int.from_bytes(window.view[at : at + size], "little")

    def _put(self, place: int, size: int, value: int) -> None:
        window, at = self._window(place, size)
        window.view[at : at + size] = (value & ((1 << size * 8) - 1)).to_bytes(size, "little")

    def _addend(self, place: int, number: int, addend: int | None) -> int:
        """The entry's addend, or for REL the one that stands in the place."""
        return self._get(place, self.machine.relocations[number].width) if addend is None else addend

    def _write(self, number: int, place: int, value: int) -> None:
        self._put(place, self.machine.relocations[number].width, value)

    # -- verbs --------------------------------------------------------------------------------------------------------

    def _resolve(self, index: int, verb: str) -> Resolved:
        """What symbol ``index`` binds to; looked up once in a pass for each kind of use."""
        if index == 0:
            return Resolved(self.obj, None, self.bias)
        key = (index, verb)
        found = self._resolved.get(key)
        if found is None:
            found = self.links.resolve(self.obj, self.elf.symbol(index), verb)
            definer, symbol = found.object, found.symbol
            if definer is not None and symbol is not None and symbol.type == STT_GNU_IFUNC and verb != verbs.SIZE:
                found = found._replace(address=self.links.call_resolver(definer, found.address))
            self._resolved[key] = found
        return found

    def _none(self, number: int, index: int, place: int, addend: int | None) -> None:
        pass

    def _relative(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self.bias + self._addend(place, number, addend))

    def _symbolic(self, number: int, index: int, place: int, addend: int | None) -> None:
        value = self._resolve(index, verbs.SYMBOLIC).address + self._addend(place, number, addend)
        width = self.machine.relocations[number].width
        if width < self.word and value >> (8 * width):
            name = self.elf.symbol(index).text
            reloc = self.machine.relocation_name(number)
            self.links.warn(self.obj, f"Symbol `{name}' causes overflow in {reloc} relocation")
        self._put(place, width, value)

    def _glob_dat(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self._resolve(index, verbs.GLOB_DAT).address)

    def _jump_slot(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._write(number, place, self._resolve(index, verbs.JUMP_SLOT).address + (addend or 0))

    def _pc_relative(self, number: int, index: int, place: int, addend: int | None) -> None:
        value = self._resolve(index, verbs.SYMBOLIC).address + self._addend(place, number, addend)
        self._write(number, place, value - (place + self.bias))

    def _size(self, number: int, index: int, place: int, addend: int | None) -> None:
        symbol = self._resolve(index, verbs.SIZE).symbol
        self._write(number, place, (symbol.size if symbol else 0) + self._addend(place, number, addend))

    def _copy(self, number: int, index: int, place: int, addend: int | None) -> None:
        reference = self.elf.symbol(index)
        found = self._resolve(index, verbs.COPY)
        definer, definition = found.object, found.symbol
        if definer is None or definition is None:
            return
        if definition.size > reference.size:
            self.links.warn(
                self.obj, f"Symbol `{reference.text}' has different size in shared object, consider re-linking"
            )
        size = min(definition.size, reference.size)
        if not size:
            return
        self._copied += size
        if self._copied > self.obj.end - self.obj.start:
            raise LoadError(self.obj.path, "", f"COPY relocations of more bytes in all than the object has: {self._copied}")
        region = next((r for r in definer.regions if r.start <= found.address and found.address + size <= r.end), None)
        if region is None:
            raise definer.elf.error(f"symbol {definition.index}", f"{size} bytes of `{definition.text}' are not mapped")
        window, at = self._window(place, size)
        window.view[at : at + size] = self.links.memory.view(found.address, size)

    def _irelative(self, number: int, index: int, place: int, addend: int | None) -> None:
        self._deferred.append((number, place, addend))

    def _irelative_now(self, number: int, place: int, addend: int | None) -> None:
        resolver = self.bias + self._addend(place, number, addend) & self.machine.mask
        self._write(number, place, self.links.call_resolver(self.obj, resolver))

    def _tls(self, index: int) -> tuple[TlsModule | None, int]:
        """The module a TLS reference binds to and the symbol's offset in it; None for an undefined weak symbol."""
        found = self._resolve(index, verbs.TPOFF)
        if found.object is None:
            return None, 0
        if found.object.tls is None:
            raise LoadError(self.obj.path, "", f"TLS relocation against {found.object.path}, which has no TLS segment")
        return found.object.tls, found.symbol.value if found.symbol else 0

    def _dtpmod(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, _ = self._tls(index)
        if module is not None:
            self._write(number, place, module.id)

    def _dtpoff(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, value = self._tls(index)
        if module is not None:
            self._write(number, place, value + self._addend(place, number, addend))

    def _tpoff(self, number: int, index: int, place: int, addend: int | None) -> None:
        module, value = self._tls(index)
        if module is not None:
            self.links.static_tls(module, required_by=self.obj)
            assert module.offset is not None
            offset = module.offset if self.machine.tls_above else -module.offset
            self._write(number, place, value + self._addend(place, number, addend) + offset)

    def _tlsdesc(self, number: int, index: int, place: int, addend: int | None) -> None:
        word = self.word
        entry_at, argument_at = (0, word) if self.machine.tlsdesc_entry_first else (word, 0)
        module, value = self._tls(index)
        value += self._get(place + argument_at, word) if addend is None else addend
        entry, argument = self.links.tlsdesc(self.obj, module, value)
        self._put(place + entry_at, word, entry)
        self._put(place + argument_at, word, argument)

    # -- words --------------------------------------------------------------------------------------------------------

    def _count(self, number: int, many: int) -> None:
        name = self.machine.relocation_name(number)
        self.counts[name] = self.counts.get(name, 0) + many

    def _entry(self, table: Table, index: int, number: int) -> str:
        size = {"RELR": self.word, "REL": 2 * self.word, "RELA": 3 * self.word}[table.kind]
        return f"{table.tag} entry {index} at {table.offset + index * size:#x}, {self.machine.relocation_name(number)}"

    def _refused(self, table: Table, index: int, number: int) -> LoadError:
        plt = "PLT " if table.tag == "DT_JMPREL" else ""
        where = self._entry(table, index, number)
        size = {"RELR": self.word, "REL": 2 * self.word, "RELA": 3 * self.word}[table.kind]
        load = next(s for s in self.elf.loads if s.offset <= table.offset < s.offset + s.filesz)
        address = self.bias + load.vaddr + table.offset - load.offset + index * size
        facts: dict[str, str | int] = {
            "number": number,
            "relocation": self.machine.relocation_name(number),
            "entry": index,
            "entry_address": f"{address:#x}",
        }
        return LoadError(self.obj.path, where, f"unexpected {plt}reloc type 0x{number:02x}", "reloc-type", **facts)

    def _outside(self, table: Table | None, place: int) -> LoadError:
        where = f"{table.tag} at {table.offset:#x}" if table else ""
        return LoadError(
            self.obj.path, where, f"relocation of address {place:#x}, which is outside the object's segments"
        )

    def _read_only(self, table: Table | None, place: int) -> LoadError:
        where = f"{table.tag} at {table.offset:#x}" if table else ""
        return LoadError(
            self.obj.path,
            where,
            f"relocation of address {place:#x} in a read-only segment without DT_TEXTREL",
            "textrel",
        )
