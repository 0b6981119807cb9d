"""Everything that the rules have against an image now, not the first of it alone: for whoever asks before a pull. Pure.

What becomes of the pull is for the row to say, as :mod:`deciding` reads it; this is what is told beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wharfinger.scanning.admission.rules import Joined, Known, Outcome, Placed, Rule
from wharfinger.scanning.admission.standing import PLACES


@dataclass(frozen=True, slots=True)
class Against:
    """What one rule warns of or blocks. ``kind`` is that of ``standing.Why``; what follows is told of a finding."""

    kind: str
    outcome: Outcome
    rule: str
    id: str = ""
    package: str = ""
    version: str = ""


def weigh(rules: Joined, status: str | None, findings: Sequence[Known], age: float, now: float) -> list[Against]:
    """What there is against an image of this status, None where it was never judged; the worst first."""
    said = [*_of_findings(rules, findings, now), *_of_doubts(rules, status, age)]
    return sorted(said, key=lambda each: (-each.outcome.rank, each.kind, each.package, each.id, each.rule))


def _of_findings(rules: Joined, findings: Sequence[Known], now: float) -> Iterator[Against]:
    for rule in rules.rules:
        for each in findings:
            outcome = _outcome(rule, each, now)
            if outcome is not Outcome.ALLOW:
                yield Against("finding", outcome, rule.name, each.id, each.package, each.version)


def _outcome(rule: Rule, finding: Known, now: float) -> Outcome:
    if rule.blocks_from(finding) <= now:
        return Outcome.BLOCK
    return Outcome.WARN if rule.warns_from(finding) <= now else Outcome.ALLOW


def _of_doubts(rules: Joined, status: str | None, age: float) -> Iterator[Against]:
    kind = "unscanned" if status is None else PLACES.get(status)
    said: list[tuple[str, Placed | None]] = [("stale", rules.stale(age))]
    if kind is not None:
        said.append((kind, rules.placed(kind)))
    for what, placed in said:
        if placed is not None and placed.outcome is not Outcome.ALLOW:
            yield Against(what, placed.outcome, placed.rule)
