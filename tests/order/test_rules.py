"""Rule files: their content, and for each mistake one clear line with file and line number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emuload.errors import UsageError
from emuload.order.rule_tables import RuleError
from emuload.order.rules import Condition, Match, Operand, load_rules, parse_rules, shipped
from emuload.order.toml_lines import key_lines
from tests.support.command_line import ROOT

RULE = """\
[[rule]]
name = "a"
first = "x"
then = "y"
relation = "before"
"""


def test_a_rule_says_what_it_was_given() -> None:
    (rule,) = parse_rules(
        "folder/mine.toml",
        """
        [[rule]]
        name = "set-before-get"
        first = { kind = ["a-*", "b"], function = "set", count = { above = 3, not = [7, 8] }, role = "foreign" }
        then.kind = "c"
        then.object = "lib.so"
        then.during = { from = "d", to = { kind = "e" }, same = ["tid", "object"] }
        then.last-per = "object"
        relation = "happens-before"
        each = "pair"
        where = ["first.object = then.object", "then.package imports 'runtime'"]
        why = "because"
        source = "a book"
        """,
    )
    assert (rule.set, rule.file, rule.line, rule.name) == ("mine", "folder/mine.toml", 2, "set-before-get")
    assert (rule.relation, rule.each, rule.optional) == ("happens-before", "pair", False)
    assert (rule.why, rule.source) == ("because", "a book")
    assert rule.first is not None
    assert rule.first.kinds == ("a-*", "b")
    assert rule.first.fields == (("function", Match(any_of=("set",))), ("count", Match(none_of=(7, 8), above=3)))
    assert rule.first.role == Match(any_of=("foreign",))
    assert rule.then.during is not None
    assert rule.then.during.same == ("tid", "object")
    assert rule.then.last_per == ("object",)
    assert rule.where == (
        Condition(Operand("first", "object"), "=", Operand("then", "object")),
        Condition(Operand("then", "package"), "imports", Operand("", "runtime")),
    )


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("name =", "nam ="), 1, "name is missing"),
        (('"before"', '"befor"'), 5, "rule 'a': unknown relation 'befor': choose from before, happens-before, "),
        (("first =", "frist ="), 3, "rule 'a': unknown key 'frist': choose from name, "),
        (('first = "x"\n', ""), 1, "rule 'a': first is missing"),
        (('then = "y"\n', ""), 1, "rule 'a': then is missing"),
        (('then = "y"', "then = 3"), 4, "rule 'a': then must be a text or a list of texts"),
        (('then = "y"', "then = []"), 4, "rule 'a': then must be a text or a list of texts"),
        (('then = "y"', "then = { kind = 4 }"), 4, "rule 'a': kind must be a text or a list of texts"),
        (('then = "y"', 'then = { kind-of = "y" }'), 4, "rule 'a': unknown key 'kind-of': choose from kind, role, "),
        (('then = "y"', "then = { time = 1.5 }"), 4, "rule 'a': time must be a text, a whole number, true or false, a list"),
        (('then = "y"', "then = { tid = {} }"), 4, "rule 'a': tid says nothing: it takes not, above or below"),
        (('then = "y"', "then = { tid = { over = 3 } }"), 4, "rule 'a': unknown key 'over': choose from not, above, below"),
        (('then = "y"', 'then = { tid = { above = "3" } }'), 4, "rule 'a': above must be a whole number"),
        (('then = "y"', 'then = { during = "y" }'), 4, "rule 'a': during must be a table with from, to and, if need be, same"),
        (('then = "y"', 'then = { during = { from = "y" } }'), 4, "rule 'a': to is missing"),
        (('then = "y"', 'then = { go-object = "yes" }'), 4, "rule 'a': go-object must be true or false"),
        (('"before"', '"before"\neach = "all"'), 6, "rule 'a': unknown each 'all': choose from then, first, pair"),
        (('"before"', '"before"\nmost = 3'), 6, "rule 'a': most means nothing with relation = 'before'"),
        (('"before"', '"once"\nper = "tid"'), 6, "rule 'a': per means nothing with first"),
        (('"before"', '"at-most"'), 1, "rule 'a': most must be a whole number from 0 on"),
        (('"before"', '"at-most"\nmost = -1'), 6, "rule 'a': most must be a whole number from 0 on"),
        (('"before"', '"before"\noptional = "yes"'), 6, "rule 'a': optional must be true or false"),
        (('"before"', '"before"\nwhere = "first.tid == then.tid"'), 6, "rule 'a': cannot read 'first.tid == then.tid'"),
        (('"before"', '"before"\nwhere = "\'a\' = \'b\'"'), 6, "rule 'a': \"'a' = 'b'\" names no event"),
        (('first = "x"\nthen = "y"\nrelation = "before"', 'then = "y"\nrelation = "never"\nwhere = "first.tid = then.tid"'), 5,
         "rule 'a': 'first.tid = then.tid' names first, and the rule has none"),
        (('then = "y"', 'then = "y'), 4, "this is no TOML: Illegal character"),
        (("[[rule]]", "[rule]"), 1, "there is no rule: each is a table, under [[rule]]"),
        (("[[rule]]", "[[rules]]"), 1, "unknown key 'rules': choose from rule"),
        (('"before"\n', f'"before"\n{RULE}'), 7, "there are two rules named 'a'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_with_its_line(change: tuple[str, str], line: int, words: str) -> None:
    with pytest.raises(RuleError) as wrong:
        parse_rules("mine.toml", RULE.replace(*change))
    assert str(wrong.value).startswith(f"mine.toml:{line}: {words}"), str(wrong.value)
    assert isinstance(wrong.value, UsageError)
    assert wrong.value.exit_status == 2


def test_the_lines_of_keys_are_found_around_comments_texts_and_tables() -> None:
    text = '''\
# [[rule]]
top = 1
[[rule]]
name = "a # b" # [[rule]]
first = { kind = "k", field = { not = "x" } }
why = """
[[rule]]
x = 1
"""
[[rule]] # two
where = [
  "a = b", # z
]
then.kind = 'q'
[rule.first]
during = { from = "a", to = "b" }
'''
    assert key_lines(text) == {
        ("top",): 2,
        ("rule", 0): 3,
        ("rule", 0, "name"): 4,
        ("rule", 0, "first"): 5,
        ("rule", 0, "first", "kind"): 5,
        ("rule", 0, "first", "field"): 5,
        ("rule", 0, "first", "field", "not"): 5,
        ("rule", 0, "why"): 6,
        ("rule", 1): 10,
        ("rule", 1, "where"): 11,
        ("rule", 1, "then", "kind"): 14,
        ("rule", 1, "first"): 15,
        ("rule", 1, "first", "during"): 16,
        ("rule", 1, "first", "during", "from"): 16,
        ("rule", 1, "first", "during", "to"): 16,
    }


def test_sets_are_loaded_by_name_and_files_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(RULE.replace('"x"', '"fault"').replace('"y"', '"write"'))
    rules = load_rules(["elf", str(mine)])
    assert {rule.set for rule in rules} == {"elf", "mine"}
    assert rules[-1].file == str(mine)


def test_what_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    unknown = tmp_path / "unknown.toml"
    unknown.write_text(RULE)
    for path, words in (
        ("elff", "elff: neither a rule set (eager, elf, go-c-shared, lazy) nor a file"),
        (str(binary), f"{binary}: this is no UTF-8 text"),
        (str(unknown), f"{unknown}:1: rule 'a': no kind of event matches 'x'"),
        (str(tmp_path), f"{tmp_path}: Is a directory"),
    ):
        with pytest.raises(RuleError, match=re.escape(words)):
            load_rules([path])


def test_every_shipped_rule_says_why_and_where_that_is_written() -> None:
    for rule in load_rules(list(shipped())):
        assert rule.why, rule.name
        assert rule.source, rule.name
        rule.check_kinds()
        assert (ROOT / rule.file).read_text().splitlines()[rule.line - 1] == "[[rule]]"
    assert set(shipped()) == {"elf", "go-c-shared", "eager", "lazy"}


def test_the_examples_of_the_description_can_be_read() -> None:
    text = (ROOT / "traces" / "RULES.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        assert parse_rules("RULES.md", example)
