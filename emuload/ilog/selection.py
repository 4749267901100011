"""The part of a run that is logged (`--instructions`): functions, addresses, from one event to another.

    main.*                          Go and C functions whose name matches, with the code inlined into them
    0xb6e70000-0xb6e71000  ADDRESS+SIZE  ADDRESS         addresses
    libx.so+0x1000-0x1040  libx.so+0x1000+0x40           addresses in an object's file: the load bias is added
    go-rt0-go..go-schedinit         from the first event of a kind to the next one of another; either may be left out
    constructor-enter:object=libx.so..    kind and fields are shell patterns, a path's last part is enough

Several functions and ranges add up; a pair of events limits the time in which they are logged.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from emuload.errors import UsageError
from emuload.trace.events import Event, Value
from emuload.trace.kinds.catalogue import refusal

OPTION = "--instructions"
_NUMBER = r"(?:0[xX][0-9a-fA-F]+|[0-9]+)"
_RANGE = re.compile(rf"(?P<start>{_NUMBER})(?:(?P<sign>[-+])(?P<end>{_NUMBER}))?")
_IN_OBJECT = re.compile(rf"(?P<object>.+?)\+(?P<range>{_NUMBER}(?:[-+]{_NUMBER})?)")
_TOP = 1 << 64


def parse_range(text: str, option: str) -> range:
    """`START-END`, `START+SIZE` or one address, decimal or with 0x. Raises UsageError, which names the option."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} takes START-END, START+SIZE or one address, not {text!r}")
    start = _number(found["start"])
    end = _number(found["end"] or "1")
    stop = end if found["sign"] == "-" else start + end
    if not start < stop <= _TOP:
        raise UsageError(f"{option} {text}: an empty range" if stop <= start else f"{option} {text}: above 64 bits")
    return range(start, stop)


def _number(text: str) -> int:
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


@dataclass(frozen=True)
class Place:
    """A range of addresses; in an object's file if `object` is given, a shell pattern for its path, last part or soname."""

    text: str
    range: range
    object: str = ""

    def of(self, names: Iterable[str]) -> bool:
        """True if it is in an object with these names."""
        return any(fnmatchcase(name, self.object) for name in names)


@dataclass(frozen=True)
class EventPattern:
    """Selects events: `kind` and the values of `fields` are shell patterns."""

    text: str
    kind: str
    fields: tuple[tuple[str, str], ...] = ()

    def matches(self, event: Event) -> bool:
        """True if an event is selected."""
        if not fnmatchcase(event.kind, self.kind):
            return False
        return all(name in event.fields and _matches(event.fields[name], wanted) for name, wanted in self.fields)


def _matches(value: Value, wanted: str) -> bool:
    if type(value) is int:
        return re.fullmatch(_NUMBER, wanted) is not None and value == _number(wanted)
    text = str(value)
    return fnmatchcase(text, wanted) or fnmatchcase(posixpath.basename(text), wanted)


@dataclass(frozen=True)
class Selection:
    """The logged part: everything if there are neither functions nor places; all the time if `events` is None.

    `events` are the first event and the last one, None for the run's beginning and end.
    """

    texts: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    events: tuple[EventPattern | None, EventPattern | None] | None = None

    def check_kinds(self) -> None:
        """Raises UsageError for a kind that no event has."""
        refused = refusal(pattern.kind for pattern in self.events or () if pattern is not None)
        if refused is not None:
            raise UsageError(f"{OPTION}: {refused}")


def parse_selection(texts: Sequence[str]) -> Selection:
    """The selection for the option's values; "" is everything. Raises UsageError."""
    functions: list[str] = []
    places: list[Place] = []
    events: tuple[EventPattern | None, EventPattern | None] | None = None
    for text in texts:
        if ".." in text:
            if events is not None:
                raise UsageError(f"{OPTION}: more than one pair of events")
            events = _events(text)
        elif _RANGE.fullmatch(text) is None and (found := _IN_OBJECT.fullmatch(text)) is not None:
            places.append(Place(text, parse_range(found["range"], OPTION), found["object"]))
        elif text[:1].isdigit():
            places.append(Place(text, parse_range(text, OPTION)))
        elif text:
            functions.append(text)
    return Selection(tuple(text for text in texts if text), tuple(functions), tuple(places), events)


def _events(text: str) -> tuple[EventPattern | None, EventPattern | None]:
    first, _, last = text.partition("..")
    if not first and not last:
        raise UsageError(f"{OPTION} {text}: no event is named")
    return _pattern(first), _pattern(last)


def _pattern(text: str) -> EventPattern | None:
    if not text:
        return None
    kind, colon, rest = text.partition(":")
    fields = []
    for each in rest.split(",") if colon else ():
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise UsageError(f"{OPTION}: an event is KIND or KIND:FIELD=VALUE,…, not {text!r}")
        fields.append((name, value))
    if not kind:
        raise UsageError(f"{OPTION}: an event is KIND or KIND:FIELD=VALUE,…, not {text!r}")
    return EventPattern(text, kind, tuple(fields))


def merged(ranges: Iterable[range]) -> list[range]:
    """The same addresses as ascending ranges that do not touch."""
    made: list[range] = []
    for each in sorted(ranges, key=lambda known: (known.start, known.stop)):
        if made and each.start <= made[-1].stop:
            made[-1] = range(made[-1].start, max(made[-1].stop, each.stop))
        else:
            made.append(each)
    return made
