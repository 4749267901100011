"""The facts of an ELF machine: its relocation table, and the few numbers of its ABI.

A relocation number maps to a *verb*; the verbs are the same for every machine and live in `loader.verbs`.
Numbers that only a static linker resolves are in the table too, as rows marked LINK_ONLY, so that an error can name them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

# Verbs. S: the symbol's value, A: the addend, B: the load bias, P: the place.
NONE = "none"
RELATIVE = "relative"  # B + A
SYMBOLIC = "symbolic"  # S + A
GLOB_DAT = "glob-dat"  # S, addend ignored (as glibc does on REL machines and x86-64)
JUMP_SLOT = "jump-slot"  # S, for a PLT slot
PC_RELATIVE = "pc-relative"  # S + A - P
INSTRUCTION = "instruction"  # S + A, or S + A - P, in an instruction: see `Form`
COPY = "copy"  # the definition's initial bytes
IRELATIVE = "irelative"  # what the resolver at B + A returns
DTPMOD = "dtpmod"  # the module id
DTPOFF = "dtpoff"  # offset in the module's block
TPOFF = "tpoff"  # offset from the thread pointer
TLSDESC = "tlsdesc"  # a descriptor of two words
SIZE = "size"  # the symbol's size + A
LINK_ONLY = "link-only"  # resolved by the static linker, refused in a loaded file


class Relocation(NamedTuple):
    """One row of a machine's table. ``width``: bytes written (0: the verb knows)."""

    name: str
    verb: str
    width: int = 0


class Form(NamedTuple):
    """The form in which an instruction of four bytes holds a value.

    ``relative``: the value is a distance from the instruction. ``addend``: what an instruction holds now; ``encode``: the
    instruction with another value in it, None when that does not fit.
    """

    relative: bool
    addend: Callable[[int], int]
    encode: Callable[[int, int], int | None]


class Machine:
    """The facts of one ELF machine; immutable, shared by copies of the state."""

    def __init__(
        self,
        *,
        name: str,
        title: str,
        e_machine: int,
        elf_class: int,
        relocations: Mapping[int, Relocation],
        tls_above: bool,
        gap_above_tp: int = 0,
        tp_bias: int = 0,
        dtv_bias: int = 0,
        dtv_word: int = 0,
        self_words: tuple[int, ...] = (),
        guard_word: int | None = None,
        tcb_alignment: int,
        tlsdesc_entry_first: bool,
        executable_stack: bool = False,
        os_abis: tuple[int, ...] = (0, 3),
        orders_ifunc: bool = False,
        irelative_last: bool = False,
        lazy_verbs: frozenset[str] = frozenset({IRELATIVE, TLSDESC}),
        variant_call_flag: int = 0,
        platform: str = "",
        library_folder: str = "lib",
        soft_library_folder: str = "lib",
        soft_float: int = 0,
        hard_float: int = 0,
        forms: Mapping[int, Form] = MappingProxyType({}),
    ) -> None:
        #: short name used everywhere: "amd64", "arm", "arm64"
        self.name = name
        #: the name readelf prints
        self.title = title
        self.e_machine = e_machine
        #: 32 or 64
        self.elf_class = elf_class
        #: bytes in an address
        self.word = elf_class // 8
        self.mask = (1 << elf_class) - 1
        #: of a relocation's r_info: the shift of the symbol's index, and the bits of the type
        self.symbol_shift, self.type_mask = (32, 0xFFFFFFFF) if elf_class == 64 else (8, 0xFF)
        self.relocations = relocations
        #: TLS variant I (blocks above the thread pointer) or II (below it)
        self.tls_above = tls_above
        #: variant I: bytes the ABI reserves between the TCB's place and the first block (musl GAP_ABOVE_TP): two words on
        #: Arm's machines, whose thread pointer addresses the TCB; 0 where the TCB lies below (RISC-V, MIPS, PowerPC)
        self.gap_above_tp = gap_above_tp
        #: bytes by which the thread pointer lies above that place (musl TP_OFFSET, glibc TLS_TP_OFFSET): 0x7000 on MIPS and
        #: PowerPC
        self.tp_bias = tp_bias
        #: added to a block's address in the DTV and subtracted in DTPOFF relocations, so that signed offsets reach more of
        #: it (musl DTP_OFFSET, glibc TLS_DTV_OFFSET): 0x800 on RISC-V, 0x8000 on MIPS and PowerPC
        self.dtv_bias = dtv_bias
        #: words of the TCB, counted from its place: the DTV's address, the thread pointer itself, the stack guard
        self.dtv_word = dtv_word
        self.self_words = self_words
        self.guard_word = guard_word
        #: True if a file without PT_GNU_STACK asks for executable stacks (glibc sysdeps/*/stackinfo.h, DEFAULT_STACK_PERMS)
        self.executable_stack = executable_stack
        #: least alignment of the thread pointer in glibc; a dlopened module asking for more gets no static TLS
        self.tcb_alignment = tcb_alignment
        #: order of a TLS descriptor's words: resolver then argument, or (glibc on ARM) the other way round
        self.tlsdesc_entry_first = tlsdesc_entry_first
        #: EI_OSABI values accepted
        self.os_abis = os_abis
        #: true if glibc checks that an IFUNC's object was relocated before a reference to it
        self.orders_ifunc = orders_ifunc
        #: true if IRELATIVE entries come after the others of their tables (glibc's ELF_MACHINE_IRELATIVE)
        self.irelative_last = irelative_last
        #: verbs that a lazily relocated PLT table may have beside PLT slots (elf_machine_lazy_rel)
        self.lazy_verbs = lazy_verbs
        #: st_other bit of functions that do not keep to the calling convention's registers
        self.variant_call_flag = variant_call_flag
        #: AT_PLATFORM, and the folder of libraries that Debian's linker puts for $LIB, for soft-float files another one
        self.platform = platform
        self.library_folder = library_folder
        self.soft_library_folder = soft_library_folder
        #: e_flags of files that pass floats in core registers, and in floating-point registers; 0 where all do the same
        self.soft_float = soft_float
        self.hard_float = hard_float
        #: by number, of those whose verb is INSTRUCTION
        self.forms = forms
        #: the number of base-relative entries, which are applied in bulk, and that of PLT slots
        self.relative = next(number for number, row in relocations.items() if row.verb == RELATIVE)
        self.jump_slot = next(number for number, row in relocations.items() if row.verb == JUMP_SLOT)

    def relocation_name(self, number: int) -> str:
        """``R_ARM_RELATIVE``, or ``unknown relocation 0x63`` for a number the psABI does not know."""
        row = self.relocations.get(number)
        return row.name if row else f"unknown relocation {number:#x}"

    def __deepcopy__(self, memo: object) -> Machine:
        return self

    def __repr__(self) -> str:
        return f"<Machine {self.name}>"


def table(prefix: str, dynamic: Iterable[tuple[int, str, str, int]], others: str) -> dict[int, Relocation]:
    """A relocation table: the rows a loader applies, and in ``others`` the rest as ``"number NAME"`` words."""
    rows = {number: Relocation(prefix + name, verb, width) for number, name, verb, width in dynamic}
    words = others.split()
    for number_word, name in zip(words[::2], words[1::2], strict=True):
        number = int(number_word)
        if number in rows:
            raise AssertionError(f"{prefix}{name} is listed twice")
        rows[number] = Relocation(prefix + name, LINK_ONLY)
    return dict(sorted(rows.items()))
