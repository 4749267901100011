"""One ELF file, read and checked.

`ElfFile` holds what a dynamic linker needs: program headers, the dynamic section, strings, symbols, relocation tables
(as places of packed entries), TLS, constructors. Every offset, size and count is checked before it is used, and a
file that fails a check raises `LoadError` with the place in it. Tables are found by virtual address through the
PT_LOAD segments, as the dynamic linker finds them; section headers are not looked at.

What a file may ask for is bounded by its own size, or by a count far above what linkers write (MAX_*): reading one takes
time and memory in proportion to its bytes, whatever they say.

Sources: System V gABI, chapters 4 and 5; the order and words of the first checks: glibc elf/dl-load.c, open_verify and
_dl_map_object_from_fd.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import iter_unpack, unpack_from

from .errors import LoadError
from .file_kinds import kind_of
from .gabi import (
    DF_1_NODELETE,
    DF_1_NOW,
    DF_BIND_NOW,
    DF_SYMBOLIC,
    DF_TEXTREL,
    DT_AUXILIARY,
    DT_BIND_NOW,
    DT_FILTER,
    DT_FLAGS,
    DT_FLAGS_1,
    DT_GNU_HASH,
    DT_HASH,
    DT_NEEDED,
    DT_NULL,
    DT_RPATH,
    DT_RUNPATH,
    DT_SONAME,
    DT_STRSZ,
    DT_STRTAB,
    DT_SYMBOLIC,
    DT_SYMENT,
    DT_SYMTAB,
    DT_TEXTREL,
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    DT_VERSYM,
    ELF32,
    ELF64,
    ET_DYN,
    ET_EXEC,
    PF_X,
    PT_DYNAMIC,
    PT_GNU_RELRO,
    PT_GNU_STACK,
    PT_LOAD,
    PT_NOTE,
    PT_PHDR,
    PT_TLS,
    Segment,
    Symbol,
    TlsTemplate,
)
from .hashes import GnuHash, SysvHash
from .machines import BY_NUMBER, Machine, machine_title
from .name_bound import NameRoom
from .notes import BrokenNote, Note, read_notes
from .relocation_tables import relocation_tables
from .versions import Versions

#: PT_LOAD segments, entries before DT_NULL, and names of libraries (DT_NEEDED, filters) that are accepted
MAX_SEGMENTS, MAX_DYNAMIC, MAX_NEEDED = 1024, 0x10000, 4096

_SEGMENT_NAMES = {PT_DYNAMIC: "PT_DYNAMIC", PT_TLS: "PT_TLS", PT_GNU_RELRO: "PT_GNU_RELRO", PT_PHDR: "PT_PHDR"}
_LIBRARIES = {DT_NEEDED: "DT_NEEDED", DT_FILTER: "DT_FILTER", DT_AUXILIARY: "DT_AUXILIARY"}


def _kind(data: bytes) -> str:
    """The kind of a file that is not ELF, as the end of an error's place."""
    kind = kind_of(data) if data[:4] != b"\x7fELF" else ""
    return f"; this is {kind}" if kind else ""


