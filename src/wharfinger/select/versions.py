"""Versions as tags have them: Semantic Versioning 2.0, also with a leading v, also with fewer than three numbers."""

import re
from dataclasses import dataclass
from functools import cached_property

LENGTH_AT_MOST = 256

_NUMBER = r"(0|[1-9][0-9]*)"
_PART = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER})?)?(?:-({_PART}(?:\.{_PART})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)

Identifier = tuple[int, int, str]
Precedence = tuple[int, int, int, int, tuple[Identifier, ...]]
"""Compared as semver.org, item 11, says: a number before a word, a pre-release before its release."""


def lowest(major: int, minor: int = 0, patch: int = 0) -> Precedence:
    """Before every version with these numbers, its pre-releases included."""
    return (major, minor, patch, 0, ())


@dataclass(frozen=True, eq=False)
class Version:
    """A version. Two are equal when neither comes before the other: ``1.4`` and ``v1.4.0+b1`` are."""

    numbers: tuple[int, ...]
    prerelease: str = ""
    build: str = ""

    @property
    def major(self) -> int:
        return self.numbers[0]

    @property
    def minor(self) -> int:
        return self.numbers[1] if len(self.numbers) > 1 else 0

    @property
    def patch(self) -> int:
        return self.numbers[2] if len(self.numbers) > 2 else 0

    @property
    def is_floating(self) -> bool:
        """Whether it has fewer than three numbers, as the tags have that move from version to version."""
        return len(self.numbers) < 3

    @cached_property
    def precedence(self) -> Precedence:
        """What versions are ordered by."""
        parts = tuple(_identifier(part) for part in self.prerelease.split(".")) if self.prerelease else ()
        return (self.major, self.minor, self.patch, 0 if parts else 1, parts)

    def __str__(self) -> str:
        text = ".".join(str(number) for number in self.numbers)
        return f"{text}{f'-{self.prerelease}' if self.prerelease else ''}{f'+{self.build}' if self.build else ''}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.precedence == other.precedence

    def __hash__(self) -> int:
        return hash(self.precedence)

    def __lt__(self, other: "Version") -> bool:
        return self.precedence < other.precedence

    def __le__(self, other: "Version") -> bool:
        return self.precedence <= other.precedence

    def __gt__(self, other: "Version") -> bool:
        return self.precedence > other.precedence

    def __ge__(self, other: "Version") -> bool:
        return self.precedence >= other.precedence


def parse_version(tag: str) -> Version | None:
    """The version that the tag is, if it is one."""
    found = _VERSION.fullmatch(tag) if len(tag) <= LENGTH_AT_MOST else None
    if found is None:
        return None
    *numbers, prerelease, build = found.groups()
    return Version(tuple(int(number) for number in numbers if number is not None), prerelease or "", build or "")


def _identifier(part: str) -> Identifier:
    return (0, int(part), "") if part.isdigit() else (1, 0, part)
