"""Which tags follow a version, and whether they follow this one. Pure."""

from collections.abc import Iterable

from wharfinger.errors import RequestInvalid
from wharfinger.select.versions import Version, parse_version
from wharfinger.spec.names import Tag
from wharfinger.tagging.rules import highest


def full_version(tag: str) -> Version:
    """The version that the tag is, with all its numbers. Raises RequestInvalid."""
    version = parse_version(tag)
    if version is None or version.is_floating:
        raise RequestInvalid(f"{tag[:80]!r} is no full version: want one like 1.4.2")
    return version


def following(tag: Tag) -> list[Tag]:
    """``1.4`` and ``1`` for ``1.4.2``; nothing follows a pre-release."""
    version = full_version(tag)
    if version.prerelease:
        return []
    v = "v" if tag.startswith("v") else ""
    return [Tag(f"{v}{version.major}.{version.minor}"), Tag(f"{v}{version.major}")]


def above(tag: Tag, floating: Tag, present: Iterable[str]) -> Version | None:
    """The release among ``present`` that ``floating`` should rather follow than ``tag``, if there is one."""
    releases = (each for each in present if (found := parse_version(each)) is not None and not found.prerelease)
    best = highest(releases, parse_version(floating))
    return best if best is not None and best > full_version(tag) else None
