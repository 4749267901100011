"""Names of C types, and values that carry their own type.

A *type token* names a C type: a ctypes type (its size is the host's, so `c_long` is no guest `long`: use `long`), a
ctypes Structure, Union or array, a Python builtin (int is the guest's machine word, float a double, str and bytes a C
string, bool, None for void), a tuple of tokens (a struct), or one of the tokens of this module.
"""

from __future__ import annotations

from typing import Any

from emuload.errors import UsageError


class CallError(UsageError):
    """A call that makes no sense: a value that does not fit its type, an unknown type, text that is no call."""


class IntType:
    """An integer of `size` bytes; 0 means the guest's machine word."""

    def __init__(self, name: str, size: int, signed: bool) -> None:
        self.name = name
        self.size = size
        self.signed = signed

    def __repr__(self) -> str:
        return self.name


class ComplexType:
    """C's complex numbers, whose parts have `part` bytes each."""

    def __init__(self, name: str, part: int) -> None:
        self.name = name
        self.part = part

    def __repr__(self) -> str:
        return self.name


long = IntType("long", 0, True)
ulong = IntType("ulong", 0, False)
word = IntType("word", 0, False)
size_t = IntType("size_t", 0, False)
int128 = IntType("int128", 16, True)
uint128 = IntType("uint128", 16, False)
complex64 = ComplexType("complex64", 4)
complex128 = ComplexType("complex128", 8)


class GoString(str):
    """A Go string by value, {pointer, length}: GoString("x") as an argument, GoString as a type."""


class GoSlice:
    """The type of a Go slice by value, {pointer, length, capacity}, of elements of a type."""

    def __init__(self, element: Any) -> None:
        self.element = element

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GoSlice) and self.element == other.element

    def __hash__(self) -> int:
        return hash((GoSlice, self.element))

    def __repr__(self) -> str:
        return f"GoSlice({type_name(self.element)})"


class Typed:
    """A value with its type, for a value that would be passed as another type without it."""

    def __init__(self, type_: Any, value: Any) -> None:
        self.type = type_
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Typed) and (self.type, self.value) == (other.type, other.value)

    def __hash__(self) -> int:
        return hash((self.type, self.value))

    def __repr__(self) -> str:
        return f"Typed({type_name(self.type)}, {self.value!r})"


def type_name(token: Any) -> str:
    """A token as text."""
    if isinstance(token, tuple):
        return f"({', '.join(map(type_name, token))})"
    if isinstance(token, GoSlice):
        return f"[{type_name(token.element)}]"
    if token is None:
        return "void"
    return getattr(token, "__name__", None) or repr(token)
