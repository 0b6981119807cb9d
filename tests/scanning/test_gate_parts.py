"""What is said of a package is judged once for all images that have it: together it is what one by one would say."""

from itertools import product

import pytest

from tests.scanning.test_gate_rules import joined, known
from wharfinger.scanning.admission.rules import Known
from wharfinger.scanning.admission.standing import part, standing, together
from wharfinger.scanning.findings import Severity

RULES = joined(
    {"name": "first", "block": {"severity": "critical"}, "warn": {"severity": "low"}, "grace": "14d"},
    {"name": "second", "block": [{"known_exploited": True}, {"severity": "high", "fixable": True}], "partial": "warn"},
)
EVERY = [
    known(id=f"CVE-{n}", package=package, version=version, severity=severity, fixed=fixed, kev=n % 3 == 0)
    for n, (package, version, severity, fixed) in enumerate(
        product(("a", "b"), ("1", "2"), (Severity.CRITICAL, Severity.MEDIUM, Severity.UNKNOWN), ("3", None))
    )
]


@pytest.mark.parametrize("status", ["complete", "partial", "not-assessed", "nothing-to-scan"])
@pytest.mark.parametrize("size", [1, 2, 5, len(EVERY)])
def test_parts_together_are_the_whole(status: str, size: int) -> None:
    for findings in (EVERY, EVERY[::-1], EVERY[3:9], [*EVERY, *EVERY], []):
        parts = [part(RULES, findings[start : start + size]) for start in range(0, len(findings), size)]
        assert together(RULES, status, parts) == standing(RULES, status, findings)


def test_of_what_counts_the_same_by_two_rules_the_first_rule_is_told_wherever_it_was_found() -> None:
    again = joined({"name": "first", "block": {"fixable": True}}, {"name": "second", "block": {"severity": "high"}})
    by_second, by_first = _same(None), _same("2")
    for found in ([by_second, by_first], [by_first, by_second]):
        stands = together(again, "complete", [part(again, [each]) for each in found])
        assert stands.blocks is not None
        assert stands.blocks.why.rule == "first"
        assert stands == standing(again, "complete", found)


def _same(fixed: str | None) -> Known:
    return known(id="CVE-1", package="a", severity=Severity.HIGH, fixed=fixed)
