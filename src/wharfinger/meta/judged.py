"""What is kept of package versions, and of what advisories say of them, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """A version of a package, with all that matching goes by. ``key`` is a hash of that.

    ``known_as`` is how advisories spell its name. ``distribution`` and ``release`` are told of a distribution's
    packages alone. ``covered`` is one whose files belong to a package of the distribution.
    """

    key: str
    type: str
    name: str
    version: str
    purl: str
    known_as: str
    source: tuple[str, str] | None
    distribution: str | None
    release: str | None
    detail: Mapping[str, str]
    covered: bool


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding; ``body`` is the whole of it as JSON, the rest what is asked for. ``names`` are all of its names."""

    vulnerability: str
    severity: str
    fixed: str | None
    state: str
    kev: str | None
    published: str | None
    names: frozenset[str]
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What can be said of a package version: findings, or a reason why nothing can. ``key`` is a hash of all of it."""

    key: str
    ecosystem: str
    reason: str | None = None
    findings: tuple[FindingRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """What a set of advisories says of a distribution's release: under which ecosystem it has it, and when it ends."""

    distribution: str
    release: str
    ecosystem: str | None
    end_of_life: str | None
    ended: bool


@dataclass(frozen=True, slots=True)
class AdvisorySet:
    """A set of advisories that something was judged by; ``matched`` is false until all package versions were."""

    id: int
    sha256: str
    sources: Mapping[str, int]
    matched: bool
