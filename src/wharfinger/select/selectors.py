"""What a selector can be. Each tells whether it matches a text, how narrow it is, and the data it was written as."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Protocol

from wharfinger.select.calver import Calendar
from wharfinger.select.linear import Linear
from wharfinger.select.ranges import Range
from wharfinger.select.versions import parse_version

Narrowness = tuple[bool, int]
"""Whether only one text is meant, and how much of it is given; the greater, the narrower."""
WIDE: Narrowness = (False, 0)


class Selector(Protocol):
    """Says of a text, a tag or a repository's name, whether it is meant."""

    @abstractmethod
    def matches(self, text: str) -> bool:
        """Whether the text is meant; takes time linear in its length."""

    @property
    def literal_prefix(self) -> str:
        """What every text that is meant begins with, as far as that is plain to see."""
        return ""

    @property
    def is_exact(self) -> bool:
        """Whether one text alone is meant: ``literal_prefix``."""
        return False

    def narrowness(self, text: str) -> Narrowness | None:
        """How narrow what matches this text is, of a list the narrowest; None where nothing matches it."""
        return (self.is_exact, len(self.literal_prefix)) if self.matches(text) else None

    def extract(self, text: str, name: str) -> str | None:  # noqa: ARG002  few have parts
        """What the part of this name is in a text that is meant: ``(?P<name>…)`` of a regular expression."""
        return None

    @property
    def named_parts(self) -> frozenset[str]:
        """The names of the parts that it has."""
        return frozenset()

    @abstractmethod
    def plain(self) -> Any:
        """The data that parses to this selector: text, lists and mappings."""


@dataclass(frozen=True, slots=True)
class Exact(Selector):
    text: str
    spelt_out: bool = False

    def matches(self, text: str) -> bool:
        return text == self.text

    @property
    def literal_prefix(self) -> str:
        return self.text

    @property
    def is_exact(self) -> bool:
        return True

    def plain(self) -> Any:
        return {"glob": self.text} if self.spelt_out else self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Glob(Selector):
    text: str
    prefix: str
    spelt_out: bool = False
    compiled: Linear = field(compare=False, repr=False, kw_only=True)
    starts: str | None = field(compare=False, repr=False, kw_only=True)
    """For ``prefix*`` and ``prefix**``, by far the most frequent globs: the prefix, so that nothing needs to be run."""
    is_across: bool = field(compare=False, repr=False, kw_only=True, default=False)
    """Whether it is the second of these."""

    def matches(self, text: str) -> bool:
        if self.starts is not None:
            return text.startswith(self.starts) and (self.is_across or "/" not in text[len(self.starts) :])
        return self.compiled.matches(text)

    @property
    def literal_prefix(self) -> str:
        return self.prefix

    def plain(self) -> Any:
        return {"glob": self.text} if self.spelt_out else self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Regex(Selector):
    text: str
    compiled: Linear = field(compare=False, repr=False, kw_only=True)

    def matches(self, text: str) -> bool:
        return self.compiled.matches(text)

    def extract(self, text: str, name: str) -> str | None:
        return self.compiled.extract(text, name)

    @property
    def named_parts(self) -> frozenset[str]:
        return self.compiled.names

    def plain(self) -> Any:
        return {"regex": self.text}

    def __str__(self) -> str:
        return f"/{self.text}/"


@dataclass(frozen=True, slots=True)
class Semver(Selector):
    text: str
    prereleases: bool | None
    versions: Range = field(compare=False, repr=False, kw_only=True)

    def matches(self, text: str) -> bool:
        version = parse_version(text)
        if version is None or version.is_floating:  # `1.4` names no version but the newest of many; 20260131 is none
            return False
        return version in self.versions and (bool(self.prereleases) or not version.prerelease)

    def plain(self) -> Any:
        return {"semver": self.text} | ({} if self.prereleases is None else {"prereleases": self.prereleases})

    def __str__(self) -> str:
        return f"semver {self.text}{' with pre-releases' if self.prereleases else ''}"


