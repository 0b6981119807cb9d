"""Descriptors: a media type, a digest and a size that point at content (image-spec, descriptor.md)."""

import base64
import re
from dataclasses import dataclass

import msgspec

from wharfinger.errors import DigestInvalid, ManifestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest
from wharfinger.spec.media_types import INDEXES, MANIFESTS, is_foreign

_MEDIA_TYPE = re.compile(r"[ -~]{0,255}")


class RawDescriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A descriptor as it stands in JSON, types checked, meaning not. Fields that decide nothing are left out."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] | None = None
    data: str | None = None
    artifact_type: str | None = None


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor whose digest is well-formed, whose size is not negative and whose ``data`` is what it says."""

    media_type: str
    digest: Digest
    size: int
    annotations: dict[str, str]

    @property
    def may_be_absent(self) -> bool:
        """Whether the content may live somewhere else than in the registry."""
        return is_foreign(self.media_type)

    @property
    def is_manifest(self) -> bool:
        """Whether the content is a manifest or index, by its type."""
        return self.media_type in MANIFESTS | INDEXES


def parse(raw: RawDescriptor, where: str) -> Descriptor:
    """The checked descriptor; ``where`` names it in errors. Raises ManifestInvalid."""
    try:
        digest = digests.parse(raw.digest)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}: {error.message}", **error.detail) from error
    if raw.size < 0 or raw.size > 2**63 - 1:
        raise ManifestInvalid(f"{where}: impossible size {raw.size}")
    if raw.data is not None:
        _require_embedded(raw.data, digest, raw.size, where)
    return Descriptor(
        media_type(raw.media_type, f"{where}.mediaType"),
        digest,
        raw.size,
        annotations(raw.annotations, f"{where}.annotations"),
    )


def media_type(text: str, where: str) -> str:
    """``text``, which any database and header can hold, as RFC 6838 demands. Raises ManifestInvalid."""
    if _MEDIA_TYPE.fullmatch(text):
        return text
    raise ManifestInvalid(f"{where}: {text[:80]!r} is not a media type")


def annotations(raw: dict[str, str] | None, where: str) -> dict[str, str]:
    """The annotations, without NUL, which PostgreSQL cannot hold. Raises ManifestInvalid."""
    found = raw or {}
    if any("\0" in key or "\0" in value for key, value in found.items()):
        raise ManifestInvalid(f"{where}: a key or value contains the character NUL")
    return found


def _require_embedded(data: str, digest: Digest, size: int, where: str) -> None:
    """``data`` must be the base64 of content with this digest and size (descriptor.md, "Embedded Content")."""
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise ManifestInvalid(f"{where}: data is not base64") from error
    if len(content) != size or digests.of(content, digests.algorithm(digest)) != digest:
        raise ManifestInvalid(f"{where}: data does not have the digest and size of its descriptor")
