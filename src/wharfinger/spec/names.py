"""Repository names, tags and references, parsed once at the door (spec.md, "Pulling manifests")."""

import re
from typing import NewType

from wharfinger.errors import NameInvalid, TagInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

RepoName = NewType("RepoName", str)
"""A repository name that matched the specification's grammar; made only by :func:`repository`."""
Tag = NewType("Tag", str)
"""A tag that matched the specification's grammar; made only by :func:`tag`."""
Reference = Tag | Digest
"""What follows ``/manifests/``. A tag has no colon and a digest always has one: see :func:`is_digest`."""

MAX_NAME = 255
"""Clients limit host, slash and name together to 255 characters, so no longer name could be pulled."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)


def repository(text: str) -> RepoName:
    """The repository name that ``text`` is. Raises NameInvalid."""
    if is_repository(text):
        return RepoName(text)
    raise NameInvalid(
        f"invalid repository name {text[:80]!r}: want lower-case letters and digits, parts joined by / "
        f"and inside a part by one of . _ __ or dashes; at most {MAX_NAME} characters",
        name=digests.encodable(text[: MAX_NAME + 1]),
    )


def is_repository(text: str) -> bool:
    """Whether ``text`` would parse as a repository name."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def tag(text: str) -> Tag:
    """The tag that ``text`` is. Raises TagInvalid."""
    if is_tag(text):
        return Tag(text)
    raise TagInvalid(
        f"invalid tag {text[:80]!r}: want at most 128 letters, digits, '_', '.' and '-', "
        "the first a letter, a digit or '_'",
        tag=digests.encodable(text[:129]),
    )


def is_tag(text: str) -> bool:
    """Whether ``text`` would parse as a tag."""
    return _TAG.fullmatch(text) is not None


def reference(text: str) -> Reference:
    """A tag, or a digest if there is a colon. Raises TagInvalid or DigestInvalid."""
    return digests.parse(text) if ":" in text else tag(text)


def is_digest(reference: Reference) -> bool:
    """Whether a parsed reference is a digest."""
    return ":" in reference
