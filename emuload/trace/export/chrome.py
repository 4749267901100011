"""A run in Chrome's trace event format, which the Perfetto UI and chrome://tracing open.

The format: "Trace Event Format", Google 2016 (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU). Times are
microseconds. Slices are B and E pairs, flows s and f pairs bound to the slice around them. An event that is neither begin nor end
is a slice without length, because flows bind to slices only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from emuload.trace.events import Value
from emuload.trace.export.timeline import Step, Timeline, timeline
from emuload.trace.jsonl import Trace, header_entries

PROCESS = 1


def chrome(trace: Trace) -> bytes:
    """The file's content, one entry per line."""
    drawn = timeline(trace.events)
    entries = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in _entries(drawn))
    other = json.dumps(header_entries(trace.header), separators=(",", ":"))
    return f'{{"displayTimeUnit":"ns","otherData":{other},"traceEvents":[\n{entries}\n]}}\n'.encode()


def _entries(drawn: Timeline) -> Iterator[dict[str, Any]]:
    for tid, name in drawn.threads.items():
        yield {"ph": "M", "name": "thread_name", "pid": PROCESS, "tid": tid, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": PROCESS, "tid": tid, "args": {"sort_index": tid}}
    complete = {flow for step in drawn.steps for flow in step.ends}  # A thread may be woken and never run again.
    for step in drawn.steps:
        place = {"ts": step.time / 1000, "pid": PROCESS, "tid": step.tid}
        common = {"name": step.name, "cat": step.category, **place}
        if step.what == "begin":
            yield {"ph": "B", **common, "args": _arguments(step)}
        elif step.what == "end":
            yield {"ph": "E", **common}
        else:
            yield {"ph": "X", "dur": 0, **common, "args": _arguments(step)}
        yield from ({"ph": "s", "id": flow, "name": "flow", "cat": "flow", **place} for flow in step.starts if flow in complete)
        yield from ({"ph": "f", "bp": "e", "id": flow, "name": "flow", "cat": "flow", **place} for flow in step.ends)


def _arguments(step: Step) -> dict[str, Value]:
    """The arguments of a slice in the viewer: its fields, and the position in the code in hexadecimal."""
    return {**step.fields, "pc": f"{step.pc:#x}"}
