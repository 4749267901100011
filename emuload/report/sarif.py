"""Findings as SARIF 2.1.0 (OASIS standard, errata 01): one run, a rule for each rule, a result for each finding.

The location of a result is that of its first event: the source line of the innermost frame that has one, else the library; for a
stored trace without stacks, the event's line in it. The second event is the related location; both stacks are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from emuload import __version__
from emuload.calls.values import json_value
from emuload.errors import Frame
from emuload.machine.memory import text_bytes
from emuload.order.checking import Finding
from emuload.order.rules import Rule
from emuload.report.json_text import json_text
from emuload.report.verdicts import Checked, parts
from emuload.trace.events import Event

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"broken": "error", "unordered": "warning"}
_ADDRESS = re.compile(r"https://[^\s;,]+")
_FIRST_EVENT_LINE = 2
"""Line of the first event in a trace file, after the header."""


def sarif(checked: Checked) -> bytes:
    """The file's content."""
    rules = list(dict.fromkeys(_id(verdict.rule) for verdict in checked.verdicts))
    described = {_id(verdict.rule): verdict.rule for verdict in checked.verdicts}
    results = [
        _result(checked, verdict.rule, rules.index(_id(verdict.rule)), finding)
        for verdict in checked.failed
        for finding in verdict.findings
    ]
    artifacts = [
        {"location": {"uri": uri(path)}, "hashes": {"sha-256": digest}} for path, digest in checked.trace.header.files.items()
    ]
    run = {
        "tool": {"driver": {"name": "emuload", "version": __version__, "rules": [_rule(described[name]) for name in rules]}},
        "artifacts": artifacts,
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(document).encode("ascii") + b"\n"


def uri(path: str) -> str:
    """A file's name as the user gave it, as a URI, absolute or relative like the name."""
    plain = quote(text_bytes(PurePath(path).as_posix()))
    if not plain.startswith("/"):
        return plain
    return "file://" + plain


def _id(rule: Rule) -> str:
    return f"{rule.set}/{rule.name}"


def _rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": _id(rule),
        "name": rule.name,
        "shortDescription": {"text": f"{rule.name} ({rule.set})"},
        "fullDescription": {"text": " ".join(rule.why.split())},
    }
    if rule.source:
        made["help"] = {"text": rule.source}
        address = _ADDRESS.search(rule.source)
        if address is not None:
            made["helpUri"] = address[0]
    return made


def _result(checked: Checked, rule: Rule, index: int, finding: Finding) -> dict[str, Any]:
    events = [event for _, event in parts(finding)]
    locations = [_event_location(checked, event) for event in events]
    stacks = [_stack(checked, event) for event in events if checked.stacks.get(event.seq)]
    result: dict[str, Any] = {
        "ruleId": _id(rule),
        "ruleIndex": index,
        "level": _LEVELS[finding.status],
        "message": {"text": json_value(finding.reason)},
        "locations": locations[:1] or [{"physicalLocation": {"artifactLocation": {"uri": uri(checked.subject)}}}],
    }
    if len(locations) > 1:
        result["relatedLocations"] = [{"id": number, **each} for number, each in enumerate(locations[1:], 1)]
    if stacks:
        result["stacks"] = stacks
    return result


def _event_location(checked: Checked, event: Event) -> dict[str, Any]:
    """Where an event happened, with its line as the message."""
    source = next((frame for frame in checked.stacks.get(event.seq, ()) if frame.file and frame.line), None)
    if source is not None:
        made = _frame_location(source)
    else:
        physical: dict[str, Any] = {"artifactLocation": {"uri": uri(checked.subject)}}
        if checked.from_file:
            physical["region"] = {"startLine": event.seq + _FIRST_EVENT_LINE}
        made = {"physicalLocation": physical}
    return {**made, "message": {"text": json_value(" ".join(checked.line(event).split()))}}


def _stack(checked: Checked, event: Event) -> dict[str, Any]:
    frames: Sequence[Frame] = checked.stacks[event.seq]
    shown = [{"location": _frame_location(frame), "module": json_value(frame.object), "threadId": event.tid} for frame in frames]
    return {"message": {"text": f"event {event.seq}: {event.kind}"}, "frames": shown}


def _frame_location(frame: Frame) -> dict[str, Any]:
    physical: dict[str, Any] = {"address": {"absoluteAddress": frame.pc}}
    if frame.file:
        physical["artifactLocation"] = {"uri": uri(frame.file)}
        if frame.line:
            physical["region"] = {"startLine": frame.line}
    made: dict[str, Any] = {"physicalLocation": physical}
    if frame.function:
        made["logicalLocations"] = [{"fullyQualifiedName": json_value(frame.function), "kind": "function"}]
    return made
