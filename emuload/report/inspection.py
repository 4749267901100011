"""The facts about a file without running it: machine, ABI, symbols, relocations, TLS, constructors, flags, Go build.

Facts that a dynamic linker reads come from `loader.elf`, with its checks; section headers are read only for the symbol table
and the build attributes, which nothing else holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from struct import unpack_from
from typing import Any

from emuload.golang.buildinfo import BuildInfo, read_build_info
from emuload.golang.pclntab import GoTable
from emuload.golang.tables import find_table
from emuload.golang.watch_points import EXPORT_PREFIX, export_name
from emuload.machine.unwind import row_for
from emuload.unwind.symbols import SymbolTable
from loader.elf import ElfFile
from loader.errors import LoadError
from loader.gabi import (
    DF_1_NODELETE,
    DF_1_NOOPEN,
    DF_1_NOW,
    DF_1_PIE,
    DF_BIND_NOW,
    DF_ORIGIN,
    DF_STATIC_TLS,
    DF_SYMBOLIC,
    DF_TEXTREL,
    DT_FINI,
    DT_FINI_ARRAY,
    DT_FINI_ARRAYSZ,
    DT_INIT,
    DT_INIT_ARRAY,
    DT_INIT_ARRAYSZ,
    DT_PREINIT_ARRAY,
    DT_PREINIT_ARRAYSZ,
    ET_EXEC,
    PF_X,
    PT_GNU_RELRO,
    PT_GNU_STACK,
    PT_INTERP,
    STB_LOCAL,
    STB_WEAK,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_OBJECT,
    STT_TLS,
    Symbol,
    Table,
)
from loader.image import Image
from loader.machines.base import DTPMOD, TLSDESC, TPOFF
from loader.sections import SHT_SYMTAB

_KINDS = {STT_FUNC: "function", STT_OBJECT: "data", STT_TLS: "tls", STT_GNU_IFUNC: "ifunc"}
_TLS_MODELS = {TPOFF: "initial-exec", DTPMOD: "general-dynamic", TLSDESC: "TLSDESC"}
_FLAG_NAMES = (
    (DF_ORIGIN, "ORIGIN"), (DF_SYMBOLIC, "SYMBOLIC"), (DF_TEXTREL, "TEXTREL"), (DF_BIND_NOW, "BIND_NOW"),
    (DF_STATIC_TLS, "STATIC_TLS"),
)  # fmt: skip
_FLAG_1_NAMES = ((DF_1_NOW, "NOW"), (DF_1_NODELETE, "NODELETE"), (DF_1_NOOPEN, "NOOPEN"), (DF_1_PIE, "PIE"))


@dataclass
class Export:
    """A symbol that others can bind to; `go` is true for the C function of an exported Go function."""

    name: str
    kind: str
    version: str = ""
    weak: bool = False
    go: bool = False


@dataclass
class Import:
    """A symbol that another object must define; `version` is the required one."""

    name: str
    kind: str
    version: str = ""
    weak: bool = False


@dataclass
class Tls:
    """The thread-local segment; sizes in bytes. `models` are the access models that relocations show."""

    size: int
    image: int
    align: int
    models: list[str] = field(default_factory=list)


@dataclass
class Constructor:
    """A function run at load time or exit: `kind` DT_INIT, DT_INIT_ARRAY, …; `address` without load bias."""

    kind: str
    index: int
    address: int
    name: str = ""


@dataclass
class GoModule:
    """A Go module with its version; `replaced_by` as path@version."""

    path: str
    version: str
    replaced_by: str = ""


@dataclass
class GoInfo:
    """How the Go part was built."""

    version: str
    path: str
    module: GoModule | None
    deps: list[GoModule]
    settings: dict[str, str]
    functions: int


@dataclass
class Inspection:
    """Everything `emuload inspect` shows; JSON-able. Sizes in bytes, addresses without load bias."""

    path: str
    size: int
    machine: str
    bits: int
    type: str
    abi: dict[str, str]
    soname: str
    needed: list[str]
    runpath: str
    interpreter: str
    flags: list[str]
    relro: str
    exec_stack: bool
    segment_align: int
    stripped: bool
    build_id: str
    go_build_id: str
    relocations: dict[str, int]
    tls: Tls | None
    constructors: list[Constructor]
    destructors: list[Constructor]
    exports: list[Export]
    imports: list[Import]
    go: GoInfo | None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-able data."""
        return asdict(self)


