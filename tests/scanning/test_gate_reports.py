"""The same verdict in the words of other programs, each valid by what those programs check."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit import gitlab as gitlab_kit
from tests.kit import sarif as sarif_kit
from tests.scanning.made import LODASH, OPENSSL, TODAY, finding, image, scan
from wharfinger.scanning.findings import NotAssessed, Severity
from wharfinger.scanning.gate import document, gitlab, junit, markdown, sarif
from wharfinger.scanning.gate.deciding import Terms, decide
from wharfinger.scanning.gate.verdict import Verdict, here
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.scanning.vex.statements import Statement

NOW = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
UNMATCHED = Unmatched(Statement(("CVE-1",), (), "not_affected", "", "a.json: statements[0]"), "pkg:npm/x", "not here")


def verdict(terms: Terms | None = None) -> Verdict:
    """Of everything something: what fails, passes, is suppressed, unknown, unread, not assessed."""
    images = [
        image(
            finding("CVE-2026-1", kev=TODAY),
            finding("CVE-2026-2", OPENSSL, Severity.UNKNOWN, aliases=("GHSA-xxxx-yyyy-zzzz",)),
            finding("CVE-2026-3", LODASH, Severity.HIGH, fixed=None, state="affected", summary=""),
            finding("CVE-2026-4", suppressed="not affected: not in the path"),
            problems=[Problem("sha256:1", 'app/\x07<x>&"|.jar', "it is nested too deeply")],
            not_assessed=[NotAssessed("npm", 3, "none are loaded")],
        ),
        image(finding("CVE-2026-1"), platform="linux/arm64"),
        image(nothing=True, platform=""),
    ]
    found = scan(*images, target="registry.example.org/shop/web:1")
    terms = terms or Terms(Severity.CRITICAL, fixed_only=True, grace=timedelta(days=14), kev=True)
    return Verdict(found, decide(images, terms, Severity.HIGH, TODAY), here(found, NOW), [UNMATCHED])


def judged_here(images: Sequence[ImageScan]) -> Verdict:
    found = scan(*images)
    return Verdict(found, decide(images, Terms(Severity.LOW), Severity.HIGH, TODAY), here(found, NOW))


def test_sarif_is_valid_and_tells_what_fails_from_what_does_not() -> None:
    log = sarif.document(verdict())
    assert sarif_kit.problems(log) == []
    results = log["runs"][0]["results"]
    errors = [(each["ruleId"], each["properties"]["platform"]) for each in results if each["level"] == "error"]
    assert errors == [("CVE-2026-1", "linux/amd64"), ("CVE-2026-1", "linux/arm64")]
    assert [each["ruleId"] for each in results if "suppressions" in each] == ["CVE-2026-4"]
    assert {each["ruleId"] for each in results if each["level"] == "warning"} == {"partial", "not-assessed"}
    prints = [each["partialFingerprints"]["wharfGate/v1"] for each in results]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_outlives_the_version() -> None:
    def prints(version: str) -> list[str]:
        images = [image(finding(version=version))]
        results = sarif.document(judged_here(images))["runs"][0]["results"]
        return [each["partialFingerprints"]["wharfGate/v1"] for each in results]

    assert prints("3.2") == prints("3.3")


def test_junit_has_a_test_for_each_package_and_counts_right() -> None:
    root = ET.fromstring(junit.text(verdict()))
    (suite,) = root
    cases = suite.findall("testcase")
    for kind, name in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[kind]) == len(suite.findall(f"./testcase/{name}")) == int(root.attrib[kind])
    assert int(suite.attrib["tests"]) == len(cases)
    failed = [each for each in cases if each.find("failure") is not None]
    assert [(each.attrib["name"], each.attrib["classname"]) for each in failed] == [
        ("django 3.2", "linux/amd64"),
        ("django 3.2", "linux/arm64"),
    ]
    errors = [str(each.attrib["message"]) for each in suite.findall("./testcase/error")]
    assert 'app/\ufffd<x>&"|.jar: it is nested too deeply' in errors


def test_junit_without_findings_is_a_test_that_passed() -> None:
    root = ET.fromstring(junit.text(judged_here([image()])))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("1", "0")


def test_gitlabs_report_is_valid_and_flags_what_is_suppressed() -> None:
    report = gitlab.document(verdict(), NOW)
    assert gitlab_kit.problems(report) == []
    found = report["vulnerabilities"]
    assert [each["identifiers"][0]["value"] for each in found if "flags" in each] == ["CVE-2026-4"]
    assert {each["severity"] for each in found} == {"Critical", "Unknown", "High"}
    assert found[0]["location"]["operating_system"] == "debian:12"
    assert len({each["id"] for each in found}) == len(found) == 5
    assert gitlab_kit.problems({"version": "15.0.7"}), "a check that takes everything checks nothing"


def test_markdown_shows_strange_names_as_they_are_and_in_one_cell() -> None:
    text = markdown.text(verdict())
    assert text.startswith("### ❌ registry.example.org/shop/web:1 fails: 2 findings")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
    assert 'app/ \\<x\\>\\&"\\|.jar' in text
    assert "Unknown" not in text
    assert "unknown severity counts as high" in text


def test_json_is_the_scan_with_what_was_decided() -> None:
    fields = json.loads(document.text(verdict()))
    assert fields["answer"] == "fail"
    assert [(each["id"], each["rule"]) for each in fields["judgements"] if each["fails"]] == [
        ("CVE-2026-1", "known-exploited"),
        ("CVE-2026-1", "severity"),
    ]
    assert fields["terms"]["grace_days"] == 14
    assert fields["unmatched"][0]["product"] == "pkg:npm/x"
    assert len(fields["scan"]["images"]) == 3
    assert document.text(verdict()) == document.text(verdict())


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms(Severity.CRITICAL), "fails: 2 findings"),
        (Terms(Severity.CRITICAL, grace=timedelta(days=3650), not_assessed="fail"), "not everything could be assessed"),
        (Terms(Severity.CRITICAL, grace=timedelta(days=3650)), "cannot be decided: 2 doubts"),
        (
            Terms(Severity.CRITICAL, grace=timedelta(days=3650), not_assessed="pass", partial="pass"),
            "passes: 5 findings, none of which fails",
        ),
    ],
)
def test_the_headline_is_the_answer(terms: Terms, words: str) -> None:
    assert words in verdict(terms).headline
