"""Two judges, the terms and the gate of the registry: both must let it pass, and what nobody judged never does."""

from typing import Any

import pytest

from tests.scanning.made import LODASH, OPENSSL, TODAY, finding, image
from wharfinger.errors import RequestInvalid
from wharfinger.scanning import report
from wharfinger.scanning.findings import Finding, NotAssessed, Severity
from wharfinger.scanning.gate import joining, served
from wharfinger.scanning.gate.deciding import LEFT, Decision, Rule, Terms, decide
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.scans import ImageScan

CRITICAL = Terms(Severity.CRITICAL)
UNREAD = Problem("sha256:1", "app/x.jar", "it is nested too deeply")
NOBODY = NotAssessed("npm", 3, "no advisories for this ecosystem are loaded")


def against(found: Finding | str, outcome: str = "block", rule: str = "production") -> dict[str, Any]:
    """What a rule has against a finding, or a kind of doubt."""
    if isinstance(found, str):
        return {"kind": found, "outcome": outcome, "rule": rule, "id": "", "package": "", "version": ""}
    named = {"id": found.id, "package": found.package, "version": found.version}
    return {"kind": "finding", "outcome": outcome, "rule": rule, **named}


def gate(*said: dict[str, Any], outcome: str | None = None, **more: Any) -> dict[str, Any]:
    """The gate's answer: the worst of what is said against the image, unless it is told otherwise."""
    outcomes = [each["outcome"] for each in said]
    worst = next((each for each in ("block", "warn") if each in outcomes), "allow")
    known = {"rule": "production", "reason": "the gate rule production: something", "rules": ["production", "other"]}
    state = {"policy": "p", "settled": True, "grandfathered": False, "breakglass": None}
    return {"outcome": outcome or worst, "against": list(said)} | known | state | more


def answered(scan: ImageScan, gate: dict[str, Any] | None, state: str = "judged") -> list[served.Known]:
    """What the registry answers about an image."""
    verdict = {
        "judged_at": 1_790_000_000.0,
        "advisories": "5" * 64,
        "sources": {"Debian": 2},
        "cataloguer": "wharfinger/1",
        "isolation": "namespace",
        "unmatched": [],
        "report": report.image(scan),
    }
    known = {"digest": scan.digest, "state": state, "gate": gate, "verdict": verdict if state == "judged" else None}
    return list(served.read({"images": [known]}))


def joined(known: list[served.Known], terms: Terms = LEFT) -> Decision:
    scans = [served.scan(each) for each in known if each.verdict is not None or each.state == "nothing-to-scan"]
    return joining.join(decide(scans, terms, Severity.HIGH, TODAY), known, "60s")


A, B = finding("CVE-2026-1"), finding("CVE-2026-2", OPENSSL, Severity.MEDIUM)


@pytest.mark.parametrize(
    ("terms", "said", "answer", "by", "rules"),
    [
        (LEFT, gate(), "pass", [], ["allowed", "allowed"]),
        (LEFT, gate(against(A)), "fail", ["gate"], ["blocked", "allowed"]),
        (LEFT, gate(against(A, "warn")), "pass", [], ["warned", "allowed"]),
        (CRITICAL, gate(), "fail", ["terms"], ["severity", "below"]),
        (CRITICAL, gate(against(A)), "fail", ["terms", "gate"], ["severity", "below"]),
        (CRITICAL, gate(against(A, "warn")), "fail", ["terms"], ["severity", "below"]),
        (CRITICAL, gate(against(B)), "fail", ["terms", "gate"], ["severity", "blocked"]),
        (CRITICAL, None, "fail", ["terms"], ["severity", "below"]),
        (Terms(Severity.CRITICAL, fixed_only=True), gate(against(B)), "fail", ["terms", "gate"], None),
    ],
)
def test_both_must_let_it_pass(
    terms: Terms, said: dict[str, Any] | None, answer: str, by: list[str], rules: list[str] | None
) -> None:
    decision = joined(answered(image(A, B), said), terms)
    assert (decision.answer, decision.refused_by) == (answer, by)
    assert decision.gates == (["production"] if "gate" in by else [])
    if rules is not None:
        assert {each.finding.id: each.rule.value for each in decision.judgements} == {
            A.id: rules[0],
            B.id: rules[1],
        }
    assert all(bool(each.remedy) == each.fails for each in decision.judgements)


def test_the_gate_blocks_what_the_terms_excuse_and_names_every_rule() -> None:
    said = gate(against(B, rule="b"), against(B, rule="a"), against(B, "warn", "c"))
    decision = joined(answered(image(B), said), CRITICAL)
    (judgement,) = decision.judgements
    assert (judgement.fails, judgement.by, judgement.gates) == (True, ("gate",), ("a", "b"))
    assert judgement.reason == "refused by the gate rules a, b"
    assert decision.gates == ["a", "b"]


def test_without_a_fix_the_way_out_is_an_exception_of_the_registry() -> None:
    found = finding("CVE-2026-1", LODASH, fixed=None, state="affected")
    (judgement,) = joined(answered(image(found), gate(against(found))), CRITICAL).judgements
    assert judgement.remedy == "take lodash out, or ask for an exception with wharf exception request"