def inspect_file(path: str) -> Inspection:
    """Inspect the file at `path`. Raises loader.LoadError if it cannot be read or is not a sound ELF file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LoadError(path, "", f"cannot open shared object file: {error.strerror}", "open") from error
    return inspect_elf(ElfFile(data, path))


def inspect_elf(elf: ElfFile) -> Inspection:
    """Inspect a file that has been read. Raises loader.LoadError for a broken table in it."""
    image = Image(elf)
    table = find_table(image)
    names = _Names(image, table)
    relocations, verbs = _count_relocations(elf)
    go_exports = (
        {export_name(function.name) for function in table.with_prefix(EXPORT_PREFIX)} if table else set()
    )
    return Inspection(
        path=elf.path,
        size=len(elf.data),
        machine=elf.machine.title,
        bits=elf.machine.elf_class,
        type=_type_of(elf),
        abi=_abi(image),
        soname=elf.soname or "",
        needed=list(elf.needed),
        runpath=elf.runpath or elf.rpath or "",
        interpreter=_interpreter(elf),
        flags=_flags(elf),
        relro=_relro(elf),
        exec_stack=_exec_stack(elf),
        segment_align=min(segment.align for segment in elf.loads),
        stripped=not any(section.type == SHT_SYMTAB for section in image.section_list),
        build_id=_note(elf, "GNU", 3).hex(),
        go_build_id=_note(elf, "Go", 4).decode("utf-8", "backslashreplace"),
        relocations=relocations,
        tls=_tls(elf, verbs),
        constructors=list(_functions(elf, names, _CONSTRUCTORS)),
        destructors=list(_functions(elf, names, _DESTRUCTORS)),
        exports=_exports(elf, go_exports),
        imports=_imports(elf),
        go=_go(read_build_info(image), table) if table is not None else None,
    )


class _Names:
    """Names of code addresses, from the Go function table or the symbols."""

    def __init__(self, image: Image, table: GoTable | None) -> None:
        row = row_for(image.elf.machine.e_machine)
        self.image = image
        self.mask = row.code_mask if row is not None else -1
        self._table = table
        self._symbols: SymbolTable | None = None

    def find(self, address: int) -> str:
        """Name of the function at `address`, "" if it is not known."""
        found = self._table.find(address) if self._table else None
        if found is not None:
            return found.name if found.entry == address else f"{found.name}+{address - found.entry:#x}"
        if self._symbols is None:
            self._symbols = SymbolTable(self.image, self.mask)
        return self._symbols.names(address & self.mask) or ""


# -- header --------------------------------------------------------------------------------------------------


def _type_of(elf: ElfFile) -> str:
    if elf.type == ET_EXEC:
        return "executable"
    if elf.dt_flags_1 & DF_1_PIE or (elf.segment(PT_INTERP) is not None and not elf.soname):
        return "position-independent executable"
    return "shared object"


def _abi(image: Image) -> dict[str, str]:
    """The file's ABI beyond the machine; empty for a machine with one ABI."""
    row = row_for(image.elf.machine.e_machine)
    if row is None or row.describe_abi is None:
        return {}
    section = image.section(row.attributes_section)
    data = image.data[section.offset : section.offset + section.size] if section else b""
    return row.describe_abi(image.elf.flags, data)


def _interpreter(elf: ElfFile) -> str:
    segment = elf.segment(PT_INTERP)
    if segment is None:
        return ""
    raw = elf.data[segment.offset : segment.offset + segment.filesz]
    return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _flags(elf: ElfFile) -> list[str]:
    found = [name for bit, name in _FLAG_NAMES if elf.dt_flags & bit]
    found += [name for bit, name in _FLAG_1_NAMES if elf.dt_flags_1 & bit]
    for name, given in (("SYMBOLIC", elf.symbolic), ("TEXTREL", elf.textrel), ("BIND_NOW", elf.bind_now)):
        if given and name not in found and (name != "BIND_NOW" or "NOW" not in found):
            found.append(name)
    return found


def _relro(elf: ElfFile) -> str:
    """Return "full" if the PLT's slots are bound at load time too, "partial" if they stay writable, else "none"."""
    if elf.segment(PT_GNU_RELRO) is None:
        return "none"
    return "full" if elf.bind_now else "partial"


def _exec_stack(elf: ElfFile) -> bool:
    """True if the file asks for an executable stack: PF_X, or no PT_GNU_STACK at all (elf/dl-load.c)."""
    segment = elf.segment(PT_GNU_STACK)
    return segment is None or bool(segment.flags & PF_X)


def _note(elf: ElfFile, owner: str, kind: int) -> bytes:
    return next((content for name, number, content in elf.notes() if (name, number) == (owner, kind)), b"")


# -- relocations and TLS -------------------------------------------------------------------------------------


