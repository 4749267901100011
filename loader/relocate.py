"""Applying an object's relocations.

The tables are unpacked whole. Base-relative entries — nearly all of a Go library's — are applied in one pass over
packed words; what is left goes through one verb each (see `loader.machines.base`). Order, as glibc's
elf/dynamic-link.h and do-rel.h: RELR, then each range of tables with its relative entries first and, on some machines,
IRELATIVE last; the PLT's table is a range of its own unless it lies right behind the other one. A lazily bound object's
PLT slots are only moved by the bias, and its GOT gets the two words that lead to the resolver.

An IFUNC's resolver runs in the guest. A pass stops where it needs one called, and goes on there with the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .errors import FatalLoadError, LoadError
from .gabi import DT_PLTGOT, DT_RELACOUNT, DT_RELCOUNT, Table, unpack_words
from .machines import base as verbs
from .machines.base import Machine
from .objects import LinkedObject
from .pending import Position, Progress
from .verbs import Applier, Linkage, Pause, ResolverCall

#: entries unpacked at once: what a big table costs in Python's numbers is bounded
PART = 1 << 16


class Relocator:
    """One stretch of an object's relocation. Holds views of memory, so it lives no longer than that."""

    def __init__(self, obj: LinkedObject, links: Linkage, progress: Progress) -> None:
        self.obj = obj
        self.elf = obj.elf
        self.links = links
        self.progress = progress
        self.machine = obj.elf.machine
        self.word = self.machine.word
        self.letter = obj.elf.layout.word
        self.applier = Applier(obj, links, progress.tally)
        self.rows = self.applier.rows
        self.places = self.applier.places

    def run(self, answer: int | None = None) -> ResolverCall | None:
        """Apply the tables from the progress on, to the end (None) or to the first entry whose resolver has to be called
        first. ``answer``: the result of the resolver asked for last."""
        progress = self.progress
        self.applier.answer = answer
        try:
            if not progress.begun:
                progress.begun = True
                self._begin()
            for number, tables in enumerate(self._ranges()):
                if number < progress.position.range:
                    continue
                for late in (False, True):
                    if late and not progress.late:
                        continue
                    for place, table in enumerate(tables):
                        self._table(table, Position(number, late, place))
                progress.late = False
        except Pause as pause:
            return pause.call
        return None

    def _begin(self) -> None:
        """Do what precedes the first entry: the GOT's words for lazy binding, and RELR."""
        elf = self.elf
        plt = any(table.tag == "DT_JMPREL" for table in elf.relocations)
        words = self.links.lazy.words(self.obj) if self.progress.lazy and plt and DT_PLTGOT in elf.dynamic else None
        self.progress.lazy = words is not None
        for i, value in enumerate(words or (), 1):
            self.places.put(elf.dynamic[DT_PLTGOT] + i * self.word, self.word, value)
        for table in elf.relocations:
            if table.kind == "RELR" and self.links.profile.applies_relr:
                self._relr(table)

    def _ranges(self) -> list[list[Table]]:
        """The tables that are gone through together."""
        ranges: list[list[Table]] = []
        for table in self.elf.relocations:
            if table.kind == "RELR":
                continue
            last = ranges[-1][-1] if ranges else None
            joined = last is not None and last.kind == table.kind and last.end(self.word) == table.offset
            if joined and table.tag == "DT_JMPREL" and not self.progress.lazy:
                ranges[-1].append(table)
            else:
                ranges.append([table])
        return ranges

    # -- bulk ---------------------------------------------------------------------------------------------------------

    def _table(self, table: Table, start: Position) -> None:
        for part in range(-(-table.count // PART)):
            if start._replace(part=part + 1) > self.progress.position:
                self._part(table, start._replace(part=part))

    def _part(self, table: Table, start: Position) -> None:
        """The entries of a part, unpacked at once."""
        progress = self.progress
        step = table.words
        first = start.part * PART
        count = min(PART, table.count - first)
        words = unpack_words(self.elf.data, table.entry(first, self.word), step * count, self.letter)
        places, infos = words[0::step], self._counted(table, first, words[1::step])
        addends: Sequence[int] | None = words[2::step] if step == 3 else None
        lazy = progress.lazy and table.tag == "DT_JMPREL"
        if progress.position <= start:
            if lazy and not start.late:
                self._move_slots(table, places, infos)
            elif not start.late:
                self._relatives(table, places, infos, addends)
            progress.position = start._replace(entry=0)
        shift, type_mask = self.machine.symbol_shift, self.machine.type_mask
        sign = 1 << (self.machine.elf_class - 1)
        for i in self._others(infos, lazy):
            if i < progress.position.entry:
                continue
            number = infos[i] & type_mask
            row = self.rows.get(number)
            do = self.applier.do.get(row.verb) if row else None
            if row is None or (lazy and not self._may_be_lazy(infos[i], row)):
                do = None
            late = self.machine.irelative_last and row is not None and row.verb == verbs.IRELATIVE
            if late is not start.late:
                progress.late = True
                continue
            progress.position = start._replace(entry=i)
            addend = None if addends is None else (addends[i] ^ sign) - sign
            try:
                if do is None:
                    raise self._refused(table, first + i, number, lazy)
                do(number, infos[i] >> shift, places[i], addend)
            except LoadError as error:
                if not error.where:
                    other = "" if error.path == self.obj.path else f" of {self.obj.path}"
                    error.where = entry_place(self.machine, table, first + i, number) + other
                self._name_symbols(error, [info >> shift for info in infos[: i + 1]])
                raise
            self.applier.count(number, 1)
        progress.position = start._replace(part=start.part + 1)

    def _counted(self, table: Table, first: int, infos: Sequence[int]) -> Sequence[int]:
        """The entries' r_info as this linker reads them: it may take as many as DT_RELACOUNT or DT_RELCOUNT says for relative
        ones, whatever they are (elf_machine_rela_relative); glibc's for x86-64 ends the process then."""
        count = self.elf.dynamic.get(DT_RELACOUNT if table.kind == "RELA" else DT_RELCOUNT, 0)
        counted = min(max(count - first, 0), len(infos))
        relative = self.machine.relative
        if not counted or table.tag == "DT_JMPREL" or not self.links.profile.counts_relative:
            return infos
        if infos[:counted].count(relative) == counted:
            return infos
        words = self.links.profile.miscounted(self.machine)
        if words:
            raise FatalLoadError("", "", words, "inconsistency")
        return [relative] * counted + list(infos[counted:])

    def _others(self, infos: Sequence[int], lazy: bool) -> Iterator[int]:
        """The entries that are applied one by one."""
        bulk = self.machine.jump_slot if lazy else self.machine.relative
        if infos.count(bulk) == len(infos):
            return iter(())
        if lazy:
            mask = self.machine.type_mask
            return (i for i, info in enumerate(infos) if info & mask != bulk or self._bound_at_once(info, self.rows[bulk]))
        return (i for i, info in enumerate(infos) if info != bulk)

    def _relatives(
        self, table: Table, places: Sequence[int], infos: Sequence[int], addends: Sequence[int] | None
    ) -> None:
        relative = self.machine.relative
        if infos.count(relative) != len(infos):
            keep = [i for i, info in enumerate(infos) if info == relative]
            places = [places[i] for i in keep]
            addends = None if addends is None else [addends[i] for i in keep]
        self.places.add_bias(f"{table.tag} at {table.offset:#x}", places, addends)
        self.applier.count(relative, len(places))

    def _move_slots(self, table: Table, places: Sequence[int], infos: Sequence[int]) -> None:
        """PLT slots that are bound at their first call: each leads to its PLT entry's own resolving half."""
        mask, slot = self.machine.type_mask, self.machine.jump_slot
        row = self.rows[slot]
        moved = [
            place
            for place, info in zip(places, infos, strict=True)
            if info & mask == slot and not self._bound_at_once(info, row)
        ]
        self.places.add_bias(f"{table.tag} at {table.offset:#x}", moved, None)
        self.applier.count(slot, len(moved))

    def _may_be_lazy(self, info: int, row: verbs.Relocation) -> bool:
        return row.verb in self.machine.lazy_verbs or self._bound_at_once(info, row)

    def _bound_at_once(self, info: int, row: verbs.Relocation) -> bool:
        """True if a slot is bound at once though the object is lazy: by its symbol, the function does not keep to
        the registers that the resolver saves (AAELF64, STO_AARCH64_VARIANT_PCS)."""
        if row.verb != verbs.JUMP_SLOT or not self.machine.variant_call_flag:
            return False
        return bool(self.elf.symbol(info >> self.machine.symbol_shift).other & self.machine.variant_call_flag)

    def _name_symbols(self, error: LoadError, indexes: Sequence[int]) -> None:
        """Add to an error what the entry's own symbol is called (``own_symbol``, "" for none), and which name the table
        mentioned last (``symbol``). ``indexes``: the symbols of the entries up to the one that failed."""
        named = next((index for index in reversed(indexes) if index), 0)
        error.facts.setdefault("own_symbol", self.elf.symbol(indexes[-1]).text if indexes[-1] else "")
        error.facts.setdefault("symbol", self.elf.symbol(named).text if named else "")

    def _relr(self, table: Table) -> None:
        """DT_RELR (gABI proposal of 2018): an even word is an address, an odd one a bitmap of the words that follow."""
        word, bits = self.word, self.machine.elf_class - 1
        where = f"{table.tag} at {table.offset:#x}"
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
                left -= len(places)
                self.places.add_bias(where, places, None)
                self.applier.count(self.machine.relative, len(places))
                places = []
            if left < len(places):
                raise self.elf.error(f"{table.tag} entry at {at:#x}", "more places than the file has words")
        self.places.add_bias(where, places, None)
        self.applier.count(self.machine.relative, len(places))

    # -- words --------------------------------------------------------------------------------------------------------

    def _refused(self, table: Table, index: int, number: int, lazy: bool) -> LoadError:
        where = entry_place(self.machine, table, index, number)
        load = next(s for s in self.elf.loads if s.offset <= table.offset < s.offset + s.filesz)
        address = self.obj.bias + load.vaddr - load.offset + table.entry(index, self.word)
        facts: dict[str, str | int] = {
            "number": number,
            "relocation": self.machine.relocation_name(number),
            "entry": index,
            "entry_address": f"{address:#x}",
        }
        digits = 8 if number > 0xFF and self.word == 8 else 2  # _dl_reloc_bad_type
        message = f"unexpected {'PLT ' if lazy else ''}reloc type 0x{number:0{digits}x}"
        return LoadError(self.obj.path, where, message, "reloc-type", **facts)


def entry_place(machine: Machine, table: Table, index: int, number: int) -> str:
    """The place of an entry in words: table, entry, offset in the file, and the name of its relocation."""
    return f"{table.tag} entry {index} at {table.entry(index, machine.word):#x}, {machine.relocation_name(number)}"