class ElfFile:
    """A checked ELF file. ``data`` is its content, ``path`` its name in messages; ``machine``, when given, is required.

    Raises LoadError. The object is never changed after it is made, and copies of the state share it.
    """

    def __init__(self, data: bytes, path: str, machine: Machine | None = None) -> None:
        self.data = data
        self.path = path
        self._read_header(machine)
        self._read_segments()
        self._read_dynamic()
        self._read_strings()
        self._read_symbol_tables()
        self.relocations = relocation_tables(self)
        self.tls = self._read_tls()

    def __deepcopy__(self, memo: object) -> ElfFile:
        return self

    def __repr__(self) -> str:
        return f"<ElfFile {self.path}>"

    def error(self, where: str, message: str, code: str = "invalid", **facts: str | int) -> LoadError:
        """A LoadError about this file."""
        return LoadError(self.path, where, message, code, **facts)

    # -- header and segments ------------------------------------------------------------------------------------------

    def _read_header(self, required: Machine | None) -> None:
        data, error = self.data, self.error
        if len(data) < 20:
            raise error(f"{len(data)} bytes{_kind(data)}", "file too short", "short")
        ident = data[:16]
        if ident[:4] != b"\x7fELF":
            raise error(f"e_ident at 0x0{_kind(data)}", "invalid ELF header", "not-elf")
        if ident[4] not in (1, 2) or (required and ident[4] * 32 != required.elf_class):
            raise error("e_ident[EI_CLASS] at 0x4", f"wrong ELF class: ELFCLASS{32 if ident[4] == 1 else 64}", "class")
        self.layout = ELF32 if ident[4] == 1 else ELF64
        if len(data) < self.layout.ehdr.size:
            raise error(f"{len(data)} bytes", "file too short", "short")
        if ident[5] != 1:
            raise error("e_ident[EI_DATA] at 0x5", "ELF file data encoding not little-endian")
        if ident[6] != 1:
            raise error("e_ident[EI_VERSION] at 0x6", "ELF file version ident does not match current one")
        (_, self.type, number, version, self.entry, self.phoff, self.shoff, self.flags, _, phentsize, self.phnum,
         self.shentsize, self.shnum, self.shstrndx) = self.layout.ehdr.unpack_from(data)  # fmt: skip
        machine = BY_NUMBER.get(number)
        if machine is None or (required and machine is not required):
            wanted = f", not {required.title}" if required else ""
            title = machine_title(number)
            raise error("e_machine at 0x12", f"wrong ELF machine: the file is for {title}{wanted}", "machine")
        if machine.elf_class != ident[4] * 32:
            raise error("e_ident[EI_CLASS] at 0x4", f"wrong ELF class: ELFCLASS{ident[4] * 32}", "class")
        self.machine = machine
        if ident[7] not in machine.os_abis:
            raise error("e_ident[EI_OSABI] at 0x7", "ELF file OS ABI invalid")
        if ident[8] > 3 or (ident[8] and ident[7] != 3):
            raise error("e_ident[EI_ABIVERSION] at 0x8", "ELF file ABI version invalid")
        if any(ident[9:]):
            raise error("e_ident[EI_PAD] at 0x9", "nonzero padding in e_ident")
        if version != 1:
            raise error("e_version at 0x14", "ELF file version does not match current one")
        if self.type not in (ET_EXEC, ET_DYN):
            raise error("e_type at 0x10", "only ET_DYN and ET_EXEC can be loaded")
        if phentsize != self.layout.phdr.size:
            place = self.layout.ehdr.size - 10
            raise error(f"e_phentsize at {place:#x}", "ELF file's phentsize not the expected size")

    def _read_segments(self) -> None:
        data, size = self.data, self.layout.phdr.size
        if self.phoff + self.phnum * size > len(data):
            raise self.error(f"{self.phnum} program headers at {self.phoff:#x}", "cannot read file data", "short")
        table = data[self.phoff : self.phoff + self.phnum * size]
        segments: list[Segment] = []
        if self.machine.word == 8:
            for i, (kind, flags, offset, vaddr, _, filesz, memsz, align) in enumerate(self.layout.phdr.iter_unpack(table)):
                segments.append(Segment(i, kind, flags, offset, vaddr, filesz, memsz, align))
        else:
            for i, (kind, offset, vaddr, _, filesz, memsz, flags, align) in enumerate(self.layout.phdr.iter_unpack(table)):
                segments.append(Segment(i, kind, flags, offset, vaddr, filesz, memsz, align))
        self.segments: tuple[Segment, ...] = tuple(segments)
        loads: list[Segment] = []
        end = 0
        for segment in segments:
            if segment.type not in (PT_LOAD, PT_TLS, PT_DYNAMIC):
                continue
            if segment.align & (segment.align - 1):
                raise self._bad_segment(segment, f"p_align {segment.align:#x} is not a power of two")
            if segment.filesz > segment.memsz and segment.type != PT_DYNAMIC:
                raise self._bad_segment(segment, "p_filesz is larger than p_memsz")
            if segment.filesz and segment.offset + segment.filesz > len(data):
                raise self._bad_segment(segment, "file too short")
            if segment.vaddr + segment.memsz > self.machine.mask:
                raise self._bad_segment(segment, "p_memsz reaches past the end of the address space")
            if segment.type != PT_LOAD or segment.memsz == 0:
                continue
            if (segment.vaddr - segment.offset) & (max(segment.align, 1) - 1):
                raise self._bad_segment(segment, "ELF load command address/offset not properly aligned")
            if segment.vaddr < end:
                raise self._bad_segment(segment, "PT_LOAD segments overlap or are not in ascending order")
            end = segment.vaddr + segment.memsz
            loads.append(segment)
        if len(loads) > MAX_SEGMENTS:
            message = f"{len(loads)} PT_LOAD segments; at most {MAX_SEGMENTS} are accepted"
            raise self.error(f"{self.phnum} program headers at {self.phoff:#x}", message)
        if not loads:
            raise self.error(f"{self.phnum} program headers at {self.phoff:#x}", "object file has no loadable segments")
        #: PT_LOAD segments that are not empty, by address; none overlaps another
        self.loads: tuple[Segment, ...] = tuple(loads)
        self._starts = [segment.vaddr for segment in loads]
        #: address of the program headers once loaded, unbiased (0 when no segment holds them)
        self.phdr_vaddr = next(
            (s.vaddr + self.phoff - s.offset for s in loads if s.offset <= self.phoff < s.offset + s.filesz), 0
        )

    def _bad_segment(self, segment: Segment, message: str) -> LoadError:
        return self.error(self.segment_place(segment), message)

    def segment_place(self, segment: Segment) -> str:
        """A program header as the place of an error."""
        name = "PT_LOAD" if segment.type == PT_LOAD else _SEGMENT_NAMES.get(segment.type, f"type {segment.type:#x}")
        return f"program header {segment.index} ({name}) at {self.phoff + segment.index * self.layout.phdr.size:#x}"

    def segment(self, kind: int) -> Segment | None:
        """The first program header of type ``kind``."""
        return next((s for s in self.segments if s.type == kind), None)

    @property
    def asks_executable_stack(self) -> bool:
        """True if the file wants its threads' stacks executable: by PT_GNU_STACK, or without one by its machine's default."""
        stack = self.segment(PT_GNU_STACK)
        return self.machine.executable_stack if stack is None else bool(stack.flags & PF_X)

    def offset_of(self, vaddr: int, size: int, what: str) -> int:
        """The file offset of ``size`` bytes at ``vaddr``; LoadError naming ``what`` unless one segment's file part
        holds them."""
        segment = self.load_at(vaddr)
        if segment is not None and vaddr + size <= segment.vaddr + segment.filesz:
            return segment.offset + vaddr - segment.vaddr
        raise self.error(f"{what}, {size} bytes at address {vaddr:#x}", "not inside the file part of any PT_LOAD segment")

    def load_at(self, vaddr: int) -> Segment | None:
        """The PT_LOAD segment whose memory holds ``vaddr``."""
        index = bisect_right(self._starts, vaddr) - 1
        if index < 0:
            return None
        segment = self.loads[index]
        return segment if vaddr < segment.vaddr + segment.memsz else None

    def file_end(self, vaddr: int) -> int:
        """The file offset at which the segment that holds ``vaddr`` ends in the file."""
        segment = self.load_at(vaddr)
        return segment.offset + segment.filesz if segment else 0

    # -- dynamic section ----------------------------------------------------------------------------------------------

    def _read_dynamic(self) -> None:
        segment = self.segment(PT_DYNAMIC)
        #: last value of each tag (those that name libraries apart)
        self.dynamic: dict[int, int] = {}
        #: unbiased address of that value
        self.dynamic_places: dict[int, int] = {}
        self._needed: list[tuple[int, int]] = []
        self._places: dict[int, int] = {}
        #: unbiased address of the dynamic section, 0 without one
        self.dynamic_vaddr = segment.vaddr if segment else 0
        if segment is None:
            return
        count = segment.filesz // self.layout.dyn_size
        start = self.offset_of(segment.vaddr, count * self.layout.dyn_size, "PT_DYNAMIC")
        where = f"PT_DYNAMIC at {start:#x}"
        table = memoryview(self.data)[start : start + count * self.layout.dyn_size]
        for i, (tag, value) in enumerate(iter_unpack(f"<2{self.layout.word}", table)):
            if tag == DT_NULL:
                return
            if i == MAX_DYNAMIC:
                raise self.error(where, f"more than {MAX_DYNAMIC} entries")
            self._places[tag] = start + i * self.layout.dyn_size
            if tag not in _LIBRARIES:
                self.dynamic[tag] = value
                self.dynamic_places[tag] = segment.vaddr + i * self.layout.dyn_size + self.machine.word
                continue
            self._needed.append((tag, value))
            if len(self._needed) > MAX_NEEDED:
                raise self.error(where, f"more than {MAX_NEEDED} DT_NEEDED entries")
        raise self.error(where, "dynamic section has no DT_NULL at its end")

    def tag_place(self, name: str, tag: int) -> str:
        """A dynamic entry as the place of an error: its name and file offset (the last one's, where there are several)."""
        return f"{name} at {self._places[tag]:#x}" if tag in self._places else name

    def _read_strings(self) -> None:
        dynamic = self.dynamic
        self._strings = b""
        self._strings_offset = 0
        if DT_STRTAB in dynamic:
            size = dynamic.get(DT_STRSZ, 0)
            start = self.offset_of(dynamic[DT_STRTAB], size, "DT_STRTAB")
            self._strings = self.data[start : start + size]
            self._strings_offset = start
        room = self.name_room("DT_NEEDED")
        #: (tag, name) of DT_NEEDED, DT_FILTER and DT_AUXILIARY, in file order
        self.libraries: list[tuple[int, str]] = []
        for tag, value in self._needed:
            self.libraries.append((tag, room.take(self.string(value, _LIBRARIES[tag]))))
        #: DT_NEEDED names, in file order
        self.needed: tuple[str, ...] = tuple(name for tag, name in self.libraries if tag == DT_NEEDED)
        self.soname: str | None = self._dynamic_string(DT_SONAME, "DT_SONAME")
        self.rpath: str | None = self._dynamic_string(DT_RPATH, "DT_RPATH")
        self.runpath: str | None = self._dynamic_string(DT_RUNPATH, "DT_RUNPATH")
        flags, flags_1 = dynamic.get(DT_FLAGS, 0), dynamic.get(DT_FLAGS_1, 0)
        self.dt_flags, self.dt_flags_1 = flags, flags_1
        self.symbolic = DT_SYMBOLIC in dynamic or bool(flags & DF_SYMBOLIC)
        self.bind_now = DT_BIND_NOW in dynamic or bool(flags & DF_BIND_NOW) or bool(flags_1 & DF_1_NOW)
        self.textrel = DT_TEXTREL in dynamic or bool(flags & DF_TEXTREL)
        self.nodelete = bool(flags_1 & DF_1_NODELETE)

    def _dynamic_string(self, tag: int, name: str) -> str | None:
        return self.string(self.dynamic[tag], name) if tag in self.dynamic else None

    def string_bytes(self, offset: int, what: str) -> bytes:
        """The zero-terminated string at ``offset`` of DT_STRTAB."""
        end = self._strings.find(b"\0", offset) if offset < len(self._strings) else -1
        if end < 0:
            raise self.error(
                f"{what}: offset {offset:#x} of DT_STRTAB at {self._strings_offset:#x}",
                f"string is not inside the string table of {len(self._strings)} bytes",
            )
        return self._strings[offset:end]

    def string(self, offset: int, what: str) -> str:
        """As `string_bytes`, decoded; undecodable bytes become backslash escapes."""
        return self.string_bytes(offset, what).decode("utf-8", "backslashreplace")

    def name_room(self, what: str) -> NameRoom:
        """A bound on the names read from the string table for ``what`` in all: four times its size and some more.

        Linkers let names share their ends, which makes them longer together than the table, but not by much.
        """
        where = f"{what} in DT_STRTAB at {self._strings_offset:#x}"
        return NameRoom(self.path, where, (1 << 16) + 4 * len(self._strings))

    # -- symbols ------------------------------------------------------------------------------------------------------

    def _read_symbol_tables(self) -> None:
        dynamic, size = self.dynamic, self.layout.sym.size
        self._symtab = 0
        #: how many entries there is room for: an index is below this
        self.symbol_limit = 0
        if DT_SYMTAB in dynamic:
            if dynamic.get(DT_SYMENT, size) != size:
                where = self.tag_place("DT_SYMENT", DT_SYMENT)
                raise self.error(where, f"symbol entries of {dynamic[DT_SYMENT]} bytes, expected {size}")
            vaddr = dynamic[DT_SYMTAB]
            self._symtab = self.offset_of(vaddr, size, "DT_SYMTAB")
            room = self.file_end(vaddr) - self._symtab
            if 0 < dynamic.get(DT_STRTAB, 0) - vaddr < room:
                room = dynamic[DT_STRTAB] - vaddr
            self.symbol_limit = room // size
        #: the table a dynamic linker would use: the GNU one when there are both
        self.hash: GnuHash | SysvHash | None = None
        if DT_GNU_HASH in dynamic:
            self.hash = GnuHash(self, dynamic[DT_GNU_HASH])
        elif DT_HASH in dynamic:
            self.hash = SysvHash(self, dynamic[DT_HASH])
        needs = (dynamic[DT_VERNEED], dynamic.get(DT_VERNEEDNUM, 0)) if DT_VERNEED in dynamic else None
        definitions = (dynamic[DT_VERDEF], dynamic.get(DT_VERDEFNUM, 0)) if DT_VERDEF in dynamic else None
        self.versions: Versions | None = None
        if DT_VERSYM in dynamic or needs or definitions:
            self.versions = Versions(self, dynamic.get(DT_VERSYM), needs, definitions)

    def symbol(self, index: int) -> Symbol:
        """Entry ``index`` of the dynamic symbol table."""
        if not 0 <= index < self.symbol_limit:
            raise self.error(
                f"DT_SYMTAB at {self._symtab:#x}", f"symbol index {index} is outside the table of {self.symbol_limit}"
            )
        fields = self.layout.sym.unpack_from(self.data, self._symtab + index * self.layout.sym.size)
        if self.machine.word == 8:
            name, info, other, shndx, value, size = fields
        else:
            name, value, size, info, other, shndx = fields
        return Symbol(index, self.string_bytes(name, f"symbol {index}"), value, size, info, other, shndx)

    def symbol_has_name(self, index: int, key: bytes) -> bool:
        """True if symbol ``index`` is called ``key`` (which ends in a zero byte): quicker than `symbol`."""
        if not 0 <= index < self.symbol_limit:
            raise self.error(f"DT_SYMTAB at {self._symtab:#x}", f"symbol index {index} is outside the table")
        (offset,) = unpack_from("<I", self.data, self._symtab + index * self.layout.sym.size)
        return self._strings.startswith(key, offset)

    def symbol_count(self) -> int:
        """The number of dynamic symbols, as far as the hash table tells (a file does not say it elsewhere)."""
        return self.hash.symbol_count() if self.hash else 0

    def symbols(self) -> list[Symbol]:
        """All dynamic symbols the hash table covers, without the empty first one."""
        room = self.name_room("names of DT_SYMTAB")
        found = []
        for i in range(1, self.symbol_count()):
            symbol = self.symbol(i)
            room.take(symbol.name)
            found.append(symbol)
        return found

    # -- relocations, TLS, constructors -------------------------------------------------------------------------------

    def _read_tls(self) -> TlsTemplate | None:
        segment = self.segment(PT_TLS)
        if segment is None or segment.memsz == 0:
            return None
        if segment.filesz:
            self.offset_of(segment.vaddr, segment.filesz, "PT_TLS")
        return TlsTemplate(segment.vaddr, segment.filesz, segment.memsz, max(segment.align, 1))

    def array(self, tag: int, size_tag: int, name: str) -> tuple[int, int]:
        """(unbiased address, entry count) of DT_INIT_ARRAY and the other arrays; (0, 0) when absent."""
        vaddr, size = self.dynamic.get(tag, 0), self.dynamic.get(size_tag, 0)
        if tag not in self.dynamic or size == 0:
            return 0, 0
        if size % self.machine.word:
            raise self.error(self.tag_place(name, tag), f"size {size} is not a multiple of {self.machine.word}")
        self.offset_of(vaddr, size, self.tag_place(name, tag))
        return vaddr, size // self.machine.word

    def notes(self) -> list[Note]:
        """The notes of all PT_NOTE segments, in file order."""
        segments = [segment for segment in self.segments if segment.type == PT_NOTE]
        if sum(segment.filesz for segment in segments) > len(self.data):
            raise self.error(f"{len(segments)} PT_NOTE segments", "they hold more bytes than the file")
        found: list[Note] = []
        for segment in segments:
            try:
                found += read_notes(self.data, segment)
            except BrokenNote as broken:
                raise self.error(f"note at {broken.place:#x}", "note reaches past the end of its segment") from None
        return found
