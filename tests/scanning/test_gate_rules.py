"""From when on a finding warns and blocks, by every kind of condition; and what decides where little is known."""

import math
from collections.abc import Mapping

import pytest

from wharfinger.meta.gates import Row
from wharfinger.scanning.admission.deciding import decide, row_of, standing_of
from wharfinger.scanning.admission.parsing import rule
from wharfinger.scanning.admission.rules import ALWAYS, NEVER, Joined, Known, Outcome
from wharfinger.scanning.admission.standing import Why, standing
from wharfinger.scanning.admission.telling import reason
from wharfinger.scanning.findings import Severity

DAY = 86400.0
NOW = 1000 * DAY
BORN = 990 * DAY


def known(severity: str = "critical", *, fixed: str | None = "2", kev: bool = False, **fields: object) -> Known:
    given = {"id": "CVE-1", "package": "zlib", "version": "1", "published": BORN} | fields
    return Known(fixed=fixed, severity=Severity(severity), known_exploited=kev, **given)  # type: ignore[arg-type]


def joined(*rules: Mapping[str, object]) -> Joined:
    named = [{"name": f"r{n}", "repositories": "**", **fields} for n, fields in enumerate(rules)]
    return Joined("id", tuple(rule(fields) for fields in named))


@pytest.mark.parametrize(
    ("fields", "finding", "warns", "blocks"),
    [
        ({"block": {"severity": "critical"}}, known("critical"), ALWAYS, ALWAYS),
        ({"block": {"severity": "critical"}}, known("high"), NEVER, NEVER),
        ({"block": {"severity": "high"}}, known("critical"), ALWAYS, ALWAYS),
        ({"block": {"severity": "high"}}, known("unknown"), ALWAYS, ALWAYS),
        ({"block": {"severity": "high"}, "unknown_as": "medium"}, known("unknown"), NEVER, NEVER),
        ({"block": {"severity": "low"}}, known("none"), NEVER, NEVER),
        ({"block": {"fixable": True}}, known(fixed=None), NEVER, NEVER),
        ({"block": {"fixable": False}}, known(fixed=None), ALWAYS, ALWAYS),
        ({"block": {"known_exploited": True}}, known("low", kev=True), ALWAYS, ALWAYS),
        ({"block": {"known_exploited": True}}, known("critical"), NEVER, NEVER),
        ({"block": {"severity": "high", "known_exploited": True}}, known("low", kev=True), NEVER, NEVER),
        ({"block": [{"severity": "critical"}, {"known_exploited": True}]}, known("low", kev=True), ALWAYS, ALWAYS),
        ({"block": {"severity": "high", "older_than": "30d"}}, known(), BORN + 30 * DAY, BORN + 30 * DAY),
        ({"block": {"severity": "high"}, "grace": "14d"}, known(), ALWAYS, BORN + 14 * DAY),
        ({"block": {"older_than": "3d"}, "grace": "14d"}, known(), BORN + 3 * DAY, BORN + 14 * DAY),
        ({"block": {"older_than": "30d"}, "grace": "14d"}, known(), BORN + 30 * DAY, BORN + 30 * DAY),
        ({"block": {"severity": "high"}, "grace": "14d"}, known(published=None), ALWAYS, ALWAYS),
        ({"warn": {"severity": "high"}}, known(), ALWAYS, NEVER),
        ({"block": {"severity": "high"}}, known(counts_from=NOW + 5), NOW + 5, NOW + 5),
        ({"block": {"severity": "high"}, "grace": "5d"}, known(counts_from=NOW + 5), NOW + 5, NOW + 5),
    ],
)
def test_from_when_on_a_finding_warns_and_blocks(
    fields: dict[str, object], finding: Known, warns: float, blocks: float
) -> None:
    (one,) = joined(fields).rules
    assert (one.warns_from(finding), one.blocks_from(finding)) == (warns, blocks)


def test_of_findings_that_count_the_same_one_that_is_rated_is_told_and_the_others_are_not_called_rated() -> None:
    rules = joined({"block": {"severity": "high"}})
    unrated, rated = known("unknown", id="CVE-1"), known("high", id="CVE-2")
    both, alone = (standing(rules, "complete", findings).blocks for findings in ((unrated, rated), (unrated,)))
    assert both is not None
    assert alone is not None
    assert "CVE-2 (high) in zlib 1, fixed in 2, and 1 more" in reason(both.why)
    assert "CVE-1 (not rated, counts as high) in zlib" in reason(alone.why)


