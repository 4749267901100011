"""Facts read from a trace: its objects, their dependencies, Go packages and threads; and the events that a rule selects."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from heapq import merge

from emuload.order.go_objects import GoObjects
from emuload.order.happens_before import HappensBefore
from emuload.order.rules import Constant, Interval, Match, Selector
from emuload.trace.events import Event, Value
from emuload.trace.kinds.golang import GO_PACKAGE_IMPORTS
from emuload.trace.kinds.linker import OBJECT_DEPENDENCIES, OBJECT_MAPPED, OBJECT_UNMAPPED
from emuload.trace.roles import Roles

OBJECT_FIELDS = ("object", "pc-object")
"""Fields that name an object: by its path, and in joins also by the number of the load."""

IMPORT_OPERATORS = ("imports", "does not import")

GO_ROLE = "go"
"""The role of every thread that a Go runtime made, beside any other."""


class Graph:
    """A relation between names, dependencies or imports: added directly, asked for transitively."""

    def __init__(self) -> None:
        self._next: dict[str, set[str]] = {}
        self._reached: dict[str, frozenset[str]] = {}
        self._related: dict[tuple[str, str, bool], frozenset[str]] = {}

    def add(self, name: str, others: Iterable[str]) -> None:
        """Add that `name` directly depends on `others`. Everything must be added before the first question."""
        self._next.setdefault(name, set()).update(others)

    def reached(self, name: str) -> frozenset[str]:
        """All that `name` depends on, directly or not; also itself if it is in a cycle."""
        found = self._reached.get(name)
        if found is None:
            seen: set[str] = set()
            todo = list(self._next.get(name, ()))
            while todo:
                one = todo.pop()
                if one not in seen:
                    seen.add(one)
                    todo += self._next.get(one, ())
            found = self._reached[name] = frozenset(seen)
        return found

    def relates(self, operator: str, left: str, right: str) -> bool:
        """True if `left OPERATOR right`, for the operators of a rule's `where` that are words."""
        if operator == "does not import":
            return right not in self.reached(left)
        if operator == "is or depends on" and left == right:
            return True
        one_way = operator == "depends one-way on"
        return left != right and right in self.reached(left) and not (one_way and left in self.reached(right))

    def related(self, operator: str, name: str, *, forward: bool) -> frozenset[str]:
        """All names x with `name OPERATOR x`, or, backward, `x OPERATOR name`."""
        key = operator, name, forward
        if key not in self._related:
            candidates = {name, *self.reached(name)} if forward else {name, *self._next}
            self._related[key] = frozenset(
                other for other in candidates if self.relates(operator, *((name, other) if forward else (other, name)))
            )
        return self._related[key]


