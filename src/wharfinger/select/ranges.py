"""Ranges: ``>=1.2 <2``, ``>=1.2, <2``, ``^1.4``, ``~1.4.2``, ``1.2 - 1.4``, ``1.x``, ``*``; ``||`` between them.

A number that is left out stands for all of them, their pre-releases included: ``<2`` does not have 2.0.0-rc.1, and
``1.x`` has 1.0.0-rc.1, where pre-releases are wanted at all.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_

from wharfinger.errors import RequestInvalid
from wharfinger.select.versions import LENGTH_AT_MOST, Precedence, Version, lowest, parse_version

_PARTIAL = r"v?(?:[xX*]|[0-9]+(?:\.(?:[xX*]|[0-9]+)){0,2}(?:-[0-9A-Za-z.-]+)?)"
_COMPARATOR = re.compile(rf"\s*(>=|<=|>|<|=|\^|~)?\s*({_PARTIAL})(?=\s|$)", re.ASCII)
_FROM_TO = re.compile(rf"(?<!\S)({_PARTIAL})\s+-\s+({_PARTIAL})(?!\S)", re.ASCII)
_NOWHERE: Precedence = (-1, 0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low``, which is in it, to ``high``, which is not; None is no end."""

    low: Precedence = _NOWHERE
    high: Precedence | None = None

    def has(self, precedence: Precedence) -> bool:
        return self.low <= precedence and (self.high is None or precedence < self.high)

    def __and__(self, other: "Interval") -> "Interval":
        highs = [high for high in (self.high, other.high) if high is not None]
        return Interval(max(self.low, other.low), min(highs) if highs else None)

    @property
    def is_empty(self) -> bool:
        return self.high is not None and self.high <= self.low


@dataclass(frozen=True, slots=True)
class Range:
    """The versions that lie in one of the intervals."""

    intervals: tuple[Interval, ...]
    names_prerelease: bool

    def __contains__(self, version: object) -> bool:
        return isinstance(version, Version) and any(interval.has(version.precedence) for interval in self.intervals)


def parse(text: str) -> Range:
    """The range that ``text`` is. Raises RequestInvalid, also for one that no version can be in."""
    if len(text) > LENGTH_AT_MOST:
        raise RequestInvalid(f"a range of more than {LENGTH_AT_MOST} characters")
    intervals, named = [], False
    for part in text.split("||"):
        interval, names_prerelease = _all_of(part, text)
        intervals.append(interval)
        named |= names_prerelease
    return Range(tuple(intervals), named)


def _all_of(part: str, text: str) -> tuple[Interval, bool]:
    found = [_each_of(_FROM_TO.sub(r">=\1 <=\2", piece.rstrip()), text) for piece in part.split(",")]
    interval = reduce(and_, (each for each, _ in found))
    if interval.is_empty:
        raise RequestInvalid(f"no version can be in the range {text[:80]!r}")
    return interval, any(named for _, named in found)


def _each_of(part: str, text: str) -> tuple[Interval, bool]:
    interval, named, at = Interval(), False, 0
    while at < len(part) or at == 0:
        found = _COMPARATOR.match(part, at)
        if found is None:
            raise RequestInvalid(f"{text[:80]!r} is no range of versions: want one like '>=1.2 <2', '^1.4' or '1.x'")
        at = found.end()
        version, floating = _version(found[2], text)
        named |= bool(version.prerelease)
        interval &= _interval(found[1] or "=", version, floating)
    return interval, named


def _version(partial: str, text: str) -> tuple[Version, int]:
    """The version, and how many of its numbers were given."""
    core, dash, prerelease = partial.removeprefix("v").partition("-")
    given = core.split(".")
    count = next((i for i, number in enumerate(given) if number in "xX*"), len(given))
    if any(number not in "xX*" for number in given[count:]) or (dash and count < 3):
        raise RequestInvalid(f"{text[:80]!r} is no range of versions: {partial[:40]!r} is not one")
    version = parse_version(".".join([*given[:count], *["0"] * (3 - count)]) + (f"-{prerelease}" if dash else ""))
    if version is None:
        raise RequestInvalid(f"{text[:80]!r} is no range of versions: {partial[:40]!r} is not one")
    return version, count


def _interval(operator: str, version: Version, given: int) -> Interval:
    if given == 0:
        return Interval(_NOWHERE, _NOWHERE) if operator in {">", "<"} else Interval()
    first = version.precedence if given == 3 else lowest(*version.numbers)
    if operator in {">=", "<"}:
        return Interval(first) if operator == ">=" else Interval(_NOWHERE, first)
    if operator in {">", "<="}:
        after = _after(version, given)
        return Interval(after) if operator == ">" else Interval(_NOWHERE, after)
    ends = {"^": _caret, "~": _tilde, "=": _after}
    return Interval(first, ends[operator](version, given))


def _after(version: Version, given: int) -> Precedence:
    """The first that comes after all that are meant."""
    if given < 3:
        return _next(version, given)
    major, minor, patch, release, parts = version.precedence
    # Nothing lies between a version and itself with one more identifier that is as low as can be.
    return (major, minor, patch, release, (*parts, (-1, 0, "")))


def _next(version: Version, given: int) -> Precedence:
    numbers = [*version.numbers[: given - 1], version.numbers[given - 1] + 1]
    return lowest(*numbers)


def _tilde(version: Version, given: int) -> Precedence:
    return _next(version, min(given, 2))


def _caret(version: Version, given: int) -> Precedence:
    """Where the first number that is not zero changes."""
    significant = next((i for i, number in enumerate(version.numbers[:given], start=1) if number), given)
    return _next(version, significant)
