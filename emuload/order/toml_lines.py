"""The lines of the keys in a TOML text: tomllib gives values without them."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
"""Names from the outside in. An array of tables is followed by the table's number, from 0: ("rule", 2, "first", "kind")."""

_TOKEN = re.compile(
    r"""\#[^\n]*
      | \"\"\"(?:\\.|[^\\])*?\"{3,5} | '''.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
      | [\w:+-]+ | \n | [][{}=,]""",
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> dict[Path, int]:
    """The line of each key, and of each table's header, in a TOML text that tomllib accepts."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    key: Path = ()
    outer: list[Path] = []  # for each open brace or bracket the key it belongs to
    words: list[str] = []  # words that may turn out to be a key
    header = ""  # the brackets that opened a header
    fresh, line = True, 1
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "[" and not outer and (fresh or header):
            header += token
        elif token == "]" and header:
            if words:
                table = _table(words, counts, repeated=header == "[[")
                found.setdefault(table, line)
            words = []
        elif token in ("[", "{"):
            outer.append(key)
        elif token in ("]", "}"):
            key, words = outer.pop(), []
        elif token == "=":
            key = (*(outer[-1] if outer else table), *words)
            found.setdefault(key, line)
            words = []
        elif token == "," or (token == "\n" and not outer):
            words, header = [], ""
        elif token[0] not in "#\n":
            words.append(token.strip("\"'"))
        fresh = token == "\n" and not outer
        line += token.count("\n")
    return found


def _table(words: list[str], counts: dict[Path, int], *, repeated: bool) -> Path:
    """The path of a header; `counts` knows how many tables each array has so far."""
    path: Path = ()
    for number, word in enumerate(words):
        path = (*path, word)
        if repeated and number == len(words) - 1:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path
