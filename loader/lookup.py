"""Lookup: the definition that a reference binds to. Search scopes, interposition, versions, dlsym and dladdr.

Sources: glibc elf/dl-lookup.c (_dl_lookup_symbol_x), dl-object.c (_dl_new_object: scopes), dl-sym.c, dl-addr.c; dlsym(3).
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import LoadError
from .gabi import (
    ET_EXEC,
    SHN_UNDEF,
    STB_GNU_UNIQUE,
    STB_LOCAL,
    STB_WEAK,
    STT_COMMON,
    STT_OBJECT,
    STT_TLS,
    STV_HIDDEN,
    STV_INTERNAL,
    STV_PROTECTED,
    Symbol,
)
from .machines import base as verbs
from .objects import Handle, LinkedObject, Pseudo, Resolved, symbol_address
from .owner import Owner
from .profiles.base import Profile
from .state import State
from .symbols import Query, find_in
from .versions import Version

#: bytes of a name that are looked up at no charge, and what all lookups may cost beyond (some tenths of a second)
USUAL_NAME, MAX_EXCESS = 256, 1 << 19

DEFAULT, NEXT, MAIN = Pseudo.DEFAULT, Pseudo.NEXT, Pseudo.MAIN


class Lookup:
    """Looks symbols up for one process, by the rules of its profile."""

    def __init__(self, state: State, profile: Profile, owner: Owner) -> None:
        self.state = state
        self.profile = profile
        self.owner = owner
        self._excess = 0

    def begin(self) -> None:
        """Start to count the cost of unusual lookups anew, for another object."""
        self._excess = 0

    def resolve(self, obj: LinkedObject, symbol: Symbol, verb: str) -> Resolved:
        """The definition to which ``obj``'s reference ``symbol`` binds when relocated by ``verb`` (_dl_lookup_symbol_x).
        LoadError if there is none, unless the reference is weak or the owner gives an address for it."""
        profile = self.profile
        self._spend(obj, symbol, len(symbol.name) - USUAL_NAME)
        if symbol.bind == STB_LOCAL or symbol.visibility in (STV_HIDDEN, STV_INTERNAL):
            return Resolved(obj, symbol, symbol_address(obj, symbol))
        for_call = verb in (verbs.JUMP_SLOT, verbs.TPOFF)
        version = obj.elf.versions.of_symbol(symbol.index) if obj.elf.versions else None
        query = Query(symbol.name, version, for_call=for_call, matching=profile.matching)
        found = find(profile.scopes(obj, self.state), query, skip_executables=verb == verbs.COPY)
        self._spend(obj, symbol, query.excess)
        if symbol.visibility == STV_PROTECTED and symbol.shndx != SHN_UNDEF and found is not None and profile.protected:
            definition = found
            if not for_call:
                again = find(
                    profile.scopes(obj, self.state),
                    Query(symbol.name, version, for_call=True, matching=profile.matching),
                )
                definition = again or found
            if definition[0] is not obj:
                found = obj, symbol
        if found is None:
            return self._undefined(obj, symbol, version, verb)
        definer, definition_symbol = self._unique(*found)
        self._note_binding(obj, definer)
        return Resolved(definer, definition_symbol, symbol_address(definer, definition_symbol))

    def _spend(self, obj: LinkedObject, symbol: Symbol, excess: int) -> None:
        """Bound what lookups cost in all while one object is relocated: some names and hash chains may be long, not
        all of them."""
        self._excess += max(0, excess)
        if self._excess > MAX_EXCESS:
            where = f"symbol {symbol.index} of DT_SYMTAB"
            raise LoadError(obj.path, where, "symbol names or hash chains are too long to look all of them up", "lookup")

    def _undefined(self, obj: LinkedObject, symbol: Symbol, version: Version | None, verb: str) -> Resolved:
        if self.profile.matching.optional(symbol):
            return Resolved(None, None, 0)
        data = symbol.type == STT_TLS or (symbol.type in (STT_OBJECT, STT_COMMON) and not obj.absent)
        if self.owner.missing is not None and not data and verb in (verbs.JUMP_SLOT, verbs.GLOB_DAT, verbs.SYMBOLIC):
            address = self.owner.missing(symbol.text, obj)
            if address is not None:
                return Resolved(None, None, address)
        raise _undefined_symbol(obj.path, symbol.text, version, f"symbol {symbol.index} of DT_SYMTAB")

    def _unique(self, obj: LinkedObject, symbol: Symbol) -> tuple[LinkedObject, Symbol]:
        """STB_GNU_UNIQUE: the first definition of the process serves everybody, and its object stays loaded."""
        if symbol.bind != STB_GNU_UNIQUE or not self.profile.unique:
            return obj, symbol
        obj, symbol = self.state.unique.setdefault(symbol.name, (obj, symbol))
        obj.nodelete = True
        return obj, symbol

    def _note_binding(self, obj: LinkedObject, definer: LinkedObject) -> None:
        """Remember that ``obj`` must not outlive ``definer`` when none of its links says so; what never goes keeps it for
        good (glibc elf/dl-lookup.c, add_dependency)."""
        if definer is obj or definer.startup or definer.nodelete or definer in obj.bound_to:
            return
        if definer in (obj.order_links or ()):
            return
        self.state.bindings += 1
        if obj.startup or obj.nodelete:
            definer.nodelete = True
        else:
            obj.bound_to.append(definer)
            obj.has_bound = True

    def lookup(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved:
        """The definition that dlsym finds; TLS and IFUNC symbols are not resolved further. Raises LoadError without one."""
        found = self.find_symbol(handle, name, version, caller)
        if found is None:
            where = handle if isinstance(handle, LinkedObject) else caller or self.state.main
            asked = Version(version.encode()) if version else None
            raise _undefined_symbol(where.path if where else "", name, asked, "", "no-symbol")
        return found

    def find_symbol(
        self, handle: Handle, name: str, version: str | None = None, caller: LinkedObject | None = None
    ) -> Resolved | None:
        """As `lookup`, but None without a definition."""
        wanted = Version(name=version.encode("utf-8", "surrogateescape"), hidden=True) if version is not None else None
        profile, key = self.profile, name.encode("utf-8", "surrogateescape")
        query = Query(key, wanted, newest=version is None, matching=profile.matching)
        found = find(profile.dlsym_scopes(handle, caller, self.state), query)
        if found is None:
            return None
        obj, symbol = self._unique(*found)
        if handle is DEFAULT and caller is not None:
            self._note_binding(caller, obj)
        return Resolved(obj, symbol, symbol_address(obj, symbol))


def find(
    scopes: Iterable[Iterable[LinkedObject]],
    query: Query,
    *,
    after: LinkedObject | None = None,
    skip_executables: bool = False,
) -> tuple[LinkedObject, Symbol] | None:
    """The first definition along the scopes (lists of objects), and its object.

    ``after``: start behind this object in the first scope that holds it (RTLD_NEXT). ``skip_executables``: for COPY.
    """
    weak: tuple[LinkedObject, Symbol] | None = None
    for scope in scopes:
        for candidate in scope:
            if after is not None:
                if candidate is after:
                    after = None
                continue
            if skip_executables and (candidate.is_main or candidate.elf.type == ET_EXEC):
                continue
            symbol = find_in(candidate.elf, query)
            if symbol is None:
                continue
            if not candidate.is_builtin:
                query.matching.check(candidate.elf, candidate.names, query)
            if not query.matching.binds(symbol):
                continue
            if not query.matching.strong_first or symbol.bind != STB_WEAK:
                return candidate, symbol
            weak = weak or (candidate, symbol)
    return weak


def symbol_at(obj: LinkedObject, address: int) -> Symbol | None:
    """The symbol whose extent holds ``address``, as dladdr finds it: one without size only at its very value; of several
    the one that starts last (determine_info)."""
    nearest: Symbol | None = None
    for symbol in obj.elf.symbols():
        if symbol.type == STT_TLS or symbol.bind == STB_LOCAL or not (symbol.shndx or symbol.value):
            continue
        inside = address - (obj.bias + symbol.value)
        extent = symbol.size if symbol.shndx != SHN_UNDEF and symbol.size else 1
        if 0 <= inside < extent and (nearest is None or nearest.value < symbol.value):
            nearest = symbol
    return nearest


def _undefined_symbol(
    path: str, name: str, version: Version | None, where: str, code: str = "undefined-symbol"
) -> LoadError:
    suffix = f", version {version.name.decode('utf-8', 'backslashreplace')}" if version else ""
    return LoadError(path, where, f"undefined symbol: {name}{suffix}", code, symbol=name, versioned=name + suffix)
