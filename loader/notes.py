"""Notes: small records by which tools mark a file, such as a build id (gABI chapter 5, "Note Section")."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

from .gabi import Segment


class Note(NamedTuple):
    """``owner`` names whose numbers ``type`` belongs to, such as "GNU"."""

    owner: str
    type: int
    content: bytes


class BrokenNote(Exception):
    """The note at ``place`` in the file reaches past the end of its segment."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def read_notes(data: bytes, segment: Segment) -> Iterator[Note]:
    """The notes of one PT_NOTE segment of a file. Raises BrokenNote.

    Names and contents are padded to 4 bytes, or to 8 in a segment aligned to 8.
    """
    align = 8 if segment.align == 8 else 4
    place, end = segment.offset, min(segment.offset + segment.filesz, len(data))
    while place + 12 <= end:
        name_size, size, kind = unpack_from("<III", data, place)
        content_at = place + -(-(12 + name_size) // align) * align
        if content_at + size > end:
            raise BrokenNote(place)
        owner = data[place + 12 : place + 12 + name_size].rstrip(b"\0").decode("utf-8", "backslashreplace")
        yield Note(owner, kind, data[content_at : content_at + size])
        place = content_at + -(-size // align) * align
