"""Guest memory for the time of one call: the arguments that are passed by pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from emuload.machine.memory import AddressSpace


class Host(Protocol):
    """The guest, as far as values need it."""

    def store(self, data: bytes | bytearray) -> int:
        """Copy bytes into guest memory that the host owns: their address, aligned to 16."""
        ...

    def callback(self, function: Callable[..., Any]) -> int:
        """Address of a guest function that calls a Python function."""
        ...


class Encoder:
    """Encodes the arguments of one call; `release` is memory to free after it, `outputs` are buffers to read back."""

    def __init__(self, host: Host, word: int) -> None:
        self.host = host
        self.word = word
        self.release: list[int] = []
        self.outputs: list[tuple[int, int, Buffer]] = []

    def store(self, data: bytes | bytearray) -> int:
        """Copy bytes into guest memory for the time of the call: their address."""
        address = self.host.store(data or b"\0")
        self.release.append(address)
        return address

    def store_buffer(self, buffer: Buffer) -> int:
        """Copy a buffer into guest memory, to be read back after the call: its address."""
        data = buffer.before(self)
        address = self.store(data)
        self.outputs.append((address, len(data), buffer))
        return address


class Buffer:
    """Guest memory for one call, passed by pointer: filled from `data` before the call, read back into it afterwards.

    `data` may be large: it is made, sent and taken back without further copies. A number makes so many zero bytes.
    """

    def __init__(self, data: bytes | bytearray | int) -> None:
        self.data = bytearray(data)

    @property
    def raw(self) -> bytes:
        """All the bytes."""
        return bytes(self.data)

    @property
    def value(self) -> Any:
        """The bytes before the first NUL."""
        end = self.data.find(0)
        return bytes(memoryview(self.data)[: end if end >= 0 else None])

    def before(self, encoder: Encoder) -> bytes | bytearray:
        """The bytes that the guest will see."""
        return self.data

    def after(self, data: bytes | memoryview, abi_word: int, memory: AddressSpace) -> None:
        """Take the bytes that the guest left; `abi_word` is the size of its machine word in bytes."""
        if len(data) == len(self.data):
            memoryview(self.data)[:] = data  # in place: an assignment to a bytearray's slice makes a copy first
        else:
            self.data[:] = data

    def __repr__(self) -> str:
        return f"buffer({bytes(self.data)!r})"
