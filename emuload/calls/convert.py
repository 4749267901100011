"""Calls between Python and the guest by the C calling conventions: arguments into registers and stack, results out of them.

    lib.add(1, 2)                                               # machine words in, a machine word out
    lib.call("scale", 2, 1.5, returns=float, argtypes=[c_int32, c_double])
    lib.call("greet", GoString("gopher"), returns=str)          # a Go string by value; the result is a C string
    lib.call("divide", 7, 2, returns=(int, int))                # a struct of two, as Go's several results are
    lib.call("printf", "%d %s", 1, "x", argtypes=[str, ...])    # variadic after the types given

A value without a type is passed as: int: a machine word, or 64 bits when it is too wide for one; float: double; str and
bytes: a NUL-terminated copy; GoString: a Go string; a list of numbers or strings, or a bytearray (which the callee may
change): a Go slice; a Python function: a pointer to a C function, whose parameters its annotations name; `buffer` and
`ref`: guest memory for the time of the call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import EllipsisType
from typing import Any, NamedTuple, Protocol, get_type_hints

from emuload.calls.buffers import Buffer, Encoder
from emuload.calls.codecs import Codec
from emuload.calls.inference import Ref, codec, plain, promoted, token_of
from emuload.calls.types import (
    CallError,
    ComplexType,
    GoSlice,
    GoString,
    IntType,
    Typed,
    complex64,
    complex128,
    int128,
    long,
    size_t,
    type_name,
    uint128,
    ulong,
    word,
)
from emuload.machine.calling import Plan, Scalar, Type, fetch, place, plan_call, receive, reply
from emuload.machine.cpu import Cpu
from emuload.machine.memory import AddressSpace, MemoryFault

__all__ = [
    "Buffer", "CallError", "Callback", "ComplexType", "GoSlice", "GoString", "IntType", "Prepared", "Ref", "Typed",
    "buffer", "callback_types", "complex64", "complex128", "int128", "long", "prepare", "receive_callback", "ref",
    "reply_to_callback", "size_t", "type_name", "uint128", "ulong", "word",
]  # fmt: skip


def buffer(content: int | bytes | bytearray) -> Buffer:
    """Guest memory for one call, of a size in bytes or filled with bytes; after the call `.raw` and `.value` are its content."""
    return Buffer(content)


def ref(type_: Any, value: Any = 0) -> Ref:
    """A pointer to one value of a type, for one call; after the call `.value` is the value there."""
    return Ref(type_, value)


class Signature(NamedTuple):
    """The types of a call, and the places of its arguments and result."""

    arguments: tuple[Codec, ...]
    result: Codec | None
    plan: Plan


@lru_cache(maxsize=1024)
def _signature(
    architecture: str, size: int, tokens: tuple[Any, ...], returns: Any, hard_float: bool, variadic: bool
) -> Signature:
    arguments = tuple(_argument_codec(number, token, size) for number, token in enumerate(tokens))
    result = codec(returns, size) if returns is not None else None
    shapes: tuple[Type, ...] = tuple(argument.shape for argument in arguments)
    try:
        plan = plan_call(architecture, shapes, result.shape if result is not None else None, hard_float, variadic)
    except ValueError as error:
        raise CallError(str(error)) from None
    return Signature(arguments, result, plan)


def _argument_codec(number: int, token: Any, size: int) -> Codec:
    if token is None:
        raise CallError(f"argument {number + 1}: void is no type for an argument")
    return codec(token, size)


def _tokens(args: Sequence[Any], argtypes: Sequence[Any] | None, size: int) -> tuple[tuple[Any, ...], bool]:
    """The type of each argument, and True if the function is variadic."""
    if argtypes is None:
        return _inferred(args, 0, size), False
    variadic = bool(argtypes) and argtypes[-1] is ...
    given: Sequence[Any] = argtypes[:-1] if variadic else argtypes
    if len(args) < len(given) or (len(args) > len(given) and not variadic):
        raise CallError(f"the function takes {len(given)} argument{'s' * (len(given) != 1)}, not {len(args)}")
    more = map(promoted, _inferred(args, len(given), size))
    return (*map(_listed, given), *more), variadic


def _listed(token: Any) -> Any:
    """[int] is GoSlice(int)."""
    return GoSlice(_listed(token[0])) if isinstance(token, list) and len(token) == 1 else token


def _inferred(args: Sequence[Any], first: int, size: int) -> tuple[Any, ...]:
    """The types as which the arguments from number `first` on (from 0) are passed."""
    tokens = []
    try:
        for value in args[first:] if first else args:
            tokens.append(token_of(value, size))
    except CallError as error:
        raise CallError(f"argument {first + len(tokens) + 1}: {error}") from None
    return tuple(tokens)


class Memory(Protocol):
    """Guest memory that belongs to the host."""

    def store(self, data: bytes | bytearray) -> int:
        """Copy bytes there: their address, aligned to 16."""
        ...

    def free(self, address: int) -> None:
        """Give back what `store` made."""
        ...


class Guest(Protocol):
    """The guest of a call. `hard_float` selects ARM's convention for floats, and means nothing elsewhere."""

    @property
    def cpu(self) -> Cpu: ...

    @property
    def memory(self) -> Memory: ...

    @property
    def hard_float(self) -> bool: ...

    def callback(self, function: Callable[..., Any], argtypes: Sequence[Any], returns: Any) -> int:
        """Address of a C function that calls a Python one."""
        ...


