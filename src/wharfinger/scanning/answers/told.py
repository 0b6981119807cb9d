"""An image as its report tells of it (``docs/scan.schema.json``), whoever made the report: this command, or a registry.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from wharfinger.errors import RequestInvalid
from wharfinger.scanning import report
from wharfinger.scanning.ecosystems import SYSTEM
from wharfinger.scanning.findings import NotAssessed, Rating, Severity, State
from wharfinger.scanning.packages import Package, Problem
from wharfinger.scanning.scans import ImageScan, Status


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """One vulnerability of one package.

    ``epss`` is the likelihood of being exploited, and ``known_since`` when a registry first found it in this version of
    the package: where whoever tells it knows.
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
    ratings: tuple[Rating, ...]
    kev: bool
    suppressed: str | None
    epss: float | None = None
    known_since: datetime | None = None

    @property
    def type(self) -> str:
        """The type of its purl."""
        return self.purl.removeprefix("pkg:").partition("/")[0]

    def is_called(self, name: str) -> bool:
        """Whether the vulnerability goes by this name, in whatever case it is written."""
        return name.casefold() in {each.casefold() for each in (self.id, *self.aliases, *self.advisories)}


@dataclass(frozen=True, slots=True)
class ToldImage:
    """One image of one platform."""

    digest: str
    platform: str
    status: Status
    problems: tuple[Problem, ...]
    not_assessed: tuple[NotAssessed, ...]
    packages: tuple[Package, ...]
    findings: tuple[ToldFinding, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a target: its images, and the hashes of the sets of advisories that judged them."""

    target: str
    advisories: frozenset[str]
    images: Sequence[ToldImage]


def read(fields: Mapping[str, Any]) -> ToldImage:
    """The image that a report tells of. Raises RequestInvalid for what is no such report."""
    try:
        return msgspec.convert(fields, ToldImage)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"this is no report on an image: {error}") from error


def of(scan: ImageScan) -> ToldImage:
    """The same from a scan that was made here, which knows a little more."""
    fields = report.image(scan)
    told = [{**said, "epss": found.epss} for said, found in zip(fields["findings"], scan.findings, strict=True)]
    return read({**fields, "findings": told})


def behind(image: ToldImage, finding: ToldFinding) -> Sequence[Package]:
    """The packages of the image that a finding is about: of a distribution's source, all that were built from it."""
    return [each for each in image.packages if each.covered_by is None and _is_behind(each, finding)]


def _is_behind(package: Package, finding: ToldFinding) -> bool:
    if package.purl == finding.purl:
        return True
    if package.type not in SYSTEM or package.type != finding.type:
        return False
    names = [(package.name, package.version)]
    if package.source is not None:
        names.append((package.source.name, package.source.version or package.version))
    return (finding.package, finding.version) in names


def layers(packages: Sequence[Package]) -> tuple[str, ...]:
    """The layers that brought these packages, each once."""
    return tuple(dict.fromkeys(each.layer for each in packages if each.layer))
