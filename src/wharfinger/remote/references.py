"""Image references as Docker reads them: what ``nginx`` is short for. Pure.

The grammar is that of distribution's reference package, which Docker, containerd, BuildKit and Kubernetes share.
"""

import re
from dataclasses import dataclass, replace

from wharfinger.errors import DigestInvalid, RequestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

DOCKER = "docker.io"
LATEST = "latest"
NAME_AT_MOST = 255
TEXT_AT_MOST = 1024

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image of some registry. ``name`` is as it was written; ``registry`` and ``repository`` are what it means."""

    name: str
    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest is not None else ''}"

    @property
    def meant_tag(self) -> str:
        """The tag, ``latest`` where none is written."""
        return LATEST if self.tag is None else self.tag

    @property
    def is_pinned(self) -> bool:
        return self.digest is not None

    def pinned(self, digest: Digest, *, drop_tag: bool = False) -> "ImageReference":
        """The same image, by content; the tag stays for people to read."""
        return replace(self, tag=None if drop_tag else self.meant_tag, digest=digest)


def parse(text: str) -> ImageReference:
    """The reference that ``text`` is. Raises RequestInvalid."""
    if len(text) > TEXT_AT_MOST:
        raise RequestInvalid(f"an image reference of more than {TEXT_AT_MOST} characters")
    rest, at, encoded = text.partition("@")
    name, tag = _split_tag(rest)
    registry, repository = _normalised(name, text)
    if tag is not None and not _TAG.fullmatch(tag):
        raise RequestInvalid(f"{text!r} is no image reference: {tag!r} cannot be a tag")
    return ImageReference(name, registry, repository, tag, _digest(encoded, text) if at else None)


def is_reference(text: str) -> bool:
    """Whether ``text`` would parse."""
    try:
        parse(text)
    except RequestInvalid:
        return False
    return True


def _split_tag(text: str) -> tuple[str, str | None]:
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:  # the colon of a port
        return text, None
    return name, tag


def _normalised(name: str, text: str) -> tuple[str, str]:
    if _IDENTIFIER.fullmatch(name):
        raise RequestInvalid(f"{text!r} is the ID of an image on one machine, not a name")
    first, slash, rest = name.partition("/")
    if slash and _is_domain(first):
        registry, path = first, rest
    else:
        registry, path = DOCKER, name
    if not _DOMAIN.fullmatch(registry):
        raise RequestInvalid(f"{text!r} is no image reference: {registry!r} cannot be a registry")
    if not _PATH.fullmatch(path):
        why = "names are lower case" if _PATH.fullmatch(path.lower()) else f"{path!r} cannot be a name"
        raise RequestInvalid(f"{text!r} is no image reference: {why}")
    if registry == "index.docker.io":
        registry = DOCKER
    if registry == DOCKER and "/" not in path:
        path = f"library/{path}"
    if len(path) > NAME_AT_MOST:
        raise RequestInvalid(f"a name of more than {NAME_AT_MOST} characters")
    return registry, path


def _is_domain(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first.lower() != first


def _digest(encoded: str, text: str) -> Digest:
    try:
        return digests.parse(encoded)
    except DigestInvalid as error:
        raise RequestInvalid(f"{text[:200]!r} is no image reference: {error.message}") from error
