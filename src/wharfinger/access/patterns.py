"""Which repositories and tags a grant is about: patterns simple enough that one can be seen to lie within another.

shop/web       that repository
shop/*         those one level below shop/
shop/**        those at any level below shop/
**             every repository
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from wharfinger.errors import NameInvalid, RequestInvalid
from wharfinger.spec import names
from wharfinger.spec.names import RepoName


class Reach(Enum):
    """How far below its prefix a pattern goes."""

    EXACT = ""
    CHILDREN = "*"
    BELOW = "**"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repository pattern. ``prefix`` is the name, or what stands before ``/*`` and ``/**``; empty for ``**``."""

    prefix: str
    reach: Reach
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = self.prefix, self.reach.value
        object.__setattr__(self, "_text", "/".join(word for word in words if word))

    def __str__(self) -> str:
        return self._text

    def matches(self, repository: str) -> bool:
        """Whether the repository is one that the pattern is about."""
        match self.reach:
            case Reach.EXACT:
                return repository == self.prefix
            case Reach.CHILDREN:
                parent, _, child = repository.rpartition("/")
                return bool(child) and parent == self.prefix
            case Reach.BELOW:
                return not self.prefix or repository.startswith(f"{self.prefix}/")

    def contains(self, other: "Pattern") -> bool:
        """Whether every repository of ``other`` is one of this pattern's."""
        match other.reach:
            case Reach.EXACT:
                return self.matches(other.prefix)
            case Reach.CHILDREN:
                return self == other or (self.reach is Reach.BELOW and self._holds(other.prefix))
            case Reach.BELOW:
                return self.reach is Reach.BELOW and self._holds(other.prefix)

    def overlaps(self, other: "Pattern") -> bool:
        """Whether there may be a repository that both are about. Two of these patterns are nested or have none."""
        return self.contains(other) or other.contains(self)

    def _holds(self, prefix: str) -> bool:
        return not self.prefix or prefix == self.prefix or prefix.startswith(f"{self.prefix}/")


EVERYTHING = Pattern("", Reach.BELOW)


@lru_cache(maxsize=65_536)
def parse(text: str) -> Pattern:
    """The pattern that ``text`` is. Raises RequestInvalid, which says what can be written.

    Remembered, for all the grants are read anew with each change of one.
    """
    if text == "**":
        return EVERYTHING
    prefix, slash, last = text.rpartition("/")
    try:
        if slash and last == "**":
            return Pattern(names.repository(prefix), Reach.BELOW)
        if slash and last == "*":
            return Pattern(names.repository(prefix), Reach.CHILDREN)
        return Pattern(names.repository(text), Reach.EXACT)
    except NameInvalid as error:
        raise RequestInvalid(
            f"invalid repository pattern {text[:80]!r}: want a name like shop/web, shop/* for what is directly below "
            "shop, shop/** for everything below it, or ** for every repository"
        ) from error


def candidates(repository: RepoName) -> Iterator[str]:
    """Every pattern that matches the repository, as text: looked up, none needs to be tried."""
    yield repository
    parent, slash, _ = repository.rpartition("/")
    if slash:
        yield f"{parent}/*"
    while parent:
        yield f"{parent}/**"
        parent = parent.rpartition("/")[0]
    yield "**"


def tag_pattern(text: str) -> str:
    """The tag pattern that ``text`` is: a tag in which ``*`` stands for any characters. Raises RequestInvalid."""
    if names.is_tag(text.replace("*", "x")):
        return text
    raise RequestInvalid(f"invalid tag pattern {text[:80]!r}: want a tag, in which * stands for any characters")


def tag_matches(pattern: str, tag: str) -> bool:
    """Whether the tag is one of the pattern's; takes time linear in both for each ``*``."""
    first, *rest = pattern.split("*")
    if not rest:
        return tag == first
    *middle, last = rest
    if not tag.startswith(first) or len(tag) < len(first) + len(last) or not tag.endswith(last):
        return False
    position, end = len(first), len(tag) - len(last)
    for part in middle:
        position = tag.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True
