"""A run as Perfetto's TrackEvent protobuf, which ui.perfetto.dev and trace_processor open.

The format: perfetto.dev/docs/reference/synthetic-track-event; the messages come from the `perfetto` package. Names, categories
and arguments' names are interned, so that an event costs few bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackDescriptor, TrackEvent
from perfetto.trace_builder.proto_builder import TraceProtoBuilder

from emuload.trace.events import Value
from emuload.trace.export.timeline import Step, timeline
from emuload.trace.jsonl import Trace

SEQUENCE = 1
PROCESS = 1
PROCESS_TRACK = 1
FIRST_TRACK = 2
"""A thread's track is its tid plus this."""

_BOOT_CLOCK = 6
"""BUILTIN_CLOCK_BOOTTIME, nanoseconds: virtual time is written as this clock."""

_TYPES = {"begin": TrackEvent.TYPE_SLICE_BEGIN, "end": TrackEvent.TYPE_SLICE_END, "mark": TrackEvent.TYPE_INSTANT}


def perfetto(trace: Trace) -> bytes:
    """The file's content."""
    drawn = timeline(trace.events)
    writer = _Writer()
    writer.process(" ".join(trace.header.files))
    for tid, name in drawn.threads.items():
        writer.thread(tid, name)
    arriving = {flow for step in drawn.steps for flow in step.ends}  # A thread may be woken and never run again.
    for step in drawn.steps:
        writer.step(step, arriving)
    content: bytes = writer.builder.serialize()
    return content


@dataclass
class _Writer:
    builder: Any = field(default_factory=TraceProtoBuilder)
    interned: dict[tuple[str, str], int] = field(default_factory=dict)
    """(table, text) → number, by which later packets name the text."""

    def _packet(self) -> Any:
        packet = self.builder.add_packet()
        packet.trusted_packet_sequence_id = SEQUENCE
        return packet

    def process(self, name: str) -> None:
        packet = self._packet()
        packet.sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        track = packet.track_descriptor
        track.uuid = PROCESS_TRACK
        track.process.pid = PROCESS
        track.process.process_name = name
        track.child_ordering = TrackDescriptor.EXPLICIT

    def thread(self, tid: int, name: str) -> None:
        track = self._packet().track_descriptor
        track.uuid = FIRST_TRACK + tid
        track.parent_uuid = PROCESS_TRACK
        track.name = name
        track.sibling_order_rank = tid

    def step(self, step: Step, arriving: set[int]) -> None:
        packet = self._packet()
        packet.timestamp = step.time
        packet.timestamp_clock_id = _BOOT_CLOCK
        packet.sequence_flags = TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        event = packet.track_event
        event.type = _TYPES[step.what]
        event.track_uuid = FIRST_TRACK + step.tid
        if step.what == "end":
            return
        event.name_iid = self._number(packet, "event_names", step.name)
        event.category_iids.append(self._number(packet, "event_categories", step.category))
        for name, value in step.fields.items():
            note = event.debug_annotations.add()
            note.name_iid = self._number(packet, "debug_annotation_names", name)
            _set(note, value)
        place = event.debug_annotations.add()
        place.name_iid = self._number(packet, "debug_annotation_names", "pc")
        place.pointer_value = step.pc
        event.flow_ids.extend(flow for flow in step.starts if flow in arriving)
        event.terminating_flow_ids.extend(step.ends)

    def _number(self, packet: Any, table: str, text: str) -> int:
        """The number of a text in one of InternedData's tables. The first packet that uses it carries the text."""
        known = self.interned.get((table, text))
        if known is not None:
            return known
        number = self.interned[table, text] = len(self.interned) + 1
        entry = getattr(packet.interned_data, table).add()
        entry.iid, entry.name = number, text
        return number


def _set(note: Any, value: Value) -> None:
    """Write a field's value to a DebugAnnotation; None as the text "null", since there is no type for it."""
    if isinstance(value, bool):
        note.bool_value = value
    elif isinstance(value, int):
        if value < 0:
            note.int_value = value
        else:
            note.uint_value = value
    elif isinstance(value, (list, tuple)):
        for item in value:
            _set(note.array_values.add(), item)
    else:
        note.string_value = "null" if value is None else value.encode("utf-8", "backslashreplace").decode()
