"""The functions of the emulated C library that relocation needs, by the names its user gives them."""

from __future__ import annotations

from typing import NamedTuple

from .errors import LoadError
from .objects import LinkedObject
from .state import State


class RuntimeNames(NamedTuple):
    """Symbols of a built-in C library; "" where it has none.

    ``tlsdesc_static, tlsdesc_dynamic, tlsdesc_undefined``  functions that TLS descriptors point to: for a module in static
    TLS, for one with blocks on demand, and for an undefined weak symbol
    ``lazy_resolver``  entry to which PLT slots lead that are bound at their first call
    ``tcb_size``       a 4-byte integer: bytes of the library's own structure for each thread
    """

    tlsdesc_static: str = ""
    tlsdesc_dynamic: str = ""
    tlsdesc_undefined: str = ""
    lazy_resolver: str = ""
    tcb_size: str = ""


class Runtime:
    """Finds these symbols in the built-in objects."""

    def __init__(self, state: State, names: RuntimeNames) -> None:
        self.state = state
        self.names = names

    def function(self, name: str, obj: LinkedObject) -> int:
        """The address of a function, which ``obj`` needs. LoadError when no built-in object has it."""
        for other in self.state.objects:
            if other.is_builtin and other.symbol(name) is not None:
                return other.address(name)
        raise LoadError(obj.path, "", f"TLS descriptor: the C library has no `{name}'", "tlsdesc")
