"""Order rules: conditions that a trace must satisfy, read from TOML files. `traces/RULES.md` describes the language."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, cast

from emuload.order import toml_lines
from emuload.order.rule_tables import RuleError, Table
from emuload.trace.kinds.catalogue import refusal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RELATIONS = ("before", "happens-before", "never", "once", "at-most")
EACH = ("then", "first", "pair")
OPERATORS = (
    "=", "!=", "<", ">", "depends on", "depends one-way on", "is or depends on", "imports", "does not import",
)  # fmt: skip

Each = Literal["then", "first", "pair"]
Side = Literal["first", "then", ""]
Constant = str | int | bool


@dataclass(frozen=True)
class Match:
    """A condition on a value: one of `any_of` if there are any, none of `none_of`, above `above` and below `below`.

    Texts are globs. A list matches if one of its items does.
    """

    any_of: tuple[Constant, ...] = ()
    none_of: tuple[Constant, ...] = ()
    above: int | None = None
    below: int | None = None


@dataclass(frozen=True)
class Interval:
    """From one event to another with the same values of the fields `same`; such intervals nest."""

    begin: Selector
    end: Selector
    same: tuple[str, ...]


@dataclass(frozen=True)
class Selector:
    """Selects events: of one of these kinds (globs), with these fields, inside and outside of these intervals; among them only
    the first, or the last, for each combination of values of `first_per` and `last_per`.
    """

    kinds: tuple[str, ...]
    fields: tuple[tuple[str, Match], ...] = ()
    role: Match | None = None
    go_object: bool | None = None
    during: Interval | None = None
    outside: Interval | None = None
    first_per: tuple[str, ...] = ()
    last_per: tuple[str, ...] = ()

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """The kinds of the selector and of its intervals."""
        intervals = [each for each in (self.during, self.outside) if each is not None]
        inner = [kind for each in intervals for end in (each.begin, each.end) for kind in end.all_kinds]
        return (*self.kinds, *inner)


@dataclass(frozen=True)
class Operand:
    """A field of one of a rule's two events, or, without a `side`, the text `name` itself."""

    side: Side
    name: str


@dataclass(frozen=True)
class Condition:
    """One entry of a rule's `where`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True)
class Rule:
    """One rule: `set` is the shipped set, or the file's name without suffix; `file` and `line` are the rule's place."""

    name: str
    set: str
    relation: str
    first: Selector | None
    then: Selector
    where: tuple[Condition, ...]
    each: Each
    per: tuple[str, ...]
    most: int
    why: str
    source: str
    optional: bool
    file: str
    line: int

    def check_kinds(self) -> None:
        """Raise RuleError if no event has one of the rule's kinds."""
        selectors = [each for each in (self.first, self.then) if each is not None]
        refused = refusal(kind for each in selectors for kind in each.all_kinds)
        if refused is not None:
            raise self.error(refused)

    def error(self, message: str) -> RuleError:
        """The error to raise if this rule cannot be used."""
        return RuleError(self.file, self.line, f"rule {self.name!r}: {message}")


def shipped() -> dict[str, str]:
    """The texts of the rule sets that come with emuload, by name."""
    folder = files("emuload.trace").joinpath("rulesets")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8") for entry in entries if entry.name.endswith(".toml")
    }


def load_rules(names_or_paths: Sequence[str]) -> list[Rule]:
    """The rules of shipped sets (by name) and of TOML files (by path), in order.

    Raises RuleError, also if no event has one of a rule's kinds: such a rule would never apply.
    """
    sets = shipped()
    rules: list[Rule] = []
    for name in names_or_paths:
        if name in sets:
            rules += parse_rules(f"emuload/trace/rulesets/{name}.toml", sets[name])
        else:
            own = parse_rules(name, _text(name, list(sets)))
            for rule in own:
                rule.check_kinds()
            rules += own
    return rules


def _text(path: str, names: Sequence[str]) -> str:
    try:
        return Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise RuleError(path, 0, f"neither a rule set ({', '.join(names)}) nor a file") from None
    except OSError as error:
        raise RuleError(path, 0, error.strerror or str(error)) from None
    except ValueError:
        raise RuleError(path, 0, "this is no UTF-8 text") from None


def parse_rules(path: str, text: str) -> list[Rule]:
    """The rules of one TOML text; `path` names it in messages. Raises RuleError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _syntax_error(str(error), text)
        raise RuleError(path, line, message) from None
    except RecursionError:
        raise RuleError(path, 0, "nested too deeply") from None
    except ValueError as error:  # a number longer than Python reads
        raise RuleError(path, 0, f"this is no TOML: {error}") from None
    top = Table(path, toml_lines.key_lines(text), (), document)
    top.allow(("rule",))
    entries = document.get("rule")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise top.error("rule", "there is no rule: each is a table, under [[rule]]")
    name = path.replace("\\", "/").rpartition("/")[2].removesuffix(".toml")
    rules: list[Rule] = []
    for number, entry in enumerate(entries):
        table = top.inner(entry, "rule", number)
        rule = _rule(table, name)
        if any(other.name == rule.name for other in rules):
            raise table.error("name", f"there are two rules named {rule.name!r}")
        rules.append(rule)
    return rules


def _syntax_error(message: str, text: str) -> tuple[str, int]:
    """The message of a TOML error without the place, and the line."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if found is None:
        return f"this is no TOML: {message}", 0
    line = int(found[1]) if found[1] else text.count("\n") + 1
    return f"this is no TOML: {message[: found.start()]}", line


