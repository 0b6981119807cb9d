"""Deleting: a tag is only a name, and what is used by something is refused. Bytes are the collector's to give back."""

from wharfinger.meta import blobs, manifests, tags
from wharfinger.meta.db import Database
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag


class Deletes:
    """What a repository no longer holds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def tag(self, repository: RepoName, tag: Tag) -> None:
        """Remove the tag and nothing else. Raises NameUnknown or ManifestUnknown."""
        await self._db.write(tags.remove, repository, tag)

    async def manifest(self, repository: RepoName, digest: Digest) -> None:
        """Remove the manifest and its tags. Raises NameUnknown, ManifestUnknown, or InUse when an index lists it."""
        await self._db.write(manifests.remove, repository, digest)

    async def blob(self, repository: RepoName, digest: Digest) -> None:
        """Let the repository no longer hold the blob. Raises NameUnknown, BlobUnknown, or InUse by a manifest."""
        await self._db.write(blobs.unlink, repository, digest)
