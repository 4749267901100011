"""Symbol versions: what a file defines and what it asks of others.

Sources: Drepper, "ELF Symbol Versioning"; glibc elf/dl-version.c, _dl_check_map_versions.
"""

from __future__ import annotations

from struct import unpack_from
from typing import NamedTuple, Protocol

from .errors import LoadError
from .name_bound import NameRoom

HIDDEN = 0x8000
#: version indexes have 15 bits, so no honest file has more entries
MAX_ENTRIES = 0x8000


class VersionedFile(Protocol):
    """A file as the version tables need it: see `loader.elf.ElfFile`."""

    data: bytes

    def error(self, where: str, message: str) -> LoadError: ...

    def offset_of(self, vaddr: int, size: int, what: str) -> int: ...

    def file_end(self, vaddr: int) -> int: ...

    def string(self, offset: int, what: str) -> str: ...

    def string_bytes(self, offset: int, what: str) -> bytes: ...

    def name_room(self, what: str) -> NameRoom: ...


class Version(NamedTuple):
    """A version asked for or defined. ``hidden``: only exactly this version will do; ``file``: of whom it is asked."""

    name: bytes
    hidden: bool = False
    file: str = ""


class VersionNeed(NamedTuple):
    """One version a file asks of another: ``file`` is a DT_NEEDED name, ``weak`` permits its absence; ``hash``: vna_hash."""

    file: str
    name: bytes
    weak: bool
    hash: int = -1


class Versions:
    """DT_VERSYM with what DT_VERNEED asks for and DT_VERDEF defines."""

    def __init__(
        self, elf: VersionedFile, versym: int | None, needs: tuple[int, int] | None, definitions: tuple[int, int] | None
    ) -> None:
        """``versym``: its address; ``needs`` and ``definitions``: address and entry count. None: absent."""
        self.elf = elf
        self.needs: list[VersionNeed] = []
        #: names defined, the base excluded
        self.defined: set[bytes] = set()
        #: vd_hash of each
        self.hashes: dict[bytes, int] = {}
        self._room = elf.name_room("version names")
        self.has_definitions = definitions is not None
        self.by_index: dict[int, Version] = {}
        self._indexes: set[int] = {0, 1}
        self._symbols_at: int | None = None
        if versym is not None:
            self._symbols_at = elf.offset_of(versym, 2, "DT_VERSYM")
            self._end = elf.file_end(versym)
        if needs is not None:
            self._read_needs(*needs)
        if definitions is not None:
            self._read_definitions(*definitions)

    def _check_count(self, name: str, at: int, entries: int) -> None:
        if entries > MAX_ENTRIES:
            raise self.elf.error(f"{name} at {at:#x}", f"more than {MAX_ENTRIES} versions")

    def _read_needs(self, vaddr: int, files: int) -> None:
        elf = self.elf
        for i in range(files):
            self._check_count("DT_VERNEED", vaddr, i + len(self.needs))
            at = elf.offset_of(vaddr, 16, "DT_VERNEED")
            version, count, file, aux, following = unpack_from("<HHIII", elf.data, at)
            if version != 1:
                raise elf.error(f"DT_VERNEED entry at {at:#x}", f"unsupported version {version} of Verneed record")
            name = self._room.take(elf.string(file, f"DT_VERNEED entry at {at:#x}"))
            place = vaddr + aux
            for _ in range(count):
                self._check_count("DT_VERNEED", vaddr, len(self.needs))
                at = elf.offset_of(place, 16, "DT_VERNEED entry")
                hashed, flags, other, text, step = unpack_from("<IHHII", elf.data, at)
                wanted = self._room.take(elf.string_bytes(text, f"DT_VERNEED entry at {at:#x}"))
                self.needs.append(VersionNeed(name, wanted, bool(flags & 2), hashed))
                self.by_index[other & 0x7FFF] = Version(wanted, bool(other & HIDDEN), name)
                self._indexes.add(other & 0x7FFF)
                if step == 0:
                    break
                place += step
            if following == 0:
                break
            vaddr += following

    def _read_definitions(self, vaddr: int, entries: int) -> None:
        elf = self.elf
        for i in range(entries):
            self._check_count("DT_VERDEF", vaddr, i)
            at = elf.offset_of(vaddr, 20, "DT_VERDEF")
            version, flags, index, count, hashed, aux, following = unpack_from("<HHHHIII", elf.data, at)
            if version != 1:
                raise elf.error(f"DT_VERDEF entry at {at:#x}", f"unsupported version {version} of Verdef record")
            self._indexes.add(index & 0x7FFF)
            if not flags & 1 and count:  # VER_FLG_BASE names the file itself
                at = elf.offset_of(vaddr + aux, 8, "DT_VERDEF entry")
                name = elf.string_bytes(unpack_from("<I", elf.data, at)[0], f"DT_VERDEF entry at {at:#x}")
                self.defined.add(self._room.take(name))
                self.hashes[name] = hashed
                self.by_index[index & 0x7FFF] = Version(name)
            if following == 0:
                break
            vaddr += following

    def raw(self, index: int) -> int | None:
        """The DT_VERSYM entry of symbol ``index``; None when the file has no DT_VERSYM."""
        if self._symbols_at is None:
            return None
        place = self._symbols_at + 2 * index
        if place + 2 > self._end:
            raise self.elf.error(f"DT_VERSYM at {self._symbols_at:#x}", f"no entry for symbol {index}")
        value: int = unpack_from("<H", self.elf.data, place)[0]
        if value & 0x7FFF not in self._indexes:
            where = f"DT_VERSYM at {self._symbols_at:#x}"
            raise self.elf.error(where, f"symbol {index} has version index {value & 0x7FFF}, which is not defined")
        return value

    def of_symbol(self, index: int) -> Version | None:
        """The version symbol ``index`` asks for or is defined with; None when it has none."""
        raw = self.raw(index)
        return None if raw is None else self.by_index.get(raw & 0x7FFF)