# -- rules -----------------------------------------------------------------------------------------------------------

_COMMON = ("name", "relation", "first", "then", "where", "why", "source", "optional")
_OWN = {"before": ("each",), "happens-before": ("each",), "never": (), "once": ("per",), "at-most": ("per", "most")}


def _rule(table: Table, set_name: str) -> Rule:
    name = table.text("name")
    table = table.labelled(f"rule {name!r}: ")
    table.allow((*_COMMON, "each", "per", "most"))
    relation = table.choice("relation", RELATIONS)
    for key in table.values:
        if key not in (*_COMMON, *_OWN[relation]):
            raise table.error(key, f"{key} means nothing with relation = {relation!r}")
    first = _selector(table, "first") if "first" in table.values else None
    if first is None and relation in ("before", "happens-before"):
        raise table.error("first", "first is missing")
    if first is not None and "per" in table.values:
        raise table.error("per", "per means nothing with first: where says which events belong together")
    most = table.number("most")
    if relation == "at-most" and (most is None or most < 0):
        raise table.error("most", "most must be a whole number from 0 on")
    return Rule(
        name=name,
        set=set_name,
        relation=relation,
        first=first,
        then=_selector(table, "then"),
        where=tuple(_condition(table, text, first is not None) for text in table.texts("where")),
        each=cast(Each, table.choice("each", EACH, "then")),
        per=table.texts("per"),
        most=most if most is not None else 1,
        why=table.text("why", ""),
        source=table.text("source", ""),
        optional=bool(table.truth("optional")),
        file=table.path,
        line=table.lines[table.at],
    )


_OPERAND = r"""(?:(first|then)\.([a-z][a-z0-9_-]*)|'([^']*)')"""
_CONDITION = re.compile(rf"\s*{_OPERAND}\s*({'|'.join(sorted(OPERATORS, key=len, reverse=True))})\s*{_OPERAND}\s*")


def _condition(table: Table, text: str, has_first: bool) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        operands = "first.FIELD, then.FIELD or a 'text' on both sides of"
        raise table.error("where", f"cannot read {text!r}: it takes {operands} {', '.join(OPERATORS)}")
    condition = Condition(_operand(*found.groups()[:3]), found[4], _operand(*found.groups()[4:]))
    sides = {condition.left.side, condition.right.side}
    if "first" in sides and not has_first:
        raise table.error("where", f"{text!r} names first, and the rule has none")
    if sides == {""}:
        raise table.error("where", f"{text!r} names no event")
    return condition


def _operand(side: str | None, name: str | None, text: str | None) -> Operand:
    return Operand("", text or "") if side is None else Operand(cast(Side, side), name or "")


# -- selectors -------------------------------------------------------------------------------------------------------

_SELECTOR_KEYS = ("kind", "role", "pc-object", "go-object", "during", "outside", "first-per", "last-per")
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


def _selector(table: Table, key: str) -> Selector:
    value = table.values.get(key)
    if value is None:
        raise table.error(key, f"{key} is missing")
    if not isinstance(value, dict):
        return Selector(kinds=table.texts(key))
    inner = table.inner(value, key)
    fields = []
    for name in value:
        if name in _SELECTOR_KEYS and name != "pc-object":
            continue
        if name not in _SELECTOR_KEYS and not _FIELD.fullmatch(name):
            raise inner.error(name, f"unknown key {name!r}: choose from {', '.join(_SELECTOR_KEYS)}, tid, a field's name")
        fields.append((name, _match(inner, name)))
    return Selector(
        kinds=inner.texts("kind", ["*"]),
        fields=tuple(fields),
        role=_match(inner, "role") if "role" in value else None,
        go_object=inner.truth("go-object"),
        during=_interval(inner, "during") if "during" in value else None,
        outside=_interval(inner, "outside") if "outside" in value else None,
        first_per=inner.texts("first-per"),
        last_per=inner.texts("last-per"),
    )


def _interval(table: Table, key: str) -> Interval:
    value = table.values[key]
    if not isinstance(value, dict):
        raise table.error(key, f"{key} must be a table with from, to and, if need be, same")
    inner = table.inner(value, key)
    inner.allow(("from", "to", "same"))
    return Interval(_selector(inner, "from"), _selector(inner, "to"), inner.texts("same", ["tid"]))


def _match(table: Table, key: str) -> Match:
    value = table.values[key]
    if not isinstance(value, dict):
        return Match(any_of=_constants(table, key, value))
    inner = table.inner(value, key)
    inner.allow(("not", "above", "below"))
    if not value:
        raise table.error(key, f"{key} says nothing: it takes not, above or below")
    none_of = _constants(inner, "not", value["not"]) if "not" in value else ()
    return Match(none_of=none_of, above=inner.number("above"), below=inner.number("below"))


def _constants(table: Table, key: str, value: object) -> tuple[Constant, ...]:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(item, (str, int)) for item in found):
        kinds = "a text, a whole number, true or false, a list of these, or a table with not, above or below"
        raise table.error(key, f"{key} must be {kinds}")
    return tuple(found)
