"""Python values as bytes of the guest, and back: one codec for each kind of type, laid out by the guest's rules."""

from __future__ import annotations

import ctypes
import operator
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from emuload.calls.buffers import Buffer, Encoder
from emuload.calls.types import CallError, GoString
from emuload.machine.calling import Composite, Scalar, Type, align_up
from emuload.machine.memory import AddressSpace, MemoryFault, text_bytes

MOST_RESULT = 64 << 20
"""Bytes of a Go string or slice that a call may return: a list of as many numbers takes eighteen times as much in Python."""


class Codec(Protocol):
    """Converts values of one type to bytes and back. `encode` raises CallError for a value that is not of the type."""

    @property
    def shape(self) -> Type:
        """The type's layout in the guest."""
        ...

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        """The value's bytes."""
        ...

    def decode(self, data: bytes, memory: AddressSpace) -> Any:
        """The value of bytes."""
        ...


def _mismatch(value: Any, name: str) -> CallError:
    return CallError(f"{value!r} is no {name}")


class IntCodec:
    """Integers; a machine word takes every value of its bits, so that addresses fit."""

    def __init__(self, shape: Scalar, low: int, high: int) -> None:
        self.shape = shape
        self.low = low
        self.high = high

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        try:
            number = operator.index(value)
        except TypeError:
            raise _mismatch(value, self.shape.name) from None
        if not self.low <= number < self.high:
            raise CallError(f"{number} does not fit {self.shape.name}")
        return number.to_bytes(self.shape.size, "little", signed=number < 0)

    def decode(self, data: bytes, memory: AddressSpace) -> int:
        return int.from_bytes(data, "little", signed=self.shape.signed)


class FloatCodec:
    """float and double."""

    def __init__(self, shape: Scalar) -> None:
        self.shape = shape

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if not isinstance(value, float | int):
            raise _mismatch(value, self.shape.name)
        try:
            return struct.pack("<f" if self.shape.size == 4 else "<d", value)
        except (OverflowError, struct.error):  # the latter for a whole number
            raise CallError(f"{value!r} does not fit {self.shape.name}") from None

    def decode(self, data: bytes, memory: AddressSpace) -> float:
        value: float = struct.unpack("<f" if self.shape.size == 4 else "<d", data)[0]
        return value


class ComplexCodec:
    """Complex numbers, in every convention a struct of two floats."""

    def __init__(self, shape: Composite) -> None:
        self.shape = shape

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if not isinstance(value, complex | float | int):
            raise _mismatch(value, self.shape.name)
        try:
            number = complex(value)
            return struct.pack("<ff" if self.shape.size == 8 else "<dd", number.real, number.imag)
        except OverflowError:
            raise CallError(f"{value!r} does not fit {self.shape.name}") from None

    def decode(self, data: bytes, memory: AddressSpace) -> complex:
        return complex(*struct.unpack("<ff" if self.shape.size == 8 else "<dd", data))


class BoolCodec:
    """C's bool: 0 or 1."""

    def __init__(self, shape: Scalar) -> None:
        self.shape = shape

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if value not in (0, 1):
            raise _mismatch(value, "bool")
        return bytes([bool(value)])

    def decode(self, data: bytes, memory: AddressSpace) -> bool:
        return data[0] != 0


class CharCodec:
    """One char as bytes of length 1."""

    def __init__(self, shape: Scalar) -> None:
        self.shape = shape

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if isinstance(value, int) and 0 <= value < 256:
            return bytes([value])
        if not isinstance(value, bytes) or len(value) != 1:
            raise _mismatch(value, "char")
        return value

    def decode(self, data: bytes, memory: AddressSpace) -> bytes:
        return data


def read_string(memory: AddressSpace, address: int) -> bytes | None:
    """The C string at an address; None for NULL. Raises CallError if there is no string."""
    if not address:
        return None
    try:
        return memory.read_cstring(address)
    except MemoryFault:
        raise CallError(f"there is no string at {address:#x}") from None