@dataclass(frozen=True, slots=True)
class Calver(Selector):
    format: Calendar

    def matches(self, text: str) -> bool:
        return self.format.matches(text)

    def plain(self) -> Any:
        return {"calver": self.format.text}

    def __str__(self) -> str:
        return f"calver {self.format.text}"


SHA_LENGTHS = {"true": (7, 40), "short": (7, 39), "full": (40, 40)}


@dataclass(frozen=True, slots=True)
class GitSha(Selector):
    length: str
    prefix: str | None = None

    def matches(self, text: str) -> bool:
        low, high = SHA_LENGTHS[self.length]
        hexadecimal = text[len(self.literal_prefix) :] if text.startswith(self.literal_prefix) else ""
        return low <= len(hexadecimal) <= high and not hexadecimal.strip("0123456789abcdef")

    @property
    def literal_prefix(self) -> str:
        return self.prefix or ""

    def plain(self) -> Any:
        value = True if self.length == "true" else self.length
        return {"git_sha": value} | ({} if self.prefix is None else {"prefix": self.prefix})

    def __str__(self) -> str:
        kind = "git SHA" if self.length == "true" else f"{self.length} git SHA"
        return f"{kind} after {self.prefix}" if self.prefix else kind


@dataclass(frozen=True, slots=True)
class AnyOf(Selector):
    parts: tuple[Selector, ...]
    spelt_out: bool = False

    def matches(self, text: str) -> bool:
        return any(part.matches(text) for part in self.parts)

    @property
    def literal_prefix(self) -> str:
        return _common([part.literal_prefix for part in self.parts])

    @property
    def is_exact(self) -> bool:
        return all(part.is_exact for part in self.parts) and len({part.literal_prefix for part in self.parts}) == 1

    def narrowness(self, text: str) -> Narrowness | None:
        return max((found for part in self.parts if (found := part.narrowness(text))), default=None)

    def extract(self, text: str, name: str) -> str | None:
        return next((found for part in self.parts if (found := part.extract(text, name)) is not None), None)

    @property
    def named_parts(self) -> frozenset[str]:
        return frozenset().union(*(part.named_parts for part in self.parts))

    def plain(self) -> Any:
        parts = [part.plain() for part in self.parts]
        return {"any": parts} if self.spelt_out else parts

    def __str__(self) -> str:
        return " or ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AllOf(Selector):
    parts: tuple[Selector, ...]

    def matches(self, text: str) -> bool:
        return all(part.matches(text) for part in self.parts)

    @property
    def literal_prefix(self) -> str:
        return max((part.literal_prefix for part in self.parts), key=len)

    @property
    def is_exact(self) -> bool:
        return any(part.is_exact for part in self.parts)

    def narrowness(self, text: str) -> Narrowness | None:
        found = [part.narrowness(text) for part in self.parts]
        return None if None in found else max(each for each in found if each is not None)

    def extract(self, text: str, name: str) -> str | None:
        return next((found for part in self.parts if (found := part.extract(text, name)) is not None), None)

    @property
    def named_parts(self) -> frozenset[str]:
        return frozenset().union(*(part.named_parts for part in self.parts))

    def plain(self) -> Any:
        return {"all": [part.plain() for part in self.parts]}

    def __str__(self) -> str:
        return " and ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Selector):
    part: Selector

    def matches(self, text: str) -> bool:
        return not self.part.matches(text)

    def plain(self) -> Any:
        return {"not": self.part.plain()}

    def __str__(self) -> str:
        return f"not {_grouped(self.part)}"


def _common(prefixes: list[str]) -> str:
    first, last = min(prefixes), max(prefixes)
    return first[: next((i for i, letter in enumerate(first) if letter != last[i : i + 1]), len(first))]


def _grouped(part: Selector) -> str:
    return f"({part})" if isinstance(part, AnyOf | AllOf) and len(part.parts) > 1 else str(part)
