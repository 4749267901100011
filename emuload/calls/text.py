"""Calls as text, for the command line: `add(1, 2)`, `greet("x") -> str`, `sum([1, 2, 3])`, `half(f32(1.5)) -> f32`.

    call     = name "(" [argument {"," argument}] ")" ["->" type]
    argument = 5 | -0x10 | 1.5 | "C string" | go"Go string" | true | false | null
             | [argument, …] (a Go slice) | {argument, …} (a struct) | cast(argument) | buf(size or "text")
    type     = a cast's name | void | [type] (a Go slice) | (type, …) (a struct) | type* (char* is a C string)

Types go by their names in C and Go too: int32_t, uint64, double, size_t, string; strings stand in single quotes as well.

Strings take the escapes of C and Go: \\n \\t \\r \\a \\b \\f \\v \\0 \\\\ \\" \\' \\xNN \\uNNNN \\UNNNNNNNN.
Slices, structs and casts lie within each other at most NESTING deep, and a number has at most DIGITS digits.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from emuload.calls import convert as calls
from emuload.calls.convert import CallError, GoSlice, GoString, Typed
from emuload.machine.memory import text_bytes

TYPES: dict[str, Any] = {
    "i8": ctypes.c_int8, "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64, "i128": calls.int128,
    "u8": ctypes.c_uint8, "u16": ctypes.c_uint16, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64, "u128": calls.uint128,
    "int": int, "uint": calls.word, "long": calls.long, "ulong": calls.ulong, "size": calls.size_t,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "c64": calls.complex64, "c128": calls.complex128,
    "bool": bool, "char": ctypes.c_char, "ptr": ctypes.c_void_p, "str": str, "bytes": bytes, "gostring": GoString,
}  # fmt: skip
"""Types by their names in calls, which are also casts."""

NESTING = 64
DIGITS = 400
"""More than the largest number that a call can pass has: a double's 309."""

_SHOWN = 200
"""Characters of a text that its error repeats."""

_OTHER_NAMES: dict[str, Any] = {
    **{f"int{bits}{end}": TYPES[f"i{bits}"] for bits in (8, 16, 32, 64) for end in ("_t", "")},
    **{f"uint{bits}{end}": TYPES[f"u{bits}"] for bits in (8, 16, 32, 64) for end in ("_t", "")},
    "short": ctypes.c_int16, "ushort": ctypes.c_uint16, "unsigned": ctypes.c_uint32, "uchar": ctypes.c_uint8,
    "byte": ctypes.c_uint8, "rune": ctypes.c_int32, "size_t": calls.size_t, "ssize_t": calls.long, "uintptr": calls.word,
    "uintptr_t": calls.word, "intptr_t": int, "float": ctypes.c_float, "double": ctypes.c_double, "float32": ctypes.c_float,
    "float64": ctypes.c_double, "_Bool": bool, "string": str, "cstring": str, "pointer": ctypes.c_void_p,
}  # fmt: skip
"""Names of C, Go and others for the same types. C's int is 32 bits and Go's a machine word: `int` is Go's."""

_POINTERS = {"char": str, "void": ctypes.c_void_p}
"""The types of `char*` and `void*`; a pointer to something else is an address."""