class Facts:
    """The events of a trace, indexed."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.dependencies = Graph()
        self.imports: dict[str, Graph] = {}
        self._roles = Roles()
        self._go = GoObjects()
        self._by_kind: dict[str, list[Event]] = {}
        self._reloads: dict[str, list[int]] = {}
        """For each object, the events that mapped it again."""
        self._unmapped: set[str] = set()
        self._code: dict[int, str] = {}
        """For each event with a `pc`, the object that contains it."""
        for event in events:
            self._see(event)

    def _see(self, event: Event) -> None:
        self._by_kind.setdefault(event.kind, []).append(event)
        self._roles.see(event)
        self._go.see(event)
        if event.pc:
            self._code[event.seq] = self._go.at(event.pc)
        fields = event.fields
        if event.kind == OBJECT_UNMAPPED.name:
            self._unmapped.add(str(fields.get("object")))
        elif event.kind == OBJECT_MAPPED.name and (name := str(fields.get("object"))) in self._unmapped:
            self._unmapped.remove(name)
            self._reloads.setdefault(name, []).append(event.seq)
        elif event.kind == OBJECT_DEPENDENCIES.name:
            self.dependencies.add(str(fields.get("object")), _texts(fields.get("needed")))
        elif event.kind == GO_PACKAGE_IMPORTS.name:
            graph = self.imports.setdefault(str(fields.get("object")), Graph())
            for text in _texts(fields.get("imports")):
                importer, _, imported = text.partition(" ")
                graph.add(importer, [imported])

    @cached_property
    def order(self) -> HappensBefore:
        """Happens-before, by synchronisation."""
        return HappensBefore(self.events)

    # -- one event ----------------------------------------------------------------------------------------------------

    def value(self, event: Event, name: str) -> Value:
        """A field of an event, its `tid` or `kind`, or `pc-object`, the object whose code it happened in. None if it has none."""
        if name == "tid":
            return event.tid
        if name == "kind":
            return event.kind
        if name == "pc-object":
            return self._code.get(event.seq) or None
        return event.fields.get(name)

    def join_value(self, event: Event, name: str) -> Hashable:
        """A field as a key that joins events: for an object its path and the number of the load. None for a missing field."""
        value = self.value(event, name)
        if name in OBJECT_FIELDS and isinstance(value, str):
            return self.load(value, event)
        return tuple(value) if isinstance(value, list) else value

    def load(self, name: str, event: Event) -> Hashable:
        """An object as it is loaded at an event: after unloading and loading again it is another one."""
        return name, bisect_right(self._reloads.get(name, ()), event.seq)

    def graph(self, operator: str, event: Event) -> Graph | None:
        """The relation behind an operator of a rule's `where`: the objects' dependencies, or the imports within an event's
        object; None if the trace has none.
        """
        if operator in IMPORT_OPERATORS:
            return self.imports.get(str(event.fields.get("object")))
        return self.dependencies

    def roles(self, event: Event) -> list[str]:
        """The roles of an event's thread, "" if unknown. For an event of a Go library, `go` means that library's runtime."""
        about = str(event.fields.get("object"))
        runtimes = [about] if about in self._go.objects else self._go.objects
        own = any(self._go.is_own_thread(name, event.tid) for name in runtimes)
        return [self._roles.name(event.tid), *([GO_ROLE] if own else [])]

    # -- events --------------------------------------------------------------------------------------------------------

    def select(self, selector: Selector) -> list[Event]:
        """The selected events, in order."""
        found: Iterable[Event] = self._of_kinds(selector)
        found = (event for event in found if self._has(event, selector))
        if selector.during is not None:
            found = self._placed(found, selector.during, inside=True)
        if selector.outside is not None:
            found = self._placed(found, selector.outside, inside=False)
        chosen = list(found)
        if selector.first_per:
            chosen = self._one_per(chosen, selector.first_per)
        if selector.last_per:
            chosen = self._one_per(chosen[::-1], selector.last_per)[::-1]
        return chosen

    def _of_kinds(self, selector: Selector) -> Iterator[Event]:
        wanted = [kind for kind in self._by_kind if any(fnmatchcase(kind, glob) for glob in selector.kinds)]
        return merge(*(self._by_kind[kind] for kind in wanted), key=lambda event: event.seq)

    def _has(self, event: Event, selector: Selector) -> bool:
        return (
            all(self._matches(event, name, match) for name, match in selector.fields)
            and (selector.role is None or matches(self.roles(event), selector.role))
            and (selector.go_object is None or selector.go_object == (str(event.fields.get("object")) in self._go.objects))
        )

    def _matches(self, event: Event, name: str, match: Match) -> bool:
        return matches(self.value(event, name), match, path=name in OBJECT_FIELDS)

    def _placed(self, events: Iterable[Event], interval: Interval, *, inside: bool) -> Iterator[Event]:
        """The events inside, or outside, of an interval, whose bounds do not belong to it."""
        begins, ends = self.select(interval.begin), self.select(interval.end)
        open_: Counter[Hashable] = Counter()
        steps = merge(
            ((event.seq, 0, event) for event in ends),
            ((event.seq, 1, event) for event in events),
            ((event.seq, 2, event) for event in begins),
            key=lambda step: step[:2],
        )
        for _, what, event in steps:
            key = self.key(event, interval.same)
            if what == 0:
                open_[key] = max(0, open_[key] - 1)
            elif what == 2:
                open_[key] += 1
            elif (open_[key] > 0) == inside:
                yield event

    def key(self, event: Event, names: Iterable[str]) -> tuple[Hashable, ...]:
        """The values of several fields, as a key that joins events."""
        return tuple(self.join_value(event, name) for name in names)

    def _one_per(self, events: Sequence[Event], names: Sequence[str]) -> list[Event]:
        found: dict[Hashable, Event] = {}
        for event in events:
            found.setdefault(self.key(event, names), event)
        return list(found.values())


def matches(value: Value | list[str], match: Match, *, path: bool = False) -> bool:
    """True if a value, or an item of a list, satisfies the match. A `path` may be given by its last part alone."""
    items = value if isinstance(value, list) else [value]
    if match.none_of and any(_is(item, constant, path) for item in items for constant in match.none_of):
        return False
    if match.any_of and not any(_is(item, constant, path) for item in items for constant in match.any_of):
        return False
    numbers = [item for item in items if type(item) is int]
    if match.above is not None and not any(number > match.above for number in numbers):
        return False
    return match.below is None or any(number < match.below for number in numbers)


def _is(item: Value | str, constant: Constant, path: bool) -> bool:
    if isinstance(constant, str) and isinstance(item, str):
        return fnmatchcase(item, constant) or (path and fnmatchcase(item.rpartition("/")[2], constant))
    return type(item) is type(constant) and item == constant


def _texts(value: Value) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
