"""What a registry answers about an image (``GET /api/v1/verdicts/…``): its verdict, and what its gate says. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, TypeVar

import msgspec

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.answers import told
from wharfinger.scanning.answers.told import ToldFinding, ToldImage
from wharfinger.scanning.findings import UNDATED, Finding, Matched, Severity
from wharfinger.scanning.packages import Catalogue, Distribution
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.scanning.vex.statements import Statement
from wharfinger.spec import digest as digests

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Against:
    """What one rule of the gate has against the image; ``kind`` is ``finding`` or a doubt."""

    kind: Literal["finding", "unscanned", "partial", "not_assessed", "stale"]
    outcome: Outcome
    rule: str
    id: str
    package: str
    version: str


@dataclass(frozen=True, slots=True)
class Glass:
    """A break-glass in force."""

    id: int
    until: float
    because: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What a pull would be answered now; ``settled`` once the image was judged by the rules that are in force."""

    outcome: Outcome
    reason: str
    rules: tuple[str, ...]
    policy: str
    settled: bool
    against: tuple[Against, ...]
    grandfathered: bool
    breakglass: Glass | None


@dataclass(frozen=True, slots=True)
class Unmet:
    """A VEX statement that met nothing."""

    statement: str
    vulnerability: str
    product: str
    reason: str
    nearest: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The last verdict; ``report`` is what ``docs/scan.schema.json`` calls an image."""

    judged_at: float
    advisories: str
    sources: Mapping[str, int]
    cataloguer: str
    isolation: str
    unmatched: tuple[Unmet, ...]
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """One image; ``gate`` is None where no rule covers the repository."""

    digest: str
    state: Literal["judged", "waiting", "unscanned", "nothing-to-scan"]
    verdict: Judged | None
    gate: Gate | None

    @property
    def is_awaited(self) -> bool:
        """Whether there will be more to say in a moment: a first verdict, or what the rules that changed make of it."""
        if self.verdict is None:
            return self.state == "waiting"
        return self.gate is not None and not self.gate.settled


@dataclass(frozen=True, slots=True)
class _Answer:
    images: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class _Dates:
    published: date | None = None


@dataclass(frozen=True, slots=True)
class _Release:
    id: str
    version: str
    ecosystem: str | None = None
    end_of_life: date | None = None


def read(fields: Any) -> Sequence[Known]:
    """The images of an answer. Raises RequestInvalid for what is none, as that of an older registry."""
    return _convert(fields, _Answer).images


def scan(known: Known) -> ImageScan:
    """As much of a scan as a gate and its reports look at. Raises RequestInvalid for a report that is none."""
    digest, verdict = digests.parse(known.digest), known.verdict
    if verdict is None:
        nothing = known.state == "nothing-to-scan"
        return ImageScan(digest, "", Catalogue((), nothing_to_scan=nothing), Matched((), (), Severity.UNKNOWN))
    image = told.read(verdict.report)
    found = _image(image, verdict)
    if found.status != image.status:
        raise RequestInvalid(f"the report on {digest} says that it is {image.status}, and not why")
    return found


def unmatched(known: Known) -> Sequence[Unmatched]:
    """The statements that met nothing in it."""
    return [
        Unmatched(Statement((each.vulnerability,), (), "affected", "", each.statement), *_said(each))
        for each in (known.verdict.unmatched if known.verdict else ())
    ]


def _said(each: Unmet) -> tuple[str, str, str]:
    return each.product, each.reason, each.nearest


def _image(image: ToldImage, verdict: Judged) -> ImageScan:
    fields = verdict.report
    release = None if fields["distribution"] is None else _convert(fields["distribution"], _Release)
    catalogue = Catalogue(
        image.packages,
        None if release is None else Distribution(release.id, release.version),
        image.problems,
        nothing_to_scan=image.status == "nothing-to-scan",
        cataloguer=verdict.cataloguer,
        isolation=verdict.isolation,
    )
    dated = zip(image.findings, fields["findings"], strict=True)
    findings = tuple(replace(_finding(each), published=_convert(said, _Dates).published) for each, said in dated)
    ends = None if release is None else release.end_of_life
    ecosystem = None if release is None else release.ecosystem
    matched = Matched(findings, image.not_assessed, Severity.UNKNOWN, ecosystem, ends)
    return ImageScan(digests.parse(image.digest), image.platform, catalogue, matched)


def _finding(each: ToldFinding) -> Finding:
    return Finding(
        id=each.id,
        aliases=each.aliases,
        advisories=each.advisories,
        purl=each.purl,
        package=each.package,
        version=each.version,
        fixed=each.fixed,
        state=each.state,
        severity=each.severity,
        ratings=each.ratings,
        kev=UNDATED if each.kev else None,
        suppressed=each.suppressed,
        purls=(each.purl,),
        known_since=each.known_since,
    )


def _convert(fields: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"this registry tells of images in another way: {error}") from error
