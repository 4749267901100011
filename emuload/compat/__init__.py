"""Will a library load elsewhere? For each dynamic linker: what it refuses, in its words, and what goes wrong, by rules first
and then by running. A library that two linkers treat alike is run once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from emuload.compat.hazards import hazards
from emuload.compat.linking import Linker
from emuload.compat.model import DLOPEN, LINKED, LOADS, LOADS_BUT, REFUSED, Outcome, Reason, Verdict
from emuload.compat.running import run
from emuload.compat.subject import Subject
from emuload.libc.builtins import LIBGCC, SONAMES
from loader.gabi import DT_RELR
from loader.profiles import Profile

__all__ = ["DLOPEN", "LINKED", "LOADS", "LOADS_BUT", "REFUSED", "Outcome", "Reason", "Subject", "Verdict", "verdicts"]


def verdicts(subject: Subject, profiles: Sequence[Profile]) -> list[Verdict]:
    """For each profile, by dlopen and linked, in that order."""
    return _Survey(subject).verdicts(profiles)


class _Survey:
    """Results so far, by the rules in which linkers differ."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._linker = Linker(subject)
        self._runs: dict[Hashable, list[Reason]] = {}

    def verdicts(self, profiles: Sequence[Profile]) -> list[Verdict]:
        found = []
        for profile in profiles:
            for loading in (DLOPEN, LINKED):
                outcome = self._outcome(profile, loading, as_it_is=True)
                foreign = self.subject.foreign(profile)
                rebuilt = self._outcome(profile, loading, as_it_is=False) if foreign else None
                found.append(Verdict(profile.name, loading, outcome, rebuilt))
        return found

    def _outcome(self, profile: Profile, loading: str, *, as_it_is: bool) -> Outcome:
        reasons = self._linker.refusals(profile, loading, as_it_is=as_it_is)
        if not reasons:
            reasons = [*hazards(self.subject, profile, loading), *self._run(profile, loading)]
        return Outcome(tuple(reasons))

    def _run(self, profile: Profile, loading: str) -> list[Reason]:
        key = self._behaviour(profile, loading)
        if key not in self._runs:
            self._runs[key] = run(self.subject, profile, loading)
        return self._runs[key]

    def _behaviour(self, profile: Profile, loading: str) -> Hashable:
        """The rules on which a run depends."""
        return (
            loading, profile.constructor_arguments, profile.page_size, self.subject.relocations & profile.ignored,
            profile.applies_relr and DT_RELR in self.subject.elf.dynamic,
            profile.locks if loading == DLOPEN else profile.locks.at_start,
            (profile.family, profile.era()) if self._has_company() else (),
        )  # fmt: skip

    def _has_company(self) -> bool:
        """True if it needs libraries beside the C library, so that their order matters."""
        return any(name not in (*SONAMES, LIBGCC) for name in self.subject.elf.needed)
