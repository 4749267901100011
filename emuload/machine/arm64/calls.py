"""arm64 calls: Procedure Call Standard for the Arm 64-bit Architecture (IHI 0055), 6.8.2 "Parameter passing",
6.9 "Result return".

The comments C.1 to C.17 name the standard's steps. A homogeneous floating-point aggregate (HFA) takes one
vector register for each member; a composite of more than 16 bytes is passed by reference to a copy; a result
in memory is addressed by x8. Linux's variadic functions take their arguments in the same places as others.
"""

from __future__ import annotations

from emuload.machine.calling import Builder, Composite, Plan, Scalar, Type, homogeneous_floats

_CORE = tuple(f"x{number}" for number in range(8))
_VECTORS = 8


def _vector_pieces(type_: Type) -> list[tuple[int, int]]:
    """(offset, size) of each vector register a floating-point type or HFA takes; empty for other types."""
    if isinstance(type_, Scalar):
        return [(0, type_.size)] if type_.floating else []
    aggregate = homogeneous_floats(type_)
    if aggregate is None:
        return []
    base, count = aggregate
    return [(number * base.size, base.size) for number in range(count)]


def _in_memory(type_: Type) -> bool:
    """A composite that is neither an HFA nor small enough for two registers."""
    return isinstance(type_, Composite) and type_.size > 16 and homogeneous_floats(type_) is None


class _Registers:
    """NGRN and NSRN, the next general and SIMD register numbers."""

    def __init__(self) -> None:
        self.core = 0
        self.vector = 0


def _place_argument(build: Builder, argument: int, next_: _Registers) -> None:
    type_ = build.types[argument]
    pieces = _vector_pieces(type_)
    if pieces:
        if next_.vector + len(pieces) <= _VECTORS:  # C.1, C.2
            for offset, size in pieces:
                build.in_vector(next_.vector, argument, offset, size)
                next_.vector += 1
        else:  # C.3 to C.6
            next_.vector = _VECTORS
            build.on_stack(argument, max(8, type_.align))
        return
    if _in_memory(type_):  # B.4
        if next_.core < len(_CORE):
            build.by_reference(argument, _CORE[next_.core])
            next_.core += 1
        else:
            build.by_reference(argument, "")
        return
    words = (type_.size + 7) // 8
    if type_.align == 16:  # C.8
        next_.core += next_.core & 1
    if next_.core + words <= len(_CORE):  # C.7, C.9, C.12
        for number in range(words):
            build.in_core(_CORE[next_.core], argument, number * 8)
            next_.core += 1
    else:  # C.13 to C.17
        next_.core = len(_CORE)
        build.on_stack(argument, max(8, type_.align))


def _place_result(build: Builder, result: Type) -> None:
    pieces = _vector_pieces(result)
    if pieces:
        for index, (offset, size) in enumerate(pieces):
            build.result_vector(index, offset, size)
    elif _in_memory(result):
        build.hidden_result("x8")
    else:
        build.result_core(_CORE)


def plan(types: tuple[Type, ...], result: Type | None, hard_float: bool, variadic: bool) -> Plan:
    """The plan of a call; `hard_float` and `variadic` change nothing here."""
    build = Builder(types, result, 8)
    if result is not None:
        _place_result(build, result)
    next_ = _Registers()
    for argument, type_ in enumerate(types):
        if type_.size:
            _place_argument(build, argument, next_)
    return build.plan()
