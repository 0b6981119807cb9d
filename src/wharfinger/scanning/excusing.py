"""What is excused: exceptions and VEX statements laid over the findings of an image. Pure.

One function for all that judges: the views of verdicts, the rows that pulls are decided by, and ``wharf gate``. What
is suppressed stays in its place and says by whom, why, and until when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wharfinger.scanning.excuses import Excuse, Excuses
from wharfinger.scanning.findings import Finding, Matched, Severity
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Source
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.vex import applying
from wharfinger.scanning.vex.applying import Unmatched
from wharfinger.spec.digest import Digest

Found = dict[str, Any]
"""A finding as ``docs/scan.schema.json`` has it."""
_Source = tuple[str, str]
"""Name and version of a source package."""
_OF_DISTRIBUTIONS = frozenset({"deb", "rpm", "apk"})


def excused(
    findings: Sequence[Mapping[str, Any]],
    repository: str,
    digest: str,
    excuses: Excuses,
    now: float,
    *,
    image: Mapping[str, Any] | None = None,
) -> list[Found]:
    """The findings, with ``suppressed`` said of those that something excuses. What was suppressed before stays.

    An exception goes before a statement. ``image`` is the report that the findings are of; without it no statement
    counts, since what one says of a binary package is not said of the others of its source.
    """
    digests = {digest, *excuses.roots}
    there = [e for e in excuses.exceptions if e.is_in_force(now) and e.is_about_image(repository, digests)]
    judged = [_excepted(each, there) for each in findings]
    if image is None or not excuses.statements:
        return judged
    stated = applying.apply([scan(image, digest)], excuses.statements, repository=repository, roots=excuses.roots)
    said = {(each.id, each.purl, each.package, each.version): each for each in stated.images[0].matched.findings}
    return [_stated(each, said.get((each["id"], each["purl"], each["package"], each["version"]))) for each in judged]


def excused_image(
    image: Mapping[str, Any], repository: str, digest: str, excuses: Excuses, now: float
) -> dict[str, Any]:
    """The report of an image, its findings excused."""
    return {**image, "findings": excused(image["findings"], repository, digest, excuses, now, image=image)}


def excepted(scan: ImageScan, repository: str, excuses: Excuses, now: float) -> ImageScan:
    """The same for a scan that was made here, by its exceptions alone."""
    digests = {scan.digest, *excuses.roots}
    there = [e for e in excuses.exceptions if e.is_in_force(now) and e.is_about_image(repository, digests)]
    findings = tuple(_scan_excepted(each, there) for each in scan.matched.findings)
    return replace(scan, matched=replace(scan.matched, findings=findings))


def unmatched(images: Sequence[Mapping[str, Any]], repository: str, excuses: Excuses) -> Sequence[Unmatched]:
    """The statements that meet nothing in any of these reports, and the nearest that there is."""
    scans = [scan(each, each["digest"]) for each in images]
    return applying.apply(scans, excuses.statements, repository=repository, roots=excuses.roots).unmatched


def scan(image: Mapping[str, Any], digest: str) -> ImageScan:
    """As much of a scan as statements are compared with, from its report."""
    packages = tuple(_package(each) for each in image["packages"])
    binaries = _by_source(packages)
    matched = Matched(tuple(_finding(each, binaries) for each in image["findings"]), (), Severity.UNKNOWN)
    return ImageScan(Digest(digest), image["platform"], Catalogue(packages, _distribution(image)), matched)


def _excepted(finding: Mapping[str, Any], exceptions: Sequence[Excuse]) -> Found:
    if finding["suppressed"] is None:
        for each in exceptions:
            if each.covers(finding):
                return {**finding, "suppressed": each.words}
    return dict(finding)


def _scan_excepted(finding: Finding, exceptions: Sequence[Excuse]) -> Finding:
    told = {name: getattr(finding, name) for name in ("id", "aliases", "purl", "package", "version", "suppressed")}
    return replace(finding, suppressed=_excepted(told, exceptions)["suppressed"])


def _stated(finding: Found, stated: Finding | None) -> Found:
    if stated is None or finding["suppressed"] is not None:
        return finding
    return {**finding, "suppressed": stated.suppressed, "state": stated.state}


def _package(fields: Mapping[str, Any]) -> Package:
    source = fields["source"]
    return Package(
        type=fields["type"],
        name=fields["name"],
        version=fields["version"],
        purl=fields["purl"],
        source=None if source is None else Source(source["name"], source["version"]),
        covered_by=fields["covered_by"],
    )


def _finding(fields: Mapping[str, Any], binaries: Mapping[_Source, Sequence[str]]) -> Finding:
    return Finding(
        id=fields["id"],
        aliases=tuple(fields["aliases"]),
        advisories=tuple(fields["advisories"]),
        purl=fields["purl"],
        package=fields["package"],
        version=fields["version"],
        fixed=fields["fixed"],
        state=fields["state"],
        severity=Severity(fields["severity"]),
        suppressed=fields["suppressed"],
        purls=tuple(dict.fromkeys((fields["purl"], *binaries.get((fields["package"], fields["version"]), ())))),
    )


def _by_source(packages: Sequence[Package]) -> Mapping[_Source, Sequence[str]]:
    """The purls of each source's binary packages: a statement about one of them does not speak for the others."""
    found: dict[_Source, list[str]] = {}
    for package in packages:
        if package.type in _OF_DISTRIBUTIONS:
            source = package.source or package
            found.setdefault((source.name, source.version or package.version), []).append(package.purl)
    return found


def _distribution(image: Mapping[str, Any]) -> Distribution | None:
    found = image["distribution"]
    return None if found is None else Distribution(found["id"], found["version"])