def pointer_to(value: Any, encoder: Encoder, name: str) -> int:
    """The guest address passed for a value: strings and buffers are copied, functions get a C function that calls them."""
    if value is None:
        return 0
    if isinstance(value, str | bytes):
        return encoder.store(text_bytes(value) + b"\0")
    if isinstance(value, Buffer):
        return encoder.store_buffer(value)
    if isinstance(value, ctypes.c_void_p | ctypes.c_char_p):
        return pointer_to(value.value, encoder, name)
    address = getattr(value, "address", value)
    if isinstance(address, int):
        if not -(1 << encoder.word * 8 - 1) <= address < 1 << encoder.word * 8:
            raise CallError(f"{address:#x} is no address of {encoder.word * 8} bits")
        return address & ((1 << encoder.word * 8) - 1)
    if callable(value):
        return encoder.host.callback(value)
    raise _mismatch(value, name)


class PointerCodec:
    """Pointers. `text`: "" gives the address back, "str" or "bytes" the C string there."""

    def __init__(self, shape: Scalar, text: str = "") -> None:
        self.shape = shape
        self.text = text

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        return pointer_to(value, encoder, self.shape.name).to_bytes(self.shape.size, "little")

    def decode(self, data: bytes, memory: AddressSpace) -> Any:
        address = int.from_bytes(data, "little")
        if not self.text:
            return address
        found = read_string(memory, address)
        return found.decode("utf-8", "surrogateescape") if found is not None and self.text == "str" else found


def _go_memory(memory: AddressSpace, address: int, size: int) -> bytes:
    try:
        if size <= MOST_RESULT:
            return memory.read(address, size) if size else b""
        memory.read(address + size - 1, 1)
        raise CallError(f"a result of {size} bytes at {address:#x}: at most {MOST_RESULT} are taken")
    except MemoryFault:
        raise CallError(f"there are no {size} bytes at {address:#x}") from None


class GoStringCodec:
    """Go's string header (runtime.stringStruct): pointer, length."""

    def __init__(self, shape: Composite) -> None:
        self.shape = shape

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if not isinstance(value, str | bytes):
            raise _mismatch(value, "GoString")
        data, size = text_bytes(value), encoder.word
        address = encoder.store(data) if data else 0
        return address.to_bytes(size, "little") + len(data).to_bytes(size, "little")

    def decode(self, data: bytes, memory: AddressSpace) -> GoString:
        half = self.shape.size // 2
        address, length = int.from_bytes(data[:half], "little"), int.from_bytes(data[half:], "little")
        return GoString(_go_memory(memory, address, length).decode("utf-8", "surrogateescape"))


class _SliceBack(Buffer):
    """Writes a slice's elements back into the bytearray that was passed."""

    def __init__(self, target: bytearray) -> None:
        self.data = target


