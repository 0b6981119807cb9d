"""Which packages an exception is about, as people write it, compared with the package of a finding. Pure.

*                        every package
openssl                  the package of this name; of a distribution, the source package
openssl@>=3.0,<3.0.5     in these versions, as the package's own ecosystem orders them
pkg:npm/lodash@4.17.20   by its package URL, in this version alone; a range may stand there too
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.versions.encoding import VersionInvalid
from wharfinger.scanning.versions.schemes import Key, compare, scheme
from wharfinger.scanning.vex import purls
from wharfinger.scanning.vex.purls import Purl

LENGTH_AT_MOST = 500
BOUNDS_AT_MOST = 10
ANY = "*"
_BOUND = re.compile(r"(<=|>=|<|>|=)?\s*([^<>=,\s]+)")
_COLON, _SLASH = frozenset({"maven"}), frozenset({"npm", "golang", "composer"})


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range of versions."""

    sign: str
    version: str

    def holds(self, version: str, key: Key) -> bool:
        """Whether the version is within it. Raises VersionInvalid."""
        order = compare(key, version, self.version)
        return order in {"<": {-1}, "<=": {-1, 0}, "=": {0}, ">=": {0, 1}, ">": {1}}[self.sign]


@dataclass(frozen=True, slots=True)
class Affected:
    """``text`` is as it was written. ``name`` is empty where every package is meant."""

    text: str
    name: str
    purl: Purl | None = None
    bounds: tuple[Bound, ...] = ()

    @property
    def is_any(self) -> bool:
        return not self.name

    def covers(self, finding: Mapping[str, Any]) -> bool:
        """Whether the finding is about such a package. A version that has no order is in no range."""
        if self.is_any:
            return True
        found = _parsed(str(finding["purl"]))
        if self.name != finding["package"] or (self.purl is not None and not _is_of(self.purl, found)):
            return False
        return all(_holds(bound, str(finding["version"]), found) for bound in self.bounds)


def parse(text: str) -> Affected:
    """The packages that ``text`` means. Raises RequestInvalid."""
    text = text.strip()
    if not text or len(text) > LENGTH_AT_MOST or not text.isprintable():
        raise RequestInvalid(f"say which package, in at most {LENGTH_AT_MOST} characters; {ANY} is every package")
    if text == ANY:
        return Affected(text, "")
    if text.startswith("pkg:"):
        purl = purls.parse(text)
        return Affected(text, _name(purl), purl, _bounds(purl.version) if purl.version else ())
    name, at, versions = text.rpartition("@")
    if not at or not name:  # ``@scope/name`` has its sign in front
        return Affected(text, text)
    return Affected(text, name, None, _bounds(versions))


def _bounds(text: str) -> tuple[Bound, ...]:
    parts = text.split(",")
    found = [_BOUND.fullmatch(part.strip()) for part in parts]
    if len(parts) > BOUNDS_AT_MOST or None in found:
        raise RequestInvalid(
            f"{text[:80]!r} is no range of versions: want a version, or up to {BOUNDS_AT_MOST} of <, <=, >, >=, = with"
            " one each, parted by commas"
        )
    return tuple(Bound(each[1] or "=", each[2]) for each in found if each is not None)


def _holds(bound: Bound, version: str, found: Purl | None) -> bool:
    key = None if found is None else scheme("go" if found.type == "golang" else found.type)
    try:
        return bound.holds(version, key) if key is not None else bound.sign == "=" and bound.version == version
    except VersionInvalid:
        return False


def _is_of(said: Purl, found: Purl | None) -> bool:
    """The same kind of package. What is not said, a distribution for instance, may be any."""
    if found is None or said.type != found.type or (said.namespace and said.namespace != found.namespace):
        return False
    return all(found.qualifiers.get(key) == value for key, value in said.qualifiers.items())


def _name(purl: Purl) -> str:
    """What the ecosystem, and so a finding, calls it."""
    if purl.namespace and purl.type in _COLON:
        return f"{purl.namespace}:{purl.name}"
    return f"{purl.namespace}/{purl.name}" if purl.namespace and purl.type in _SLASH else purl.name


def _parsed(text: str) -> Purl | None:
    try:
        return purls.parse(text)
    except RequestInvalid:
        return None
