"""The order of constructors and destructors.

`sort_dfs` is glibc's rule since 2.35 (elf/dl-sort-maps.c, _dl_sort_maps_dfs): the objects' breadth-first list is
walked from its end, each object placed in front of those it depends on; constructors run from the end of the result,
destructors from its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .objects import LinkedObject


def breadth_first(root: LinkedObject) -> list[LinkedObject]:
    """``root`` and its dependencies, each once, nearest first."""
    return breadth_first_all([root])


def breadth_first_all(roots: Sequence[LinkedObject]) -> list[LinkedObject]:
    """The same for several roots that stand side by side."""
    found = list(dict.fromkeys(roots))
    seen = set(map(_key, found))
    for obj in found:  # grows while it is walked
        for needed in obj.needed:
            if needed.index not in seen:
                seen.add(needed.index)
                found.append(needed)
    return found


def sort_dfs(objects: Sequence[LinkedObject], *, first: LinkedObject | None, destructors: bool) -> list[LinkedObject]:
    """``objects`` (breadth-first, or load order) sorted so that each stands before what it depends on.

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
            if bindings and obj.bound_to:
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
