"""Scans out of a few words, for what is decided and written about them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from wharfinger.scanning.findings import Finding, Matched, NotAssessed, Severity
from wharfinger.scanning.packages import Catalogue, Distribution, Package, Problem, Source
from wharfinger.scanning.scans import ImageScan, Scan
from wharfinger.spec import digest as digests

DEBIAN = Distribution("debian", "12", "bookworm")
LAYER = digests.of(b"layer")
TODAY = date(2026, 11, 27)

OPENSSL = Package(
    "deb",
    "libssl3",
    "3.0.11-1~deb12u1",
    "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12",
    Source("openssl", "3.0.11-1~deb12u1"),
    LAYER,
    ("var/lib/dpkg/status",),
)
DJANGO = Package("pypi", "django", "3.2", "pkg:pypi/django@3.2", None, LAYER, ("app/django-3.2.dist-info/METADATA",))
LODASH = Package(
    "npm", "lodash", "4.17.15", "pkg:npm/lodash@4.17.15", None, LAYER, ("app/node_modules/lodash/package.json",)
)
PACKAGES = (OPENSSL, DJANGO, LODASH)


def finding(
    id: str = "CVE-2026-1000", package: Package = DJANGO, severity: Severity = Severity.CRITICAL, **more: Any
) -> Finding:
    """One finding about a package of these."""
    name, version = (package.source.name, package.source.version) if package.source else (package.name, package.version)
    known: dict[str, Any] = {
        "aliases": (),
        "advisories": (id,),
        "purl": package.purl,
        "package": name,
        "version": version,
        "fixed": "9.9",
        "state": "fixed",
        "purls": (package.purl,),
        "published": date(2026, 1, 31),
        "summary": "Something is wrong",
    }
    return Finding(id=id, severity=severity, **(known | more))


def image(
    *findings: Finding,
    problems: Sequence[Problem] = (),
    not_assessed: Sequence[NotAssessed] = (),
    nothing: bool = False,
    packages: Sequence[Package] = PACKAGES,
    platform: str = "linux/amd64",
    distribution: Distribution | None = DEBIAN,
) -> ImageScan:
    """One image with these findings."""
    catalogue = Catalogue(tuple(packages), distribution, tuple(problems), nothing_to_scan=nothing, cataloguer="test/1")
    matched = Matched(tuple(findings), tuple(not_assessed), Severity.HIGH, "Debian:12", date(2028, 6, 30))
    return ImageScan(digests.of(platform.encode()), platform, catalogue, matched)


def scan(*images: ImageScan, target: str = "oci:web") -> Scan:
    """A scan of these images."""
    return Scan(target, "5" * 64, {"Debian": 2, "PyPI": 1}, images)
