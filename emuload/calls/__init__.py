"""Calls between Python and the guest: types, conversion, call texts."""

from emuload.calls.convert import (
    Buffer,
    CallError,
    ComplexType,
    GoSlice,
    GoString,
    IntType,
    Ref,
    Typed,
    buffer,
    complex64,
    complex128,
    int128,
    long,
    ref,
    size_t,
    uint128,
    ulong,
    word,
)

__all__ = [
    "Buffer", "CallError", "ComplexType", "GoSlice", "GoString", "IntType", "Ref", "Typed", "buffer", "complex64",
    "complex128", "int128", "long", "ref", "size_t", "uint128", "ulong", "word",
]  # fmt: skip
