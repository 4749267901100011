"""dlopen, dlsym and dlclose, called in the guest as a program would call them (POSIX <dlfcn.h>)."""

from __future__ import annotations

from emuload.errors import UsageError
from emuload.machine.memory import text_bytes
from emuload.process.host_calls import HostCalls
from emuload.process.linker import Linker
from loader import dlfcn
from loader.errors import LoadError
from loader.objects import LinkedObject

DEFAULT = "default"
NEXT = "next"
"""Pseudo-handles of dlsym: RTLD_DEFAULT and RTLD_NEXT."""

FLAGS = {
    "lazy": dlfcn.RTLD_LAZY,
    "now": dlfcn.RTLD_NOW,
    "noload": dlfcn.RTLD_NOLOAD,
    "deepbind": dlfcn.RTLD_DEEPBIND,
    "global": dlfcn.RTLD_GLOBAL,
    "local": dlfcn.RTLD_LOCAL,
    "nodelete": dlfcn.RTLD_NODELETE,
}


def flag_bits(flags: str) -> int:
    """The bits of names of FLAGS joined with "|"; RTLD_NOW if neither it nor RTLD_LAZY is among them. Raises UsageError."""
    bits = 0
    for name in flags.split("|"):
        if name not in FLAGS:
            raise UsageError(f"unknown dlopen flag {name!r}: choose from {', '.join(FLAGS)}")
        bits |= FLAGS[name]
    return bits if bits & (dlfcn.RTLD_LAZY | dlfcn.RTLD_NOW) else bits | dlfcn.RTLD_NOW


class DynamicLinking:
    """Calls the dl functions of a started process, on an idle thread.

    Each raises UsageError if every thread is in a call, and as `Pending.result` does.
    """

    def __init__(self, host_calls: HostCalls, linker: Linker) -> None:
        self._host_calls = host_calls
        self._linker = linker

    def open(self, path: str, flags: int) -> int:
        """dlopen: the handle. Raises LoadError with the linker's words."""
        handle = self._call_with_string("dlopen", path, flags)
        if not handle:
            raise self._error(path)
        return handle

    def symbol(self, handle: int | str, name: str) -> int:
        """dlsym with a handle, DEFAULT or NEXT: the address. Raises LoadError with the linker's words."""
        if isinstance(handle, str):
            handle = {DEFAULT: 0, NEXT: -1 & self._host_calls.cpu.abi.word_mask}[handle]
        address = self._call_with_string("dlsym", name, handle_first=handle)
        if not address:
            raise self._error("")
        return address

    def close(self, handle: int, path: str) -> None:
        """dlclose of the library at `path`. Raises LoadError with the linker's words."""
        if self._call("dlclose", handle):
            raise self._error(path)

    def exports(self, handle: int) -> list[str]:
        """The names of what the file of a handle exports, in order; none once it is unloaded. No guest code runs."""
        found = self._linker.libc.link_maps.handle(handle)
        return sorted({symbol.text for symbol in found.exports()}) if isinstance(found, LinkedObject) else []

    def _call(self, function: str, *words: int) -> int:
        return self._host_calls.call_words(self._linker.libc_function(function), *words)

    def _call_with_string(self, function: str, text: str, *more: int, handle_first: int | None = None) -> int:
        memory = self._host_calls.memory
        at = memory.store(text_bytes(text) + b"\0")
        words = (at, *more) if handle_first is None else (handle_first, at, *more)
        try:
            return self._call(function, *words)
        finally:
            memory.free(at)

    def _error(self, path: str) -> LoadError:
        """The error that dlerror describes, with the place in the file that its words leave out."""
        address = self._call("dlerror")
        words = "unknown error"
        if address:
            words = self._host_calls.cpu.memory.read_cstring(address).decode("utf-8", "surrogateescape")
        known = self._linker.libc.refusal
        where, code = (known.where, known.code) if known is not None else ("", "invalid")
        prefix = f"{path}: "
        return LoadError(path if words.startswith(prefix) else "", where, words.removeprefix(prefix), code)
