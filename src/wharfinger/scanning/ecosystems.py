"""Under which of OSV's ecosystems a package's advisories are, and until when a release is given any. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

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
    """The ecosystems of a release of which there are advisories."""
    name = vendor.ecosystem(version)
    if not vendor.is_prefix:
        return (name,) if name in ecosystems else ()
    return tuple(sorted(each for each in ecosystems if each == name or each.startswith(name + ":")))


# When security support without a contract ends, as the distributions announce it; a loaded table says more.
_ENDS: Mapping[tuple[str, str], str] = {
    ("debian", "8"): "2020-06-30",
    ("debian", "9"): "2022-06-30",
    ("debian", "10"): "2024-06-30",
    ("debian", "11"): "2026-08-31",
    ("debian", "12"): "2028-06-30",
    ("debian", "13"): "2030-06-30",
    ("ubuntu", "14.04"): "2019-04-25",
    ("ubuntu", "16.04"): "2021-04-30",
    ("ubuntu", "18.04"): "2023-05-31",
    ("ubuntu", "20.04"): "2025-05-31",
    ("ubuntu", "22.04"): "2027-06-01",
    ("ubuntu", "24.04"): "2029-05-31",
    ("alpine", "3.3"): "2017-11-01",
    ("alpine", "3.4"): "2018-05-01",
    ("alpine", "3.5"): "2018-11-01",
    ("alpine", "3.6"): "2019-05-01",
    ("alpine", "3.7"): "2019-11-01",
    ("alpine", "3.8"): "2020-05-01",
    ("alpine", "3.9"): "2020-11-01",
    ("alpine", "3.10"): "2021-05-01",
    ("alpine", "3.11"): "2021-11-01",
    ("alpine", "3.12"): "2022-05-01",
    ("alpine", "3.13"): "2022-11-01",
    ("alpine", "3.14"): "2023-05-01",
    ("alpine", "3.15"): "2023-11-01",
    ("alpine", "3.16"): "2024-05-23",
    ("alpine", "3.17"): "2024-11-22",
    ("alpine", "3.18"): "2025-05-09",
    ("alpine", "3.19"): "2025-11-01",
    ("alpine", "3.20"): "2026-04-01",
    ("alpine", "3.21"): "2026-11-01",
    ("alpine", "3.22"): "2027-05-01",
    ("almalinux", "8"): "2029-03-01",
    ("almalinux", "9"): "2032-05-31",
    ("almalinux", "10"): "2035-05-31",
    ("rocky", "8"): "2029-05-31",
    ("rocky", "9"): "2032-05-31",
    ("rocky", "10"): "2035-05-31",
    ("rhel", "6"): "2020-11-30",
    ("rhel", "7"): "2024-06-30",
    ("rhel", "8"): "2029-05-31",
    ("rhel", "9"): "2032-05-31",
    ("rhel", "10"): "2035-05-31",
}


def known_end(distribution: Distribution) -> date | None:
    """When this release ends, by what is known here."""
    vendor = VENDORS.get(distribution.id)
    day = None if vendor is None else _ENDS.get((distribution.id, vendor.release(distribution.version)))
    return None if day is None else date.fromisoformat(day)