class GoSliceCodec:
    """Go's slice header (runtime.slice): pointer, length, capacity. Bytes in Python for bytes, else a list."""

    def __init__(self, shape: Composite, element: Codec) -> None:
        self.shape = shape
        self.element = element

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if isinstance(value, bytearray) and self.element.shape.size == 1:
            address = encoder.store_buffer(_SliceBack(value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            data = b"".join(self.element.encode(item, encoder) for item in value)
            address = encoder.store(data)
        else:
            raise _mismatch(value, self.shape.name)
        size = encoder.word
        length = len(value).to_bytes(size, "little")
        return address.to_bytes(size, "little") + length + length

    def decode(self, data: bytes, memory: AddressSpace) -> Any:
        third, size = self.shape.size // 3, self.element.shape.size
        address, length = int.from_bytes(data[:third], "little"), int.from_bytes(data[third : 2 * third], "little")
        items = _go_memory(memory, address, length * size)
        if isinstance(self.element, IntCodec) and size == 1:
            return items
        return [self.element.decode(items[i : i + size], memory) for i in range(0, length * size, size)]


def layout(name: str, types: Sequence[Type], pack: int = 0) -> Composite:
    """A struct with members at their natural alignment, or at most at `pack` (the same rule in all three psABIs)."""
    at, alignment, members = 0, 1, []
    for type_ in types:
        align = min(type_.align, pack) if pack else type_.align
        at = align_up(at, align)
        members.append((at, type_))
        at += type_.size
        alignment = max(alignment, align)
    return Composite(name, align_up(at, alignment), alignment, tuple(members))


def _encode_members(type_: Composite, codecs: Sequence[Codec], values: Sequence[Any], encoder: Encoder) -> bytes:
    data = bytearray(type_.size)
    for (at, member), codec_, value in zip(type_.members, codecs, values, strict=True):
        data[at : at + member.size] = codec_.encode(value, encoder)
    return bytes(data)


def _decode_members(type_: Composite, codecs: Sequence[Codec], data: bytes, memory: AddressSpace) -> list[Any]:
    pairs = zip(type_.members, codecs, strict=True)
    return [codec_.decode(data[at : at + member.size], memory) for (at, member), codec_ in pairs]


class TupleCodec:
    """A struct without names: a tuple in Python."""

    def __init__(self, shape: Composite, members: tuple[Codec, ...]) -> None:
        self.shape = shape
        self.members = members

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if not isinstance(value, tuple | list) or len(value) != len(self.members):
            raise _mismatch(value, f"struct of {len(self.members)} members")
        return _encode_members(self.shape, self.members, value, encoder)

    def decode(self, data: bytes, memory: AddressSpace) -> tuple[Any, ...]:
        return tuple(_decode_members(self.shape, self.members, data, memory))


class ArrayCodec:
    """An array inside a struct: a list in Python."""

    def __init__(self, shape: Composite, element: Codec) -> None:
        self.shape = shape
        self.element = element

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if isinstance(value, bytes):
            value = value.ljust(len(self.shape.members), b"\0")
        values = list(value)
        if len(values) != len(self.shape.members):
            raise _mismatch(value, f"array of {len(self.shape.members)}")
        return _encode_members(self.shape, [self.element] * len(values), values, encoder)

    def decode(self, data: bytes, memory: AddressSpace) -> list[Any]:
        return _decode_members(self.shape, [self.element] * len(self.shape.members), data, memory)


class StructureCodec:
    """A ctypes Structure: instances of the class in Python; as an argument a tuple or dict of its fields too."""

    def __init__(
        self, shape: Composite, python: type[ctypes.Structure], names: tuple[str, ...], members: tuple[Codec, ...]
    ) -> None:
        self.shape = shape
        self.python = python
        self.names = names
        self.members = members

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if isinstance(value, self.python):
            value = [getattr(value, name) for name in self.names]
        elif isinstance(value, dict):
            if set(value) != set(self.names):
                raise CallError(f"{self.shape.name} has the fields {', '.join(self.names)}")
            value = [value[name] for name in self.names]
        if not isinstance(value, tuple | list) or len(value) != len(self.names):
            raise _mismatch(value, self.shape.name)
        return _encode_members(self.shape, self.members, value, encoder)

    def decode(self, data: bytes, memory: AddressSpace) -> ctypes.Structure:
        made = self.python()
        for name, value in zip(self.names, _decode_members(self.shape, self.members, data, memory), strict=True):
            if isinstance(value, list):
                getattr(made, name)[:] = value
            else:
                setattr(made, name, value)
        return made


class UnionCodec:
    """A ctypes Union whose members hold no pointers, so that its bytes are the same in host and guest."""

    def __init__(self, shape: Composite, python: type[ctypes.Union]) -> None:
        self.shape = shape
        self.python = python

    def encode(self, value: Any, encoder: Encoder) -> bytes:
        if not isinstance(value, self.python):
            raise _mismatch(value, self.shape.name)
        return bytes(value)

    def decode(self, data: bytes, memory: AddressSpace) -> ctypes.Union:
        return self.python.from_buffer_copy(data)
