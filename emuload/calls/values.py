"""Values of calls as text, in the notation of the command line, and as JSON."""

from __future__ import annotations

import ctypes
from typing import Any

from emuload.calls.buffers import Buffer
from emuload.machine.memory import text_bytes

SHOWN = 1 << 20
"""Characters of a text, and bytes of a buffer, that are shown; each may take six in JSON."""


def value_text(value: Any) -> str:
    """A result or an argument: `3`, `"text"`, `[1, 2]`, `{1, 2.5}`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bytes):
        return _quoted(value.decode("utf-8", "surrogateescape"))
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, tuple):
        return f"{{{', '.join(map(value_text, value))}}}"
    if isinstance(value, ctypes.Structure):
        fields = (f"{name}: {value_text(getattr(value, name))}" for name, *_ in value._fields_)
        return f"{{{', '.join(fields)}}}"
    if isinstance(value, complex):
        return f"c128({value.real!r}, {value.imag!r})"
    if isinstance(value, Buffer):
        return _buffer_text(value)
    return repr(value)


WHOLE = 256
"""Bytes up to which a buffer is shown whole; of a longer one the zero bytes at its end are counted."""


def _buffer_text(buffer: Buffer) -> str:
    """All bytes of a buffer; the value of one that holds a value of a type."""
    if not isinstance(buffer.value, bytes):
        return value_text(buffer.value)
    shown = buffer.raw if len(buffer.raw) <= WHOLE else buffer.raw.rstrip(b"\0")
    zeros = len(buffer.raw) - len(shown)
    return value_text(shown) + (f" and {zeros} zero bytes" if zeros else "")


def _quoted(text: str) -> str:
    """The text between double quotes, with escapes that `--call` reads back; a very long one is cut."""
    rest = f"… and {len(text) - SHOWN} more" if len(text) > SHOWN else ""
    return '"' + "".join(_escaped(character) for character in text[:SHOWN]) + '"' + rest


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def output_text(data: bytes) -> str:
    """Output of a guest as text; bytes that are not UTF-8 are written \\xNN."""
    return data.decode("utf-8", "backslashreplace")


def json_value(value: Any) -> Any:
    """A value in JSON's types: bytes as text, complex numbers as [real, imaginary], structs as arrays. A very large buffer is
    cut.
    """
    if isinstance(value, bytes):
        return output_text(value)
    if isinstance(value, str):
        return text_bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return [json_value(value.real), json_value(value.imag)]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, ctypes.Structure):
        return {name: json_value(getattr(value, name)) for name, *_ in value._fields_}
    if isinstance(value, Buffer):
        rest = f"… and {len(value.data) - SHOWN} more" if len(value.data) > SHOWN else ""
        return output_text(bytes(memoryview(value.data)[:SHOWN])) + rest
    return value
