"""Under which of OSV's ecosystems a package's advisories are, and until when a release is given any. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from wharfinger.scanning.ends import ENDS
from wharfinger.scanning.packages import Distribution

LANGUAGES: Mapping[str, str] = {
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "maven": "Maven",
    "cargo": "crates.io",
    "gem": "RubyGems",
    "composer": "Packagist",
    "nuget": "NuGet",
}
"""From the purl type."""

SYSTEM = frozenset(("deb", "apk", "rpm"))
"""Purl types of packages that belong to a distribution."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A distribution with advisories: its packages' type, the name of a release, and what its advisories name.

    ``judged`` is ``source`` where advisories are about source packages, else ``binary``, or ``both``.
    ``is_prefix`` is true where a release has several ecosystems that begin alike. ``publishers`` are those whose
    packages the advisories are about, by the beginning of what an RPM says of its vendor; without any, whoever's.
    """

    type: Literal["deb", "apk", "rpm"]
    ecosystem: Callable[[str], str]
    release: Callable[[str], str]
    judged: Literal["source", "binary", "both"] = "source"
    is_prefix: bool = False
    publishers: tuple[str, ...] = ()


def _major(version: str) -> str:
    return version.partition(".")[0]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _named(base: str, release: Callable[[str], str]) -> Callable[[str], str]:
    return lambda version: f"{base}:{release(version)}"


def _suse(version: str) -> str:
    major, _, pack = version.partition(".")
    return f"SUSE:Linux Enterprise Server {major}{f' SP{pack}' if pack and pack != '0' else ''}"


def _whole(version: str) -> str:
    return version


VENDORS: Mapping[str, Vendor] = {
    "debian": Vendor("deb", _named("Debian", _major), _major),
    "ubuntu": Vendor("deb", _named("Ubuntu", _minor), _minor, is_prefix=True),
    "alpine": Vendor("apk", lambda version: f"Alpine:v{_minor(version)}", _minor),
    "almalinux": Vendor("rpm", _named("AlmaLinux", _major), _major, "binary", publishers=("AlmaLinux",)),
    "rocky": Vendor("rpm", _named("Rocky Linux", _major), _major, "both", publishers=("Rocky",)),
    "rhel": Vendor(
        "rpm", _named("Red Hat:enterprise_linux", _major), _major, "binary", is_prefix=True, publishers=("Red Hat",)
    ),
    "sles": Vendor("rpm", _suse, _whole, "both"),
    "opensuse-leap": Vendor("rpm", lambda version: f"openSUSE:Leap {version}", _whole, "both"),
    "mageia": Vendor("rpm", _named("Mageia", _major), _major, "both"),
    "photon": Vendor("rpm", _named("Photon OS", _minor), _minor, "both"),
    "openEuler": Vendor("rpm", _named("openEuler", _minor), _minor, "both", is_prefix=True),
    "azurelinux": Vendor("rpm", _named("Azure Linux", _major), _major, "both"),
    "mariner": Vendor("rpm", _named("Azure Linux", _major), _major, "both"),
}
"""By the ID of os-release."""


def loaded(vendor: Vendor, version: str, ecosystems: Collection[str]) -> tuple[str, ...]:
    """The ecosystems of a release of which there are advisories, and last the one of records that name no release.

    Those are about every release, so they count; but they alone are not the advisories of a release.
    """
    name = vendor.ecosystem(version)
    found = [each for each in sorted(ecosystems) if each == name or (vendor.is_prefix and each.startswith(name + ":"))]
    base = name.partition(":")[0]
    return (*found, base) if found and base in ecosystems else tuple(found)


def known_end(distribution: Distribution) -> date | None:
    """When this release ends, by what is known here."""
    vendor = VENDORS.get(distribution.id)
    day = None if vendor is None else ENDS.get((distribution.id, vendor.release(distribution.version)))
    return None if day is None else date.fromisoformat(day)
