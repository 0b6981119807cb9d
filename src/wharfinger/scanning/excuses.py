"""What may suppress a finding: exceptions that people approved, and statements of VEX documents. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.affected import Affected
from wharfinger.scanning.vex.statements import Statement
from wharfinger.select.selectors import Selector

_VULNERABILITY = re.compile(r"[A-Za-z][A-Za-z0-9]{1,19}-[A-Za-z0-9][A-Za-z0-9.:_-]{0,79}", re.ASCII)


Excuser = Literal["exception", "VEX"]
_EXCEPTION = "exception "


def excuser(suppressed: str) -> Excuser:
    """What suppressed a finding, by the words that stand beside it; those of a statement begin with its status."""
    return "exception" if suppressed.startswith(_EXCEPTION) else "VEX"


@dataclass(frozen=True, slots=True)
class Excuse:
    """An exception as it counts: of which vulnerability, in which packages, where, until when, and by whose word.

    ``digest`` is that of one image, or of an index and so all of its images; None is every image of the repositories.
    """

    id: int
    vulnerability: str
    affected: Affected
    repositories: Selector
    digest: str | None
    reason: str
    requested_by: str
    approved_by: str
    until: float

    @property
    def words(self) -> str:
        """What stands beside a finding that it suppresses."""
        end = datetime.fromtimestamp(self.until, UTC)
        return (
            f"{_EXCEPTION}{self.id} until {end:%Y-%m-%dT%H:%M:%SZ}: {self.reason}"
            f" (requested by {self.requested_by}, approved by {self.approved_by})"
        )

    def is_in_force(self, now: float) -> bool:
        """Whether it has not run out; at the second of its end it has."""
        return now < self.until

    def is_about_image(self, repository: str, digests: Iterable[str]) -> bool:
        """Whether it counts there: ``digests`` are the image's own and those of the indexes that it is in."""
        return self.repositories.matches(repository) and (self.digest is None or self.digest in digests)

    def covers(self, finding: Mapping[str, Any]) -> bool:
        """Whether it is about this vulnerability, by whichever of its names, in this package."""
        names = {str(name).upper() for name in (finding["id"], *finding["aliases"])}
        return self.vulnerability in names and self.affected.covers(finding)


@dataclass(frozen=True, slots=True)
class Excuses:
    """All that may matter to an image. ``roots`` are the digests of the indexes that it is in, in its repository."""

    exceptions: tuple[Excuse, ...] = ()
    statements: tuple[Statement, ...] = ()
    roots: frozenset[str] = field(default_factory=frozenset)

    def next_end(self, repository: str, digest: str, now: float) -> float | None:
        """When the first of the exceptions that count there now runs out: what was decided is to be decided anew."""
        digests = {digest, *self.roots}
        ends = (each.until for each in self.exceptions if each.is_about_image(repository, digests))
        return min((end for end in ends if now < end), default=None)


NONE = Excuses()


def vulnerability(text: str) -> str:
    """The name of a vulnerability, in capitals. Raises RequestInvalid."""
    if _VULNERABILITY.fullmatch(text.strip()):
        return text.strip().upper()
    raise RequestInvalid(
        f"{text[:80]!r} names no vulnerability: want an id such as CVE-2026-1000 or GHSA-jfh8-c2jp-5v3q"
    )
