"""Verdicts as JUnit XML, in the dialect that Jenkins' xUnit plugin describes (junit-10.xsd) and CI systems read.

A suite for each rule set, a case for each rule. A rule that does not apply is skipped. A run that did not end well adds a suite
of its own with an error. There are no times: the host's would differ in each run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from emuload.order.checking import Verdict
from emuload.report.verdicts import BAD, Checked, finding_lines

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that an XML document may not hold (XML 1.0, 2.2)."""


def junit(checked: Checked) -> bytes:
    """The file's content."""
    suites = ElementTree.Element("testsuites", name="emuload check")
    end = checked.trace.end
    if end is not None and end.outcome != "exited":
        _add_ending(suites, checked.subject, f"{end.outcome}: {end.message}")
    for name, verdicts in checked.sets.items():
        suite = _suite(suites, name, verdicts)
        for verdict in verdicts:
            _add_case(suite, checked, verdict)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _suite(suites: ElementTree.Element, name: str, verdicts: Sequence[Verdict]) -> ElementTree.Element:
    counts = {
        "name": _text(name),
        "tests": str(len(verdicts)),
        "failures": str(sum(verdict.status in BAD for verdict in verdicts)),
        "errors": "0",
        "skipped": str(sum(verdict.status == "not applicable" for verdict in verdicts)),
    }
    return ElementTree.SubElement(suites, "testsuite", counts)


def _add_ending(suites: ElementTree.Element, subject: str, message: str) -> None:
    suite = ElementTree.SubElement(suites, "testsuite", name="run", tests="1", failures="0", errors="1", skipped="0")
    case = ElementTree.SubElement(suite, "testcase", classname="run", name=_text(subject))
    ElementTree.SubElement(case, "error", type=message.partition(":")[0], message=_text(message))


def _add_case(suite: ElementTree.Element, checked: Checked, verdict: Verdict) -> None:
    rule = verdict.rule
    case = ElementTree.SubElement(suite, "testcase", classname=_text(rule.set), name=_text(rule.name))
    if verdict.status == "not applicable":
        ElementTree.SubElement(case, "skipped", message="nothing in this run that the rule speaks of")
    elif verdict.status in BAD:
        found = verdict.findings
        message = f"{found[0].reason} ({len(found)} in all)" if len(found) > 1 else found[0].reason
        failure = ElementTree.SubElement(case, "failure", type=verdict.status, message=_text(message))
        blocks = ["\n".join(finding_lines(checked, finding)) for finding in found]
        failure.text = _text("\n\n".join([" ".join(rule.why.split()), *blocks]))


def _text(text: str) -> str:
    """The text with characters that XML cannot hold written as \\uXXXX."""
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
