"""A linker's refusals of a library, found by linking it into plain memory; no code is run.

The emulated C library takes the place of the system's. It defines the names of several C libraries; those that a profile's
library lacks are known from the profile.
"""

from __future__ import annotations

import gc
from collections.abc import Hashable, Iterator

from emuload.compat.advice import advice
from emuload.compat.model import LINKED, REFUSAL, Reason
from emuload.compat.subject import Subject
from emuload.libc.builtins import LIBC, RUNTIME_NAMES, builtins_for, fallbacks_for
from emuload.libc.names import is_libc_function
from loader.dlfcn import RTLD_GLOBAL, RTLD_NOW
from loader.errors import LoadError, one_line
from loader.gabi import DT_RELR
from loader.link_map import LinkMap
from loader.load import NOT_FOUND
from loader.memory import ByteMemory
from loader.profiles import Profile
from loader.search import DirectoryFinder

PROGRAM = "prog"
MEMORY = 1 << 30
LARGE = 64 << 20
"""Bytes of a library in memory from which on what was linked is not left to Python's garbage collector."""


class Linker:
    """Links one library by the rules of many profiles; what two have in common is done once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._linked: dict[Hashable, LoadError | None] = {}
        self._is_large = sum(segment.memsz for segment in subject.elf.loads) > LARGE

    def refusals(self, profile: Profile, loading: str, *, as_it_is: bool) -> list[Reason]:
        """The linker's refusals: first the one it would print, then the others that the file shows.

        `as_it_is`: with the C library it names; else as if linked with the system's.
        """
        doing = "start" if loading == LINKED else "dlopen"
        found: dict[str, Reason] = {}
        for error in self._errors(profile, loading, as_it_is):
            words = one_line(profile.dlerror(error, doing, PROGRAM))
            found.setdefault(words, Reason(REFUSAL, error.code, words, error.where, advice(error, self.subject, profile)))
        return list(found.values())

    def _errors(self, profile: Profile, loading: str, as_it_is: bool) -> Iterator[LoadError]:
        subject = self.subject
        opening = loading != LINKED
        yield from profile.check_file(subject.elf, opening=opening)
        foreign = subject.foreign(profile) if as_it_is else ""
        if foreign:
            facts = {"name": foreign, "needed_by": subject.path}
            yield LoadError(foreign, f"DT_NEEDED: {foreign}", NOT_FOUND, "not-found", **facts)
            return
        missing = list(_missing_symbols(subject, profile))
        # the linkers whose C libraries' names are listed bind the PLT's functions first
        yield from (error for error in missing if error.where.startswith("DT_JMPREL"))
        error = self._link(profile, loading)
        if error is not None:
            yield error
        yield from (error for error in missing if not error.where.startswith("DT_JMPREL"))
        yield from profile.check_static(subject.elf, opening=opening)

    def _link(self, profile: Profile, loading: str) -> LoadError | None:
        key = (loading, self._rules(profile, loading))
        if key not in self._linked:
            error = self._linked[key] = _link(self.subject, profile, loading)
            if error is not None:
                error.__traceback__ = None  # it holds the link map
            if self._is_large:
                gc.collect()  # link map and memory refer to each other
        return self._linked[key]

    def _rules(self, profile: Profile, loading: str) -> Hashable:
        """The rules on which the linking of this library depends."""
        elf, used = self.subject.elf, self.subject.relocations
        static = tuple(error.message for error in profile.check_static(elf, opening=loading != LINKED))
        return (
            profile.family, profile.page_size, profile.era(), static, used & profile.refused,
            used & profile.ignored, profile.late_static_tls, profile.applies_relr and DT_RELR in elf.dynamic,
        )  # fmt: skip


def _missing_symbols(subject: Subject, profile: Profile) -> Iterator[LoadError]:
    if not profile.lists_exports:
        return
    seen: set[str] = set()
    for entry in subject.entries:
        if entry.symbol in subject.from_libc and entry.symbol not in seen and not profile.defines(entry.symbol):
            seen.add(entry.symbol)
            message = f"undefined symbol: {entry.symbol}"
            yield LoadError(subject.path, entry.where, message, "undefined-symbol", symbol=entry.symbol)


def _link(subject: Subject, profile: Profile, loading: str) -> LoadError | None:
    memory = ByteMemory(limit=MEMORY)
    links = LinkMap(
        memory,
        subject.arch,
        profile,
        finder=DirectoryFinder(named={subject.path: subject.path}, within=subject.library_path),
        library_path=subject.library_path,
        builtins=builtins_for(subject.arch, subject.hard_float),
        fallbacks=fallbacks_for(subject.arch, subject.hard_float),
        runtime=RUNTIME_NAMES,
        missing=lambda name, obj: 0x1000 if is_libc_function(name) else None,
        call_guest=lambda address: address,
    )
    try:
        if loading == LINKED:
            links.load_startup(None, [subject.path, LIBC])
        else:
            links.load_startup(None, [LIBC])
            links.dlopen(subject.path, RTLD_NOW | RTLD_GLOBAL)
    except LoadError as error:
        return error
    finally:
        memory.forget()
    return None
