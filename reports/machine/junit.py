"""JUnit XML: a testsuite per stage, a testcase per finding; only pass, note and warning pass.

Read by every CI server. What was skipped, was expected to fail or could not be decided is
``skipped`` with the reason; a stage that stopped is an ``error`` of its own suite.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from ...checks import STAGES
from .results import Result, about

#: Characters that no XML document can hold.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Of a finding, what becomes a property.
_PROPERTIES = ("verdict", "value", "mcse", "threshold", "result", "needs", "target", "untrusted")

_SAID = {"warn": "warning", "note": "note"}
_SKIPPED = {
    "skipped": "",
    "inconclusive": "could not be decided: ",
    "expected": "",
}


def junit(results: Sequence[Result]) -> str:
    """Return the results as one JUnit XML document."""
    root = ElementTree.Element("testsuites", name="poolwise")
    for result in results:
        for stage in _stages(result):
            _suite(root, result, stage)
    _count(root, list(root.iter("testcase")))
    root.set("time", _seconds(sum(r.get("duration_s", 0.0) for r in results)))
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _stages(result: Result) -> list[str]:
    """Return the stages of a result in the order in which a review runs them."""
    order = list(STAGES.values())
    before = 0
    for stage in result.get("stages", ()):
        if stage["name"] not in order:
            order.insert(before, stage["name"])
        before = order.index(stage["name"]) + 1
    present = {_home(result, f) for f in result["findings"]}
    present |= {s["name"] for s in result.get("stages", ())}
    return [name for name in order if name in present]


def _suite(root: ElementTree.Element, result: Result, stage: str) -> None:
    spec = result["spec"]["name"]
    suite = ElementTree.SubElement(root, "testsuite", name=_clean(f"{spec}: {stage}"))
    if result.get("created"):
        suite.set("timestamp", result["created"].removesuffix("Z"))
    record = next((s for s in result.get("stages", ()) if s["name"] == stage), None)
    mine = [f for f in result["findings"] if _home(result, f) == stage]
    names: Counter[str] = Counter()
    if record is not None and not any(f["code"] == "RUN001" and f["target"] for f in mine):
        _stage_case(suite, spec, record)
    for finding in mine:
        names[about(finding)] += 1
        nth = names[about(finding)]
        _case(suite, result, finding, about(finding) + (f" ({nth})" if nth > 1 else ""))
    _count(suite, list(suite))
    suite.set("time", _seconds(record["seconds"] if record else 0.0))


def _home(result: Result, finding: Mapping[str, Any]) -> str:
    """Return the stage whose suite a finding belongs to: that a stage stopped belongs to it."""
    stages = [s["name"] for s in result.get("stages", ())]
    stopped = finding["code"] == "RUN001" and finding["target"] in stages
    return str(finding["target"] if stopped else finding["stage"])


def _stage_case(suite: ElementTree.Element, spec: str, record: Mapping[str, Any]) -> None:
    case = _testcase(suite, spec, record["name"], f"stage: {record['name']}")
    message = _clean(record["message"] or record["status"])
    if record["status"] == "failed":
        ElementTree.SubElement(case, "error", message=message, type="error").text = message
    elif record["status"] == "skipped":
        ElementTree.SubElement(case, "skipped", message=message)


def _case(
    suite: ElementTree.Element, result: Result, finding: Mapping[str, Any], name: str
) -> None:
    case = _testcase(suite, result["spec"]["name"], finding["stage"], name)
    if result["spec"]["path"]:
        case.set("file", _clean(result["spec"]["path"]))
        case.set("line", str(finding["line"] or result["spec"]["line"] or 1))
    properties = ElementTree.SubElement(case, "properties")
    for key in _PROPERTIES:
        if finding[key] not in (None, ""):
            ElementTree.SubElement(properties, "property", name=key, value=_clean(finding[key]))
    verdict, message = finding["verdict"], _clean(finding["message"])
    if verdict in ("fail", "error"):
        tag = "failure" if verdict == "fail" else "error"
        ElementTree.SubElement(case, tag, message=message, type=verdict).text = message
    elif verdict in _SKIPPED:
        ElementTree.SubElement(case, "skipped", message=_SKIPPED[verdict] + message)
    elif verdict in _SAID:
        ElementTree.SubElement(case, "system-out").text = f"{_SAID[verdict]}: {message}"


def _testcase(suite: ElementTree.Element, spec: str, stage: str, name: str) -> ElementTree.Element:
    # Dots make packages of a class name.
    classname = f"{spec.replace('.', '_')}.{stage.replace(' ', '_')}"
    return ElementTree.SubElement(
        suite, "testcase", classname=_clean(classname), name=_clean(name), time="0.000"
    )


def _count(element: ElementTree.Element, cases: Sequence[ElementTree.Element]) -> None:
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _clean(value: Any) -> str:
    return _NO_XML.sub("\ufffd", str(value))
