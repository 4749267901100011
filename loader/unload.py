"""What a dlclose may take away, and how a failed dlopen is undone (glibc elf/dl-close.c, _dl_close_worker)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .objects import LinkedObject

if TYPE_CHECKING:
    from .link_map import LinkMap

#: fields of an object that a dlopen of another one may change
_FIELDS = (
    "refs", "nodelete", "is_global", "searchlist", "scopes", "bound_to", "has_bound", "order_links", "names", "needed",
    "absent", "dependencies_loaded", "deep_bind", "group", "group_refs", "claims",
)  # fmt: skip


def in_use(objects: Sequence[LinkedObject]) -> set[int]:
    """Indexes of the objects reachable from what is open, was linked at start or is never deleted."""
    queue = [o for o in objects if not o.removed and _held(o)]
    used = {o.index for o in queue}
    for obj in queue:  # grows while it is walked
        for other in [*obj.needed, *obj.bound_to, *obj.searchlist]:
            if other.index not in used:
                used.add(other.index)
                queue.append(other)
    return used


def _held(obj: LinkedObject) -> bool:
    return bool(obj.refs or obj.nodelete or obj.startup or obj.is_main or obj.thread_destructors)


class Rollback:
    """The link map before a dlopen, to go back to when it fails. Lives no longer than the call."""

    def __init__(self, links: LinkMap) -> None:
        self.links = links
        self.objects = list(links.objects)
        self.global_scope = links.global_scope
        self.unique = dict(links.unique)
        self.fields = [(obj, {name: _copied(getattr(obj, name)) for name in _FIELDS}) for obj in links.objects]
        tls = links.tls if links.objects else None
        self.tls = (tls.used, tls.optional, {m.id: m.offset for m in tls.modules.values()}) if tls else None

    def restore(self) -> None:
        """Unmap what is new and put back what was changed."""
        links = self.links
        known = {o.index for o in self.objects}
        for obj in links.objects:
            if obj.index not in known:
                if obj.tls is not None:
                    links.tls.unregister(obj.tls)
                links.discard(obj)
        links.objects, links.global_scope, links.unique = self.objects, self.global_scope, self.unique
        for obj, fields in self.fields:
            for name, value in fields.items():
                setattr(obj, name, value)
        links.tls_pending = []
        if self.tls is not None:
            links.tls.used, links.tls.optional, offsets = self.tls
            for number, offset in offsets.items():
                links.tls.modules[number].offset = offset


def release(links: LinkMap, objects: Sequence[LinkedObject]) -> None:
    """Unmap closed objects and forget their symbols, scopes and TLS."""
    gone = {o.index for o in objects}
    links.objects = [o for o in links.objects if o.index not in gone]
    links.global_scope = [o for o in links.global_scope if o.index not in gone]
    for obj in links.objects:
        obj.scopes = [o for o in obj.scopes if o.index not in gone]
        obj.bound_to = [o for o in obj.bound_to if o.index not in gone]
        obj.claims = [o for o in obj.claims if o.index not in gone]
    for obj in objects:
        if obj.tls is not None:
            for tp in links.thread_pointers() if links.thread_pointers else ():
                links.tls.set_block(links.memory, tp, obj.tls.id, 0)
            links.tls.unregister(obj.tls)
            obj.tls = None
        links.discard(obj)


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value
