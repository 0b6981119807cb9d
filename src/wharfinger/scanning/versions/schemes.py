"""Which ecosystem orders its versions how, by the names people use and by those that OSV uses."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from wharfinger.scanning.versions import apk, composer, deb, gem, go, maven, nuget, pypi, rpm, semver

Key = Callable[[str], bytes]
"""From a version to bytes that compare as the versions do. Raises VersionInvalid."""


def _remembered(key: Key) -> Key:
    """An erratum gives a dozen packages the same version, and a thousand advisories know 1.0.0."""
    return lru_cache(maxsize=32_768)(key)


SCHEMES: Mapping[str, Key] = {
    "deb": _remembered(deb.key),
    "rpm": _remembered(rpm.key),
    "apk": _remembered(apk.key),
    "npm": _remembered(semver.key),
    "pypi": _remembered(pypi.key),
    "gem": _remembered(gem.key),
    "maven": _remembered(maven.key),
    "composer": _remembered(composer.key),
    "nuget": _remembered(nuget.key),
    "go": _remembered(go.key),
    "cargo": _remembered(semver.key),
}

_OSV: Mapping[str, str] = {
    "Debian": "deb",
    "Ubuntu": "deb",
    "Echo": "deb",
    "Alpine": "apk",
    "Alpaquita": "apk",
    "BellSoft Hardened Containers": "apk",
    "Chainguard": "apk",
    "MinimOS": "apk",
    "Wolfi": "apk",
    "AlmaLinux": "rpm",
    "Azure Linux": "rpm",
    "Mageia": "rpm",
    "Photon OS": "rpm",
    "Red Hat": "rpm",
    "Rocky Linux": "rpm",
    "SUSE": "rpm",
    "openEuler": "rpm",
    "openSUSE": "rpm",
    "npm": "npm",
    "PyPI": "pypi",
    "RubyGems": "gem",
    "Maven": "maven",
    "Packagist": "composer",
    "NuGet": "nuget",
    "Go": "go",
    "crates.io": "cargo",
}

_FOLDED: Mapping[str, Key] = {**{name.lower(): SCHEMES[scheme] for name, scheme in _OSV.items()}, **SCHEMES}

ECOSYSTEMS = frozenset(_OSV)
"""OSV's names, without the release that follows a colon."""


DISTRIBUTIONS = frozenset(name for name, scheme in _OSV.items() if scheme in {"deb", "apk", "rpm"})
"""Those of them that are distributions, whose versions are those of a release."""


@lru_cache(maxsize=256)
def scheme(ecosystem: str) -> Key | None:
    """How the ecosystem orders versions: ``deb``, ``PyPI``, ``Debian:12``. None where that is not known."""
    return _FOLDED.get(ecosystem.partition(":")[0].lower())


def compare(key: Key, one: str, other: str) -> int:
    """-1, 0 or 1. Raises VersionInvalid."""
    if key is SCHEMES["maven"]:
        return maven.compare(one, other)  # whose order no key can hold altogether
    first, second = key(one), key(other)
    return (first > second) - (first < second)
