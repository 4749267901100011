"""Taking objects away: dlclose, and the undoing of a failed dlopen (glibc elf/dl-close.c, _dl_close_worker).

Which objects a dlclose unloads is the profile's rule; see `loader.profiles.base.Profile.close`.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import mapping
from .memory import Memory
from .objects import LinkedObject
from .owner import Owner
from .profiles.base import Profile
from .state import State
from .storage import ThreadStorage

#: fields of an object that a dlopen of another one may change
_FIELDS = (
    "refs", "nodelete", "is_global", "searchlist", "scopes", "bound_to", "has_bound", "order_links", "names", "needed",
    "filters", "absent", "dependencies_loaded", "deep_bind", "group", "group_refs", "claims",
)  # fmt: skip


class Unloader:
    """Unloads objects of one process."""

    def __init__(self, state: State, memory: Memory, profile: Profile, owner: Owner, storage: ThreadStorage) -> None:
        self.state = state
        self.memory = memory
        self.profile = profile
        self.owner = owner
        self.storage = storage

    def close(self, handle: LinkedObject) -> list[LinkedObject]:
        """Drop a reference. Returns the objects to be unloaded, in destructor order. LoadError when it is not open."""
        return self._closed(self.profile.close(handle, self.state))

    def pin(self, obj: LinkedObject, change: int) -> list[LinkedObject]:
        """More or fewer destructors of thread-local objects are to run in ``obj``. The objects to be unloaded then."""
        return self._closed(self.profile.pin(obj, change, self.state))

    def close_rest(self) -> list[LinkedObject]:
        """The objects that destructors have closed meanwhile, after `release`."""
        return self._closed(self.profile.close_rest(self.state))

    def _closed(self, order: list[LinkedObject]) -> list[LinkedObject]:
        for obj in order:
            obj.removed = True
        self.state.closing = self.state.closing or bool(order)
        return order

    def release(self, objects: Sequence[LinkedObject]) -> None:
        """Unmap closed objects, and forget their symbols, scopes and TLS."""
        state = self.state
        gone = {o.index for o in objects}
        state.objects = [o for o in state.objects if o.index not in gone]
        state.global_scope = [o for o in state.global_scope if o.index not in gone]
        for obj in state.objects:
            obj.scopes = [o for o in obj.scopes if o.index not in gone]
            obj.bound_to = [o for o in obj.bound_to if o.index not in gone]
            obj.claims = [o for o in obj.claims if o.index not in gone]
        for obj in objects:
            self.storage.forget(obj)
            self.discard(obj)
        state.closing = False

    def discard(self, obj: LinkedObject) -> None:
        """Remove an object's memory; it is not to be used any more."""
        obj.removed = True
        mapping.unmap_object(self.memory, obj)
        self.owner.emit("object-unmapped", obj, address=obj.start, size=obj.end - obj.start)


class Rollback:
    """The link map before a dlopen, to go back to if that fails."""

    def __init__(self, unloader: Unloader) -> None:
        self.unloader = unloader
        state = unloader.state
        self.objects = list(state.objects)
        self.global_scope = state.global_scope
        self.unique = dict(state.unique)
        self.fields = [(obj, {name: _copied(getattr(obj, name)) for name in _FIELDS}) for obj in state.objects]
        tls = unloader.storage.layout if state.objects else None
        self.tls = (tls.used, tls.optional, {m.id: m.offset for m in tls.modules.values()}) if tls else None

    def restore(self) -> None:
        """Unmap new objects and put back what was changed in the others."""
        state, storage = self.unloader.state, self.unloader.storage
        known = {o.index for o in self.objects}
        for obj in state.objects:
            if obj.index not in known:
                if obj.tls is not None:
                    storage.layout.unregister(obj.tls)
                self.unloader.discard(obj)
        state.objects, state.global_scope, state.unique = self.objects, self.global_scope, self.unique
        for obj, fields in self.fields:
            for name, value in fields.items():
                setattr(obj, name, value)
        storage.pending = []
        if self.tls is not None:
            storage.layout.used, storage.layout.optional, offsets = self.tls
            for number, offset in offsets.items():
                storage.layout.modules[number].offset = offset


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value
