"""Events as lines, system calls in strace's form (strace(1))."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from emuload.errors import UsageError, milliseconds
from emuload.kernel import errno
from emuload.trace.events import Event, Value
from emuload.trace.kinds.catalogue import refusal
from emuload.trace.kinds.kernel import SYSCALL, SYSCALL_ENTER, SYSCALL_EXIT
from emuload.trace.roles import HOST, Roles
from loader.errors import one_line

ROLES = ("loader", "runtime", "sysmon", "foreign", HOST)
"""Names by which `--thread` selects threads, besides their numbers."""

_COUNTS = frozenset(("size", "relocations", "deadline", "surplus_left", "moved", "align", "threads", "line"))
"""Fields that are always shown in decimal."""

_CALL_FIELDS = {
    SYSCALL.name: {"name", "args", "result"}, SYSCALL_ENTER.name: {"name", "args", "wait"}, SYSCALL_EXIT.name: {"name", "result"},
}  # fmt: skip
"""The fields that strace's form shows."""

_FIRST_ADDRESS = 0x1000
_MAX_ERRNO = 4095
_ERRNO_NAMES = {value: name for name, value in reversed(vars(errno).items()) if name.startswith("E") and isinstance(value, int)}


class Filter(NamedTuple):
    """Selects events by kind, thread and object; an empty selection lets all pass.

    `kinds` and `objects` are shell patterns (an object's is tried on its path and its file name), `threads` numbers or roles.
    """

    kinds: Sequence[str] = ()
    threads: Sequence[str] = ()
    objects: Sequence[str] = ()

    def check(self) -> None:
        """Raises UsageError for a kind that no event has, and for a thread that is neither a number nor a role."""
        refused = refusal(self.kinds)
        if refused is not None:
            raise UsageError(f"--kind: {refused}")
        for thread in self.threads:
            if not thread.isdecimal() and thread not in ROLES:
                raise UsageError(f"--thread takes a number or one of {', '.join(ROLES)}, not {thread!r}")

    def passes(self, event: Event, role: str) -> bool:
        """True if an event of a thread with that role is shown."""
        if self.kinds and not any(fnmatchcase(event.kind, pattern) for pattern in self.kinds):
            return False
        if self.threads and role not in self.threads and str(event.tid) not in self.threads:
            return False
        if not self.objects:
            return True
        path = event.fields.get("object")
        names = (path, path.rpartition("/")[2]) if isinstance(path, str) else ()
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.objects)


def follow_line(event: Event, role: str) -> str:
    """`   0.367 1000 loader       0xb6e701f8 constructor-enter     object=…`: milliseconds of virtual time, thread, role, pc,
    kind and fields.
    """
    return one_line(f"{milliseconds(event.time):>10} {described(event, role)}")


def followed(events: Iterable[Event]) -> Iterator[str]:
    """A line for each event, with the roles that threads have shown up to there."""
    roles = Roles()
    for event in events:
        roles.see(event)
        yield follow_line(event, roles.name(event.tid))


def exact_line(event: Event, role: str) -> str:
    """Like `follow_line`, with the event's number and its time in nanoseconds."""
    return one_line(f"{event.seq:>6} {event.time:>12} {described(event, role)}")


def described(event: Event, role: str) -> str:
    """An event without its time."""
    place = f"{event.pc:#x}" if event.pc else "-"
    return f"{event.tid:>4} {role:<8} {place:>14} {event.kind:<21} {_body(event)}".rstrip()


def _body(event: Event) -> str:
    fields = event.fields
    if not fields.keys() >= _CALL_FIELDS.get(event.kind, fields.keys()):
        return _named(fields)  # a trace that something else wrote
    if event.kind == SYSCALL.name:
        return f"{fields['name']}({_arguments(fields['args'])}) = {_result(fields['result'])}"
    if event.kind == SYSCALL_ENTER.name:
        return f"{fields['name']}({_arguments(fields['args'])}) <unfinished ...> waits for {fields['wait']}"
    if event.kind == SYSCALL_EXIT.name:
        return f"<... {fields['name']} resumed> = {_result(fields['result'])}"
    return _named(fields)


def _named(fields: Mapping[str, Value]) -> str:
    return " ".join(f"{name}={_value(name, value)}" for name, value in fields.items())


def _value(name: str, value: Value) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return str(value) if name in _COUNTS else _number(value)
    if isinstance(value, str):
        plain = value.isprintable() and value and not any(character in ' "=' for character in value)
        return value if plain else json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(_value(name, item) for item in value)}]"


def _number(value: int) -> str:
    return hex(value) if value >= _FIRST_ADDRESS else str(value)


def _arguments(values: Value) -> str:
    return ", ".join(_value("", value) for value in values) if isinstance(values, list) else ""


def _result(value: Value) -> str:
    if not isinstance(value, int):
        return str(value)
    if -_MAX_ERRNO <= value < 0:
        return f"-1 {_ERRNO_NAMES.get(-value, f'errno {-value}')}"
    return _number(value)
