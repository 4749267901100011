"""A loaded library as Python sees it: its functions by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from emuload.process.host_threads import Thread


class Host(Protocol):
    """The process of a library, as far as the library needs it."""

    @property
    def main(self) -> Thread:
        """The loading thread."""
        ...

    def dlsym(self, handle: Library | str, name: str) -> int:
        """Address of a symbol. Raises LoadError."""
        ...

    def dlclose(self, library: Library) -> None:
        """Close a library. Raises LoadError."""
        ...


class Function:
    """A guest function by address. Calling it runs it on the loading thread.

    `argtypes` and `returns` are its types, as in `emuload.calls.convert`.
    """

    def __init__(
        self, process: Host, name: str, address: int, argtypes: Sequence[Any] | None = None, returns: Any = int
    ) -> None:
        self.process = process
        self.name = name
        self.address = address
        self.argtypes = argtypes
        self.returns = returns

    def __call__(self, *args: Any, returns: Any = ..., argtypes: Sequence[Any] | None = None) -> Any:
        """Call with Python values; `returns` and `argtypes` override the function's own.

        Raises CallError for values that do not fit, UsageError if the loading thread is in a call already, and GuestFailed,
        Deadlock or BoundReached with a report if the call does not return.
        """
        return self.process.main.call(
            self,
            *args,
            returns=self.returns if returns is ... else returns,
            argtypes=self.argtypes if argtypes is None else argtypes,
        )


class Library:
    """A library that dlopen has loaded; `handle` is what dlopen returned, `closed` becomes True with `close()`."""

    def __init__(self, process: Host, path: str, handle: int) -> None:
        self.process = process
        self.path = path
        self.handle = handle
        self.closed = False
        self._functions: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        """The function of that name. Raises LoadError with the linker's words for a missing symbol."""
        found = self._functions.get(name)
        if found is None:
            found = Function(self.process, name, self.process.dlsym(self, name))
            self._functions[name] = found
        return found

    def __getattr__(self, name: str) -> Function:
        """`lib.add` is `lib["add"]`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def call(self, name: str, *args: Any, returns: Any = int, argtypes: Sequence[Any] | None = None) -> Any:
        """Call a function by name on the loading thread. Raises as `__getitem__` and `Function.__call__` do."""
        return self[name](*args, returns=returns, argtypes=argtypes)

    def close(self) -> None:
        """dlclose, once. Raises LoadError if the linker refuses."""
        if not self.closed:
            self.process.dlclose(self)
            self.closed = True
