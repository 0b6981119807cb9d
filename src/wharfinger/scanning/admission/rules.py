"""Rules about pulls: which findings warn and which block, from when on, and what holds where little is known. Pure.

Every rule that covers a repository counts, and the strictest of them decides.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wharfinger.scanning.adapters.merging import OURS
from wharfinger.scanning.findings import Severity
from wharfinger.select import Selector

ALWAYS = 0.0
"""Since before there was anything to pull."""
NEVER = math.inf


class Outcome(StrEnum):
    """What becomes of a pull."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """Greater is stricter."""
        return _MILDEST_FIRST.index(self)


_MILDEST_FIRST = (Outcome.ALLOW, Outcome.WARN, Outcome.BLOCK)


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as rules see it. ``counts_from`` is when the last exception for it ends, if it has one.

    ``scanners`` are all that have found it.
    """

    id: str
    package: str
    version: str
    fixed: str | None
    severity: Severity
    known_exploited: bool
    published: float | None
    counts_from: float = ALWAYS
    scanners: frozenset[str] = frozenset({OURS})

    @property
    def by_others(self) -> str:
        """The scanners that have found it, where ours has not."""
        return "" if OURS in self.scanners else ", ".join(sorted(self.scanners))


@dataclass(frozen=True, slots=True)
class Condition:
    """What must all be true of one finding. ``severity`` is this or worse; ``older_than`` counts from publication."""

    severity: Severity | None = None
    fixable: bool | None = None
    known_exploited: bool | None = None
    older_than: float = 0.0

    def meets(self, finding: Known, level: Severity) -> bool:
        """Whether it is true of the finding, or will be with time; ``level`` is its severity, unknown told as what."""
        if self.severity is not None and level.rank < self.severity.rank:
            return False
        if self.fixable is not None and (finding.fixed is not None) is not self.fixable:
            return False
        return self.known_exploited is None or finding.known_exploited is self.known_exploited


@dataclass(frozen=True, slots=True)
class Stale:
    """What becomes of pulls when the advisories were last changed so many seconds ago."""

    after: float
    then: Outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``grace`` is for how long after publication what blocks only warns.

    ``unscanned``, ``partial`` and ``not_assessed`` None leave it to the other rules: see :class:`Joined`; ``scanners``
    None lets count what any scanner has found.
    """

    name: str
    repositories: Selector
    block: tuple[Condition, ...] = ()
    warn: tuple[Condition, ...] = ()
    grace: float = 0.0
    unscanned: Outcome | None = None
    partial: Outcome | None = None
    not_assessed: Outcome | None = None
    stale: Stale | None = None
    unknown_as: Severity = Severity.HIGH
    scanners: frozenset[str] | None = None

    def level(self, finding: Known) -> Severity:
        """The severity that the rule compares."""
        return self.unknown_as if finding.severity is Severity.UNKNOWN else finding.severity

    def warns_from(self, finding: Known) -> float:
        """From when on it says something against the finding; never, if it does not."""
        return self._from(finding, (*self.block, *self.warn), 0.0)

    def blocks_from(self, finding: Known) -> float:
        """From when on it blocks the finding."""
        return self._from(finding, self.block, self.grace)

    def _from(self, finding: Known, conditions: Iterable[Condition], grace: float) -> float:
        if self.scanners is not None and self.scanners.isdisjoint(finding.scanners):
            return NEVER
        level = self.level(finding)
        ages = [max(each.older_than, grace) for each in conditions if each.meets(finding, level)]
        if not ages:
            return NEVER
        # Without a date of publication an age is never reached, and nobody would ever be refused: so it is old.
        known = ALWAYS if finding.published is None else finding.published + min(ages)
        return max(known if min(ages) else ALWAYS, finding.counts_from)


@dataclass(frozen=True, slots=True)
class Placed:
    """What holds where little is known, and by which rule; the rule is empty where none says so itself."""

    outcome: Outcome
    rule: str


@dataclass(frozen=True, slots=True)
class Joined:
    """All rules that cover a repository. ``id`` is the same for the same rules, and another for others."""

    id: str
    rules: Sequence[Rule]

    def placed(self, what: str) -> Placed:
        """Of what is ``unscanned``, ``partial`` or ``not_assessed``: the strictest that a rule says.

        Where none says anything, what is not known is treated as the worst that the rules may find.
        """
        said = [Placed(found, rule.name) for rule in self.rules if (found := getattr(rule, what)) is not None]
        if said:
            return max(said, key=lambda each: each.outcome.rank)
        blocks = any(rule.block for rule in self.rules)
        return Placed(Outcome.BLOCK if blocks else Outcome.WARN, "")

    def stale(self, age: float) -> Placed | None:
        """What holds when the advisories are so old; None while no rule minds."""
        said = [Placed(r.stale.then, r.name) for r in self.rules if r.stale is not None and age > r.stale.after]
        return max(said, key=lambda each: each.outcome.rank, default=None)

    @property
    def minds_age(self) -> bool:
        """Whether any rule asks how old the advisories are."""
        return any(rule.stale is not None for rule in self.rules)
