"""The order of constructors and destructors, one function for each linker's rule.

`sort_dfs` is glibc's rule since 2.35 (elf/dl-sort-maps.c, _dl_sort_maps_dfs): the objects' breadth-first list is
walked from its end, each object placed in front of those it depends on; constructors run from the end of the result,
destructors from its start. `sort_original` is the rule before (_dl_sort_maps_original): an object is moved behind the
last one that depends on it, again and again. `depth_first` is musl's (ldso/dynlink.c, queue_ctors) and, with
another reading of the list, bionic's (linker/linker_soinfo.cpp, call_constructors).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

from .objects import LinkedObject


def breadth_first(root: LinkedObject) -> list[LinkedObject]:
    """``root`` and its dependencies, each once, nearest first."""
    return breadth_first_all([root])


def breadth_first_all(roots: Sequence[LinkedObject]) -> list[LinkedObject]:
    """The same for several roots side by side."""
    found = SearchList(roots)
    for obj in found:
        found.enter(obj)
    return found.objects


class SearchList:
    """A search list while it is built (glibc elf/dl-deps.c, _dl_map_object_deps): each object's needs come last, its filters
    right before it. Iteration gives each object once, to be handed to `enter` when its ``needed`` are known."""

    def __init__(self, roots: Sequence[LinkedObject]) -> None:
        self.objects = list(dict.fromkeys(roots))
        self._known = set(map(_key, self.objects))

    def __iter__(self) -> Iterator[LinkedObject]:
        done: set[int] = set()
        place = 0
        while place < len(self.objects):
            obj = self.objects[place]
            if obj.index in done:
                place += 1
                continue
            done.add(obj.index)
            yield obj

    def enter(self, obj: LinkedObject) -> list[LinkedObject]:
        """Add what an object needs. Returns the filters that were put before it."""
        placed: list[LinkedObject] = []
        for needed in obj.needed:
            new = needed.index not in self._known
            self._known.add(needed.index)
            if needed in obj.filters:
                place = self.objects.index(obj)
                if not new:
                    if needed in self.objects[: place + 1]:
                        continue
                    self.objects.remove(needed)
                self.objects.insert(place, needed)
                placed.append(needed)
            elif new:
                self.objects.append(needed)
        return placed


def in_use(objects: Sequence[LinkedObject]) -> set[int]:
    """Indexes of the objects reachable from those that are open, were linked at start or are never deleted."""
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


def sort_dfs(objects: Sequence[LinkedObject], *, first: LinkedObject | None, destructors: bool) -> list[LinkedObject]:
    """``objects`` (breadth-first, or load order) sorted so that each comes before its dependencies.

    ``first``: this one is kept at the front whatever depends on it. ``destructors``: symbol bindings to objects that
    are not dependencies count too, as far as they do not contradict DT_NEEDED.
    """
    result, bindings_seen = _post_order(objects, bindings=destructors)
    if bindings_seen:
        result, _ = _post_order(result, bindings=False)
    if first is not None and result[0] is not first:
        result.remove(first)
        result.insert(0, first)
    return result


def sort_original(
    objects: Sequence[LinkedObject],
    *,
    first: LinkedObject | None,
    destructors: bool,
    kept: Container[int] = (),
) -> list[LinkedObject]:
    """As `sort_dfs`, by glibc's rule before 2.35. ``kept``: indexes of objects that a dlclose leaves loaded, which are
    not moved. ``first`` is at the front of ``objects`` and stays there."""
    skipped = 0 if first is None else 1
    maps = list(objects[skipped:])
    count, i = len(maps), 0
    seen = [0] * count
    while i < count:
        seen[i] += 1
        this = maps[i]
        k = i if destructors and this.index in kept else _last_dependent(maps, i, destructors)
        if k == i:
            i += 1
            seen[i:] = [0] * (count - i)
            continue
        maps.insert(k, maps.pop(i))
        if seen[i + 1] > count - i:  # this one's turn came too often: a cycle
            i += 1
            seen[i:] = [0] * (count - i)
        else:
            seen.insert(k, seen.pop(i))
    return [*objects[:skipped], *maps]


def _last_dependent(maps: Sequence[LinkedObject], i: int, destructors: bool) -> int:
    """The index of the last object after ``i`` that depends on it; ``i`` if no object does."""
    this = maps[i]
    for k in range(len(maps) - 1, i, -1):
        if any(other is this for other in maps[k].order_links or ()):
            return k
        bound = destructors and any(other is this for other in maps[k].bound_to)
        if bound and not any(other is maps[k] for other in this.order_links or ()):  # DT_NEEDED outweighs a binding
            return k
    return i


def depth_first(
    roots: Sequence[LinkedObject], done: Callable[[LinkedObject], bool]
) -> list[tuple[LinkedObject, list[LinkedObject]]]:
    """Each object after those it needs, which are taken in the order of DT_NEEDED; a need that closes a cycle is skipped.
    Objects that are ``done`` are neither listed nor entered. Each object comes with those that were first looked into
    since the one before it was placed."""
    visited: set[int] = set()
    placed: list[tuple[LinkedObject, list[LinkedObject]]] = []
    entered: list[LinkedObject] = []
    stack: list[tuple[LinkedObject, Iterator[LinkedObject]]] = []

    def enter(obj: LinkedObject) -> None:
        visited.add(obj.index)
        entered.append(obj)
        stack.append((obj, iter(obj.needed)))

    for root in roots:
        if root.index not in visited and not done(root):
            enter(root)
        while stack:
            obj, needs = stack[-1]
            needed = next((o for o in needs if o.index not in visited and not done(o)), None)
            if needed is not None:
                enter(needed)
                continue
            stack.pop()
            placed.append((obj, entered))
            entered = []
    return placed


def _post_order(objects: Sequence[LinkedObject], *, bindings: bool) -> tuple[list[LinkedObject], bool]:
    members = set(map(_key, objects))
    visited: set[int] = set()
    placed: list[LinkedObject] = []  # built from the end backwards
    seen_bindings = False
    for start in reversed(objects):
        if start.index in visited:
            continue
        visited.add(start.index)
        stack = [(start, iter(_successors(start, bindings)))]
        while stack:
            obj, successors = stack[-1]
            if bindings and obj.has_bound:
                seen_bindings = True
            for successor in successors:
                if successor.index not in visited and not successor.is_main and successor.index in members:
                    visited.add(successor.index)
                    stack.append((successor, iter(_successors(successor, bindings))))
                    break
            else:
                placed.append(obj)
                stack.pop()
    placed.reverse()
    return placed, seen_bindings


def _successors(obj: LinkedObject, bindings: bool) -> list[LinkedObject]:
    links = list(obj.order_links or ())
    return links + list(reversed(obj.bound_to)) if bindings else links


def _key(obj: LinkedObject) -> int:
    return obj.index