_CONSTANTS = {"true": True, "false": False, "null": None, "nil": None}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<float>[-+]?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|inf\b|nan\b))
    | (?P<int>[-+]?(?:0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[oO]_*[0-7][0-7_]*|0[bB]_*[01][01_]*|[0-9][0-9_]*))(?![\w.])
    | (?P<go>go)?(?P<quote>["'])(?P<string>(?:(?!(?P=quote))[^\\]|\\.)*)(?P=quote)
    | (?P<arrow>->)
    | (?P<name>[A-Za-z_][\w.$@]*)
    | (?P<mark>[()\[\]{},*])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip


class ParsedCall(NamedTuple):
    """A call read from text; `arguments` are Python values, typed ones as `Typed`. `returns` None is void."""

    name: str
    arguments: tuple[Any, ...]
    returns: Any
    text: str


class _Token(NamedTuple):
    kind: str
    text: str
    value: Any
    column: int


_ADDRESS = _Token("name", "address", None, 0)


def _type_named(name: str) -> Any:
    """The type of a name; None for void and for a name without a type."""
    return TYPES.get(name, _OTHER_NAMES.get(name))


def parse_call(text: str) -> ParsedCall:
    """Read a call. Raises CallError; its message has the column (from 1) at which the text stops making sense."""
    return _Parser(text).call()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._scan())
        self.next = 0
        self.depth = 0

    def _scan(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                column = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                raise self._error("an unfinished string" if self.text[column] in "\"'" else "not understood", column + 1)
            tokens.append(self._token(match))
            at = match.end()
        tokens.append(_Token("end", "the end", None, end + 1))
        return tokens

    def _token(self, match: re.Match[str]) -> _Token:
        kind = match.lastgroup or ""
        text = match.group().strip()
        column = match.end() - len(text) + 1
        value: Any = match.group(kind)
        if kind == "int":
            digits = value.replace("_", "")
            if len(digits) > DIGITS:
                raise self._error(f"a number of {len(digits)} digits, more than {DIGITS}", column)
            if re.fullmatch(r"[-+]?0[0-9]+", digits) and digits.strip("+-0"):
                raise self._error(f"write octal {digits} as 0o{digits.strip('+-').lstrip('0')}", column)
            value = int(digits, 0) if digits.strip("+-0") else 0
        elif kind == "float":
            value = float(value)
        elif kind == "string":
            value = self._unescape(value, column)
            kind = "go" if match.group("go") else "string"
        return _Token(kind, text, value, column)

    def _unescape(self, body: str, column: int) -> str:
        raw = bytearray()
        at = 0
        for match in _ESCAPE.finditer(body):
            raw += text_bytes(body[at : match.start()])
            at = match.end()
            raw += self._escape(match.group(1), column)
        raw += text_bytes(body[at:])
        return raw.decode("utf-8", "surrogateescape")

    def _escape(self, code: str, column: int) -> bytes:
        if code in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[code].encode()
        if code[0] in "uU" and len(code) > 1 and int(code[1:], 16) < 0x110000:
            return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
        if code[0] == "x" and len(code) == 3:
            return bytes([int(code[1:], 16)])
        if code[0] in "01234567" and int(code, 8) < 256:
            return bytes([int(code, 8)])
        raise self._error(f"unknown escape \\{code}", column)

    def _error(self, what: str, column: int) -> CallError:
        shown = repr(self.text) if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]!r}…"
        return CallError(f"{shown}, column {column}: {what}")

    def _unexpected(self, wanted: str) -> CallError:
        token = self.tokens[self.next]
        found = token.text if len(token.text) <= _SHOWN else f"{token.text[:_SHOWN]}…"
        return self._error(f"expected {wanted}, found {found}", token.column)

    def _peek(self, text: str) -> bool:
        token = self.tokens[self.next]
        return token.kind in ("mark", "arrow") and token.text == text

    def _take(self) -> _Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def _skip(self, text: str) -> bool:
        if self._peek(text):
            self.next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise self._unexpected(text)

    # -- grammar -----------------------------------------------------------------------------------------------

    def call(self) -> ParsedCall:
        if self.tokens[self.next].kind != "name":
            raise self._unexpected("a function's name")
        name = self._take().text
        self._expect("(")
        arguments = tuple(self._list(")", self._argument, "an argument or )"))
        returns = self._type() if self._skip("->") else int
        if self.tokens[self.next].kind != "end":
            raise self._unexpected("-> or the end")
        return ParsedCall(name, arguments, returns, self.text)

    def _list(self, close: str, element: Callable[[], Any], wanted: str) -> list[Any]:
        items: list[Any] = []
        if self._skip(close):
            return items
        while True:
            if self.tokens[self.next].kind == "end":
                raise self._unexpected(wanted)
            items.append(self._inner(element))
            if self._skip(close):
                return items
            if not self._skip(","):
                raise self._unexpected(f", or {close}")

    def _inner(self, element: Callable[[], Any]) -> Any:
        """An element one level deeper. Raises CallError at a depth where Python's own stack would be in danger."""
        self.depth += 1
        if self.depth > NESTING:
            raise self._error(f"nested more than {NESTING} levels deep", self.tokens[self.next].column)
        found = element()
        self.depth -= 1
        return found

    def _argument(self) -> Any:
        token = self.tokens[self.next]
        if self._skip("["):
            return self._list("]", self._argument, "an element or ]")
        if self._skip("{"):
            return tuple(self._list("}", self._argument, "a member or }"))
        if token.kind in ("int", "float", "string"):
            return self._take().value
        if token.kind == "go":
            return GoString(self._take().value)
        if token.kind == "name":
            return self._named(self._take())
        raise self._unexpected("an argument")

    def _named(self, token: _Token) -> Any:
        if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        if token.text != "buf" and _type_named(token.text) is None:
            raise self._error(f"unknown type or constant {token.text}", token.column)
        self._expect("(")
        arguments = self._list(")", self._argument, "a value")
        if token.text in ("c64", "c128") and len(arguments) == 2:
            arguments = [self._complex(arguments[0], arguments[1], token)]
        if len(arguments) != 1:
            raise self._error(f"{token.text} takes one value, not {len(arguments)}", token.column)
        if token.text == "buf":
            return self._buffer(arguments[0], token)
        return Typed(_type_named(token.text), arguments[0])

    def _complex(self, real: Any, imaginary: Any, token: _Token) -> complex:
        if not all(type(part) in (int, float) for part in (real, imaginary)):
            raise self._error(f"{token.text} takes a real and an imaginary part, two plain numbers", token.column)
        try:
            return complex(real, imaginary)
        except OverflowError:
            raise self._error(f"a part of {token.text} does not fit a double", token.column) from None

    def _buffer(self, content: Any, token: _Token) -> calls.Buffer:
        if isinstance(content, str):
            return calls.buffer(text_bytes(content))
        if isinstance(content, int) and not isinstance(content, bool) and 0 <= content <= 1 << 30:
            return calls.buffer(content)
        raise self._error("buf takes a size in bytes or a string", token.column)

    def _type(self) -> Any:
        if self._skip("["):
            element = self._inner(self._type)
            self._expect("]")
            return GoSlice(element)
        if self._skip("("):
            return tuple(self._list(")", self._type, "a type or )"))
        if self.tokens[self.next].text == "const":
            self.next += 1
        token = self.tokens[self.next]
        if token.kind != "name" or (token.text != "void" and _type_named(token.text) is None):
            raise self._unexpected(f"a type (void, {', '.join(TYPES)}, [type] or (type, …))")
        self.next += 1
        if self._skip("*"):
            while self._skip("*"):
                token = _ADDRESS
            return _POINTERS.get(token.text, ctypes.c_void_p)
        return _type_named(token.text)
