"""Deleting: a tag is only a name, a manifest goes to the trash, and what is used by something is refused.

Bytes are the collector's to give back.
"""

from sqlalchemy import Connection

from wharfinger.access.caller import Caller
from wharfinger.errors import InUse
from wharfinger.meta import audit, blobs, holds, repos, tags
from wharfinger.meta.db import Database
from wharfinger.meta.history import How
from wharfinger.registry.tag_changes import TagChanges, Where
from wharfinger.registry.trash import NAMED_AT_MOST, Trash
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName, Tag


class Deletes:
    """What a repository no longer holds."""

    def __init__(self, db: Database, trash: Trash, tags: TagChanges | None = None) -> None:
        self._db = db
        self._trash = trash
        self._tags = tags or TagChanges()

    async def tag(self, by: Caller, repository: RepoName, tag: Tag) -> None:
        """Remove the tag and nothing else. Raises NameUnknown or ManifestUnknown, or Denied when a rule forbids it."""
        await self._db.write(self._remove_tag, by, repository, tag)

    async def manifest(self, by: Caller, repository: RepoName, digest: Digest) -> None:
        """Move the manifest and its tags into the trash.

        Raises NameUnknown, ManifestUnknown, InUse when an index lists it or somebody holds it, or Denied when a rule
        forbids it for a tag.
        """
        await self._db.write(self._remove_manifest, by, repository, digest)

    async def blob(self, by: Caller, repository: RepoName, digest: Digest) -> None:
        """Let the repository no longer hold the blob. Raises NameUnknown, BlobUnknown, or InUse by a manifest."""
        await self._db.write(self._unlink_blob, by, repository, digest)

    def _remove_tag(self, tx: Connection, by: Caller, repository: RepoName, tag: Tag) -> None:
        digest = tags.remove(tx, repository, tag)
        self._tags.removed(tx, by, _where(tx, repository), [tag], digest, by.now, How.DELETE)
        audit.add(tx, by.entry("tag.delete", repository=repository, tag=tag, digest=digest))

    def _remove_manifest(self, tx: Connection, by: Caller, repository: RepoName, digest: Digest) -> None:
        where = _where(tx, repository)
        trashed = self._trash.put(tx, by, where, [digest], root=digest, why="", how=How.DELETE)
        require_not_held(tx, where, digest, by.now)  # when nobody can hold it any more
        gone = [had.tag for had in trashed.tags]
        detail = {"tags": gone[:NAMED_AT_MOST], "tags_in_all": len(gone)}
        audit.add(tx, by.entry("manifest.delete", repository=repository, digest=digest, detail=detail))

    def _unlink_blob(self, tx: Connection, by: Caller, repository: RepoName, digest: Digest) -> None:
        blobs.unlink(tx, repository, digest, by.now)
        audit.add(tx, by.entry("blob.delete", repository=repository, digest=digest))


def _where(tx: Connection, repository: RepoName) -> Where:
    return Where(repository, repos.require(tx, repository))


def require_not_held(tx: Connection, where: Where, digest: Digest, now: float) -> None:
    """Raise InUse when somebody holds the manifest, which no other transaction can hold any more."""
    hold = holds.of_one(tx, where.id, digest, now)
    if hold is not None:
        words = f"{hold.who} holds {digest}, hold {hold.id}: {hold.because}"
        raise InUse(f"{words}; take the hold away first (wharf hold rm {hold.id})", digest=digest, hold=hold.id)
