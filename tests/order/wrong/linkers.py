"""Dynamic linkers that do one thing wrong each, made of the right one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from loader import mapping
from loader.constructors import Initializer
from loader.link_map import LinkMap, ResolverCall
from loader.objects import LinkedObject, Resolved
from loader.pending import Linking, Progress
from loader.profiles import Profile, profile
from loader.storage import ThreadStorage

GLIBC = profile("glibc")


@contextmanager
def linked_by(linker: type[LinkMap]) -> Iterator[None]:
    """Processes that are made meanwhile have this dynamic linker."""
    with mock.patch("emuload.process.linker.LinkMap", linker):
        yield


@contextmanager
def ruled_by(**rules: Any) -> Iterator[None]:
    """Processes that are made meanwhile have a dynamic linker that goes by other rules, named as in `Profile`."""
    ruled: Profile = copy.copy(GLIBC)
    for name, rule in rules.items():
        assert hasattr(ruled, name)
        setattr(ruled, name, rule)
    with mock.patch("emuload.process.options.profile_by_name", return_value=ruled):
        yield


def constructs_backwards(
    objects: Sequence[LinkedObject], first: LinkedObject | None, roots: Sequence[LinkedObject]
) -> list[LinkedObject]:
    """glibc's order, which constructors follow from the wrong end."""
    return GLIBC.constructor_order(objects, first, roots)[::-1]


def destroys_backwards(objects: Sequence[LinkedObject], main: LinkedObject | None) -> list[LinkedObject]:
    """The same for destructors."""
    return GLIBC.shutdown_order(objects, main)[::-1]


class RunsArraysBackwards(LinkMap):
    """Takes each array of functions from its other end."""

    def initializers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_INIT, then DT_INIT_ARRAY from its end."""
        rows = super().initializers(obj)
        return [row for row in rows if row[2] == "init"] + [row for row in rows if row[2] != "init"][::-1]


class RunsInitLast(LinkMap):
    """Runs DT_INIT behind DT_INIT_ARRAY."""

    def initializers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_INIT_ARRAY, then DT_INIT."""
        return sorted(super().initializers(obj), key=lambda row: row[2] == "init")


class RunsPreinitLate(LinkMap):
    """Takes the program's preinit array for a part of its init array."""

    def preinitializers(self, obj: LinkedObject) -> list[Initializer]:
        """None."""
        return []

    def initializers(self, obj: LinkedObject) -> list[Initializer]:
        """The preinit array too."""
        return super().preinitializers(obj) + super().initializers(obj)


class ConstructsAgain(LinkMap):
    """Takes an object for a new one whenever it is opened."""

    def to_construct(self, linking: Linking) -> list[LinkedObject]:
        """The object itself always."""
        objects = super().to_construct(linking)
        return objects or ([linking.handle] if isinstance(linking.handle, LinkedObject) else [])

    def start_initializers(self, obj: LinkedObject) -> list[Initializer]:
        """All of them, each time."""
        obj.initialized = False
        return super().start_initializers(obj)


class FinalizesForwards(LinkMap):
    """Takes DT_FINI_ARRAY from its start."""

    def finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """The array, then DT_FINI."""
        rows = super().finalizers(obj)
        return [row for row in rows if row[2] != "fini"][::-1] + [row for row in rows if row[2] == "fini"]


class FinalizesFiniFirst(LinkMap):
    """Runs DT_FINI before DT_FINI_ARRAY."""

    def finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """DT_FINI, then the array."""
        return sorted(super().finalizers(obj), key=lambda row: row[2] != "fini")


class FinalizesTwice(LinkMap):
    """Runs an object's last destructor once more."""

    def finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """The last one twice."""
        rows = super().finalizers(obj)
        return rows + rows[-1:]


class LateRelro(LinkMap):
    """Protects PT_GNU_RELRO when an object is closed, not when it is relocated."""

    def _relocate(self, obj: LinkedObject, progress: Progress, answer: int | None) -> ResolverCall | None:
        if obj.is_builtin:
            return super()._relocate(obj, progress, answer)
        with mock.patch.object(mapping, "protect_relro", return_value=None):
            return super()._relocate(obj, progress, answer)

    def start_finalizers(self, obj: LinkedObject) -> list[Initializer]:
        """It is, before the destructors run."""
        _protect(self, obj)
        return super().start_finalizers(obj)


class LateRelocation(LinkMap):
    """Relocates an opened object when its constructors are done, at the first look for a symbol."""

    _late: Sequence[LinkedObject] = ()

    def _relocate(self, obj: LinkedObject, progress: Progress, answer: int | None) -> ResolverCall | None:
        if obj.startup:
            return super()._relocate(obj, progress, answer)
        _protect(self, obj)
        self._late = [*self._late, obj]
        return None

    def lookup(self, *arguments: Any) -> Resolved:
        """Do the delayed relocation first."""
        late, self._late = self._late, ()
        with mock.patch.object(mapping, "protect_relro", return_value=None):
            for obj in late:
                super()._relocate(obj, Progress(), None)
        return super().lookup(*arguments)


def _protect(links: LinkMap, obj: LinkedObject) -> None:
    relro = mapping.protect_relro(links.memory, obj, links.page_size)
    if relro is not None:
        links.owner.emit("relro-protected", obj, address=relro.start, size=relro.end - relro.start)


class _LateStorage(ThreadStorage):
    """Writes no image of an opened object's static TLS until `write_late`."""

    def write_pending(self) -> None:
        if all(getattr(module.object, "startup", False) for module in self.pending):
            super().write_pending()

    def write_late(self) -> None:
        super().write_pending()


class LateTlsImage(LinkMap):
    """Copies the initial values of an opened object's static TLS when something is looked up."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._storage.__class__ = _LateStorage

    def lookup(self, *arguments: Any) -> Resolved:
        """Copy the delayed images first."""
        assert isinstance(self._storage, _LateStorage)
        self._storage.write_late()
        return super().lookup(*arguments)
