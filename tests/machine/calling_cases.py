"""C functions with random signatures, and how to run them: the compiler's own idea of each calling convention.

For every signature the C file holds a function that stores its arguments and returns a prepared result, and one that
calls the host with prepared arguments and stores the result. Both exchange bytes through the buffer `exchange`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from emuload.machine import create_cpu
from emuload.machine.calling import Composite, Plan, Scalar, Type, align_up, fetch, leaves, place, receive, reply
from emuload.machine.stops import Reason

SCALARS = (
    Scalar("signed char", 1, signed=True), Scalar("unsigned char", 1), Scalar("short", 2, signed=True),
    Scalar("unsigned short", 2), Scalar("int", 4, signed=True), Scalar("unsigned", 4),
    Scalar("long long", 8, signed=True), Scalar("unsigned long long", 8),
    Scalar("float", 4, floating=True), Scalar("double", 8, floating=True),
)  # fmt: skip
FLOATS = SCALARS[-2:]
WIDE = Scalar("__int128", 16, signed=True)


@dataclass
class Signature:
    """One generated function."""

    types: tuple[Type, ...]
    result: Type | None
    fixed: int | None = None
    """The number of named parameters of a variadic function."""


@dataclass
class Cases:
    """Signatures with the C text that declares their structs."""

    random: random.Random
    wide: bool
    declarations: list[str] = field(default_factory=list)

    def scalar(self) -> Scalar:
        choices = (*SCALARS, WIDE) if self.wide else SCALARS
        return self.random.choice(choices)

    def composite(self, depth: int = 0) -> Composite:
        """A struct of up to five members, at times homogeneous, packed, nested, a union or with an array."""
        kind = self.random.choice(["mixed", "mixed", "floats", "union", "packed", "nested"])
        base = self.random.choice(FLOATS)
        members: list[Type] = []
        for _ in range(self.random.randint(1, 5)):
            member: Type = base if kind == "floats" else self.random.choice(SCALARS) if depth else self.scalar()
            if kind == "nested" and depth < 2 and self.random.random() < 0.5:
                member = self.composite(depth + 1)
            if self.random.random() < 0.2:
                member = array(member, self.random.randint(1, 3))
            members.append(member)
        name = f"t{len(self.declarations)}"
        made = struct(name, members, union=kind == "union", packed=kind == "packed")
        self.declarations.append(declaration(made, members, union=kind == "union", packed=kind == "packed"))
        return made

    def type(self) -> Type:
        return self.composite() if self.random.random() < 0.45 else self.scalar()

    def signature(self) -> Signature:
        types = tuple(self.type() for _ in range(self.random.randint(0, 9)))
        return Signature(types, self.type() if self.random.random() < 0.85 else None)

    def variadic(self) -> Signature:
        promoted = [scalar for scalar in SCALARS if scalar.size >= 4 and scalar.name != "float"]
        types: list[Type] = [self.type() for _ in range(self.random.randint(1, 3))]
        fixed = len(types)
        for _ in range(self.random.randint(0, 7)):
            types.append(self.composite() if self.random.random() < 0.2 else self.random.choice(promoted))
        return Signature(tuple(types), self.type(), fixed)


def struct(name: str, members: Sequence[Type], *, union: bool = False, packed: bool = False) -> Composite:
    """A C struct or union laid out as every psABI here does."""
    alignment = 1 if packed else max(member.align for member in members)
    at, placed = 0, []
    for member in members:
        at = 0 if union else align_up(at, 1 if packed else member.align)
        placed.append((at, member))
        at += member.size
    size = align_up(max(offset + member.size for offset, member in placed), alignment)
    return Composite(name, size, alignment, tuple(placed))


def array(element: Type, count: int) -> Composite:
    """A C array, for use inside a struct."""
    members = tuple((number * element.size, element) for number in range(count))
    return Composite(f"{element.name}[{count}]", element.size * count, element.align, members)


def _member_declaration(member: Type, number: int) -> str:
    base, dimensions = member, ""
    while isinstance(base, Composite) and base.name.endswith("]"):
        dimensions += f"[{len(base.members)}]"
        base = base.members[0][1]
    return f"{base.name} m{number}{dimensions};"


def declaration(type_: Composite, members: Sequence[Type], *, union: bool, packed: bool) -> str:
    """The C text of a struct, which checks the layout above against the compiler's."""
    body = " ".join(_member_declaration(member, number) for number, member in enumerate(members))
    word, attribute = "union" if union else "struct", " __attribute__((packed))" if packed else ""
    return (
        f"typedef {word} {{ {body} }}{attribute} {type_.name};\n"
        f"_Static_assert(sizeof({type_.name}) == {type_.size} && "
        f'_Alignof({type_.name}) == {type_.align}, "layout of {type_.name}");'
    )


