"""From type tokens to codecs, and from values to the types they are passed as."""

from __future__ import annotations

import ctypes
import operator
from functools import lru_cache
from typing import Any

from emuload.calls.buffers import Buffer, Encoder
from emuload.calls.codecs import (
    ArrayCodec,
    BoolCodec,
    CharCodec,
    Codec,
    ComplexCodec,
    FloatCodec,
    GoSliceCodec,
    GoStringCodec,
    IntCodec,
    PointerCodec,
    StructureCodec,
    TupleCodec,
    UnionCodec,
    layout,
)
from emuload.calls.types import CallError, ComplexType, GoSlice, GoString, IntType, Typed, complex128, type_name
from emuload.machine.calling import Composite, Scalar, align_up
from emuload.machine.memory import AddressSpace


class Ref(Buffer):
    """A pointer to one value of a type; `value` is that value, after the call the one the guest left."""

    def __init__(self, type_: Any, value: Any) -> None:
        super().__init__(b"")
        self.type = type_
        self._value = value

    @property
    def value(self) -> Any:
        """The value pointed to."""
        return self._value

    def before(self, encoder: Encoder) -> bytes:
        """The value in the guest's layout."""
        return codec(self.type, encoder.word).encode(self._value, encoder)

    def after(self, data: bytes | memoryview, abi_word: int, memory: AddressSpace) -> None:
        """Take the value that the guest left."""
        self.data[:] = data
        self._value = codec(self.type, abi_word).decode(bytes(data), memory)

    def __repr__(self) -> str:
        return f"ref({type_name(self.type)}, {self._value!r})"


# -- from token to codec -------------------------------------------------------------------------------------------

_CTYPES_SIGNED, _CTYPES_UNSIGNED = "bhilq", "BHILQ"


def _int_codec(name: str, size: int, signed: bool, *, any_sign: bool = False) -> IntCodec:
    low = -(1 << size * 8 - 1) if signed or any_sign else 0
    high = 1 << size * 8 - (1 if signed and not any_sign else 0)
    return IntCodec(Scalar(name, size, signed=signed), low, high)


def _simple_ctypes(token: Any, abi_word: int) -> Codec | None:
    """The codec of a fundamental ctypes type, by its letter; None for letters that are not supported."""
    kind = token._type_
    name, size = token.__name__, ctypes.sizeof(token)
    if kind in _CTYPES_SIGNED or kind in _CTYPES_UNSIGNED:
        signed = kind in _CTYPES_SIGNED
        return _int_codec(f"{'' if signed else 'u'}int{size * 8}", size, signed)
    if kind in "fd":
        return FloatCodec(Scalar("float" if kind == "f" else "double", size, floating=True))
    if kind == "?":
        return BoolCodec(Scalar("bool", 1))
    if kind == "c":
        return CharCodec(Scalar("char", 1))
    if kind in "zP":
        return PointerCodec(Scalar(name, abi_word), "bytes" if kind == "z" else "")
    return None


