"""A remedy for each refusal."""

from __future__ import annotations

import re
from collections.abc import Callable

from emuload.compat.subject import Subject
from emuload.machine.architecture import facts
from loader.errors import LoadError
from loader.profiles import Profile


def advice(error: LoadError, subject: Subject, profile: Profile) -> str:
    """A line, "" when there is nothing to say."""
    if "fix" in error.facts:
        return str(error.facts["fix"])
    found = _BY_CODE.get(error.code)
    if found is not None:
        return found(error, subject, profile)
    return next((text for pattern, text in _BY_WORDS if re.search(pattern, error.message)), "")


def _static_tls(error: LoadError, subject: Subject, profile: Profile) -> str:
    if not subject.is_for(profile):
        return f"build with GOOS={profile.go_systems[0]}"
    if subject.is_go and not profile.constructor_arguments:
        return (
            "none by building otherwise: Go keeps its g in initial-exec TLS (golang/go#54805), and linked it faults "
            "(golang/go#13492); run the Go part as a process of its own, or where glibc is"
        )
    if subject.is_go and not profile.late_static_tls:
        return "Go keeps its g in initial-exec TLS (golang/go#54805): link the program with the library instead of dlopen"
    if not profile.late_static_tls:
        return "compile with -ftls-model=global-dynamic, or link the program with the library instead of dlopen"
    return (
        "link the program with the library instead of dlopen, load it before others that take static TLS, compile with "
        f"-ftls-model=global-dynamic, or {profile.static_tls_remedy}"
    )


def _relocation(error: LoadError, subject: Subject, profile: Profile) -> str:
    name = str(error.facts.get("relocation", ""))
    if "TP" in name and not subject.is_for(profile):
        return f"build with GOOS={profile.go_systems[0]}"
    for pattern, text in _BY_RELOCATION:
        if re.search(pattern, name):
            return text
    return "link again: this relocation is for the static linker"


def _version(error: LoadError, subject: Subject, profile: Profile) -> str:
    if not profile.is_libc(error.path):
        return f"use a {error.path} that defines this version"
    return f"build against the oldest glibc it shall run on, as with zig cc -target {facts(subject.arch).triple}.2.17"


def _not_found(error: LoadError, subject: Subject, profile: Profile) -> str:
    if error.path == subject.foreign(profile):
        return f"build it for {profile.title}, with that system's C library"
    if profile.is_libc(error.path):
        return ""
    return "put it beside the library and link with -Wl,-rpath,'$ORIGIN'; here: --library-path DIR"


def _undefined(error: LoadError, subject: Subject, profile: Profile) -> str:
    symbol = str(error.facts.get("symbol", ""))
    if symbol in subject.from_libc:
        hint = " (it comes with -D_FORTIFY_SOURCE: -U_FORTIFY_SOURCE)" if symbol.endswith("_chk") else ""
        return f"build it for {profile.title}: {symbol} is of another C library{hint}"
    return "link with the library that defines it, so that it is in DT_NEEDED"


def _executable(error: LoadError, subject: Subject, profile: Profile) -> str:
    return "link with -shared: this is a program"


_BY_CODE: dict[str, Callable[[LoadError, Subject, Profile], str]] = {
    "static-tls": _static_tls,
    "reloc-type": _relocation,
    "version": _version,
    "not-found": _not_found,
    "undefined-symbol": _undefined,
    "executable": _executable,
    "page-size": lambda error, subject, profile: f"link with -Wl,-z,max-page-size={profile.page_size}",
    "executable-stack": lambda *_: (
        "link with -z noexecstack; in assembly: .section .note.GNU-stack,\"\",%progbits; or link the program with it"
    ),
}

_BY_RELOCATION = (
    (r"TLSDESC|TLS_DESC", "compile with -mtls-dialect=gnu (not gnu2)"),
    (r"IRELATIVE", "do without IFUNC: no __attribute__((ifunc)), no target_clones"),
    (r"COPY", "compile the program with -fPIE and link it with -pie"),
    (r"TPOFF|DTPMOD|DTPOFF|TPREL|DTPREL", "compile with -femulated-tls"),
)

_BY_WORDS = (
    (r"text relocations", "compile everything with -fPIC, assembly too"),
    (r"writable and executable|W\+E load segments", "link without a segment that is both: no -N, no RWX in linker scripts"),
    (r"program alignment", "link with -Wl,-z,max-page-size=16384 (golang/go#68754: Go from 1.23 on does by itself on arm64)"),
    (r"hash-style=gnu", "link with -Wl,--hash-style=both"),
    (r"DT_HASH/DT_GNU_HASH", "link with a hash table: -Wl,--hash-style=both"),
    (r"section headers|e_sh", "do not strip the section headers (strip keeps them, sstrip and packers do not)"),
)
