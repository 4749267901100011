"""arm calls: Procedure Call Standard for the Arm Architecture (IHI 0042), base standard 6.4 and 6.5, VFP
variant 7.1.2.

The comments C.1 to C.8 name the standard's steps. Base standard: everything in r0 to r3 and on the stack,
eight-byte aligned types in even registers, one argument may be split between both; a composite result of more
than four bytes goes through memory. VFP variant: floats and homogeneous aggregates of up to four in s0 to
s15, the gaps filled later; a variadic function always follows the base standard.
"""

from __future__ import annotations

from emuload.machine.calling import Builder, Composite, Plan, Scalar, Type, homogeneous_floats

_CORE = ("r0", "r1", "r2", "r3")
_SINGLES = 16


def _vector_type(type_: Type) -> tuple[int, int] | None:
    """(size of the base type, count) of a VFP co-processor register candidate; None for other types."""
    if isinstance(type_, Scalar):
        return (type_.size, 1) if type_.floating else None
    aggregate = homogeneous_floats(type_)
    return (aggregate[0].size, aggregate[1]) if aggregate is not None else None


class _Registers:
    """The core registers in use (NCRN), and which of s0 to s15 are free."""

    def __init__(self) -> None:
        self.core = 0
        self.free = [True] * _SINGLES

    def take_singles(self, size: int, count: int) -> int | None:
        """The first of the lowest free run of singles for `count` members of `size` bytes; None when full."""
        step = size // 4
        length = step * count
        for first in range(0, _SINGLES - length + 1, step):
            if all(self.free[first : first + length]):
                self.free[first : first + length] = [False] * length
                return first
        return None


def _in_vectors(build: Builder, argument: int, first: int, size: int, count: int) -> None:
    for number in range(count):
        single = first + number * size // 4
        build.in_vector(single // 2, argument, number * size, size, at=single % 2 * 4)


def _place_argument(build: Builder, argument: int, registers: _Registers, hard_float: bool) -> None:
    type_ = build.types[argument]
    alignment = 8 if type_.align >= 8 else 4
    vector = _vector_type(type_) if hard_float else None
    if vector is not None:
        first = registers.take_singles(*vector)
        if first is not None:  # C.1
            _in_vectors(build, argument, first, *vector)
        else:  # C.2
            registers.free = [False] * _SINGLES
            build.on_stack(argument, alignment)
        return
    words = (type_.size + 3) // 4
    if alignment == 8:  # C.3
        registers.core += registers.core & 1
    room = len(_CORE) - registers.core
    if words <= room or (room > 0 and build.next_stack == 0):  # C.4, C.5
        taken = min(words, room)
        for number in range(taken):
            build.in_core(_CORE[registers.core], argument, number * 4)
            registers.core += 1
        if taken < words:
            build.on_stack(argument, 4, taken * 4)
    else:  # C.6 to C.8
        registers.core = len(_CORE)
        build.on_stack(argument, alignment)


def _place_result(build: Builder, result: Type, hard_float: bool) -> bool:
    """Returns whether r0 carries the address of the result's memory."""
    vector = _vector_type(result) if hard_float else None
    if vector is not None:
        size, count = vector
        for number in range(count):
            single = number * size // 4
            build.result_vector(single // 2, number * size, size, at=single % 2 * 4)
        return False
    if isinstance(result, Composite) and result.size > 4:
        build.hidden_result("r0")
        return True
    build.result_core(_CORE)
    return False


def _reject_wide(type_: Type) -> None:
    if isinstance(type_, Scalar):
        if type_.size > 8:
            raise ValueError(f"32-bit ARM has no type {type_.name}")
        return
    for _, member in type_.members:
        _reject_wide(member)


def plan(types: tuple[Type, ...], result: Type | None, hard_float: bool, variadic: bool) -> Plan:
    """The plan of a call. Raises ValueError for a 128-bit integer."""
    for type_ in (*types, *([] if result is None else [result])):
        _reject_wide(type_)
    hard_float = hard_float and not variadic
    build = Builder(types, result, 4)
    registers = _Registers()
    if result is not None and _place_result(build, result, hard_float):
        registers.core = 1
    for argument, type_ in enumerate(types):
        if type_.size:
            _place_argument(build, argument, registers, hard_float)
    return build.plan(result_address_register="r0")