def _fields(token: type[ctypes.Structure] | type[ctypes.Union]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for class_ in reversed(token.__mro__):
        for entry in class_.__dict__.get("_fields_", ()):
            if len(entry) != 2:
                raise CallError(f"{token.__name__}.{entry[0]}: bit fields cannot be passed by value")
            if isinstance(entry[1], type) and issubclass(entry[1], ctypes._Pointer):
                raise CallError(f"{token.__name__}.{entry[0]}: use c_void_p, the guest's pointers mean nothing here")
            found.append(entry)
    if hasattr(token, "_swappedbytes_"):
        raise CallError(f"{token.__name__}: the guest is little-endian")
    return found


def _structure(token: type[ctypes.Structure], abi_word: int) -> Codec:
    fields = _fields(token)
    members = tuple(codec(type_, abi_word) for _, type_ in fields)
    pack = getattr(token, "_pack_", 0)
    type_ = layout(token.__name__, [member.shape for member in members], pack)
    return StructureCodec(type_, token, tuple(name for name, _ in fields), members)


def _union(token: type[ctypes.Union], abi_word: int) -> Codec:
    types = [codec(type_, abi_word).shape for _, type_ in _fields(token)]
    alignment = max((type_.align for type_ in types), default=1)
    size = align_up(max((type_.size for type_ in types), default=0), alignment)
    if size != ctypes.sizeof(token):
        raise CallError(f"{token.__name__}: this union's size differs between host and guest")
    return UnionCodec(Composite(token.__name__, size, alignment, tuple((0, type_) for type_ in types)), token)


def _array(name: str, element: Codec, count: int) -> Composite:
    type_ = element.shape
    return Composite(name, type_.size * count, type_.align, tuple((i * type_.size, type_) for i in range(count)))


def _class_codec(token: type, abi_word: int) -> Codec | None:
    if issubclass(token, GoString):
        pointer, length = Scalar("void*", abi_word), Scalar("GoInt", abi_word, signed=True)
        return GoStringCodec(layout("GoString", (pointer, length)))
    if issubclass(token, ctypes.Structure):
        return _structure(token, abi_word)
    if issubclass(token, ctypes.Union):
        return _union(token, abi_word)
    if issubclass(token, ctypes.Array):
        element = codec(token._type_, abi_word)
        return ArrayCodec(_array(token.__name__, element, len(token())), element)
    if issubclass(token, ctypes._Pointer | ctypes._CFuncPtr):  # type: ignore[attr-defined]
        return PointerCodec(Scalar(token.__name__, abi_word))
    if issubclass(token, ctypes._SimpleCData):
        return _simple_ctypes(token, abi_word)
    return None


@lru_cache(maxsize=1024)
def codec(token: Any, abi_word: int) -> Codec:
    """The codec of a type token for guests with words of `abi_word` bytes. Raises CallError if it is not a type."""
    found = _builtin_codec(token, abi_word)
    if found is None and isinstance(token, type):
        found = _class_codec(token, abi_word)
    if found is None:
        raise CallError(f"{type_name(token)} is no type a call can have")
    return found


def _builtin_codec(token: Any, abi_word: int) -> Codec | None:
    if token is int:
        return _int_codec("int", abi_word, True, any_sign=True)
    if token is bool:
        return BoolCodec(Scalar("bool", 1))
    if token is float:
        return FloatCodec(Scalar("double", 8, floating=True))
    if token is complex:
        return codec(complex128, abi_word)
    if token is str or token is bytes:
        return PointerCodec(Scalar("char*", abi_word), token.__name__)
    if isinstance(token, IntType):
        return _int_codec(token.name, token.size or abi_word, token.signed, any_sign=not token.size)
    if isinstance(token, ComplexType):
        part = Scalar("float" if token.part == 4 else "double", token.part, floating=True)
        return ComplexCodec(layout(token.name, (part, part)))
    if isinstance(token, GoSlice):
        element = codec(token.element, abi_word)
        pointer, length = Scalar("void*", abi_word), Scalar("GoInt", abi_word, signed=True)
        return GoSliceCodec(layout(type_name(token), (pointer, length, length)), element)
    if isinstance(token, tuple):
        members = tuple(codec(member, abi_word) for member in token)
        return TupleCodec(layout(type_name(token), [member.shape for member in members]), members)
    return None


# -- from value to token -------------------------------------------------------------------------------------------


def token_of(value: Any, abi_word: int) -> Any:
    """The type in which a value without one is passed. Raises CallError for a value of no such type."""
    if isinstance(value, bool):
        return bool
    if isinstance(value, int):
        return _int_token(value, abi_word)
    found = _TOKENS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Typed):
        return value.type
    if isinstance(value, ctypes._SimpleCData | ctypes.Structure | ctypes.Union):
        return type(value)
    if isinstance(value, list):
        return GoSlice(_element_token(value, abi_word))
    if isinstance(value, Buffer) or callable(value) or hasattr(value, "address"):
        return ctypes.c_void_p
    if isinstance(value, tuple):
        return tuple(token_of(item, abi_word) for item in value)
    if hasattr(value, "__index__"):
        return _int_token(operator.index(value), abi_word)
    raise CallError(f"{value!r} is no value a call can have; give its type with argtypes")


_TOKENS = {
    float: float,
    complex: complex128,
    str: str,
    bytes: str,
    GoString: GoString,
    bytearray: GoSlice(ctypes.c_uint8),
    type(None): ctypes.c_void_p,
}


def _int_token(value: int, abi_word: int) -> Any:
    for size, token in ((abi_word, int), (8, ctypes.c_int64)):
        if -(1 << size * 8 - 1) <= value < 1 << size * 8:
            return token if value < 1 << 63 or token is int else ctypes.c_uint64
    raise CallError(f"{value} is wider than 64 bits: give it the type int128 or uint128")


def _element_token(values: list[Any], abi_word: int) -> Any:
    tokens = {_go_element(token_of(value, abi_word)) for value in values}
    if not tokens:
        return int
    if tokens == {int, float}:
        return float
    if len(tokens) > 1:
        raise CallError("the elements of a slice must have one type")
    return tokens.pop()


def _go_element(token: Any) -> Any:
    return GoString if token is str else token


def plain(value: Any, token: Any) -> Any:
    """A value without its wrapping, as the codec of `token` encodes it."""
    if type(value) is int:
        return value
    if isinstance(value, Typed):
        return value.value
    if isinstance(value, ctypes._SimpleCData) and not isinstance(value, ctypes.c_void_p | ctypes.c_char_p):
        return value.value
    if isinstance(value, list) and isinstance(token, GoSlice):
        return [plain(item, token.element) for item in value]
    if isinstance(value, tuple) and isinstance(token, tuple) and len(value) == len(token):
        return tuple(plain(item, member) for item, member in zip(value, token, strict=True))
    return value


def promoted(token: Any) -> Any:
    """A type after C's default argument promotions (C11 6.5.2.2), for variadic arguments."""
    return _PROMOTED.get(token, token)


_PROMOTED = {
    ctypes.c_float: ctypes.c_double,
    ctypes.c_int8: ctypes.c_int32,
    ctypes.c_uint8: ctypes.c_int32,
    ctypes.c_int16: ctypes.c_int32,
    ctypes.c_uint16: ctypes.c_int32,
    ctypes.c_char: ctypes.c_int32,
    ctypes.c_bool: ctypes.c_int32,
    bool: ctypes.c_int32,
}
