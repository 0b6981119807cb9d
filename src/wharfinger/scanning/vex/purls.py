"""Package URLs as statements write them, compared with those of an image. Pure.

Type, namespace, name and version are compared; a version that is not given is any. A qualifier that is given must be
met, but a distribution is met by its release: ``distro=debian-12`` is debian-12.13, and bookworm.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from packageurl import PackageURL

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.vex.codenames import VERSIONS

LENGTH_AT_MOST = 4096
IMAGES = frozenset({"oci", "docker"})
_DISTRIBUTION = frozenset({"distro", "os_name", "os_version", "os_distro"})
_TWO_NUMBERS = frozenset({"alpine", "ubuntu", "wolfi", "opensuse-leap"})
_NUMBERS = re.compile(r"\d+")
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL, taken apart. ``text`` is as it was written."""

    text: str
    type: str
    namespace: str
    name: str
    version: str
    qualifiers: Mapping[str, str]

    @property
    def is_source(self) -> bool:
        return self.qualifiers.get("arch") == "source"


def parse(text: str) -> Purl:
    """The purl that ``text`` is. Raises RequestInvalid."""
    if len(text) > LENGTH_AT_MOST:
        raise RequestInvalid(f"a package URL of more than {LENGTH_AT_MOST} characters")
    try:
        found = PackageURL.from_string(text)
    except ValueError as error:
        raise RequestInvalid(f"{text[:200]!r} is no package URL: {error}") from error
    qualifiers = found.qualifiers if isinstance(found.qualifiers, dict) else _NONE
    return Purl(text, found.type, found.namespace or "", found.name, found.version or "", qualifiers)


def difference(said: Purl, package: Purl, distribution: Distribution | None) -> str:
    """In what ``package`` is not what was said; empty where it is."""
    for what in ("type", "name", "namespace"):
        if getattr(said, what) != getattr(package, what):
            return f"the {what} is {getattr(package, what) or 'none'}"
    if said.version and said.version != package.version:
        return f"the version is {package.version}"
    for key, value in said.qualifiers.items():
        if key in _DISTRIBUTION:
            if not _is_of(key, value, distribution):
                return f"the distribution is {_shown(distribution)}"
        elif package.qualifiers.get(key, "0" if key == "epoch" else "") != value:
            return f"{key} is {package.qualifiers.get(key) or 'not given'}"
    return ""


def _is_of(key: str, value: str, distribution: Distribution | None) -> bool:
    """Whether a qualifier that speaks of a distribution speaks of this one's release."""
    if distribution is None:
        return False
    value = value.lower()
    if key == "os_name":
        return value == distribution.id
    bare = value.removeprefix(f"{distribution.id}-")
    if bare == distribution.codename.lower() != "":
        return True
    if (known := VERSIONS.get((distribution.id, bare))) is not None:
        return release(distribution.id, known) == release(distribution.id, distribution.version)
    name, _, version = value.rpartition("-") if key == "distro" else (distribution.id, "", value)
    if key == "os_distro" or not version[:1].isdigit():
        return value == distribution.id
    return (name or distribution.id) == distribution.id and release(distribution.id, version) == release(
        distribution.id, distribution.version
    )


def release(id: str, version: str) -> tuple[int, ...]:
    """The numbers of a version that tell one release from another: 12 of Debian's 12.13, 3.18 of Alpine's 3.18.9."""
    numbers = tuple(int(number) for number in _NUMBERS.findall(version[:64]))
    return numbers[: 2 if id in _TWO_NUMBERS else 1]


def _shown(distribution: Distribution | None) -> str:
    return "not known" if distribution is None else f"{distribution.id}-{distribution.version}"
