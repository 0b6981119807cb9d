"""Who judged and what is excused, in all six outputs: an exception is no VEX statement, and the registry is not us."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from tests.kit import gitlab as gitlab_kit
from tests.kit import sarif as sarif_kit
from tests.scanning.made import LODASH, OPENSSL, TODAY, finding, image, scan
from tests.scanning.test_gate_joining import against, answered, gate, joined
from wharfinger.cli import gate_table
from wharfinger.scanning.affected import parse
from wharfinger.scanning.excuses import Excuse, excuser
from wharfinger.scanning.findings import Severity
from wharfinger.scanning.gate import document, gitlab, junit, markdown, sarif, served
from wharfinger.scanning.gate.deciding import Terms, decide
from wharfinger.scanning.gate.verdict import Verdict, here, there
from wharfinger.scanning.scans import Scan
from wharfinger.scanning.vex.statements import Statement
from wharfinger.select import parsing

NOW = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
EXCEPTION = Excuse(
    id=7,
    vulnerability="CVE-2026-3",
    affected=parse("lodash"),
    repositories=parsing.parse("**", "repositories", of="repository"),
    digest=None,
    reason="not affected: so they say",
    requested_by="anna",
    approved_by="bert",
    until=1_800_000_000.0,
).words
VEX = Statement(("CVE-2026-4",), (), "not_affected", "exception handling is off", "vex.json: statements[0]").reason
JUDGED = "2026-09-21T14:13:20Z with the advisories sha256:555555555555, read by wharfinger/1"


def served_verdict() -> Verdict:
    """By the registry: one finding that both refuse, one that the gate warns of, and two that are excused."""
    critical, high = finding("CVE-2026-1"), finding("CVE-2026-2", OPENSSL, Severity.HIGH)
    found = image(
        *(critical, high),
        finding("CVE-2026-3", LODASH, suppressed=EXCEPTION),
        finding("CVE-2026-4", suppressed=VEX),
    )
    glass = {"id": 3, "until": 1_790_003_600.0, "because": "outage"}
    said = gate(against(critical), against(high, "warn"), against("stale", "warn", "other"), breakglass=glass)
    known = answered(found, said)
    made = Scan("registry.example.org/shop/web:1", "5" * 64, {"Debian": 2}, [served.scan(each) for each in known])
    return Verdict(made, joined(known, Terms(Severity.CRITICAL)), there("registry.example.org", known))


def local_verdict() -> Verdict:
    found = scan(image(finding("CVE-2026-3", LODASH, suppressed=EXCEPTION), finding("CVE-2026-4", suppressed=VEX)))
    return Verdict(found, decide(found.images, Terms(Severity.LOW), Severity.HIGH, TODAY), here(found, NOW))


LINES = (
    f"judged by the registry registry.example.org, {JUDGED}",
    "gate of the registry: a pull is refused; its rules there are production, other",
    "note: pulls pass all the same by break-glass 3 until 2026-09-21T15:13:20Z: outage",
)
HEADLINE = "fails by --fail-on critical and the gate rule production: 1 finding"


def test_an_exception_and_a_statement_are_told_apart_whatever_they_say() -> None:
    assert (excuser(EXCEPTION), excuser(VEX)) == ("exception", "VEX")
    fixed = Statement(("CVE-1",), (), "fixed", "", "exception 1 until never")
    assert excuser(fixed.reason) == "VEX"


def test_json_says_who_judged_and_who_refuses() -> None:
    fields = json.loads(document.text(served_verdict()))
    assert (fields["answer"], fields["refused_by"]) == ("fail", ["terms", "gate"])
    judged = fields["judged"]
    assert (judged["where"], judged["registry"]) == ("server", "registry.example.org")
    (one,) = judged["images"]
    assert (one["advisories"], one["cataloguer"], one["judged_at"]) == ("5" * 64, "wharfinger/1", JUDGED[:20])
    told = {"outcome": "block", "rules": ["production", "other"], "refused_by": ["production"], "policies": ["p"]}
    assert judged["gate"] == told
    assert judged["notes"] == [LINES[2]]
    assert {each["id"]: (each["suppressed_by"], each["gate_rules"]) for each in fields["judgements"]} == {
        "CVE-2026-1": (None, ["production"]),
        "CVE-2026-2": (None, ["production"]),
        "CVE-2026-3": ("exception", []),
        "CVE-2026-4": ("VEX", []),
    }
    judged = json.loads(document.text(local_verdict()))["judged"]
    assert (judged["where"], judged["registry"], judged["gate"]) == ("local", None, None)
    assert judged["images"][0]["cataloguer"] == "test/1"


def test_sarif_suppresses_both_and_says_by_what() -> None:
    log = sarif.document(served_verdict())
    assert sarif_kit.problems(log) == []
    (run,) = log["runs"]
    suppressed = {
        each["ruleId"]: (each["suppressions"][0]["properties"]["by"], each["suppressions"][0]["justification"])
        for each in run["results"]
        if "suppressions" in each
    }
    assert suppressed == {"CVE-2026-3": ("exception", EXCEPTION), "CVE-2026-4": ("VEX", VEX)}
    assert run["properties"]["judged"]["where"] == "server"
    assert run["properties"]["judged"]["gate"]["refused_by"] == ["production"]
    (failing,) = [each for each in run["results"] if each["level"] == "error"]
    assert failing["properties"]["refusedBy"] == ["terms", "gate"]
    assert "refused by the gate rule production" in failing["message"]["text"]
    assert sarif_kit.problems(sarif.document(local_verdict())) == []


def test_gitlabs_report_names_what_each_flag_comes_from() -> None:
    report = gitlab.document(served_verdict(), NOW)
    assert gitlab_kit.problems(report) == []
    flags = {each["identifiers"][0]["value"]: each.get("flags", [None])[0] for each in report["vulnerabilities"]}
    assert flags["CVE-2026-1"] is None
    assert flags["CVE-2026-2"] is None
    assert (flags["CVE-2026-3"]["origin"], flags["CVE-2026-3"]["description"]) == ("Exception", EXCEPTION)
    assert (flags["CVE-2026-4"]["origin"], flags["CVE-2026-4"]["description"]) == ("VEX", VEX)
    messages = report["scan"]["messages"]
    told = [each["value"] for each in messages if each["level"] == "info"]
    assert told == [*LINES, f"registry.example.org/shop/web:1 {HEADLINE}"]
    assert [each["value"] for each in messages if each["level"] == "warn"] == [
        "stale: the advisories are too old; warned of by the gate rule other"
    ]
    assert gitlab_kit.problems(gitlab.document(local_verdict(), NOW)) == []


def test_junit_passes_what_is_excused_and_says_by_what() -> None:
    root = ET.fromstring(junit.text(served_verdict()))
    (suite,) = root
    assert suite[0].tag == "properties", "readers look for them before the tests"
    told = [(each.attrib["name"], each.attrib["value"]) for each in suite[0]]
    assert told[:5] == [
        ("answer", "fail"),
        ("judged", "server"),
        ("refused by", "terms"),
        ("refused by", "gate"),
        ("refused by gate rule", "production"),
    ]
    assert [value for name, value in told if name == "judgement"] == list(LINES)
    texts = {each.attrib["name"]: "".join(each.itertext()) for each in suite.findall("testcase")}
    assert f"CVE-2026-3 (critical): suppressed by exception: {EXCEPTION}." in texts["lodash 4.17.15"]
    (lodash,) = [each for each in suite.findall("testcase") if each.attrib["name"] == "lodash 4.17.15"]
    assert lodash.find("failure") is None
    texts = {
        each.attrib["name"]: "".join(each.itertext())
        for each in ET.fromstring(junit.text(local_verdict()))[0].findall("testcase")
    }
    assert f"suppressed by VEX: {VEX}." in texts["django 3.2"]


def test_markdown_says_who_judged_and_what_excuses() -> None:
    text = markdown.text(served_verdict())
    assert text.startswith(f"### ❌ registry.example.org/shop/web:1 {markdown.plain(HEADLINE)}\n")
    for line in LINES:
        assert f"{markdown.plain(line[0].upper() + line[1:])}.\n" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    (excepted,) = [row for row in rows if "CVE-2026-3" in row]
    assert markdown.plain(f"suppressed by exception: {EXCEPTION}") in excepted
    (stated,) = [row for row in rows if "CVE-2026-4" in row]
    assert markdown.plain(f"suppressed by VEX: {VEX}") in stated
    assert "Judged here, 2026-11-27T22:00:00Z with the advisories sha256:555555555555" in markdown.text(local_verdict())


def test_the_table_counts_what_is_excused_apart(capsys: pytest.CaptureFixture[str]) -> None:
    gate_table.show(served_verdict())
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert lines[:3] == [
        "passes by the rule suppressed (VEX): 1",
        "passes by the rule suppressed (exception): 1",
        "passes by the rule warned: 1",
    ]
    for line in LINES:
        assert line in lines
    assert lines[-1] == f"registry.example.org/shop/web:1 {HEADLINE}"
    assert EXCEPTION in said.out
    assert VEX in said.out


def test_what_the_gate_lets_pass_by_its_rules_is_told_beside_a_pass() -> None:
    found = finding("CVE-2026-2", OPENSSL, Severity.HIGH)
    known = answered(image(found), gate(against(found, "warn")))
    made = Scan("web", "5" * 64, {}, [served.scan(each) for each in known])
    verdict = Verdict(made, joined(known), there("registry.example.org", known))
    assert verdict.headline == "passes: 1 finding, none of which fails; 1 warning by the gate"
    known = answered(image(), gate(), "unscanned")
    verdict = Verdict(Scan("web", "", {}, []), joined(known), there("registry.example.org", known))
    assert verdict.headline == "passes: 0 findings, none of which fails; 1 image never scanned"
    assert sarif_kit.problems(sarif.document(verdict)) == []


def test_an_image_that_was_in_use_already_is_refused_with_a_note() -> None:
    found = finding("CVE-2026-1")
    known = answered(image(found), gate(against(found), grandfathered=True))
    assert joined(known).answer == "fail"
    assert there("registry.example.org", known).notes == (
        "note: pulls pass all the same, since it was in use already when it began to be refused",
    )
