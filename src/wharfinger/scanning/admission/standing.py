"""How an image stands with the rules: from when on a pull is warned of, and from when on it is refused. Pure.

An image only ever becomes worse with time alone: findings grow old, grace and exceptions end. So two
moments say it all.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from wharfinger.scanning.admission.rules import ALWAYS, NEVER, Joined, Known, Outcome, Rule
from wharfinger.scanning.findings import Severity

PLACES = {"partial": "partial", "not-assessed": "not_assessed"}
"""What the statuses of a scan are called by the rules, those that they place."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a pull is warned of or refused: the rule, and the finding or else what is not known.

    ``kind`` is ``finding``, ``unscanned``, ``rejudging``, ``partial``, ``not_assessed`` or ``stale``; ``more`` counts
    further findings. ``unrated`` where nobody rated the finding, and the rule says that it counts as ``severity``.
    ``by`` names the scanners of others that have found it, where ours has not.
    """

    kind: str
    rule: str
    id: str = ""
    package: str = ""
    version: str = ""
    fixed: str = ""
    severity: str = ""
    more: int = 0
    unrated: bool = False
    by: str = ""

    @property
    def text(self) -> str:
        """As it is kept."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def of(cls, text: str) -> "Why":
        """What :attr:`text` kept."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Turn:
    """What holds from a moment on."""

    at: float
    why: Why


@dataclass(frozen=True, slots=True)
class Standing:
    """An image under the rules of a repository; None where it never comes to that."""

    warns: Turn | None = None
    blocks: Turn | None = None

    def at(self, now: float) -> tuple[Outcome, Why | None]:
        """What holds at this time, and why."""
        for outcome, turn in ((Outcome.BLOCK, self.blocks), (Outcome.WARN, self.warns)):
            if turn is not None and turn.at <= now:
                return outcome, turn.why
        return Outcome.ALLOW, None


def standing(rules: Joined, status: str, findings: Sequence[Known]) -> Standing:
    """How an image of this status (``scans.Status``) with these findings stands."""
    if status == "nothing-to-scan":
        return Standing()
    warns, blocks = (_first(list(_turns(rules, findings, when))) for when in (Rule.warns_from, Rule.blocks_from))
    if status in PLACES:
        placed = rules.placed(PLACES[status])
        turn = Turn(ALWAYS, Why(PLACES[status], placed.rule))
        # A finding says more than a doubt does, so it is what is told where both hold from the beginning.
        warns = _earlier(warns, turn) if placed.outcome is Outcome.WARN else warns
        blocks = _earlier(blocks, turn) if placed.outcome is Outcome.BLOCK else blocks
    return Standing(warns, blocks)


@dataclass(frozen=True, slots=True)
class _Counts:
    """A finding that counts from a moment on, by a rule."""

    at: float
    rule: Rule
    finding: Known
    level: Severity


def _turns(rules: Joined, findings: Sequence[Known], when: Callable[[Rule, Known], float]) -> Iterator[_Counts]:
    for rule in rules.rules:
        for finding in findings:
            at = when(rule, finding)
            if at < NEVER:
                yield _Counts(at, rule, finding, rule.level(finding))


def _first(found: Sequence[_Counts]) -> Turn | None:
    """The first turn; of those at the same time the worst is what is told."""
    if not found:
        return None
    first = min(found, key=_urgency)
    told = first.finding
    others = {(each.finding.id, each.finding.package, each.finding.version) for each in found}
    why = Why(
        "finding",
        first.rule.name,
        told.id,
        told.package,
        told.version,
        told.fixed or "",
        first.level.value,
        len(others) - 1,
        _unrated(told),
        by=told.by_others,
    )
    return Turn(first.at, why)


def _urgency(each: _Counts) -> tuple[float, int, bool, str, str]:
    # Of two that count the same, one that somebody has rated says more.
    return each.at, -each.level.rank, _unrated(each.finding), each.finding.package, each.finding.id


def _unrated(finding: Known) -> bool:
    return finding.severity is Severity.UNKNOWN


def _earlier(one: Turn | None, other: Turn) -> Turn:
    return other if one is None or other.at < one.at else one
