"""A scan as JSON: the same scan, the same bytes. What it promises is in ``docs/scan.schema.json``. Pure."""

import json
from typing import Any

from wharfinger.scanning.findings import Finding, Rating
from wharfinger.scanning.packages import Package
from wharfinger.scanning.scans import ImageScan, Scan

SCHEMA = 1


def text(scan: Scan) -> str:
    """The document as it is printed."""
    return json.dumps(document(scan), indent=2, ensure_ascii=False) + "\n"


def document(scan: Scan) -> dict[str, Any]:
    """The document, sorted."""
    return {
        "schema": SCHEMA,
        "target": scan.target,
        "advisories": {"sha256": scan.sha256, "sources": dict(sorted(scan.sources.items()))},
        "images": [image(each) for each in sorted(scan.images, key=lambda each: (each.platform, each.digest))],
    }


def image(scan: ImageScan) -> dict[str, Any]:
    """What the document says of one image."""
    problems = sorted(scan.catalogue.problems, key=lambda each: (each.layer, each.path, each.reason))
    return {
        "digest": scan.digest,
        "platform": scan.platform,
        "status": scan.status,
        "distribution": _distribution(scan),
        "problems": [{"layer": each.layer, "path": each.path, "reason": each.reason} for each in problems],
        "not_assessed": [
            {"ecosystem": each.ecosystem, "packages": each.packages, "reason": each.reason}
            for each in sorted(scan.matched.not_assessed)
        ],
        "packages": [_package(each) for each in scan.packages],
        "findings": [_finding(each) for each in scan.findings],
    }


def _distribution(scan: ImageScan) -> dict[str, Any] | None:
    found, ends = scan.catalogue.distribution, scan.matched.end_of_life
    if found is None:
        return None
    return {
        "id": found.id,
        "version": found.version,
        "ecosystem": scan.matched.ecosystem,
        "end_of_life": None if ends is None else ends.isoformat(),
    }


def _package(package: Package) -> dict[str, Any]:
    source = package.source
    return {
        "purl": package.purl,
        "type": package.type,
        "name": package.name,
        "version": package.version,
        "source": None if source is None else {"name": source.name, "version": source.version},
        "layer": package.layer,
        "paths": sorted(package.paths),
        "covered_by": package.covered_by,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "aliases": sorted(finding.aliases),
        "advisories": sorted(finding.advisories),
        "purl": finding.purl,
        "package": finding.package,
        "version": finding.version,
        "fixed": finding.fixed,
        "state": finding.state,
        "severity": finding.severity.value,
        "ratings": [_rating(each) for each in sorted(finding.ratings, key=_order)],
        "kev": finding.kev is not None,
        "published": None if finding.published is None else finding.published.isoformat(),
        "suppressed": finding.suppressed,
    }


def _rating(rating: Rating) -> dict[str, Any]:
    return {"source": rating.source, "severity": rating.severity.value, "vector": rating.vector}


def _order(rating: Rating) -> tuple[str, str, str]:
    return rating.source, rating.vector or "", rating.severity.value
