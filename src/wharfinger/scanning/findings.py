"""What matching answers: findings with all their ratings, and what nothing is known about. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Literal

State = Literal["fixed", "affected", "wont-fix", "deferred", "under-investigation"]
UNDATED = date.min
"""Since when something is so, where only that it is so is known: reports do not tell all days."""


class Severity(StrEnum):
    """How bad it is, from worst to least; ``unknown`` is no level, and policies say what it counts as."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Greater is worse; ``unknown`` is below everything."""
        return -1 if self is Severity.UNKNOWN else len(_WORST_FIRST) - _WORST_FIRST.index(self)


_WORST_FIRST = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.NONE)


@dataclass(frozen=True, slots=True, order=True)
class Rating:
    """What one source says of a vulnerability. ``vector`` is its CVSS vector, where it gives one.

    ``kind`` says what it rests on: the word of a distribution for its own packages, the advisory's own word, or CVSS.
    """

    source: str
    severity: Severity
    vector: str | None = None
    kind: Literal["distribution", "advisory", "other", "cvss4", "cvss3", "cvss2"] = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability of one package.

    ``id`` is the CVE where there is one. ``package`` and ``version`` are what matched: for distributions the source
    package, whose binaries in this image are ``purls``; ``purl`` is one of them, that with the source's name if any.
    ``fixed`` is the version that has no part of it any more, where the advisories know one. ``severity`` is the
    effective one: ``unknown`` stays so, and ``Matched.unknown_as`` says what it counts as. ``published`` is the oldest
    date of the advisories; ``known_since`` is when the registry that judged it first found it in this version of the
    package. ``confidence`` is low where the package itself was only guessed.
    """

    id: str
    aliases: tuple[str, ...]
    advisories: tuple[str, ...]
    purl: str
    package: str
    version: str
    fixed: str | None
    state: State
    severity: Severity
    ratings: tuple[Rating, ...] = ()
    kev: date | None = None
    epss: float | None = None
    suppressed: str | None = None
    purls: tuple[str, ...] = ()
    ecosystem: str = ""
    published: date | None = None
    summary: str = ""
    confidence: Literal["high", "low"] = "high"
    known_since: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class NotAssessed:
    """So many packages of an ecosystem about which nothing can be said, and why. Never the same as clean."""

    ecosystem: str
    packages: int
    reason: str


@dataclass(frozen=True, slots=True)
class Matched:
    """The whole answer for one catalogue, sorted. ``ecosystem`` and ``end_of_life`` are those of its distribution."""

    findings: Sequence[Finding]
    not_assessed: Sequence[NotAssessed]
    unknown_as: Severity
    ecosystem: str | None = None
    end_of_life: date | None = None

    def level(self, finding: Finding) -> Severity:
        """The severity that a gate compares: ``unknown`` counts as was asked for."""
        return self.unknown_as if finding.severity is Severity.UNKNOWN else finding.severity


def instant(moment: datetime) -> str:
    """A moment in reports: to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
