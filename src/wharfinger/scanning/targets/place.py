"""Where an image is read from: a folder, an archive, a registry. Three that are real, so a port."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from wharfinger.errors import DigestInvalid, TooLarge
from wharfinger.spec import digest as digests
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Root:
    """A manifest or index that the target names: its digest, its media type, and what is known of its platform."""

    digest: Digest
    media_type: str
    platform: str = ""


class Place(Protocol):
    """Content by digest. What is read to its end is what the digest says, or an error says that it is not."""

    def manifest(self, digest: Digest) -> bytes:
        """The manifest or index. Raises Refusal."""

    def blob(self, blob: Descriptor) -> AbstractContextManager[Iterator[bytes]]:
        """The blob in chunks. Raises Refusal, where it is not what it should be after the last chunk."""


def verified(chunks: Iterable[bytes], digest: Digest, size: int | None = None) -> Iterator[bytes]:
    """The chunks. Raises DigestInvalid after the last where they are not what ``digest`` and ``size`` say."""
    hasher, read = hashlib.new(digests.algorithm(digest)), 0
    for chunk in chunks:
        hasher.update(chunk)
        read += len(chunk)
        if size is not None and read > size:
            raise DigestInvalid(f"{digest} is longer than the {size} bytes that it should have")
        yield chunk
    if not digest.endswith(f":{hasher.hexdigest()}") or (size is not None and read != size):
        raise DigestInvalid(f"what is there as {digest} has another digest or size")


def whole(place: Place, blob: Descriptor, *, most: int) -> bytes:
    """The content of a small blob. Raises TooLarge, and what the place raises."""
    if blob.size > most:
        raise TooLarge(f"{blob.digest} has {blob.size} bytes, more than the {most} that such a thing may have")
    with place.blob(blob) as chunks:
        return b"".join(chunks)


@contextmanager
def once(chunks: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """A context manager of chunks, for where nothing is to be closed."""
    yield chunks