PRELUDE = """
typedef unsigned char byte;
byte exchange[1 << 16];
void *host_gate;
__attribute__((visibility("hidden"))) void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{ volatile byte *t = to; const byte *f = from; while (n--) *t++ = *f++; return to; }
__attribute__((visibility("hidden"))) void *memset(void *to, int c, __SIZE_TYPE__ n)
{ volatile byte *t = to; while (n--) *t++ = c; return to; }
static byte *put(byte *to, const void *from, __SIZE_TYPE__ n)
{ memcpy(to, from, n); return to + n; }
"""


def _callee(number: int, signature: Signature) -> str:
    result = signature.result.name if signature.result is not None else "void"
    named = signature.types[: signature.fixed]
    parameters = ", ".join(f"{type_.name} a{i}" for i, type_ in enumerate(named)) or "void"
    lines = []
    if signature.fixed is not None:
        parameters += ", ..."
        lines.append(f"__builtin_va_list ap; __builtin_va_start(ap, a{signature.fixed - 1});")
        for i, type_ in enumerate(signature.types[signature.fixed :], signature.fixed):
            lines.append(f"{type_.name} a{i} = __builtin_va_arg(ap, {type_.name});")
    lines.append("byte *p = exchange + 8192;")
    lines += [f"p = put(p, &a{i}, sizeof a{i});" for i in range(len(signature.types))]
    if signature.result is not None:
        lines.append(f"{result} r; memcpy(&r, exchange, sizeof r); return r;")
    return f"{result} callee{number}({parameters}) {{\n  " + "\n  ".join(lines) + "\n}\n"


def _caller(number: int, signature: Signature) -> str:
    result = signature.result.name if signature.result is not None else "void"
    named = [type_.name for type_ in signature.types[: signature.fixed]]
    parameters = ", ".join(named + (["..."] if signature.fixed is not None else [])) or "void"
    arguments = ", ".join(f"a{i}" for i in range(len(signature.types)))
    lines = ["byte *p = exchange;"]
    for i, type_ in enumerate(signature.types):
        lines.append(f"{type_.name} a{i}; memcpy(&a{i}, p, sizeof a{i}); p += sizeof a{i};")
    call = f"(({result} (*)({parameters}))host_gate)({arguments})"
    if signature.result is not None:
        lines.append(f"{result} r = {call}; memcpy(exchange + 8192, &r, sizeof r);")
    else:
        lines.append(f"{call};")
    return f"void caller{number}(void) {{\n  " + "\n  ".join(lines) + "\n}\n"


def source(cases: Cases, signatures: Sequence[Signature]) -> str:
    """The C file."""
    functions = [make(i, signature) for i, signature in enumerate(signatures) for make in (_callee, _caller)]
    return PRELUDE + "\n".join(cases.declarations + functions)


