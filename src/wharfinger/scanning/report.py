"""A scan as JSON: the same scan, the same bytes. What it promises is in ``docs/scan.schema.json``. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wharfinger.scanning.findings import Finding, NotAssessed, Rating, Severity
from wharfinger.scanning.packages import Catalogue, Package
from wharfinger.scanning.scans import ImageScan, Scan, in_order

SCHEMA = 1


def text(scan: Scan) -> str:
    """The document as it is printed."""
    return json.dumps(document(scan), indent=2, ensure_ascii=False) + "\n"


def document(scan: Scan) -> dict[str, Any]:
    """The document, sorted."""
    images = sorted(scan.images, key=lambda each: (each.platform, each.digest))
    return {
        "schema": SCHEMA,
        "target": scan.target,
        "advisories": {"sha256": scan.sha256, "sources": dict(sorted(scan.sources.items()))},
        "images": [_undated(image(each)) for each in images],
    }


def _undated(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the dates by which gates count the age of findings: they are no part of what this document promises."""
    kept = [{key: value for key, value in each.items() if key != "published"} for each in fields["findings"]]
    return {**fields, "findings": kept}


def image(scan: ImageScan) -> dict[str, Any]:
    """What the document says of one image."""
    ends = scan.matched.end_of_life
    return put_together(
        digest=scan.digest,
        platform=scan.platform,
        status=scan.status,
        catalogue=catalogue(scan.catalogue),
        about={"ecosystem": scan.matched.ecosystem, "end_of_life": None if ends is None else ends.isoformat()},
        not_assessed=scan.matched.not_assessed,
        findings=[finding(each) for each in scan.matched.findings],
    )


def put_together(
    *,
    digest: str,
    platform: str,
    status: str,
    catalogue: Mapping[str, Any],
    about: Mapping[str, Any],
    not_assessed: Iterable[NotAssessed],
    findings: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    """What the document says of one image, from its ``catalogue`` and from what advisories say, in whatever order.

    ``about`` is what they say of the release of its distribution.
    """
    distribution = catalogue["distribution"]
    return {
        "digest": digest,
        "platform": platform,
        "status": status,
        "distribution": None if distribution is None else {**distribution, **about},
        "problems": catalogue["problems"],
        "not_assessed": [
            {"ecosystem": each.ecosystem, "packages": each.packages, "reason": each.reason}
            for each in sorted(not_assessed)
        ],
        "packages": catalogue["packages"],
        "findings": sorted(findings, key=_worst_first),
    }


def catalogue(catalogue: Catalogue) -> dict[str, Any]:
    """The part that advisories have no say in."""
    found = catalogue.distribution
    problems = sorted(catalogue.problems, key=lambda each: (each.layer, each.path, each.reason))
    return {
        "distribution": None if found is None else {"id": found.id, "version": found.version},
        "problems": [{"layer": each.layer, "path": each.path, "reason": each.reason} for each in problems],
        "packages": [_package(each) for each in in_order(catalogue.packages)],
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


def finding(finding: Finding) -> dict[str, Any]:
    """One finding, as all documents have it."""
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


def _worst_first(found: Mapping[str, Any]) -> tuple[int, str, str, str, str]:
    """Whatever is left when these are alike, so that the order never depends on where it comes from."""
    return -Severity(found["severity"]).rank, found["package"], found["id"], found["purl"], json.dumps(found)


def _rating(rating: Rating) -> dict[str, Any]:
    return {"source": rating.source, "severity": rating.severity.value, "vector": rating.vector}


def _order(rating: Rating) -> tuple[str, str, str]:
    return rating.source, rating.vector or "", rating.severity.value
