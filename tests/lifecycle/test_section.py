"""The lifecycle as a section of ``policy.yaml``, and the assertions of ``wharf policy test``."""

import pytest

from tests.lifecycle.stock import DEFAULT
from wharfinger.access import policy_file, policy_sections, policy_tests
from wharfinger.access.policy_file import Policy
from wharfinger.access.policy_tests import Outcome
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import reading
from wharfinger.lifecycle.assertions import KINDS

CASES = """
version: 1
lifecycle:
  - now: 2026-01-31T00:00:00Z
    images:
      - {id: web-1, tags: [prod-1], pushed: 2025-06-01T00:00:00Z, size: 5}
      - {id: web-2, tags: [dev-7], pushed: 2025-06-01T00:00:00Z}
    expect:
      web-1: keep
      web-2: {verdict: delete, rule: default/4, tags_removed: [dev-7]}
"""


def whole(text: str) -> Policy:
    return policy_file.parse(text, policy_sections.readers([reading.SECTION]))


def run(cases: str, now: float = 0) -> list[Outcome]:
    return policy_tests.parse(cases, KINDS).run(whole(f"version: 1\n{DEFAULT}"), now)


def test_it_is_kept_as_it_was_written_and_reads_as_the_same() -> None:
    items = whole(f"version: 1\n{DEFAULT.replace('7d', '1w')}").beside["lifecycle"]
    assert [item.name for item in items] == ["default"]
    assert "1w" in items[0].body
    assert reading.policies(items) == reading.parse(DEFAULT)
    assert reading.words(items[0]) == (
        "lifecycle policy default for **: keep {tags: prod-*, newest: 10}; delete {untagged_for: 1w}; "
        "keep {tagged_within: 30d}; delete {}"
    )


def test_a_long_policy_is_told_of_in_part() -> None:
    rules = "".join(f"  - {{name: rule-{n}, untag: {{tags: [a, b], protected: true}}}}\n" for n in range(99))
    head = "lifecycle:\n- name: x\n  repositories: y\n  binding: true\n  ceiling: 5%\n  brownout: 3d\n  rules:\n"
    (item,) = whole(head + rules).beside["lifecycle"]
    said = reading.words(item)
    assert said.startswith(
        "binding lifecycle policy x for y, ceiling 5%, brownout 3d: rule-0: untag {tags: [a, b], protected: true}; "
    )
    assert said.endswith("… (99 rules)")
    assert len(said) < 600


def test_null_expects_that_no_rule_matched_and_nothing_protects() -> None:
    cases = CASES.replace("web-1: keep", "web-1: {verdict: keep, rule: null, protected_by: ~}")
    assert [outcome.passed for outcome in run(cases)] == [False, True]
    assert run(cases)[0].expected == "keep, rule null, protected_by null"
    without = policy_tests.parse(cases, KINDS).run(
        whole("lifecycle: [{name: a, repositories: x, rules: [keep: {}]}]"), 0
    )
    assert without[0].passed


def test_a_file_may_say_that_there_are_no_policies() -> None:
    assert whole("lifecycle: []").beside == {"lifecycle": ()}
    assert reading.parse("lifecycle: []") == ()


def test_a_file_and_its_tests_need_not_say_which_version_they_are() -> None:
    assert whole(DEFAULT).beside == whole(f"version: 1\n{DEFAULT}").beside
    outcomes = policy_tests.parse(CASES.replace("version: 1", ""), KINDS).run(whole(DEFAULT), 0)
    assert [outcome.passed for outcome in outcomes] == [True, True]


def test_what_is_wrong_in_it_is_told_with_what_is_wrong_elsewhere() -> None:
    with pytest.raises(RequestInvalid) as refused:
        whole(f"version: 3\n{DEFAULT.replace('newest: 10', 'newest: none')}")
    first, second = refused.value.detail["problems"]
    assert first.startswith("1:10: version")
    assert second.startswith("7:42: lifecycle[0].rules[0].keep.newest")


def test_assertions_that_hold_and_one_that_does_not() -> None:
    assert [outcome.passed for outcome in run(CASES)] == [True, True]
    failed = run(CASES.replace("web-1: keep", "web-1: delete"))[0]
    assert (failed.passed, failed.expected, failed.actual) == (False, "delete", "keep")
    assert str(failed.place) == "9:14"
    assert "default/1" in failed.because
    without = CASES.replace("now: 2026-01-31T00:00:00Z\n    ", "")
    assert [outcome.passed for outcome in run(without, now=1748736000.0)] == [True, False]  # on the day of the push


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("web-1: keep", "web-3: keep", "9:14: lifecycle[0].expect.web-3: want the id"),
        ("web-1: keep", "web-1: stay", "want one of keep"),
        ("web-1: keep", "web-1: {vedict: keep}", "want a verdict, or some of"),
        ("size: 5", "weight: 5", "unknown key 'weight'"),
        ("now: 2026-01-31T00:00:00Z", "now: today", "is no time"),
        ("expect:", "expects:", "unknown key 'expects'"),
        ("web-1: keep", "web-1: {verdict: null}", "no value"),
        (CASES.partition("expect:")[2], " {}", "8:13: lifecycle[0].expect: nothing is expected of any image"),
    ],
)
def test_assertions_that_are_wrong_are_refused(before: str, after: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        run(CASES.replace(before, after))
    assert said in refused.value.message
