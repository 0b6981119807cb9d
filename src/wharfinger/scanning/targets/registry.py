"""An image in some registry."""

from contextlib import ExitStack

from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.targets.place import CHUNK, Root
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest


class Repository:
    """Reads from one repository; a blob's redirect is followed without credentials."""

    def __init__(self, repositories: Repositories, reference: ImageReference) -> None:
        self._repositories = repositories
        self._reference = reference

    def roots(self) -> list[Root]:
        """What the reference names. Raises Refusal."""
        found = self._repositories.manifest(self._reference, self._reference.digest)
        return [Root(found.digest, found.media_type)]

    def manifest(self, digest: Digest) -> bytes:
        return self._repositories.manifest(self._reference, digest).raw

    def open(self, blob: Descriptor) -> "_Download":
        return _Download(self._repositories, self._reference, blob)


class _Download:
    """A blob while it comes. Where it breaks off, or is another one, reading raises Unreachable."""

    def __init__(self, repositories: Repositories, reference: ImageReference, blob: Descriptor) -> None:
        self._resources = ExitStack()
        self._chunks = self._resources.enter_context(repositories.blob(reference, blob.digest, blob.size))
        self._left = b""

    def read(self, size: int = CHUNK, /) -> bytes:
        raw = self._left or next(self._chunks, b"")
        self._left = raw[size:]
        return raw[:size]

    def close(self) -> None:
        self._resources.close()
