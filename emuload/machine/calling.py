"""The places of a C call's arguments and result in registers and on the stack: the plan of a call, and its
execution.

An architecture's file (`<architecture>_calls.py`) turns the types of a call into a `Plan`, which is pure
data; here it is carried out, in both directions: the host calls the guest (`place`, then `fetch`), the guest
calls the host (`receive`, then `reply`). Types are described once, with the guest's sizes and alignments, by
`Scalar` and `Composite`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from emuload.machine.architecture import part as part_of
from emuload.machine.cpu import Cpu


class Scalar(NamedTuple):
    """A fundamental type of `size` bytes, aligned to its size as on all three architectures."""

    name: str
    size: int
    signed: bool = False
    floating: bool = False

    @property
    def align(self) -> int:
        """Alignment in bytes."""
        return self.size


class Composite(NamedTuple):
    """A struct, union or array; `members` are (byte offset, type), overlapping in a union."""

    name: str
    size: int
    align: int
    members: tuple[tuple[int, Type], ...]


Type = Scalar | Composite

MAX_REGISTER_COMPOSITE = 64
"""No convention passes a larger composite in registers (four 16-byte vectors at most)."""


def leaves(type_: Type, offset: int = 0) -> Iterator[tuple[int, Scalar]]:
    """The fundamental types inside a type, with their byte offsets."""
    if isinstance(type_, Scalar):
        yield offset, type_
        return
    for at, member in type_.members:
        yield from leaves(member, offset + at)


def homogeneous_floats(type_: Type) -> tuple[Scalar, int] | None:
    """(base type, count) of a homogeneous aggregate of one to four floats (AAPCS64 5.9.5.1), else None."""
    if isinstance(type_, Scalar) or not 0 < type_.size <= MAX_REGISTER_COMPOSITE:
        return None
    found = {leaf for _, leaf in leaves(type_)}
    if len(found) != 1:
        return None
    base = found.pop()
    count, rest = divmod(type_.size, base.size)
    return (base, count) if base.floating and not rest and count <= 4 else None


def align_up(value: int, alignment: int) -> int:
    """Round up to a multiple of a power of two."""
    return (value + alignment - 1) & -alignment


class CorePart(NamedTuple):
    """Bytes [offset, offset + size) of an argument, extended by its sign, in a general register."""

    register: str
    argument: int
    offset: int
    size: int
    signed: bool


class VectorPart(NamedTuple):
    """Bytes of an argument in a floating-point register, from byte `at` of it on."""

    at: int
    argument: int
    offset: int
    size: int


class StackPart(NamedTuple):
    """Bytes of an argument in the frame, `at` bytes above the stack pointer, extended to `width` bytes."""

    at: int
    argument: int
    offset: int
    size: int
    width: int
    signed: bool


class AddressPart(NamedTuple):
    """A pointer to byte `target` of the frame: in a register or, `register` empty, in the frame at `at`."""

    register: str
    at: int
    target: int
    argument: int


class ResultPart(NamedTuple):
    """Bytes [offset, offset + size) of the result: general register, or vector one if `register` is ""."""

    register: str
    vector: int
    at: int
    offset: int
    size: int


HIDDEN_RESULT = -1
"""The `argument` of an AddressPart that is the pointer to the result's memory."""


@dataclass(eq=False, repr=False)
class Plan:
    """The places of one call's arguments and result; `at` counts from the stack pointer without the return address."""

    sizes: tuple[int, ...]
    result_size: int
    core: tuple[CorePart, ...]
    vectors: tuple[tuple[int, tuple[VectorPart, ...]], ...]
    stack: tuple[StackPart, ...]
    addresses: tuple[AddressPart, ...]
    constants: tuple[tuple[str, int], ...]
    results: tuple[ResultPart, ...]
    result_at: int | None
    result_address_register: str
    """The register in which the callee hands the result's address back; empty where it need not."""
    frame: int
    red_zone: int
    return_address_size: int
    word: int

    def __post_init__(self) -> None:
        self.core_registers = tuple(part.register for part in self.core)