def _count_relocations(elf: ElfFile) -> tuple[dict[str, int], set[str]]:
    """Entries per relocation name, the most frequent first, and the verbs of the relocations."""
    counts: dict[int, int] = {}
    packed = 0
    for table in elf.relocations:
        if table.kind == "RELR":
            packed += _count_relr(elf, table)
            continue
        for number in _types(elf, table):
            counts[number] = counts.get(number, 0) + 1
    named = {elf.machine.relocation_name(number): count for number, count in counts.items()}
    if packed:
        named[f"{elf.machine.relocation_name(elf.machine.relative)} (RELR)"] = packed
    rows = elf.machine.relocations
    verbs = {rows[number].verb for number in counts if number in rows}
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0]))), verbs


def _types(elf: ElfFile, table: Table) -> Iterator[int]:
    word = elf.machine.word
    step = (2 if table.kind == "REL" else 3) * word
    info_mask = 0xFF if word == 4 else 0xFFFFFFFF
    letter = "I" if word == 4 else "Q"
    values = unpack_from(f"<{table.count * step // word}{letter}", elf.data, table.offset)
    for info in values[1 :: step // word]:
        yield info & info_mask


def _count_relr(elf: ElfFile, table: Table) -> int:
    """Places in a RELR table: an even entry is an address, an odd one a bit map of the words after it (gABI, "Relocation")."""
    letter = "I" if elf.machine.word == 4 else "Q"
    values = unpack_from(f"<{table.count}{letter}", elf.data, table.offset)
    return sum(bin(value).count("1") - 1 if value & 1 else 1 for value in values)


def _tls(elf: ElfFile, verbs: set[str]) -> Tls | None:
    models = [model for verb, model in _TLS_MODELS.items() if verb in verbs]
    if elf.dt_flags & DF_STATIC_TLS and "initial-exec" not in models:
        models.insert(0, "initial-exec")
    if elf.tls is None:
        return Tls(0, 0, 1, models) if models else None
    return Tls(elf.tls.memsz, elf.tls.filesz, elf.tls.align, models)


# -- symbols and constructors --------------------------------------------------------------------------------


def _version(elf: ElfFile, symbol: Symbol) -> str:
    version = elf.versions.of_symbol(symbol.index) if elf.versions else None
    return version.name.decode("utf-8", "backslashreplace") if version is not None else ""


def _exports(elf: ElfFile, go_exports: set[str]) -> list[Export]:
    found = []
    for symbol in elf.symbols():
        if symbol.shndx and symbol.bind != STB_LOCAL and symbol.name:
            kind, weak = _KINDS.get(symbol.type, "other"), symbol.bind == STB_WEAK
            found.append(Export(symbol.text, kind, _version(elf, symbol), weak, symbol.text in go_exports))
    return sorted(found, key=lambda export: (not export.go, export.name))


def _imports(elf: ElfFile) -> list[Import]:
    found = []
    for symbol in elf.symbols():
        if not symbol.shndx and symbol.name and symbol.bind != STB_LOCAL:
            kind = _KINDS.get(symbol.type, "other")
            found.append(Import(symbol.text, kind, _version(elf, symbol), symbol.bind == STB_WEAK))
    return sorted(found, key=lambda entry: entry.name)


_CONSTRUCTORS = (
    ("DT_PREINIT_ARRAY", DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ),
    ("DT_INIT", DT_INIT, 0),
    ("DT_INIT_ARRAY", DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
)
_DESTRUCTORS = (("DT_FINI_ARRAY", DT_FINI_ARRAY, DT_FINI_ARRAYSZ), ("DT_FINI", DT_FINI, 0))


def _functions(elf: ElfFile, names: _Names, tags: tuple[tuple[str, int, int], ...]) -> Iterator[Constructor]:
    """The functions a linker would call, by kind and index in the file."""
    for kind, tag, size_tag in tags:
        if size_tag:
            start, count = elf.array(tag, size_tag, kind)
            addresses = names.image.words_at(start, count)
        else:
            addresses = [elf.dynamic[tag]] if elf.dynamic.get(tag) else []
        for index, address in enumerate(addresses):
            yield Constructor(kind, index, address, names.find(address) if address else "")


# -- Go ------------------------------------------------------------------------------------------------------


def _go(build: BuildInfo | None, table: GoTable) -> GoInfo:
    if build is None:
        return GoInfo("", "", None, [], {}, len(table))
    deps = []
    for module in build.deps:
        other = module.replaced
        deps.append(GoModule(module.path, module.version, f"{other.path}@{other.version}" if other else ""))
    main = GoModule(build.main.path, build.main.version) if build.main else None
    return GoInfo(build.version, build.path, main, deps, dict(build.settings), len(table))
