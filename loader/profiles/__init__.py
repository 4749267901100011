"""Profiles by name: FAMILY[:VERSION][/PAGES], such as glibc, glibc:2.31, bionic:35/16k."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from . import bionic, glibc, musl
from .base import PAGE_SIZES, Locks, Profile
from .bionic import Bionic
from .glibc import Glibc
from .musl import Musl
from .windows_like import WindowsLike

#: family → its class and the versions there are, oldest first; without versions it has none to choose from
_FAMILIES: Mapping[str, tuple[type[Profile], Sequence[str]]] = {
    "glibc": (Glibc, glibc.VERSIONS),
    "musl": (Musl, musl.VERSIONS),
    "bionic": (Bionic, bionic.VERSIONS),
    "windows-like": (WindowsLike, ()),
}
_MADE: dict[str, Profile] = {}


class UnknownProfile(ValueError):
    """A name that is no profile's; the text says, on one line, what there is."""


def families() -> list[str]:
    """The families' names."""
    return list(_FAMILIES)


def versions(family: str) -> Sequence[str]:
    """The versions of a family, oldest first; empty when it has none."""
    return _FAMILIES[family][1]


def usage() -> str:
    """The names that may be asked for, on one line."""
    return ", ".join(f"{name}[:{known[0]} … {known[-1]}]" if known else name for name, (_, known) in _FAMILIES.items())


def profile(name: str) -> Profile:
    """The profile called ``name``: a family's newest version unless one is given, 4 KB pages unless /16k or /64k is. Raises
    UnknownProfile."""
    found = _MADE.get(name)
    if found is None:
        found = _MADE[name] = _make(name)
    return found


def _make(name: str) -> Profile:
    rest, slash, pages = name.partition("/")
    family, colon, version = rest.partition(":")
    if family not in _FAMILIES:
        raise UnknownProfile(f"unknown profile {name!r}: choose from {usage()}")
    kind, known = _FAMILIES[family]
    if colon and version not in known:
        range_text = f"{family} is known from {known[0]} to {known[-1]}" if known else f"{family} has no versions"
        raise UnknownProfile(f"unknown profile {name!r}: {range_text}")
    if slash and pages not in PAGE_SIZES:
        raise UnknownProfile(f"unknown profile {name!r}: pages are {', '.join(PAGE_SIZES)}")
    size = PAGE_SIZES[pages] if slash else PAGE_SIZES["4k"]
    made = kind(version or (known[-1] if known else glibc.VERSIONS[-1]), size, name)
    refusal = made.check_pages()
    if refusal:
        raise UnknownProfile(f"unknown profile {name!r}: {refusal}")
    return made


def headers_of(needed: Iterable[str]) -> type[Profile] | None:
    """The family against whose headers a file with these DT_NEEDED names was compiled; None if they do not tell."""
    names = list(needed)
    for kind, _ in _FAMILIES.values():
        if any(name in kind.header_names or name.startswith(kind.header_prefixes) for name in names):
            return kind
    return None


def of_triple(triple: str) -> str:
    """The family of a GNU triple's systems, such as x86_64-linux-gnu. KeyError for one of none."""
    abi = triple.rpartition("-")[2]
    for name, (kind, _) in _FAMILIES.items():
        if abi.startswith(kind.triple_word):
            return name
    raise KeyError(triple)


def everywhere() -> list[Profile]:
    """Every version of the real linkers, oldest first, with each page size that its systems usually have."""
    large = [f"bionic:{version}/16k" for version in bionic.VERSIONS if int(version) >= bionic.FIRST_WITH_16K_PAGES]
    known = [f"{family}:{version}" for family in ("glibc", "musl", "bionic") for version in versions(family)]
    return [profile(name) for name in [*known, *large]]


__all__ = [
    "Locks",
    "Profile",
    "UnknownProfile",
    "everywhere",
    "families",
    "headers_of",
    "of_triple",
    "profile",
    "usage",
    "versions",
]