class Machine:
    """A bare CPU with the compiled functions mapped, a stack and a host stub; no system calls, no libc."""

    BASE, STACK, GATE = 0x1000000, 0x2000000, 0x3000000

    def __init__(self, architecture: str, library: Path) -> None:
        self.cpu = create_cpu(architecture)
        memory = self.cpu.memory
        self.symbols: dict[str, int] = {}
        with library.open("rb") as file:
            elf = ELFFile(file)
            loads = [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
            end = max(segment["p_vaddr"] + segment["p_memsz"] for segment in loads)
            memory.mmap(self.BASE, end, 7, fixed=True)
            for segment in loads:
                memory.write(self.BASE + segment["p_vaddr"], segment.data())
            for symbol in elf.get_section_by_name(".dynsym").iter_symbols():
                self.symbols[symbol.name] = self.BASE + symbol["st_value"]
            for section in elf.iter_sections():
                if section["sh_type"] in ("SHT_REL", "SHT_RELA"):
                    self._relocate(section, elf)
        memory.mmap(self.STACK, 1 << 16, 3, fixed=True)
        memory.mmap(self.GATE, 4096, 7, fixed=True)
        memory.write(self.GATE, self.cpu.stub_code())
        memory.write(self.GATE + 16, self.cpu.stub_code())
        memory.write_int(self.symbols["host_gate"], self.GATE + 16, self.cpu.abi.word)
        self.stop_pc = 0
        self.cpu.handler = self._trap

    def _relocate(self, section: Any, elf: ELFFile) -> None:
        """Only GOT slots occur: with a symbol it is the symbol's address, without one the load bias is added."""
        word = self.cpu.abi.word
        table = elf.get_section(section["sh_link"])
        for entry in section.iter_relocations():
            slot = self.BASE + entry["r_offset"]
            if entry["r_info_sym"]:
                value = self.symbols[table.get_symbol(entry["r_info_sym"]).name]
            else:
                value = self.BASE + (entry["r_addend"] if entry.is_RELA() else self.cpu.memory.read_int(slot, word))
            self.cpu.memory.write_int(slot, value, word)

    def _trap(self, pc: int, number: int, arguments: Sequence[int]) -> None:
        self.stop_pc = pc & ~1

    def _run(self) -> bool:
        """Run to a host stub; true if it is the one for returns."""
        stop = self.cpu.run(1_000_000)
        assert stop.reason is Reason.TRAP, stop
        return self.stop_pc < self.GATE + 16

    def _enter(self, name: str) -> None:
        self.cpu.set_return_address(self.GATE)
        self.cpu.enter(self.symbols[name])

    def call(self, name: str, plan: Plan, data: Sequence[bytes], result: bytes) -> tuple[bytes, bytes]:
        """Call a callee that will return `result`: (what it saw of the arguments, what came back)."""
        memory, exchange = self.cpu.memory, self.symbols["exchange"]
        memory.write(exchange, result)
        _, result_address = place(plan, self.cpu, data, self.STACK + 0xF000)
        assert self.cpu.sp % 16 == 0
        self._enter(name)
        assert self._run()
        return memory.read(exchange + 8192, sum(plan.sizes)), fetch(plan, self.cpu, result_address)

    def be_called(
        self, name: str, plan: Plan, data: Sequence[bytes], result: bytes, *, signed: bool
    ) -> tuple[list[bytes], bytes]:
        """Let a caller call us with `data`: (the arguments we read, the result it saw)."""
        memory, exchange = self.cpu.memory, self.symbols["exchange"]
        memory.write(exchange, b"".join(data))
        self.cpu.sp = self.STACK + 0xF000
        self._enter(name)
        assert not self._run()
        arguments, result_address = receive(plan, self.cpu)
        reply(plan, self.cpu, result, result_address, signed)
        assert self._run()
        return arguments, memory.read(exchange + 8192, plan.result_size)


def random_bytes(source_: random.Random, type_: Type) -> bytes:
    """A value whose padding is zero."""
    value = bytearray(type_.size)
    for offset, leaf in leaves(type_):
        value[offset : offset + leaf.size] = source_.randbytes(leaf.size)
    return bytes(value)


def without_padding(data: bytes, type_: Type) -> bytes:
    """The bytes with the padding, which no convention keeps, set to zero."""
    value = bytearray(type_.size)
    for offset, leaf in leaves(type_):
        value[offset : offset + leaf.size] = data[offset : offset + leaf.size]
    return bytes(value)
