"""The canonical form of a trace: JSON lines (https://jsonlines.org), ASCII, written while the run goes on.

    {"format":"emuload-trace","schema":2, …}                                   what ran: the header, always the first line
    {"seq":0,"time":0,"tid":0,"pc":0,"kind":"object-found","fields":{…}}       one line for each event; seq counts from 0
    {"end":{"outcome":"exited","exit_status":0, …}}                            how it ended; missing if the run was killed

Only whole lines are handed to the system, so that a run killed half-way leaves whole lines. `traces/README.md` describes the
header's entries and every kind of event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import IO, Any, TypeVar

from emuload.errors import UsageError
from emuload.trace.events import Content, Event, Value

FORMAT = "emuload-trace"
SCHEMA = 2
"""Counted up when a reader of the present version would misunderstand the new one."""

LINE_LIMIT = 16 << 20
"""Bytes of the longest line that `read` accepts."""

NESTING_LIMIT = 32
"""Lists and objects within each other in an entry of a header: the writer needs three, and Python's own functions give up
near a thousand."""

WORD_LIMIT = 1 << 64
"""Bound of an event's number, time, thread and address."""

_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)
_EVENT_KEYS = ["seq", "time", "tid", "pc", "kind", "fields"]


class TraceError(UsageError):
    """A trace cannot be used: the message has the file, the line and the reason."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line


@dataclass
class Header:
    """The inputs of a run. `files` are SHA-256 sums, in hexadecimal, of the files named on the command line, by the names given
    there; `schedule` is the strategy (`emuload.process.scheduler.Strategy.describe`), `limits` as in `emuload.Limits`, `options`
    whatever else decided the run.
    """

    emuload: str
    unicorn: str
    architecture: str
    profile: str
    seed: int
    schedule: dict[str, Any]
    files: dict[str, str]
    arguments: list[str]
    environment: dict[str, str]
    calls: list[str]
    limits: dict[str, float]
    options: dict[str, Any]
    schema: int = SCHEMA


@dataclass
class End:
    """How the run ended.

    `outcome` is "exited", "failed", "deadlock", "bound", "interrupted", or "refused" (by the linker, or a call that makes no
    sense), `message` the reason if it did not exit; `files` are SHA-256 sums of all objects in the process, by the loader's
    names; `virtual_ns` and `code_bytes` are the run's length.
    """

    outcome: str
    exit_status: int | None
    message: str
    virtual_ns: int
    code_bytes: int
    files: dict[str, str]


@dataclass
class Trace:
    """A trace as read: `end` is None if the run was killed before its end."""

    path: str
    header: Header
    events: list[Event] = field(default_factory=list)
    end: End | None = None


def header_entries(header: Header) -> dict[str, Any]:
    """The header as JSON-able data, its format and schema first."""
    entries = asdict(header)
    return {"format": FORMAT, "schema": entries.pop("schema"), **entries}


def header_line(header: Header) -> str:
    """The first line, without its newline."""
    return _ENCODER.encode(header_entries(header))


def event_line(event: Event) -> str:
    """An event as a line, without its newline."""
    head = f'"seq":{event.seq},"time":{event.time},"tid":{event.tid},"pc":{event.pc},"kind":{_ENCODER.encode(event.kind)}'
    return f'{{{head},"fields":{_ENCODER.encode(event.fields)}}}'


def _text(content: Content) -> str:
    """An event's line after the time, also kept in `content.text`."""
    head = f',"tid":{content.tid},"pc":{content.pc},"kind":{_ENCODER.encode(content.kind)}'
    content.text = f'{head},"fields":{_ENCODER.encode(content.fields)}}}\n'
    return content.text


def end_line(end: End) -> str:
    """The last line, without its newline."""
    return _ENCODER.encode({"end": asdict(end)})


_PADDED = [f'{number:03},"time":' for number in range(1000)]
_PLAIN = [f'{number},"time":' for number in range(1000)]
"""The last three digits of a sequence number with the text after them: most of a line's cost is formatting numbers."""


@dataclass
class Writer:
    """Writes a trace to an unbuffered binary file, whole lines at a time. Errors are the file's own (OSError)."""

    file: IO[bytes]

    def begin(self, header: Header) -> None:
        """Write the header; once, before everything else."""
        self._write(header_line(header))

    def event(self, event: Event) -> None:
        """Write an event."""
        self._write(event_line(event))

    def batch(self, first: int, times: Sequence[int], contents: Sequence[Content]) -> None:
        """Write events in bulk: a `Recorder`'s sink."""
        parts: list[str] = []
        done = 0
        while done < len(times):
            thousands, rest = divmod(first + done, 1000)
            numbers = (_PADDED if thousands else _PLAIN)[rest : rest + len(times) - done]
            end = done + len(numbers)
            lines = [f'{{"seq":{thousands or ""}'] * (4 * len(numbers))
            lines[1::4] = numbers
            lines[2::4] = map(repr, times[done:end])
            lines[3::4] = [content.text or _text(content) for content in contents[done:end]]
            parts += lines
            done = end
        self._write_all("".join(parts))

    def finish(self, end: End) -> None:
        """Write how the run ended. Nothing may follow."""
        self._write(end_line(end))

    def _write(self, line: str) -> None:
        self._write_all(f"{line}\n")

    def _write_all(self, lines: str) -> None:
        data = lines.encode("ascii")
        while data:
            data = data[self.file.write(data) :]


