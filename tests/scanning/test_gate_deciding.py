"""One rule decides about each finding, and says what would change its mind."""

from datetime import date, timedelta

import pytest

from tests.scanning.made import TODAY, finding, image
from wharfinger.scanning.findings import Finding, NotAssessed, Severity
from wharfinger.scanning.gate.deciding import Answer, Decision, Judgement, Rule, Terms, decide
from wharfinger.scanning.packages import Problem

CRITICAL = Terms(Severity.CRITICAL)
NOBODY = NotAssessed("npm", 3, "no advisories for this ecosystem are loaded")
UNREAD = Problem("sha256:1", "app/x.jar", "it is nested too deeply")


def judged(found: Finding, terms: Terms = CRITICAL, unknown_as: Severity = Severity.HIGH) -> Judgement:
    (judgement,) = decide([image(found)], terms, unknown_as, TODAY).judgements
    return judgement


@pytest.mark.parametrize(
    ("found", "terms", "fails", "rule"),
    [
        (finding(), CRITICAL, True, Rule.SEVERITY),
        (finding(severity=Severity.HIGH), CRITICAL, False, Rule.BELOW),
        (finding(severity=Severity.HIGH), Terms(Severity.MEDIUM), True, Rule.SEVERITY),
        (finding(fixed=None), Terms(Severity.CRITICAL, fixed_only=True), False, Rule.NO_FIX),
        (finding(fixed=None), CRITICAL, True, Rule.SEVERITY),
        (finding(suppressed="not affected"), Terms(Severity.LOW, kev=True), False, Rule.SUPPRESSED),
        (finding(severity=Severity.LOW, kev=TODAY), Terms(Severity.CRITICAL, kev=True), True, Rule.KNOWN_EXPLOITED),
        (finding(severity=Severity.LOW, kev=TODAY), CRITICAL, False, Rule.BELOW),
        (
            finding(fixed=None, published=TODAY, kev=TODAY),
            Terms(Severity.CRITICAL, fixed_only=True, grace=timedelta(days=14), kev=True),
            True,
            Rule.KNOWN_EXPLOITED,
        ),
    ],
)
def test_the_first_rule_that_has_something_to_say_decides(
    found: Finding, terms: Terms, fails: bool, rule: Rule
) -> None:
    judgement = judged(found, terms)
    assert (judgement.fails, judgement.rule) == (fails, rule)
    assert bool(judgement.remedy) == fails


@pytest.mark.parametrize(
    ("published", "fails"),
    [(date(2026, 11, 27), False), (date(2026, 11, 14), False), (date(2026, 11, 13), True), (None, True)],
)
def test_grace_runs_from_publication_and_needs_a_date(published: date | None, fails: bool) -> None:
    judgement = judged(finding(published=published), Terms(Severity.CRITICAL, grace=timedelta(days=14)))
    assert judgement.fails == fails
    assert judgement.rule is (Rule.SEVERITY if fails else Rule.GRACE)


def test_a_finding_in_its_grace_says_when_that_ends() -> None:
    judgement = judged(finding(published=date(2026, 11, 20)), Terms(Severity.CRITICAL, grace=timedelta(days=14)))
    assert judgement.reason == "published 2026-11-20, fails from 2026-12-04 on"


@pytest.mark.parametrize(
    ("unknown_as", "fails"), [(Severity.CRITICAL, True), (Severity.HIGH, False), (Severity.NONE, False)]
)
def test_an_unknown_severity_counts_as_what_was_said(unknown_as: Severity, fails: bool) -> None:
    judgement = judged(finding(severity=Severity.UNKNOWN), unknown_as=unknown_as)
    assert (judgement.fails, judgement.level) == (fails, unknown_as)
    assert f"unknown, which counts as {unknown_as}" in judgement.reason


def test_what_would_make_it_pass_is_said() -> None:
    assert judged(finding(fixed="3.2.25")).remedy == "update django from 3.2 to 3.2.25"
    assert "--vex" in judged(finding(fixed=None)).remedy


def decision(*, terms: Terms = CRITICAL, **doubts: object) -> Decision:
    return decide([image(**doubts)], terms, Severity.HIGH, TODAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        (CRITICAL, "undecided"),
        (Terms(Severity.CRITICAL, not_assessed="pass"), "pass"),
        (Terms(Severity.CRITICAL, not_assessed="fail"), "fail"),
        (Terms(Severity.CRITICAL, partial="pass"), "undecided"),
    ],
)
def test_what_nobody_judges_is_not_clean(terms: Terms, answer: Answer) -> None:
    found = decision(terms=terms, not_assessed=[NOBODY])
    assert found.answer == answer
    assert found.doubts[0].reason == "3 packages of npm: no advisories for this ecosystem are loaded"


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        (CRITICAL, "undecided"),
        (Terms(Severity.CRITICAL, partial="pass"), "pass"),
        (Terms(Severity.CRITICAL, partial="fail"), "fail"),
        (Terms(Severity.CRITICAL, not_assessed="pass"), "undecided"),
    ],
)
def test_what_could_not_be_read_is_not_clean(terms: Terms, answer: Answer) -> None:
    assert decision(terms=terms, problems=[UNREAD]).answer == answer


def test_a_chart_passes_and_is_not_called_clean() -> None:
    found = decision(nothing=True)
    assert (found.answer, [doubt.rule for doubt in found.doubts]) == ("pass", [Rule.NOTHING_TO_SCAN])


def test_what_fails_is_more_than_what_is_in_doubt() -> None:
    found = decide([image(finding(), not_assessed=[NOBODY])], CRITICAL, Severity.HIGH, TODAY)
    assert found.answer == "fail"


def test_one_platform_that_fails_fails_all() -> None:
    images = [image(platform="linux/arm64"), image(finding())]
    found = decide(images, CRITICAL, Severity.HIGH, TODAY)
    assert found.answer == "fail"
    assert [each.image.platform for each in found.failing] == ["linux/amd64"]
    assert decide(images[::-1], CRITICAL, Severity.HIGH, TODAY) == found


def test_nothing_found_in_a_complete_image_passes() -> None:
    assert decision().answer == "pass"