def test_the_strictest_rule_decides_and_the_worst_finding_is_told() -> None:
    rules = joined({"warn": {"severity": "low"}}, {"block": {"severity": "high"}})
    found = [known("high", id="CVE-2"), known("critical", id="CVE-9"), known("low", id="CVE-3")]
    outcome, why = standing(rules, "complete", found).at(NOW)
    assert (outcome, why) == (Outcome.BLOCK, Why("finding", "r1", "CVE-9", "zlib", "1", "2", "critical", 1))
    assert standing(rules, "complete", found[2:]).at(NOW)[0] is Outcome.WARN
    assert standing(rules, "complete", []).at(NOW) == (Outcome.ALLOW, None)


@pytest.mark.parametrize("status", ["partial", "not-assessed"])
def test_doubts_are_where_the_rules_place_them(status: str) -> None:
    key = status.replace("-", "_")
    blocks = {"block": {"severity": "critical"}}
    for placed in Outcome:
        rules = joined(blocks | {key: str(placed)}, {"warn": {"severity": "low"}})
        assert standing(rules, status, []).at(NOW)[0] is placed
    assert standing(joined({key: "allow"}, {key: "block"}), status, []).at(NOW)[0] is Outcome.BLOCK
    # Where no rule says anything: as strict as the rules may be.
    assert standing(joined(blocks), status, []).at(NOW)[0] is Outcome.BLOCK
    assert standing(joined({"warn": {"severity": "low"}}), status, []).at(NOW)[0] is Outcome.WARN
    assert standing(joined(blocks), "nothing-to-scan", []).at(NOW)[0] is Outcome.ALLOW


@pytest.mark.parametrize("status", ["complete", "partial"])
def test_a_row_keeps_how_an_image_stands(status: str) -> None:
    rules = joined({"block": {"severity": "critical"}, "grace": "30d", "partial": "warn"})
    stands = standing(rules, status, [known()])
    assert standing_of(row_of(rules, stands)) == stands
    assert stands.at(BORN + 30 * DAY - 1)[0] is Outcome.WARN
    assert stands.at(BORN + 30 * DAY)[0] is Outcome.BLOCK


@pytest.mark.parametrize("status", ["partial", "not-assessed"])
def test_a_row_keeps_a_doubt_that_no_rule_places(status: str) -> None:
    rules = joined({"block": {"severity": "critical"}})
    stands = standing(rules, status, [])
    assert standing_of(row_of(rules, stands)) == stands
    answer = decide(rules, row_of(rules, stands), NOW, 0.0, lambda: True)
    assert (answer.outcome, answer.why) == (Outcome.BLOCK, Why(status.replace("-", "_")))
    assert answer.why is not None
    assert "no rule places this" in reason(answer.why)


@pytest.mark.parametrize("row", [None, Row("other"), Row("id")])
@pytest.mark.parametrize("is_image", [True, False])
@pytest.mark.parametrize("age", [0.0, 8 * DAY, math.inf])
def test_what_is_not_known_and_what_is_old_is_never_milder_than_placed(
    row: Row | None, age: float, *, is_image: bool
) -> None:
    rules = joined({"unscanned": "block", "stale": {"after": "7d", "then": "warn"}})
    answer = decide(rules, row, NOW, age, lambda: is_image)
    if row is None and not is_image:
        assert answer.outcome is Outcome.ALLOW
    elif row is None or row.rules != "id":
        assert answer.outcome is Outcome.BLOCK
    else:
        assert answer.outcome is (Outcome.ALLOW if age < 7 * DAY else Outcome.WARN)


def test_a_row_by_other_rules_stands_beside_what_is_said_of_the_unscanned() -> None:
    blocked = Row("other", blocks_from=ALWAYS, blocks_why=Why("finding", "old", "CVE-1").text)
    answer = decide(joined({"unscanned": "allow"}), blocked, NOW, 0.0, lambda: True)
    assert (answer.outcome, answer.why and answer.why.rule) == (Outcome.BLOCK, "old")
