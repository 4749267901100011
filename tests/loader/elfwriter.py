"""Writes small ELF shared objects, so that tests hold readable descriptions instead of binaries.

File offsets equal virtual addresses: 0x0000 headers and tables (R), TEXT (RX), DATA (RW: .dynamic, arrays, then what
a test puts there, then bss). Everything the format says twice is written once and derived; a test that wants nonsense
patches the bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from loader import gabi as e
from loader.hashes import gnu_hash, sysv_hash
from loader.machines import BY_NAME

TEXT, DATA, FREE = 0x8000, 0x9000, 0xA000
#: where a test's own data starts; .dynamic and the arrays stand at DATA


@dataclass
class Sym:
    name: str
    value: int = 0
    size: int = 0
    bind: int = e.STB_GLOBAL
    type: int = e.STT_FUNC
    shndx: int = 1
    visibility: int = e.STV_DEFAULT
    version: str | None = None
    hidden: bool = False
    file: str | None = None  # of a needed version


@dataclass
class ElfWriter:
    machine: str = "amd64"
    soname: str | None = None
    needed: tuple[str, ...] = ()
    type: int = e.ET_DYN
    hash: str = "gnu"  # "gnu", "sysv", "both", "none"
    flags: int = 0
    flags_1: int = 0
    e_flags: int = 0
    rpath: str | None = None
    runpath: str | None = None
    relro: bool = False
    align: int = 0x1000
    bss: int = 0x100
    stack: int | None = e.PF_R | e.PF_W  # PT_GNU_STACK's flags
    sections: bool = False  # whether the header speaks of section headers; there are none
    base: int = 0
    init: int | None = None
    fini: int | None = None
    extra_dynamic: list[tuple[int, int]] = field(default_factory=list)
    symbols: list[Sym] = field(default_factory=list)
    relocations: list[tuple[int, int, str | None, int]] = field(default_factory=list)
    plt: list[tuple[int, int, str | None, int]] = field(default_factory=list)
    relr: list[int] = field(default_factory=list)
    init_array: list[int] = field(default_factory=list)
    fini_array: list[int] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)  # from FREE on
    text: bytes = bytes(range(256))
    tls: tuple[int, int, int, int] | None = None  # vaddr, filesz, memsz, align
    extra_segments: list[tuple[int, int, int, int, int, int, int]] = field(default_factory=list)
    addresses: dict[str, int] = field(default_factory=dict)  # where each table went

    @property
    def word(self) -> int:
        return BY_NAME[self.machine].word

    @property
    def rela(self) -> bool:
        return self.machine != "arm"

    def data(self, content: bytes, align: int = 8) -> int:
        """Put bytes into the data segment; their unbiased address."""
        self.content += bytes(-len(self.content) % align)
        self.content += content
        return self.base + FREE + len(self.content) - len(content)

    def words(self, *values: int) -> int:
        return self.data(b"".join(v.to_bytes(self.word, "little") for v in values), self.word)

    def define(self, name: str, value: int | None = None, **details: object) -> Sym:
        symbol = Sym(name, self.base + TEXT if value is None else value, **details)  # type: ignore[arg-type]
        self.symbols.append(symbol)
        return symbol

    def undefined(self, name: str, **details: object) -> Sym:
        symbol = Sym(name, shndx=0, **{"type": e.STT_NOTYPE, **details})  # type: ignore[arg-type]
        self.symbols.append(symbol)
        return symbol

    def reloc(self, number: int, place: int, symbol: str | None = None, addend: int = 0) -> None:
        self.relocations.append((number, place, symbol, addend))

    def refer(self, symbol: str, number: int) -> int:
        """A new word with such a relocation, among the PLT's where it is one of theirs; where it lies."""
        slot = self.words(0)
        if number == BY_NAME[self.machine].jump_slot:
            self.plt.append((number, slot, symbol, 0))
        else:
            self.reloc(number, slot, symbol)
        return slot

    def constructors(self, *functions: int) -> None:
        """DT_INIT_ARRAY of these unbiased addresses, with the relocations it needs."""
        relative = BY_NAME[self.machine].relative
        for function in functions:
            self.reloc(relative, self.base + DATA + len(self.init_array) * self.word, None, function)
            self.init_array.append(function)

    def destructors(self, *functions: int) -> None:
        """DT_FINI_ARRAY likewise; after `constructors`."""
        relative = BY_NAME[self.machine].relative
        for function in functions:
            at = self.base + DATA + (len(self.init_array) + len(self.fini_array)) * self.word
            self.reloc(relative, at, None, function)
            self.fini_array.append(function)

    def thread_local(self, image: bytes, size: int | None = None, align: int = 8) -> None:
        self.tls = (self.data(image, align), len(image), size or len(image), align)

    def build(self) -> bytes:
        """The file."""
        m = BY_NAME[self.machine]
        word, letter = m.word, "Q" if m.word == 8 else "I"
        strings = bytearray(b"\0")

        def string(text: str) -> int:
            found = strings.find(b"\0" + text.encode() + b"\0")
            if found >= 0:
                return found + 1
            strings.extend(text.encode() + b"\0")
            return len(strings) - len(text.encode()) - 1

        undefined = [s for s in self.symbols if s.shndx == 0]
        defined = [s for s in self.symbols if s.shndx != 0]
        buckets = max(1, len(defined) // 2)
        defined.sort(key=lambda s: gnu_hash(s.name.encode()) % buckets)
        table = [Sym("", bind=0, type=0, shndx=0), *undefined, *defined]
        index = {s.name: i for i, s in enumerate(table)}

        def pack_symbol(s: Sym) -> bytes:
            info = s.bind << 4 | s.type
            if word == 8:
                return struct.pack("<IBBHQQ", string(s.name), info, s.visibility, s.shndx, s.value, s.size)
            return struct.pack("<IIIBBH", string(s.name), s.value, s.size, info, s.visibility, s.shndx)

        def pack_relocations(rows: list[tuple[int, int, str | None, int]]) -> bytes:
            out = b""
            for number, place, name, addend in rows:
                symbol = index[name] if name is not None else 0
                if word == 8:
                    out += struct.pack("<QQq", place, symbol << 32 | number, addend)
                elif self.rela:
                    raise NotImplementedError
                else:
                    out += struct.pack("<II", place, symbol << 8 | number)
                    if addend and place - self.base >= FREE:
                        at = place - self.base - FREE
                        self.content[at : at + 4] = (addend & 0xFFFFFFFF).to_bytes(4, "little")
            return out

        symtab = b"".join(map(pack_symbol, table))
        needs, definitions, versym = self._versions(table, string)
        dynamic: list[tuple[int, int]] = [(e.DT_NEEDED, string(n)) for n in self.needed]
        for tag, text in ((e.DT_SONAME, self.soname), (e.DT_RPATH, self.rpath), (e.DT_RUNPATH, self.runpath)):
            if text is not None:
                dynamic.append((tag, string(text)))
        head_size = 52 if word == 4 else 64
        phdr_size = 32 if word == 4 else 56
        place = head_size + 16 * phdr_size + len(self.extra_segments) * phdr_size
        blob = bytearray(place)

        def put(name: str, content: bytes) -> int:
            blob.extend(bytes(-len(blob) % 8))
            self.addresses[name] = self.base + len(blob)
            blob.extend(content)
            return self.addresses[name]

        dynamic += [(e.DT_SYMTAB, put("symtab", symtab)), (e.DT_SYMENT, len(symtab) // len(table))]
        if self.hash in ("gnu", "both"):
            dynamic.append((e.DT_GNU_HASH, put("gnu_hash", self._gnu(len(undefined) + 1, defined, buckets, word))))
        if self.hash in ("sysv", "both"):
            dynamic.append((e.DT_HASH, put("hash", self._sysv(table))))
        if versym:
            dynamic.append((e.DT_VERSYM, put("versym", versym)))
        if needs[0]:
            dynamic += [(e.DT_VERNEED, put("verneed", needs[0])), (e.DT_VERNEEDNUM, needs[1])]
        if definitions[0]:
            dynamic += [(e.DT_VERDEF, put("verdef", definitions[0])), (e.DT_VERDEFNUM, definitions[1])]
        kind = (e.DT_RELA, e.DT_RELASZ, e.DT_RELAENT) if self.rela else (e.DT_REL, e.DT_RELSZ, e.DT_RELENT)
        entry = 3 * word if self.rela else 2 * word
        if self.relocations:
            packed = pack_relocations(self.relocations)
            dynamic += [(kind[0], put("rel", packed)), (kind[1], len(packed)), (kind[2], entry)]
        if self.plt:
            packed = pack_relocations(self.plt)
            dynamic += [(e.DT_JMPREL, put("plt", packed)), (e.DT_PLTRELSZ, len(packed)), (e.DT_PLTREL, kind[0])]
        if self.relr:
            packed = struct.pack(f"<{len(self.relr)}{letter}", *self.relr)
            dynamic += [(e.DT_RELR, put("relr", packed)), (e.DT_RELRSZ, len(packed)), (e.DT_RELRENT, word)]
        put("strtab", bytes(strings))
        dynamic += [(e.DT_STRTAB, self.addresses["strtab"]), (e.DT_STRSZ, len(strings))]
        for tag, value in ((e.DT_FLAGS, self.flags), (e.DT_FLAGS_1, self.flags_1)):
            if value:
                dynamic.append((tag, value))
        for tag, address in ((e.DT_INIT, self.init), (e.DT_FINI, self.fini)):
            if address is not None:
                dynamic.append((tag, address))
        assert len(blob) <= TEXT, "the tables do not fit below TEXT"
        relro = bytearray()
        array_space = (len(self.init_array) + len(self.fini_array)) * word
        at = self.base + DATA
        if self.init_array:
            dynamic += [(e.DT_INIT_ARRAY, at), (e.DT_INIT_ARRAYSZ, len(self.init_array) * word)]
        if self.fini_array:
            start = at + len(self.init_array) * word
            dynamic += [(e.DT_FINI_ARRAY, start), (e.DT_FINI_ARRAYSZ, len(self.fini_array) * word)]
        relro += struct.pack(f"<{array_space // word}{letter}", *self.init_array, *self.fini_array)
        dynamic += [*self.extra_dynamic, (e.DT_NULL, 0)]
        self.addresses["dynamic"] = at + len(relro)
        packed_dynamic = b"".join(struct.pack(f"<2{letter}", t, v) for t, v in dynamic)
        relro += packed_dynamic
        assert len(relro) <= FREE - DATA, "the dynamic section does not fit below FREE"

        base = self.base
        size = FREE + len(self.content)
        segments = [
            (e.PT_LOAD, e.PF_R, 0, base, len(blob), len(blob), self.align),
            (e.PT_LOAD, e.PF_R | e.PF_X, TEXT, base + TEXT, len(self.text), len(self.text), self.align),
            (e.PT_LOAD, e.PF_R | e.PF_W, DATA, base + DATA, size - DATA, size - DATA + self.bss, self.align),
            (e.PT_DYNAMIC, e.PF_R | e.PF_W, self.addresses["dynamic"] - base, self.addresses["dynamic"],
             len(packed_dynamic), len(packed_dynamic), word),
        ]  # fmt: skip
        if self.relro:
            segments.append((e.PT_GNU_RELRO, e.PF_R, DATA, base + DATA, FREE - DATA, FREE - DATA, 1))
        if self.tls:
            vaddr, filesz, memsz, align = self.tls
            segments.append((e.PT_TLS, e.PF_R, vaddr - base, vaddr, filesz, memsz, align))
        segments += self.extra_segments
        if self.stack is not None:
            segments.append((e.PT_GNU_STACK, self.stack, 0, 0, 0, 0, 16))
        data = bytearray(size)
        data[: len(blob)] = blob
        data[TEXT : TEXT + len(self.text)] = self.text
        data[DATA : DATA + len(relro)] = relro
        data[FREE:size] = self.content
        ident = b"\x7fELF" + bytes([1 if word == 4 else 2, 1, 1]) + bytes(9)
        header = struct.pack(
            f"<16sHHI3{letter}IHHHHHH", ident, self.type, m.e_machine, 1, base + TEXT, head_size, 0, self.e_flags,
            head_size, phdr_size, len(segments), *((64 if word == 8 else 40, 2, 1) if self.sections else (0, 0, 0)),
        )  # fmt: skip
        data[:head_size] = header
        for i, (kind_, flags, offset, vaddr, filesz, memsz, align) in enumerate(segments):
            if word == 8:
                row = struct.pack("<IIQQQQQQ", kind_, flags, offset, vaddr, vaddr, filesz, memsz, align)
            else:
                row = struct.pack("<8I", kind_, offset, vaddr, vaddr, filesz, memsz, flags, align)
            data[head_size + i * phdr_size : head_size + (i + 1) * phdr_size] = row
        return bytes(data)

    @staticmethod
    def _gnu(first: int, defined: list[Sym], buckets: int, word: int) -> bytes:
        hashes = [gnu_hash(s.name.encode()) for s in defined]
        bloom = 0
        bits = word * 8
        for h in hashes:
            bloom |= 1 << h % bits | 1 << (h >> 6) % bits
        starts = [0] * buckets
        chain = []
        for i, h in enumerate(hashes):
            if not starts[h % buckets]:
                starts[h % buckets] = first + i
            last = i + 1 == len(hashes) or hashes[i + 1] % buckets != h % buckets
            chain.append(h & ~1 | last)
        out = struct.pack("<4I", buckets, first, 1, 6) + bloom.to_bytes(word, "little")
        return out + struct.pack(f"<{buckets}I", *starts) + struct.pack(f"<{len(chain)}I", *chain)

    @staticmethod
    def _sysv(table: list[Sym]) -> bytes:
        count = 3
        starts = [0] * count
        chain = [0] * len(table)
        for i, s in enumerate(table):
            if i and s.shndx:
                bucket = sysv_hash(s.name.encode()) % count
                chain[i] = starts[bucket]
                starts[bucket] = i
        return struct.pack(f"<{2 + count + len(chain)}I", count, len(chain), *starts, *chain)

    def _versions(self, table: list[Sym], string: object) -> tuple[tuple[bytes, int], tuple[bytes, int], bytes]:
        assert callable(string)
        defined = list(dict.fromkeys(s.version for s in self.symbols if s.version and s.shndx))
        needed: dict[str, list[str]] = {}
        for s in self.symbols:
            if s.version and not s.shndx and s.version not in needed.setdefault(s.file or "", []):
                needed[s.file or ""].append(s.version)
        if not defined and not needed:
            return (b"", 0), (b"", 0), b""
        numbers = {("", v): i for i, v in enumerate(defined, 2)}
        definitions = b""
        if defined:
            for i, name in enumerate([self.soname or "base", *defined], 1):
                last = i == len(defined) + 1
                h = sysv_hash(name.encode())
                definitions += struct.pack("<HHHHIII", 1, i == 1, i, 1, h, 20, 0 if last else 28)
                definitions += struct.pack("<II", string(name), 0)
        needs = b""
        following = len(defined) + 2
        for i, (file, names) in enumerate(needed.items()):
            size = 16 + 16 * len(names)
            needs += struct.pack("<HHIII", 1, len(names), string(file), 16, 0 if i + 1 == len(needed) else size)
            for j, name in enumerate(names):
                numbers[file, name] = following
                step = 0 if j + 1 == len(names) else 16
                needs += struct.pack("<IHHII", sysv_hash(name.encode()), 0, following, string(name), step)
                following += 1
        versym = b""
        for i, s in enumerate(table):
            key = (s.file or "" if not s.shndx else "", s.version or "")
            number = numbers[key] if s.version else (0 if i == 0 or not s.shndx else 1)
            versym += struct.pack("<H", number | (0x8000 if s.hidden else 0))
        return (needs, len(needed)), (definitions, len(defined) + 1 if defined else 0), versym
