"""amd64 calls: System V ABI, AMD64 Architecture Processor Supplement, 3.2.3 "Parameter Passing".

Every eightbyte of an argument gets a class from the fields in it. An argument of up to two eightbytes goes
whole into general registers (INTEGER) and SSE registers (SSE), or whole onto the stack when they run out; a
larger or misaligned one goes into memory. AL bounds the vector registers used, for variadic functions
(3.5.7).
"""

from __future__ import annotations

from collections.abc import Sequence

from emuload.machine.calling import Builder, Composite, Plan, ResultPart, Type, leaves

_INTEGER_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_RESULT_REGISTERS = ("rax", "rdx")
_SSE_REGISTERS = 8
_RED_ZONE = 128

_INTEGER, _SSE = "integer", "sse"


def classify(type_: Type) -> tuple[str, ...] | None:
    """The class of each eightbyte; an empty one is padding. None is class MEMORY."""
    if isinstance(type_, Composite) and type_.size > 16:
        return None
    classes = [""] * ((type_.size + 7) // 8)
    for offset, leaf in leaves(type_):
        if offset % leaf.align:
            return None
        for number in range(offset // 8, (offset + leaf.size + 7) // 8):
            if classes[number] != _INTEGER:
                classes[number] = _SSE if leaf.floating else _INTEGER
    return tuple(classes)


def _place_argument(build: Builder, argument: int, used: dict[str, int]) -> None:
    type_ = build.types[argument]
    classes = classify(type_)
    if classes is not None:
        integers, sse = classes.count(_INTEGER), classes.count(_SSE)
        fits = used[_INTEGER] + integers <= len(_INTEGER_REGISTERS) and used[_SSE] + sse <= _SSE_REGISTERS
        if fits:
            for number, class_ in enumerate(classes):
                if class_ == _INTEGER:
                    build.in_core(_INTEGER_REGISTERS[used[_INTEGER]], argument, number * 8)
                elif class_ == _SSE:
                    build.in_vector(used[_SSE], argument, number * 8, min(8, type_.size - number * 8))
                if class_:
                    used[class_] += 1
            return
    build.on_stack(argument, 16 if type_.align > 8 else 8)


def _place_result(build: Builder, classes: Sequence[str]) -> None:
    assert build.result is not None
    used = {_INTEGER: 0, _SSE: 0}
    for number, class_ in enumerate(classes):
        offset = number * 8
        size = min(8, build.result.size - offset)
        if class_ == _INTEGER:
            build.results.append(ResultPart(_RESULT_REGISTERS[used[_INTEGER]], 0, 0, offset, size))
        elif class_ == _SSE:
            build.result_vector(used[_SSE], offset, size)
        if class_:
            used[class_] += 1


def plan(types: tuple[Type, ...], result: Type | None, hard_float: bool, variadic: bool) -> Plan:
    """The plan of a call; `hard_float` has no meaning here."""
    build = Builder(types, result, 8)
    used = {_INTEGER: 0, _SSE: 0}
    if result is not None:
        classes = classify(result)
        if classes is None:
            build.hidden_result(_INTEGER_REGISTERS[0])
            used[_INTEGER] = 1
        else:
            _place_result(build, classes)
    for argument, type_ in enumerate(types):
        if type_.size:
            _place_argument(build, argument, used)
    if variadic or used[_SSE]:
        build.constants.append(("rax", used[_SSE]))
    return build.plan(red_zone=_RED_ZONE, return_address_size=8, result_address_register="rax")