class Builder:
    """Collects the parts of a plan: what the architectures' rules have in common."""

    def __init__(self, types: Sequence[Type], result: Type | None, word: int) -> None:
        self.types = types
        self.result = result
        self.word = word
        self.core: list[CorePart] = []
        self.vectors: dict[int, list[VectorPart]] = {}
        self.stack: list[StackPart] = []
        self.addresses: list[AddressPart] = []
        self.constants: list[tuple[str, int]] = []
        self.results: list[ResultPart] = []
        self.result_in_memory = False
        self.next_stack = 0
        self.copies: list[int] = []

    def in_core(self, register: str, argument: int, offset: int = 0) -> None:
        """The word of `argument` at `offset` goes into a general register."""
        type_ = self.types[argument]
        signed = isinstance(type_, Scalar) and type_.signed
        size = min(self.word, type_.size - offset)
        self.core.append(CorePart(register, argument, offset, size, signed))

    def in_vector(self, index: int, argument: int, offset: int, size: int, at: int = 0) -> None:
        """`size` bytes of `argument` go into floating-point register `index`."""
        self.vectors.setdefault(index, []).append(VectorPart(at, argument, offset, size))

    def on_stack(self, argument: int, alignment: int, offset: int = 0) -> None:
        """The rest of `argument` goes onto the stack, in whole words."""
        type_ = self.types[argument]
        signed = isinstance(type_, Scalar) and type_.signed
        size = type_.size - offset
        at = align_up(self.next_stack, alignment)
        width = align_up(size, self.word)
        self.stack.append(StackPart(at, argument, offset, size, width, signed))
        self.next_stack = at + width

    def by_reference(self, argument: int, register: str) -> None:
        """A copy in the caller's frame; its address goes into a register or, if "", onto the stack."""
        at = 0
        if not register:
            at = align_up(self.next_stack, self.word)
            self.next_stack = at + self.word
        self.addresses.append(AddressPart(register, at, 0, argument))

    def hidden_result(self, register: str) -> None:
        """The result goes to memory whose address the caller gives in `register`."""
        self.result_in_memory = True
        self.addresses.append(AddressPart(register, 0, 0, HIDDEN_RESULT))

    def result_core(self, registers: Sequence[str]) -> None:
        """The result, word by word, in general registers."""
        assert self.result is not None
        for number, offset in enumerate(range(0, self.result.size, self.word)):
            size = min(self.word, self.result.size - offset)
            self.results.append(ResultPart(registers[number], 0, 0, offset, size))

    def result_vector(self, index: int, offset: int, size: int, at: int = 0) -> None:
        """A piece of the result in a floating-point register."""
        self.results.append(ResultPart("", index, at, offset, size))

    def plan(self, *, red_zone: int = 0, return_address_size: int = 0, result_address_register: str = "") -> Plan:
        """The finished plan: copies and the result's memory lie above the stack arguments."""
        end = align_up(self.next_stack, 16)
        addresses: list[AddressPart] = []
        result_at = None
        for part in self.addresses:
            if part.argument == HIDDEN_RESULT:
                assert self.result is not None
                size, alignment = self.result.size, self.result.align
                result_at = align_up(end, alignment)
            else:
                type_ = self.types[part.argument]
                size, alignment = type_.size, type_.align
                self.stack.append(StackPart(align_up(end, alignment), part.argument, 0, size, size, False))
            target = align_up(end, alignment)
            addresses.append(part._replace(target=target))
            end = align_up(target + size, 8)
        return Plan(
            sizes=tuple(type_.size for type_ in self.types),
            result_size=self.result.size if self.result is not None else 0,
            core=tuple(self.core),
            vectors=tuple((index, tuple(parts)) for index, parts in sorted(self.vectors.items())),
            stack=tuple(self.stack),
            addresses=tuple(addresses),
            constants=tuple(self.constants),
            results=tuple(self.results),
            result_at=result_at,
            result_address_register=result_address_register if result_at is not None else "",
            frame=align_up(end, 16),
            red_zone=red_zone,
            return_address_size=return_address_size,
            word=self.word,
        )


@lru_cache(maxsize=1024)
def plan_call(
    architecture: str,
    types: tuple[Type, ...],
    result: Type | None,
    hard_float: bool = True,
    variadic: bool = False,
) -> Plan:
    """The plan of a call by the C convention of `architecture`; `result` None is void.

    `hard_float` chooses the float ABI, where an architecture has two. Raises ValueError for a type that the architecture
    lacks.
    """
    plan: Plan = part_of(architecture, "calls").plan(types, result, hard_float, variadic)
    return plan


