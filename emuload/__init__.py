"""Instruction-level testbed for loading and initialising Linux shared libraries.

    with emuload.Process("arm", args=["prog"], env={"FOO": "bar"}) as process:
        lib = process.dlopen("libhello.so")
        lib.add(1, 2)

Names are imported when first used, so that `import emuload` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emuload.calls.convert import Buffer as Buffer
    from emuload.calls.convert import CallError as CallError
    from emuload.calls.convert import GoSlice as GoSlice
    from emuload.calls.convert import GoString as GoString
    from emuload.calls.convert import buffer as buffer
    from emuload.calls.convert import int128 as int128
    from emuload.calls.convert import ref as ref
    from emuload.calls.convert import uint128 as uint128
    from emuload.errors import BoundReached as BoundReached
    from emuload.errors import Deadlock as Deadlock
    from emuload.errors import EmuloadError as EmuloadError
    from emuload.errors import GuestFailed as GuestFailed
    from emuload.errors import Interrupted as Interrupted
    from emuload.errors import Report as Report
    from emuload.errors import UsageError as UsageError
    from emuload.process.dlfcn import DEFAULT as DEFAULT
    from emuload.process.dlfcn import NEXT as NEXT
    from emuload.process.host_calls import Pending as Pending
    from emuload.process.host_threads import Thread as Thread
    from emuload.process.library import Function as Function
    from emuload.process.library import Library as Library
    from emuload.process.options import Limits as Limits
    from emuload.process.process import Process as Process
    from loader.errors import LoadError as LoadError

__version__ = "0.1.0"

_HOMES = {
    "emuload.calls.convert": ("Buffer", "CallError", "GoSlice", "GoString", "buffer", "int128", "ref", "uint128"),
    "emuload.errors": ("BoundReached", "Deadlock", "EmuloadError", "GuestFailed", "Interrupted", "Report", "UsageError"),
    "emuload.process.dlfcn": ("DEFAULT", "NEXT"),
    "emuload.process.host_calls": ("Pending",),
    "emuload.process.host_threads": ("Thread",),
    "emuload.process.library": ("Function", "Library"),
    "emuload.process.options": ("Limits",),
    "emuload.process.process": ("Process",),
    "loader.errors": ("LoadError",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