# -- reading ---------------------------------------------------------------------------------------------------------


def read(path: str) -> Trace:
    """A whole trace, every line checked. Raises TraceError for the first line that the writer cannot have written."""
    try:
        with open(path, "rb") as file:
            return _read(path, _lines(path, file))
    except OSError as error:
        raise TraceError(path, 0, error.strerror or str(error)) from None


def _lines(path: str, file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if not line.endswith(b"\n"):
            raise TraceError(path, number, "the line is truncated" if len(line) < LINE_LIMIT else "the line is too long")
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TraceError(path, number, f"this is no JSON{_brief(error)}") from None
        if not isinstance(entry, dict):
            raise TraceError(path, number, "a line of a trace is a JSON object, this is something else")
        yield number, entry


def _brief(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f" from column {error.colno} on"
    return ": bytes that are no UTF-8" if isinstance(error, UnicodeDecodeError) else ": nested too deeply or a number too long"


def _read(path: str, lines: Iterator[tuple[int, dict[str, Any]]]) -> Trace:
    number, first = next(lines, (1, {}))
    trace = Trace(path, _header(path, number, first))
    time = 0
    for number, entry in lines:
        if trace.end is not None:
            raise TraceError(path, number, "a line behind the end of the trace")
        if list(entry) == ["end"]:
            trace.end = _record(path, number, End, entry["end"], "end")
            continue
        event = _event(path, number, entry)
        if event.seq != len(trace.events):
            raise TraceError(path, number, f"event {event.seq} where event {len(trace.events)} belongs")
        if event.time < time:
            raise TraceError(path, number, f"time goes back from {time} to {event.time}")
        time = event.time
        trace.events.append(event)
    return trace


def _header(path: str, number: int, entry: dict[str, Any]) -> Header:
    if entry.get("format") != FORMAT:
        raise TraceError(path, number, "this is no trace of emuload: the first line is no header")
    schema = entry.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        raise TraceError(path, number, f"schema {json.dumps(schema)} is unknown: this emuload reads schema {SCHEMA}")
    return _record(path, number, Header, {name: value for name, value in entry.items() if name != "format"}, "header")


_Record = TypeVar("_Record")



def _is_limit(value: object) -> bool:
    return type(value) in (int, float) and -1e300 < value < 1e300  # type: ignore[operator]


_SHAPES = {
    "int": lambda value: type(value) is int,
    "int | None": lambda value: value is None or type(value) is int,
    "str": lambda value: type(value) is str,
    "dict[str, Any]": lambda value: type(value) is dict and _is_flat(value, NESTING_LIMIT),
    "dict[str, str]": lambda value: type(value) is dict and all(type(v) is str for v in value.values()),
    "dict[str, float]": lambda value: type(value) is dict and all(map(_is_limit, value.values())),
    "list[str]": lambda value: type(value) is list and all(type(v) is str for v in value),
}


def _is_flat(value: object, levels: int) -> bool:
    """True if lists and objects lie within each other at most `levels` deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not inner or (levels > 0 and all(_is_flat(each, levels - 1) for each in inner))


def _record(path: str, number: int, made: type[_Record], entries: object, what: str) -> _Record:
    """A Header or End. Raises TraceError if an entry is missing, unknown or of the wrong type."""
    if not isinstance(entries, dict):
        raise TraceError(path, number, f"the {what} is no JSON object")
    wanted: dict[str, str] = {each.name: str(each.type) for each in fields(made)}  # type: ignore[arg-type]
    for name in [*wanted, *entries]:
        if name not in entries:
            raise TraceError(path, number, f"the {what} has no {name!r}")
        if name not in wanted:
            raise TraceError(path, number, f"the {what} has an unknown entry {name!r}")
        if not _SHAPES[wanted[name]](entries[name]):
            raise TraceError(path, number, f"the {what}'s {name!r} is no {wanted[name]}")
    return made(**entries)


def _event(path: str, number: int, entry: Mapping[str, Any]) -> Event:
    if list(entry) != _EVENT_KEYS:
        raise TraceError(path, number, f"an event has {', '.join(_EVENT_KEYS)}; this line has {', '.join(entry) or 'nothing'}")
    for name in ("seq", "time", "tid", "pc"):
        if type(entry[name]) is not int or entry[name] < 0:
            raise TraceError(path, number, f"{name} is no number from 0 on")
        if entry[name] >= WORD_LIMIT:
            raise TraceError(path, number, f"{name} is wider than 64 bits")
    if type(entry["kind"]) is not str or not entry["kind"]:
        raise TraceError(path, number, "kind is no name")
    if type(entry["fields"]) is not dict:
        raise TraceError(path, number, "fields is no JSON object")
    for name, value in entry["fields"].items():
        if not _is_value(value):
            raise TraceError(path, number, f"field {name!r} is neither a whole number, a text, true, false, null nor a list")
    return Event(*entry.values())


def _is_value(value: Value | object) -> bool:
    if type(value) is list:
        return all(type(item) is int for item in value) or all(type(item) is str for item in value)
    return value is None or type(value) in (int, str, bool)
