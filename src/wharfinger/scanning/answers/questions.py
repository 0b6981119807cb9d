"""What one asks of all images: a package and its versions, ``pkg:npm/lodash@<4.17.21``, or a vulnerability. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.advisories.osv import canonical
from wharfinger.scanning.ecosystems import LANGUAGES, SYSTEM
from wharfinger.scanning.versions import schemes
from wharfinger.scanning.versions.encoding import VersionInvalid

TEXT_AT_MOST = 500
BOUNDS_AT_MOST = 10

Operator = Literal["<", "<=", ">", ">=", "=", "!="]
_BOUND = re.compile(r"(<=|>=|!=|<|>|=)?(.+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a version must be, in the order of its own ecosystem."""

    operator: Operator
    version: str

    def holds(self, order: int) -> bool:
        """``order`` is that of a version and this one's: -1, 0 or 1."""
        match self.operator:
            case "<":
                return order < 0
            case "<=":
                return order <= 0
            case ">":
                return order > 0
            case ">=":
                return order >= 0
            case "=":
                return order == 0
            case "!=":
                return order != 0


@dataclass(frozen=True, slots=True)
class AboutPackage:
    """A package, by its name or that of the source it was built from, in versions for which all bounds hold."""

    type: str
    name: str
    distribution: str | None = None
    release: str | None = None
    bounds: Sequence[Bound] = ()

    @property
    def is_of_distribution(self) -> bool:
        return self.type in SYSTEM

    def fits(self, version: str) -> bool | None:
        """Whether a version is meant; None where it cannot be compared."""
        if any(bound.operator == "=" and bound.version == version for bound in self.bounds):
            return True
        try:
            return all(bound.holds(_order(self.type, version, bound.version)) for bound in self.bounds)
        except VersionInvalid:
            return None


@dataclass(frozen=True, slots=True)
class AboutVulnerability:
    """A vulnerability, by the ways in which its name may be written."""

    names: frozenset[str]


Question = AboutPackage | AboutVulnerability


def parse(text: str) -> Question:
    """What is asked. Raises RequestInvalid."""
    if len(text) > TEXT_AT_MOST:
        raise RequestInvalid(f"a question of more than {TEXT_AT_MOST} characters")
    if text.startswith("pkg:"):
        return _package(text.removeprefix("pkg:"))
    if not _NAME.fullmatch(text):
        raise RequestInvalid(f"{text[:80]!r} is neither a package, like pkg:npm/lodash@<4.17.21, nor a vulnerability")
    prefix, dash, rest = text.partition("-")
    return AboutVulnerability(frozenset({text, text.upper(), f"{prefix.upper()}{dash}{rest.lower()}"}))


def _package(text: str) -> AboutPackage:
    path, _, asked = text.partition("?")
    type, slash, rest = path.partition("/")
    at = rest.rfind("@")
    has_version = at > 0 and rest[at - 1] != "/"  # a scope of npm begins with one, too
    whole, versions = (rest[:at], rest[at + 1 :]) if has_version else (rest, "")
    parts = [unquote(part) for part in whole.split("/")]
    type = type.lower()
    if not slash or not all(parts):
        raise RequestInvalid(f"{text[:80]!r} names no package: want pkg:TYPE/NAME, like pkg:npm/lodash")
    if type not in LANGUAGES and type not in SYSTEM:
        known = ", ".join(sorted((*LANGUAGES, *SYSTEM)))
        raise RequestInvalid(f"{type[:40]!r} is no kind of package that is known; there are {known}")
    distribution, release = _release(asked)
    if type in SYSTEM:
        return AboutPackage(
            type, parts[-1], distribution or (parts[0] if len(parts) > 1 else None), release, _bounds(type, versions)
        )
    if asked:
        raise RequestInvalid("only a distribution's package is of a distro")
    name = (":" if type == "maven" else "/").join(parts)
    return AboutPackage(type, canonical(LANGUAGES[type], name), bounds=_bounds(type, versions))


def _release(asked: str) -> tuple[str | None, str | None]:
    """``distro=debian-12``: the one thing that may be said beside."""
    said = dict(parse_qsl(asked))
    if said.keys() - {"distro"}:
        raise RequestInvalid(f"{asked[:80]!r}: only distro, like distro=debian-12, may be said of a package")
    distribution, _, release = said.get("distro", "").partition("-")
    return distribution or None, release or None


def _bounds(type: str, text: str) -> Sequence[Bound]:
    if not text:
        return ()
    written = text.split(",")
    if len(written) > BOUNDS_AT_MOST:
        raise RequestInvalid(f"more than {BOUNDS_AT_MOST} bounds of a version")
    return [_bound(type, each.strip()) for each in written]


def _bound(type: str, text: str) -> Bound:
    match = _BOUND.fullmatch(text)
    if match is None:
        raise RequestInvalid("a bound of a version is empty: want like >=1.0,<2.0")
    operator, version = match[1] or "=", unquote(match[2].strip())
    try:
        _order(type, version, version)
    except VersionInvalid as error:
        raise RequestInvalid(f"{version[:80]!r} is no version of {type}: {error}") from error
    return Bound(cast("Operator", operator), version)


def _order(type: str, one: str, other: str) -> int:
    key = schemes.scheme(LANGUAGES.get(type, type))
    assert key is not None, "every type that is known has an order"
    return schemes.compare(key, one, other)