def place(plan: Plan, cpu: Cpu, data: Sequence[bytes], sp: int) -> tuple[int, int]:
    """Write the arguments' bytes where the callee looks for them, below the stack pointer `sp`.

    Returns (stack pointer for the call, address of the result's memory or 0) and sets the CPU's stack
    pointer. What is left is the return address (`cpu.set_return_address`) and the jump (`cpu.enter`).
    """
    sp = (sp - plan.red_zone - plan.frame) & -16
    if plan.frame:
        frame = bytearray(plan.frame)
        for at, argument, offset, size, width, signed in plan.stack:
            piece = data[argument][offset : offset + size]
            fill = b"\xff" if signed and piece[-1] & 0x80 else b"\0"
            frame[at : at + width] = piece.ljust(width, fill)
        for register, at, target, _ in plan.addresses:
            if register:
                cpu.set_register(register, sp + target)
            else:
                frame[at : at + plan.word] = (sp + target).to_bytes(plan.word, "little")
        cpu.memory.write(sp, frame)
    values = [
        int.from_bytes(data[argument][offset : offset + size], "little", signed=signed)
        for _, argument, offset, size, signed in plan.core
    ]
    cpu.set_registers((*plan.core_registers, cpu.sp_name), (*values, sp))
    for index, parts in plan.vectors:
        value = bytearray(16)
        for at, argument, offset, size in parts:
            value[at : at + size] = data[argument][offset : offset + size]
        cpu.write_float_register(index, bytes(value[: max(part.at + part.size for part in parts)]))
    for register, constant in plan.constants:
        cpu.set_register(register, constant)
    return sp, sp + plan.result_at if plan.result_at is not None else 0


def fetch(plan: Plan, cpu: Cpu, result_address: int) -> bytes:
    """The result's bytes, from the registers the callee left or from the memory that `place` returned."""
    if plan.result_at is not None:
        return cpu.memory.read(result_address, plan.result_size)
    result = bytearray(plan.result_size)
    for register, vector, at, offset, size in plan.results:
        if register:
            piece = (cpu.register(register) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")[:size]
        else:
            piece = cpu.read_float_register(vector)[at : at + size]
        result[offset : offset + size] = piece
    return bytes(result)


def receive(plan: Plan, cpu: Cpu) -> tuple[list[bytes], int]:
    """At a function's first instruction: (each argument's bytes, address for the result in memory or 0)."""
    data = [bytearray(size) for size in plan.sizes]
    base = cpu.sp + plan.return_address_size
    memory = cpu.memory
    referenced = {part.argument for part in plan.addresses}
    for at, argument, offset, size, _, _ in plan.stack:
        if argument not in referenced:
            data[argument][offset : offset + size] = memory.read(base + at, size)
    result_address = 0
    for register, at, _, argument in plan.addresses:
        address = cpu.register(register) if register else memory.read_int(base + at, plan.word)
        if argument == HIDDEN_RESULT:
            result_address = address
        else:
            data[argument][:] = memory.read(address, plan.sizes[argument])
    for name, argument, offset, size, _ in plan.core:
        piece = (cpu.register(name) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")[:size]
        data[argument][offset : offset + size] = piece
    for index, parts in plan.vectors:
        value = cpu.read_float_register(index)
        for at, argument, offset, size in parts:
            data[argument][offset : offset + size] = value[at : at + size]
    return [bytes(piece) for piece in data], result_address


def reply(plan: Plan, cpu: Cpu, result: bytes, result_address: int, signed: bool = False) -> None:
    """Just before a function returns: write its result; `result_address` is what `receive` gave.

    `signed` extends a narrow integer by its sign, as AAPCS32 asks of the callee.
    """
    if plan.result_at is not None:
        cpu.memory.write(result_address, result)
        if plan.result_address_register:
            cpu.set_register(plan.result_address_register, result_address)
        return
    for register, vector, at, offset, size in plan.results:
        piece = result[offset : offset + size]
        if register:
            cpu.set_register(register, int.from_bytes(piece, "little", signed=signed))
        else:
            width = max(at + size, 8)
            value = bytearray(cpu.read_float_register(vector)[:width].ljust(width, b"\0"))
            value[at : at + size] = piece
            cpu.write_float_register(vector, bytes(value))