@pytest.mark.parametrize("outcome", ["block", "warn"])
def test_what_the_gate_answers_counts_though_nothing_says_why(outcome: str) -> None:
    decision = joined(answered(image(A), gate(outcome=outcome)))
    (doubt,) = decision.doubts
    assert doubt.rule is Rule.GATE
    assert decision.answer == ("fail" if outcome == "block" else "pass")
    assert decision.refused_by == (["gate"] if outcome == "block" else [])


@pytest.mark.parametrize(
    ("terms", "placed", "answer"),
    [
        (LEFT, (), "pass"),  # a rule says so: where none does, it is warned of or blocked
        (LEFT, ("warn", "production"), "pass"),
        (LEFT, ("block", "production"), "fail"),
        (CRITICAL, (), "undecided"),
        (CRITICAL, ("warn", "production"), "undecided"),
        (CRITICAL, ("block", ""), "fail"),
        (Terms(Severity.CRITICAL, partial="pass", not_assessed="pass"), ("warn", "production"), "pass"),
        (Terms(Severity.CRITICAL, partial="pass", not_assessed="pass"), ("block", "production"), "fail"),
    ],
)
def test_what_is_not_known_well_is_where_both_place_it(terms: Terms, placed: tuple[str, ...], answer: str) -> None:
    for kind, scan in (("partial", image(problems=[UNREAD])), ("not_assessed", image(not_assessed=[NOBODY]))):
        said = gate(against(kind, *placed)) if placed else gate()
        decision = joined(answered(scan, said), terms)
        assert decision.answer == answer, kind
        assert len(decision.doubts) == 1
        assert ("of the registry" in decision.doubts[0].reason) == (placed == ("block", ""))


@pytest.mark.parametrize(
    ("state", "terms", "said", "answer"),
    [
        ("waiting", LEFT, gate(against("unscanned", "warn")), "undecided"),
        ("waiting", LEFT, gate(against("unscanned")), "undecided"),
        ("waiting", LEFT, gate(), "undecided"),
        ("waiting", CRITICAL, None, "undecided"),
        ("unscanned", CRITICAL, None, "undecided"),
        ("unscanned", CRITICAL, gate(), "undecided"),
        ("unscanned", CRITICAL, gate(against("unscanned", "warn")), "undecided"),
        ("unscanned", CRITICAL, gate(against("unscanned")), "fail"),
        ("unscanned", LEFT, gate(against("unscanned", "warn", "")), "undecided"),  # no rule says that it may pass
        ("unscanned", LEFT, gate(against("unscanned", "warn")), "pass"),
        ("unscanned", LEFT, gate(), "pass"),
        ("unscanned", LEFT, gate(against("unscanned", "block", "")), "fail"),
        ("nothing-to-scan", LEFT, gate(), "pass"),
        ("nothing-to-scan", CRITICAL, None, "pass"),
    ],
)
def test_what_was_never_judged_passes_only_where_a_rule_says_so(
    state: str, terms: Terms, said: dict[str, Any] | None, answer: str
) -> None:
    decision = joined(answered(image(), said, state), terms)
    assert decision.answer == answer
    assert [each.rule for each in decision.doubts] == [
        Rule.NOTHING_TO_SCAN if state == "nothing-to-scan" else Rule.UNSCANNED
    ]


def test_an_image_that_new_rules_have_not_judged_is_in_doubt_unless_it_fails() -> None:
    known = answered(image(B), gate(settled=False))
    assert known[0].is_awaited
    assert joined(known).answer == "undecided"
    assert joined(answered(image(A), gate(settled=False)), CRITICAL).answer == "fail"
    assert not answered(image(B), gate())[0].is_awaited
    assert not answered(image(B), None)[0].is_awaited


def test_old_advisories_are_where_the_gate_places_them() -> None:
    decision = joined(answered(image(), gate(against("stale"))), CRITICAL)
    assert [(each.rule, each.answer) for each in decision.doubts] == [(Rule.STALE, "fail")]
    assert joined(answered(image(), gate(against("stale", "warn"))), CRITICAL).answer == "pass"


def test_a_report_says_what_a_scan_would() -> None:
    kept = image(finding("CVE-2026-1", kev=TODAY), B, problems=[UNREAD], not_assessed=[NOBODY])
    (known,) = answered(kept, None)
    read = served.scan(known)
    assert report.image(read) == report.image(kept)
    (judgement, _) = decide([read], Terms(Severity.LOW, kev=True), Severity.HIGH, TODAY).judgements
    assert (judgement.rule, judgement.reason) == (Rule.KNOWN_EXPLOITED, "known to be exploited")


def test_what_is_no_answer_or_contradicts_itself_is_refused() -> None:
    (known,) = answered(image(problems=[UNREAD]), gate())
    assert known.verdict is not None
    lying = {**known.verdict.report, "status": "partial", "problems": []}
    said: list[dict[str, Any]] = [
        {"digest": known.digest, "state": "judged", "gate": None, "verdict": {"report": lying}}
    ]
    with pytest.raises(RequestInvalid, match="in another way"):
        served.read({"images": said})
    fields: dict[str, Any] = {
        "judged_at": 1.0,
        "advisories": "",
        "sources": {},
        "cataloguer": "",
        "isolation": "",
        "unmatched": [],
    }
    said[0]["verdict"] = {**fields, "report": lying}
    with pytest.raises(RequestInvalid, match="is partial, and not why"):
        served.scan(served.read({"images": said})[0])
    with pytest.raises(RequestInvalid):
        served.read({"images": [{"digest": known.digest, "state": "judged", "verdict": None}]})  # without its gate
