"""How an image stands with the rules: from when on a pull is warned of, and from when on it is refused. Pure.

An image only ever becomes worse with time alone: findings grow old, grace and exceptions end. So two
moments say it all.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

from wharfinger.scanning.admission.rules import ALWAYS, NEVER, Joined, Known, Outcome, Rule
from wharfinger.scanning.findings import Severity

PLACES = {"partial": "partial", "not-assessed": "not_assessed"}
"""What the statuses of a scan are called by the rules, those that they place."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a pull is warned of or refused: the rule, if one says so, and the finding or else what is not known.

    ``kind`` is ``finding``, ``unscanned``, ``rejudging``, ``partial``, ``not_assessed`` or ``stale``; ``more`` counts
    further findings. ``unrated`` where nobody rated the finding, and the rule says that it counts as ``severity``.
    ``by`` names the scanners of others that have found it, where ours has not.
    """

    kind: str
    rule: str = ""
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
        return json.dumps({name: value for name in _FIELDS if (value := getattr(self, name))})

    @classmethod
    def of(cls, text: str) -> "Why":
        """What :attr:`text` kept."""
        return cls(**json.loads(text))


_FIELDS = tuple(each.name for each in fields(Why))


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


@dataclass(frozen=True, slots=True)
class _Counts:
    """A finding that counts from a moment on, by a rule; ``place`` is that of the rule among those of the image."""

    at: float
    place: int
    rule: Rule
    finding: Known
    level: Severity


@dataclass(frozen=True, slots=True)
class _Side:
    """The most urgent of some findings that count, how urgent it is, and which they all are."""

    first: _Counts
    urgency: tuple[float, int, bool, str, str, int]
    all: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """What some findings of an image come to, whatever others it has: the same for all images that have these."""

    warns: _Side | None
    blocks: _Side | None


def part(rules: Joined, findings: Sequence[Known]) -> Part:
    """What these findings come to by the rules."""
    return Part(*(_side(list(_counting(rules, findings, when))) for when in (Rule.warns_from, Rule.blocks_from)))


def standing(rules: Joined, status: str, findings: Sequence[Known]) -> Standing:
    """How an image of this status (``scans.Status``) with these findings stands."""
    return together(rules, status, [part(rules, findings)])


def together(rules: Joined, status: str, parts: Sequence[Part]) -> Standing:
    """How an image of this status stands whose findings come to these parts, each finding in one of them."""
    if status == "nothing-to-scan":
        return Standing()
    warns = _first([each.warns for each in parts if each.warns is not None])
    blocks = _first([each.blocks for each in parts if each.blocks is not None])
    if status in PLACES:
        placed = rules.placed(PLACES[status])
        turn = Turn(ALWAYS, Why(PLACES[status], placed.rule))
        # A finding says more than a doubt does, so it is what is told where both hold from the beginning.
        warns = _earlier(warns, turn) if placed.outcome is Outcome.WARN else warns
        blocks = _earlier(blocks, turn) if placed.outcome is Outcome.BLOCK else blocks
    return Standing(warns, blocks)


def _counting(rules: Joined, findings: Sequence[Known], when: Callable[[Rule, Known], float]) -> Iterator[_Counts]:
    for place, rule in enumerate(rules.rules):
        for finding in findings:
            at = when(rule, finding)
            if at < NEVER:
                yield _Counts(at, place, rule, finding, rule.level(finding))


def _side(found: Sequence[_Counts]) -> _Side | None:
    if not found:
        return None
    first = min(found, key=_urgency)
    names = frozenset((each.finding.id, each.finding.package, each.finding.version) for each in found)
    return _Side(first, _urgency(first), names)


def _first(sides: Sequence[_Side]) -> Turn | None:
    """The first turn; of those at the same time the worst is what is told."""
    if not sides:
        return None
    first = min(sides, key=lambda each: each.urgency).first
    told = first.finding
    why = Why(
        "finding",
        first.rule.name,
        told.id,
        told.package,
        told.version,
        told.fixed or "",
        first.level.value,
        len(frozenset().union(*(each.all for each in sides))) - 1,
        _unrated(told),
        by=told.by_others,
    )
    return Turn(first.at, why)


def _urgency(each: _Counts) -> tuple[float, int, bool, str, str, int]:
    # Of two that count the same, one that somebody has rated says more.
    return each.at, -each.level.rank, _unrated(each.finding), each.finding.package, each.finding.id, each.place


def _unrated(finding: Known) -> bool:
    return finding.severity is Severity.UNKNOWN


def _earlier(one: Turn | None, other: Turn) -> Turn:
    return other if one is None or other.at < one.at else one
