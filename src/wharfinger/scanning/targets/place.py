"""Where an image is read from: a folder, an archive, a registry. Three that are real, so a port."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from wharfinger.errors import DigestInvalid, TooLarge
from wharfinger.spec import digest as digests
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

CHUNK = 1024 * 1024


class Bytes(Protocol):
    """Content that is read on and on. Raises Refusal, and OSError, where it cannot be had."""

    def read(self, size: int = CHUNK, /) -> bytes:
        """Some bytes, none at the end."""

    def close(self) -> None:
        """Nothing more is wanted of it."""


@dataclass(frozen=True, slots=True)
class Root:
    """A manifest or index that the target names: its digest, its media type, and what is known of its platform."""

    digest: Digest
    media_type: str
    platform: str = ""


class Place(Protocol):
    """Content by digest."""

    def manifest(self, digest: Digest) -> bytes:
        """The manifest or index, not yet seen to have the digest. Raises Refusal."""

    def open(self, blob: Descriptor) -> Bytes:
        """The blob, not yet seen to have the digest. Raises Refusal, and TooLarge where it is longer than said."""


def whole(place: Place, blob: Descriptor, *, most: int) -> bytes:
    """The content of a small blob, which has the digest. Raises Refusal."""
    if blob.size > most:
        raise TooLarge(f"{blob.digest} has {blob.size} bytes, more than the {most} that such a thing may have")
    with closing(place.open(blob)) as stream:
        content = b"".join(_up_to(stream, blob.size + 1))
    if len(content) != blob.size or digests.of(content, digests.algorithm(blob.digest)) != blob.digest:
        raise DigestInvalid(f"what is there as {blob.digest} has another digest or size")
    return content


def hashed(stream: Bytes) -> tuple[Digest, int]:
    """The digest and the size of all that comes."""
    hasher, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        hasher.update(chunk)
        size += len(chunk)
    return digests.parse(f"sha256:{hasher.hexdigest()}"), size


def _up_to(stream: Bytes, most: int) -> Iterator[bytes]:
    while most > 0 and (chunk := stream.read(min(most, CHUNK))):
        most -= len(chunk)
        yield chunk