class GuestValues:
    """A guest as `emuload.calls.codecs` needs it."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    def store(self, data: bytes | bytearray) -> int:
        """Copy into the host's part of guest memory."""
        return self._guest.memory.store(data)

    def callback(self, function: Callable[..., Any]) -> int:
        """A C function that calls a Python one, with the types of its annotations."""
        argtypes, returns = callback_types(function)
        return self._guest.callback(function, argtypes, returns)


@dataclass(eq=False, repr=False)
class Prepared:
    """A call whose arguments are encoded; its guest memory is freed once the result is collected."""

    guest: Guest
    signature: Signature
    data: list[bytes]
    encoder: Encoder
    result_address: int = 0

    def place(self) -> None:
        """Write the arguments for the thread that is on the CPU, below its stack pointer."""
        cpu = self.guest.cpu
        _, self.result_address = place(self.signature.plan, cpu, self.data, cpu.sp)

    def collect(self) -> Any:
        """The result, read from where the callee left it; buffers take the bytes that the guest wrote.

        Raises CallError if the result points to memory that is not mapped, or if the guest has unmapped a buffer.
        """
        cpu, signature = self.guest.cpu, self.signature
        try:
            for address, size, target in self.encoder.outputs:
                target.after(_left(cpu.memory, address, size), cpu.abi.word, cpu.memory)
            if signature.result is None:
                return None
            return signature.result.decode(fetch(signature.plan, cpu, self.result_address), cpu.memory)
        finally:
            self.forget()

    def forget(self) -> None:
        """Free the guest memory of the arguments."""
        for address in self.encoder.release:
            self.guest.memory.free(address)
        self.encoder.release.clear()


def _left(memory: AddressSpace, address: int, size: int) -> bytes | memoryview:
    """The bytes that the guest left in a buffer, in place if they are in one mapping. Raises CallError."""
    try:
        return memory.view(address, size)
    except MemoryFault:
        pass
    try:
        return memory.read(address, size)
    except MemoryFault as fault:
        raise CallError(f"the buffer at {address:#x} is gone: {fault}") from None


def prepare(
    guest: Guest,
    args: Sequence[Any],
    returns: Any,
    argtypes: Sequence[Any | EllipsisType] | None,
) -> Prepared:
    """Encode the arguments of a call into guest memory.

    Raises CallError for values and types that do not fit, and if there is no memory for them.
    """
    abi = guest.cpu.abi
    tokens, variadic = _tokens(args, argtypes, abi.word)
    signature = _signature(abi.name, abi.word, tokens, _listed(returns), guest.hard_float, variadic)
    encoder = Encoder(GuestValues(guest), abi.word)
    prepared = Prepared(guest, signature, [], encoder)
    data = prepared.data
    try:
        for value, token, argument in zip(args, tokens, signature.arguments, strict=True):
            data.append(argument.encode(plain(value, token), encoder))
    except (CallError, MemoryError) as error:
        prepared.forget()
        raise CallError(f"argument {len(data) + 1}: {error or 'no memory is left for it'}") from None
    return prepared


# -- the guest calls Python ------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class Callback:
    """A call that came from the guest: its arguments, and where its result goes."""

    signature: Signature
    arguments: list[Any] = field(default_factory=list)
    result_address: int = 0


def callback_types(function: Callable[..., Any]) -> tuple[list[Any], Any]:
    """The types of a Python function's parameters and of its result, from its annotations; int without one.

    Raises CallError for a function whose number of arguments is open.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
        hints = get_type_hints(function)
    except (TypeError, ValueError, NameError) as error:
        raise CallError(f"{function!r} cannot be a callback without its types: {error}") from None
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY) for parameter in parameters):
        raise CallError(f"{function!r} cannot be a callback without its types: how many arguments it takes is open")
    returns = hints.get("return", int)
    named = [hints.get(parameter.name, int) for parameter in parameters]
    return named, None if returns is type(None) else returns


def receive_callback(guest: Guest, argtypes: Sequence[Any], returns: Any) -> Callback:
    """Read a callback's arguments, with the CPU at its first instruction. Raises CallError for tokens that are not types."""
    cpu = guest.cpu
    tokens = tuple(map(_listed, argtypes))
    signature = _signature(cpu.abi.name, cpu.abi.word, tokens, _listed(returns), guest.hard_float, False)
    data, result_address = receive(signature.plan, cpu)
    arguments = [argument.decode(piece, cpu.memory) for argument, piece in zip(signature.arguments, data, strict=True)]
    return Callback(signature, arguments, result_address)


def reply_to_callback(guest: Guest, callback: Callback, value: Any) -> None:
    """Write a callback's result. Memory made for it, as for a string, is not freed: the guest uses it later.

    Raises CallError for a value that is not of the result's type.
    """
    result = callback.signature.result
    if result is None:
        return
    encoder = Encoder(GuestValues(guest), guest.cpu.abi.word)
    try:
        data = result.encode(plain(value, None), encoder)
    except CallError as error:
        raise CallError(f"the callback's result: {error}") from None
    signed = isinstance(result.shape, Scalar) and result.shape.signed
    reply(callback.signature.plan, guest.cpu, data, callback.result_address, signed)
