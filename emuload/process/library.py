"""What Python holds of a loaded library: its functions by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emuload.process.process import Process


class Function:
    """A guest function by address. Calling it runs it on the loading thread."""

    def __init__(
        self, process: Process, name: str, address: int, argtypes: Sequence[Any] | None = None, returns: Any = int
    ) -> None:
        self.process = process
        self.name = name
        self.address = address
        self.argtypes = argtypes
        self.returns = returns

    def __call__(self, *args: Any, returns: Any = ..., argtypes: Sequence[Any] | None = None) -> Any:
        """Call with Python values; `returns` and `argtypes` override the function's own. See `emuload.calls.convert`."""
        return self.process.main.call(
            self,
            *args,
            returns=self.returns if returns is ... else returns,
            argtypes=self.argtypes if argtypes is None else argtypes,
        )


class Library:
    """A handle that dlopen gave."""

    def __init__(self, process: Process, path: str, handle: int) -> None:
        self.process = process
        self.path = path
        self.handle = handle
        self.closed = False
        self._functions: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        """The function of that name. Raises LoadError with the linker's words when there is none."""
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
        """Call a function by name on the loading thread."""
        return self[name](*args, returns=returns, argtypes=argtypes)

    def close(self) -> None:
        """dlclose. Raises LoadError when the linker refuses."""
        if not self.closed:
            self.process.dlclose(self)
            self.closed = True
