"""Purging: what must not be there, such as a secret in a layer, goes at once, from the trash as well, without grace."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import BlobUnknown, InUse, RequestInvalid
from wharfinger.meta import audit, purges, trash
from wharfinger.meta.db import Database
from wharfinger.meta.history import How
from wharfinger.meta.purges import Place
from wharfinger.registry.deletes import require_not_held
from wharfinger.registry.tag_changes import Where
from wharfinger.registry.trash import Trash
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

BECAUSE_AT_MOST = 500
NAMED = 10


@dataclass(frozen=True, slots=True)
class Purged:
    """The manifests that are gone, the blobs whose bytes go now, and those that something else still needs."""

    manifests: Sequence[Place]
    blobs: Sequence[Digest]
    bytes: int
    kept: Sequence[Digest]


class Purges:
    """For whoever may purge everywhere: bytes are shared, so a purge is never of one repository alone."""

    def __init__(self, db: Database, trash: Trash) -> None:
        self._db = db
        self._trash = trash

    async def purge(self, by: Caller, digest: Digest, because: str) -> Purged:
        """Take a manifest with its blobs, or a blob, out of every repository and every trash for good.

        A blob takes along the manifests in the trash that need it. Raises BlobUnknown, InUse when a manifest needs
        the blob, an index lists the manifest or somebody holds it, Denied when a rule forbids it for one of its tags,
        and RequestInvalid without a reason. Then nothing was changed.
        """
        reason = because.strip()
        if not reason or len(reason) > BECAUSE_AT_MOST or "\0" in reason:
            raise RequestInvalid(f"say why it is purged, in at most {BECAUSE_AT_MOST} characters")
        by.require(Action.PURGE)
        return await self._db.write(self._purge, by, digest, reason)

    def _purge(self, tx: Connection, by: Caller, digest: Digest, because: str) -> Purged:
        is_blob = purges.hold_blob(tx, digest)
        if is_blob:
            _require_unused(tx, digest)
        for place in purges.live(tx, digest):
            self._put_in_trash(tx, by, place, because)
        gone = purges.trashed(tx, digest) + (purges.trash_users(tx, digest) if is_blob else [])
        if not gone and not is_blob:
            raise BlobUnknown(f"there is neither a manifest nor a blob {digest}", digest=digest)
        parts = {part for place in gone if place.digest == digest for part in purges.needs(tx, place)}
        for place in gone:
            trash.empty(tx, place.repository_id, [place.digest], by.now, grace=0)
        kept = sorted(part for part in parts if purges.is_needed(tx, part))
        doomed = purges.doom(tx, sorted((parts | ({digest} if is_blob else set())) - {*kept}), by.now)
        purged = Purged(gone, [blob.digest for blob in doomed], sum(blob.size for blob in doomed), kept)
        self._tell(tx, by, digest, because, purged)
        return purged

    def _put_in_trash(self, tx: Connection, by: Caller, place: Place, because: str) -> None:
        where = Where(place.repository, place.repository_id)
        self._trash.put(tx, by, where, [place.digest], root=place.digest, why=because, how=How.DELETE)
        require_not_held(tx, where, place.digest, by.now)

    @staticmethod
    def _tell(tx: Connection, by: Caller, digest: Digest, because: str, purged: Purged) -> None:
        detail = {
            "because": because,
            "manifests": [f"{place.repository}@{place.digest}" for place in purged.manifests[:NAMED]],
            "manifests_in_all": len(purged.manifests),
            "blobs": len(purged.blobs),
            "bytes": purged.bytes,
        }
        repositories: list[RepoName | None] = [*sorted({place.repository for place in purged.manifests})]
        for repository in repositories or [None]:  # whoever asks what became of it there, finds it
            audit.add(tx, by.entry("purge", repository=repository, digest=digest, detail=detail))


def _require_unused(tx: Connection, digest: Digest) -> None:
    users = purges.users(tx, digest, NAMED + 1)
    if users:
        named = ", ".join(f"{user.repository}@{user.digest}" for user in users[:NAMED])
        others = " and others" if len(users) > NAMED else ""
        raise InUse(f"blob {digest} is used by {named}{others}: purge or delete that first", digest=digest)
