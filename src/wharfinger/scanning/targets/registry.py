"""An image in some registry."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.targets.place import Root
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

    def blob(self, blob: Descriptor) -> AbstractContextManager[Iterator[bytes]]:
        return self._repositories.blob(self._reference, blob.digest, blob.size)
