"""A loaded library as Python sees it: its functions by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from emuload.process.host_threads import Thread
from loader.errors import LoadError


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

    def exports(self, library: Library) -> Sequence[str]:
        """The names of what the library's file exports, in order; none once it is unloaded."""
        ...


class MissingSymbolError(LoadError, AttributeError):
    """A library has no symbol of a name. It is an AttributeError too, so that `hasattr` says so."""


class Function:
    """A guest function by address. Calling it runs it on the loading thread.

    `argtypes` and `restype` are its types, as in `emuload.calls.convert`, and may be set as those of ctypes' functions;
    `returns` is `restype` by the name that calls give it. Other attributes cannot be set.
    """

    __slots__ = ("address", "argtypes", "name", "process", "returns")

    def __init__(
        self, process: Host, name: str, address: int, argtypes: Sequence[Any] | None = None, returns: Any = int
    ) -> None:
        self.process = process
        self.name = name
        self.address = address
        self.argtypes = argtypes
        self.returns = returns

    @property
    def restype(self) -> Any:
        """The type of the result, None for void; int, the machine word, if it was not set."""
        return self.returns

    @restype.setter
    def restype(self, token: Any) -> None:
        self.returns = token

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "restype" and name not in self.__slots__:
            raise AttributeError(f"a function has no attribute {name!r} to set: there are argtypes and restype")
        super().__setattr__(name, value)

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

    def __repr__(self) -> str:
        return f"<function {self.name} at {self.address:#x}>"


class Library:
    """A library that dlopen has loaded; `handle` is what dlopen returned, `closed` becomes True with `close()`.

    `name in library`, `dir(library)` and `library.exports` look into its file and run no guest code; `library.name` and
    `hasattr` ask the guest's dlsym, which finds what its dependencies export, too.
    """

    def __init__(self, process: Host, path: str, handle: int) -> None:
        self.process = process
        self.path = path
        self.handle = handle
        self.closed = False
        self._functions: dict[str, Function] = {}

    @property
    def exports(self) -> Sequence[str]:
        """The names of the functions and variables that the library's file exports, in order."""
        return self.process.exports(self)

    def __contains__(self, name: object) -> bool:
        return name in self.exports

    def __iter__(self) -> Iterator[str]:
        return iter(self.exports)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.exports})

    def __getitem__(self, name: str) -> Function:
        """The function of that name. Raises MissingSymbolError, a LoadError with the linker's words, for a missing symbol."""
        found = self._functions.get(name)
        if found is None:
            try:
                found = Function(self.process, name, self.process.dlsym(self, name))
            except LoadError as error:
                raise self._missing(error, name) from None
            self._functions[name] = found
        return found

    def __getattr__(self, name: str) -> Function:
        """`lib.add` is `lib["add"]`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return f"<library {self.path}{' (closed)' if self.closed else ''}>"

    def _missing(self, error: LoadError, name: str) -> MissingSymbolError:
        from difflib import get_close_matches

        alike = get_close_matches(name, self.exports, 3, 0.6)
        hint = f"did you mean {' or '.join(alike)}?" if alike else ""
        where = "; ".join(filter(None, (error.where, hint)))
        return MissingSymbolError(error.path, where, error.message, error.code, **error.facts)

    def call(self, name: str, *args: Any, returns: Any = ..., argtypes: Sequence[Any] | None = None) -> Any:
        """Call a function by name on the loading thread. Raises as `__getitem__` and `Function.__call__` do."""
        return self[name](*args, returns=returns, argtypes=argtypes)

    def close(self) -> None:
        """dlclose, once. Raises LoadError if the linker refuses."""
        if not self.closed:
            self.process.dlclose(self)
            self.closed = True
