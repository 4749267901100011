"""The verdicts on a trace: the table of rules, and for each finding its events with their stacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emuload.errors import Frame, frame_lines
from emuload.order.checking import Finding, Verdict
from emuload.report.follow import exact_line
from emuload.report.tables import Table, events_text
from emuload.trace.events import Event
from emuload.trace.jsonl import Trace
from emuload.trace.kinds.linker import OBJECT_MAPPED, OBJECT_UNMAPPED
from emuload.trace.roles import Roles
from loader.errors import one_line

MAX_FINDINGS = 10
"""Findings of one rule that the text shows; JSON, JUnit and SARIF hold all."""

BAD = ("broken", "unordered")


@dataclass
class Checked:
    """A trace with its verdicts. `subject` is the file as the user named it; `from_file` is true if that is a stored trace.

    `stacks` are frames by the event's number; if there are none, `unseen` is a line that says why.
    """

    subject: str
    from_file: bool
    trace: Trace
    verdicts: Sequence[Verdict]
    stacks: Mapping[int, Sequence[Frame]] = field(default_factory=dict)
    unseen: str = ""

    @property
    def failed(self) -> list[Verdict]:
        """The verdicts of rules that do not hold."""
        return [verdict for verdict in self.verdicts if verdict.status in BAD]

    @property
    def sets(self) -> dict[str, list[Verdict]]:
        """The verdicts by their rule set."""
        sets: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            sets.setdefault(verdict.rule.set, []).append(verdict)
        return sets

    @cached_property
    def roles(self) -> Roles:
        """The roles of the threads."""
        roles = Roles()
        for event in self.trace.events:
            roles.see(event)
        return roles

    @cached_property
    def places(self) -> dict[int, str]:
        """The code position of each event of a finding in its object, by the event's number."""
        return places(self.trace.events, events_of(self.verdicts))

    def line(self, event: Event) -> str:
        """An event as one line."""
        return exact_line(event, self.roles.name(event.tid))

    def below(self, event: Event) -> list[str]:
        """The frames of an event, else its code position; empty if neither is known."""
        frames = self.stacks.get(event.seq)
        if frames:
            return frame_lines(frames)
        return [f"at {self.places[event.seq]}"] if event.seq in self.places else []


def events_of(verdicts: Sequence[Verdict]) -> set[int]:
    """The numbers of all events in findings."""
    return {event.seq for verdict in verdicts for finding in verdict.findings for _, event in parts(finding)}


def parts(finding: Finding) -> Iterator[tuple[str, Event]]:
    """The events of a finding, each with its part in it: first or then."""
    for name, event in (("first", finding.first), ("then", finding.then)):
        if event is not None:
            yield name, event


def places(events: Sequence[Event], wanted: Collection[int]) -> dict[int, str]:
    """The code positions of the `wanted` events as `object+0x123`, by the mappings at their time."""
    mapped: dict[int, tuple[int, str]] = {}
    found = {}
    for event in events:
        if event.seq in wanted and event.pc:
            found[event.seq] = _place(event.pc, mapped)
        start = event.fields.get("address")
        size = event.fields.get("size")
        if event.kind == OBJECT_MAPPED.name and isinstance(start, int) and isinstance(size, int):
            mapped[start] = start + size, str(event.fields.get("object", ""))
        elif event.kind == OBJECT_UNMAPPED.name and isinstance(start, int):
            mapped.pop(start, None)
    return found


def _place(pc: int, mapped: Mapping[int, tuple[int, str]]) -> str:
    for start, (end, path) in mapped.items():
        if start <= pc < end:
            return f"{path}+{pc - start:#x}"
    return f"{pc:#x}"


# -- as text ---------------------------------------------------------------------------------------------------------


def summary(checked: Checked) -> str:
    """The trace that was checked, in one line."""
    events = checked.trace.events
    threads = len({event.tid for event in events if event.tid})
    end = checked.trace.end
    how = "cut off: the run was killed" if end is None else end.outcome
    return f"{checked.subject}: {events_text(len(events), threads)}, {how}"


def verdict_table(checked: Checked) -> Table:
    """A line for each rule."""
    table = Table(["set", "rule", "verdict", "pairs"], title="rules", right=[3])
    for verdict in checked.verdicts:
        table.rows.append([verdict.rule.set, verdict.rule.name, verdict.status, str(verdict.pairs)])
    return table


def finding_blocks(checked: Checked) -> Iterator[tuple[str, list[str]]]:
    """For each rule that does not hold a heading and the lines below it."""
    for verdict in checked.failed:
        rule = verdict.rule
        lines = [f"  why: {' '.join(rule.why.split())}"]
        for finding in verdict.findings[:MAX_FINDINGS]:
            lines += [f"  {line}" for line in finding_lines(checked, finding)]
        if len(verdict.findings) > MAX_FINDINGS:
            lines.append(f"  … {len(verdict.findings) - MAX_FINDINGS} more findings")
        yield f"{rule.set}: {rule.name}: {verdict.status}", lines


def finding_lines(checked: Checked, finding: Finding) -> list[str]:
    """The reason, then each event with its frames."""
    lines = [f"{finding.status}: {one_line(finding.reason)}"]
    for _, event in sorted(parts(finding), key=lambda part: part[1].seq):
        lines.append(checked.line(event))
        lines += [f"           {one_line(line)}" for line in checked.below(event)]
    return lines


# -- as JSON ---------------------------------------------------------------------------------------------------------


def document(checked: Checked) -> dict[str, Any]:
    """Everything as JSON-able data."""
    end = checked.trace.end
    return {
        "subject": checked.subject,
        "outcome": None if end is None else end.outcome,
        "message": "" if end is None else end.message,
        "no_stacks": checked.unseen,
        "rules": [_verdict(checked, verdict) for verdict in checked.verdicts],
    }


def _verdict(checked: Checked, verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    return {
        "set": rule.set,
        "rule": rule.name,
        "verdict": verdict.status,
        "pairs": verdict.pairs,
        "why": rule.why,
        "source": rule.source,
        "file": rule.file,
        "line": rule.line,
        "findings": [_finding(checked, finding) for finding in verdict.findings],
    }


def _finding(checked: Checked, finding: Finding) -> dict[str, Any]:
    shown: dict[str, Any] = {"verdict": finding.status, "reason": finding.reason}
    return shown | {name: _event(checked, event) for name, event in parts(finding)}


def _event(checked: Checked, event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "time_ns": event.time,
        "thread": event.tid,
        "role": checked.roles.name(event.tid),
        "kind": event.kind,
        "fields": event.fields,
        "place": checked.places.get(event.seq, ""),
        "frames": [frame.to_dict() for frame in checked.stacks.get(event.seq, ())],
    }
